//! The networks of emoji-64 on every instruction set, against the definition.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dfsn_compute::exact::{
    ExactBackend, ExactEngine, ExactError, ExactModel, ExactOptions, ExactWeights, Isa, NetworkCall,
    load_pipeline,
};
use dfsn_compute::{
    AddedConditioning, Backend, ComputeError, Conditioning, ImageRequest, LatentShape, ModelConfig, TextInput,
};
use dfsn_consensus::exact::{Element, OpKind, Program, TensorData, TensorId, interpret};
use tempfile::TempDir;

pub(crate) const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");

/// Numbers about as large as latents, without a generator that could change.
pub(crate) fn numbers(name: &str, count: usize) -> Vec<f32> {
    let mut bytes = vec![0; 4 * count];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut bytes);
    let sum = |bytes: &[u8; 4]| bytes.iter().map(|byte| f32::from(*byte)).sum::<f32>();
    bytes.as_chunks::<4>().0.iter().map(|bytes| (sum(bytes) - 510.0) / 147.8).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// What the definition gives for one picture, planes first.
fn defined(call: NetworkCall, inputs: Vec<TensorData>) -> Vec<Vec<f32>> {
    let config = ModelConfig::load(MODEL).unwrap();
    let weights = ExactWeights::load(&config).unwrap();
    let program = ExactModel::of(&config).unwrap().program(call).unwrap();
    let outputs = interpret::<f32>(&program, &weights.of(&program), inputs, |_, _| {}).unwrap();
    outputs.iter().map(|output| output.to_floats().unwrap()).collect()
}

fn transposed(numbers: &[f32], columns: usize) -> Vec<f32> {
    let rows = numbers.len() / columns;
    (0..numbers.len()).map(|index| numbers[index % rows * columns + index / rows]).collect()
}

fn backends() -> impl Iterator<Item = (String, ExactBackend)> {
    let config = ModelConfig::load(MODEL).unwrap();
    let threads = [1, 2].map(std::num::NonZeroU16::new);
    let all = Isa::available().into_iter().flat_map(move |isa| threads.map(|threads| (isa, threads)));
    all.map(move |(isa, threads)| {
        let options = ExactOptions { threads, engine: ExactEngine::Simd(Some(isa)) };
        (format!("{isa}, {} threads", threads.unwrap()), ExactBackend::load(&config, options).unwrap())
    })
}

#[test]
fn the_text_encoder_is_the_definition() {
    let ids = [2312_u32, 5, 77, 1024, 2313, 2313];
    let call = NetworkCall::TextEncoder { encoder: 0, tokens: ids.len(), clip_skip: 0 };
    let expected = defined(call, vec![TensorData::I32(ids.map(|id| id as i32).to_vec())]);
    for (name, mut backend) in backends() {
        let found = backend.encode_text(&TextInput::new(0, &ids)).unwrap();
        assert!(bits(&found.embeddings) == bits(&expected[0]), "{name}");
    }
}

#[test]
fn the_unet_is_the_definition_alone_and_in_a_batch() {
    let shape = LatentShape { channels: 4, height: 8, width: 4 };
    let sample = numbers("sample", shape.count());
    let texts = numbers("texts", 2 * 5 * 128);
    let call = NetworkCall::UNet { height: 8, width: 4, tokens: 5 };
    let expected: Vec<f32> = texts
        .chunks_exact(5 * 128)
        .flat_map(|text| {
            let pixels = transposed(&sample, 32);
            let inputs = [&pixels, &vec![501.0], &text.to_vec()].map(|input| TensorData::from_floats(input));
            transposed(&defined(call, inputs.to_vec())[0], 4)
        })
        .collect();
    for (name, mut backend) in backends() {
        for (prompts, texts, expected) in
            [(2, &texts[..], &expected[..]), (1, &texts[5 * 128..], &expected[shape.count()..])]
        {
            let conditioning = Conditioning { embeddings: texts.to_vec(), prompts, tokens: 5, added: None };
            let found = backend.predict_noise(&sample, shape, 501.0, &conditioning).unwrap();
            assert!(bits(&found) == bits(expected), "{name}, {prompts} prompts");
        }
    }
}

#[test]
fn the_autoencoder_is_the_definition() {
    let shape = LatentShape { channels: 4, height: 3, width: 4 };
    let latents = numbers("latents", shape.count());
    let pixels = TensorData::from_floats(&transposed(&latents, 12));
    let expected = transposed(&defined(NetworkCall::Decoder { height: 3, width: 4 }, vec![pixels])[0], 3);
    let image = numbers("image", 3 * 8 * 12);
    let pixels = TensorData::from_floats(&transposed(&image, 96));
    let moments = transposed(&defined(NetworkCall::Encoder { height: 8, width: 12 }, vec![pixels])[0], 8);
    for (name, mut backend) in backends() {
        let found = backend.decode(&latents, shape).unwrap();
        assert!(bits(&found) == bits(&expected), "{name}");
        let found = backend.encode(&image, 8, 12).unwrap();
        assert!(bits(&found.mean) == bits(&moments[..found.mean.len()]), "{name}");
    }
}

/// Each kind of network once, small.
pub(crate) const CALLS: [NetworkCall; 4] = [
    NetworkCall::TextEncoder { encoder: 0, tokens: 5, clip_skip: 0 },
    NetworkCall::UNet { height: 4, width: 6, tokens: 5 },
    NetworkCall::Decoder { height: 3, width: 4 },
    NetworkCall::Encoder { height: 8, width: 12 },
];

/// Token ids in order, and numbers of any kind.
pub(crate) fn inputs_of(program: &Program) -> Vec<TensorData> {
    let input = |id: &TensorId| match program.tensor(*id).unwrap() {
        spec if spec.element == Element::I32 => TensorData::I32((0..spec.len() as i32).collect()),
        spec => TensorData::from_floats(&numbers(&format!("{id:?}"), spec.len())),
    };
    program.inputs().iter().map(input).collect()
}

/// What a dispute hashes: kernels leave much of it out, and it is computed beside them.
#[test]
fn every_tensor_is_the_definitions() {
    let config = ModelConfig::load(MODEL).unwrap();
    let (model, weights) = (ExactModel::of(&config).unwrap(), ExactWeights::load(&config).unwrap());
    for call in CALLS {
        let program = model.program(call).unwrap();
        let inputs = inputs_of(&program);
        let mut expected: BTreeMap<TensorId, TensorData> =
            program.inputs().iter().copied().zip(inputs.iter().cloned()).collect();
        interpret::<f32>(&program, &weights.of(&program), inputs.clone(), |id, data| {
            expected.insert(id, data.clone());
        })
        .unwrap();
        for (name, backend) in backends() {
            let mut seen = 0;
            backend
                .observe(&program, inputs.clone(), &mut |id, data| {
                    seen += 1;
                    assert!(*data == expected[&id], "{name}, {call:?}, {id:?}");
                })
                .unwrap();
            assert_eq!(seen, program.tensors().len(), "{name}, {call:?}");
        }
    }
}

/// Attention whose scores are an output of their own, and reductions in two levels, are as without them.
#[test]
fn large_pictures_are_the_definition() {
    let config = ModelConfig::load(MODEL).unwrap();
    let weights = ExactWeights::load(&config).unwrap();
    let program = ExactModel::of(&config).unwrap();
    let program = program.program(NetworkCall::Decoder { height: 32, width: 20 }).unwrap();
    let kinds: Vec<&OpKind> = program.ops().iter().map(|op| &op.kind).collect();
    assert!(kinds.contains(&&OpKind::Scores), "the keys of a head take more than 64 KiB");
    let inputs = vec![TensorData::from_floats(&numbers("large", 32 * 20 * 4))];
    let expected = interpret::<f32>(&program, &weights.of(&program), inputs.clone(), |_, _| {}).unwrap();
    let (name, backend) = backends().last().unwrap();
    let found = backend.observe(&program, inputs, &mut |_, _| {}).unwrap();
    assert!(found == expected, "{name}");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// A family's folder with the embedded model's vocabulary.
pub(crate) fn with_tokenizers(family: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models");
    copy_folder(&models.join(family), dir.path());
    for tokenizer in ["tokenizer", "tokenizer_2"] {
        copy_folder(&Path::new(MODEL).join("tokenizer"), &dir.path().join(tokenizer));
    }
    dir
}

/// Small random models of all families: another text encoder, another prediction, a second embedding.
#[test]
fn every_family_is_the_definition() {
    for family in ["sd15", "sd21", "sdxl"] {
        let dir = with_tokenizers(family);
        let config = ModelConfig::load(dir.path()).unwrap();
        let load =
            |engine| ExactBackend::load(&config, ExactOptions { engine, ..ExactOptions::default() }).unwrap();
        let engines = [
            ExactEngine::Scalar,
            ExactEngine::default(),
            #[cfg(feature = "torch")]
            ExactEngine::Torch(crate::torch::device()),
        ];
        let mut backends = engines.map(load);
        assert!(backends[0].isa().is_none() && backends[1].isa().is_some());
        let encoders = [Some(&config.text_encoder), config.text_encoder_2.as_ref()];
        for (encoder, text) in encoders.into_iter().flatten().enumerate() {
            let ids = [1, text.vocab_size - 1, 3];
            let encode =
                |backend: &mut ExactBackend| backend.encode_text(&TextInput::new(encoder, &ids)).unwrap();
            let all: Vec<_> = backends.iter_mut().map(encode).collect();
            assert!(all.iter().all(|text| *text == all[0]), "{family}, text encoder {encoder}: {all:?}");
            assert_eq!(all[0].pooled.is_some(), encoder == 1);
        }
        let shape = LatentShape { channels: config.unet.in_channels, height: 8, width: 8 };
        let sample = numbers("sample", shape.count());
        let width = config.unet.cross_attention_dim as usize;
        let added = config.unet.add_embedding.map(|added| AddedConditioning {
            pooled: numbers("pooled", 2 * added.pooled_dim() as usize),
            time_ids: [64.0, 64.0, 0.0, 0.0, 64.0, 64.0],
        });
        let embeddings = numbers("text", 2 * 5 * width);
        let conditioning = Conditioning { embeddings, prompts: 2, tokens: 5, added };
        let draw = |backend: &mut ExactBackend| {
            let noise = backend.predict_noise(&sample, shape, 77.0, &conditioning).unwrap();
            let latents = LatentShape { channels: config.vae.latent_channels, height: 4, width: 4 };
            let decoded = backend.decode(&numbers("latents", latents.count()), latents).unwrap();
            (bits(&noise), bits(&decoded))
        };
        let all: Vec<_> = backends.iter_mut().map(draw).collect();
        assert!(all.iter().all(|drawn| *drawn == all[0]), "{family}");
    }
}

#[test]
fn pictures_too_large_for_the_networks_are_refused_before_any_work() {
    let mut pipeline = load_pipeline(MODEL, ExactOptions::default()).unwrap();
    let request = ImageRequest { height: 2048, width: 2048, ..ImageRequest::for_model(pipeline.config()) };
    let refused = pipeline.prepare(&request).map(|_| ());
    assert!(matches!(&refused, Err(ComputeError::Exact(ExactError::Program(_)))), "{refused:?}");
}
