//! The networks of emoji-64 on every instruction set, against the definition.

use dfsn_compute::exact::{ExactBackend, ExactModel, ExactOptions, ExactWeights, Isa, NetworkCall};
use dfsn_compute::{Backend, Conditioning, LatentShape, ModelConfig, TextInput};
use dfsn_consensus::exact::{TensorData, interpret};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");

/// Numbers about as large as latents, without a generator that could change.
fn numbers(name: &str, count: usize) -> Vec<f32> {
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
    let threads = [1, 2].map(|threads| std::num::NonZeroU16::new(threads));
    let all = Isa::available().into_iter().flat_map(move |isa| threads.map(|threads| (isa, threads)));
    all.map(move |(isa, threads)| {
        let options = ExactOptions { threads, isa: Some(isa), ..ExactOptions::default() };
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
