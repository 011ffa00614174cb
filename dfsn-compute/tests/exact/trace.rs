//! Every tensor of every op, as fast kernels and as the definition give it.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};

use dfsn_compute::exact::{ExactBackend, ExactEngine, ExactOptions, Isa};
use dfsn_compute::{Backend, Conditioning, LatentShape, ModelConfig, TextInput};
use dfsn_consensus::exact::Element;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");

/// Numbers about as large as latents.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|index| ((index * 37 + 11) % 101) as f32 / 25.0 - 2.0).collect()
}

type Roots = BTreeMap<(String, usize, usize, usize), (String, Element, [u8; 32])>;

/// All tensors of one call of each network.
fn roots(options: ExactOptions) -> Roots {
    let mut backend = ExactBackend::load(&ModelConfig::load(MODEL).unwrap(), options).unwrap();
    let roots = Arc::new(Mutex::new(Roots::new()));
    let told = Arc::clone(&roots);
    backend.trace(move |tensor| {
        let place = (format!("{:?}", tensor.call), tensor.image, tensor.op, tensor.output);
        let found = (tensor.kind(), tensor.data.element(), tensor.root().unwrap());
        assert_eq!(told.lock().unwrap().insert(place, found), None);
    });
    backend.encode_text(&TextInput::new(0, &[2312, 5, 77, 2313])).unwrap();
    let shape = LatentShape { channels: 4, height: 4, width: 8 };
    let conditioning = Conditioning { embeddings: numbers(2 * 5 * 128), prompts: 2, tokens: 5, added: None };
    backend.predict_noise(&numbers(shape.count()), shape, 501.0, &conditioning).unwrap();
    backend.decode(&numbers(4 * 2 * 3), LatentShape { channels: 4, height: 2, width: 3 }).unwrap();
    backend.encode(&numbers(3 * 8 * 16), 8, 16).unwrap();
    drop(backend);
    Arc::into_inner(roots).unwrap().into_inner().unwrap()
}

#[test]
fn every_tensor_of_every_op_has_the_root_of_the_definition() {
    let defined = roots(ExactOptions { engine: ExactEngine::Scalar, ..ExactOptions::default() });
    println!("{} tensors", defined.len());
    let [one, two] = [1, 2].map(NonZeroU16::new);
    let engines = [
        (ExactEngine::Simd(Some(Isa::Portable)), one),
        (ExactEngine::Simd(Isa::available().pop()), two),
        #[cfg(feature = "torch")]
        (ExactEngine::Torch(crate::torch::device()), None),
    ];
    for (engine, threads) in engines {
        let found = roots(ExactOptions { engine, threads });
        assert_eq!(found.len(), defined.len());
        for (place, expected) in &defined {
            assert_eq!(&found[place], expected, "{place:?} on {engine:?}");
        }
    }
    let kinds: std::collections::BTreeSet<&str> = defined.values().map(|(kind, ..)| kind.as_str()).collect();
    for kind in
        ["MinMaxPart", "SumPart", "HeadMaxPart", "QuantRow", "LayerNormQuant", "GegluQuant", "NormQuantRow"]
    {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
}
