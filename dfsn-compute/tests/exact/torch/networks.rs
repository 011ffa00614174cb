//! Networks and pictures on libtorch.

use std::num::NonZeroU16;

use dfsn_compute::exact::torch::check_device;
use dfsn_compute::exact::{ExactBackend, ExactEngine, ExactError, ExactModel, ExactOptions, ExactWeights};
use dfsn_compute::{Backend, ComputeError, ModelConfig, TextInput};
use dfsn_consensus::exact::{TensorData, interpret};

use super::{device, options};
use crate::environment::{changed, register};
use crate::networks::{CALLS, MODEL, inputs_of};
use crate::pictures::{drawn, golden};

fn exact() -> ExactOptions {
    ExactOptions { engine: ExactEngine::Torch(device()), ..ExactOptions::default() }
}

/// Each op of a network, from what the ops before it gave.
#[test]
fn every_tensor_is_the_definitions() {
    let config = ModelConfig::load(MODEL).unwrap();
    let (model, weights) = (ExactModel::of(&config).unwrap(), ExactWeights::load(&config).unwrap());
    let backend = ExactBackend::load(&config, exact()).unwrap();
    assert_eq!(backend.isa(), None);
    for call in CALLS {
        let program = model.program(call).unwrap();
        let inputs = inputs_of(&program);
        let mut expected = Vec::new();
        interpret::<f32>(&program, &weights.of(&program), inputs.clone(), |id, data| {
            expected.push((id, data.clone()));
        })
        .unwrap();
        let mut expected = program.inputs().iter().copied().zip(inputs.iter().cloned()).chain(expected);
        let show = &mut |id, data: &TensorData| {
            let (expected_id, expected) = expected.next().unwrap();
            assert!(id == expected_id && *data == expected, "{call:?}, {id:?}");
        };
        backend.observe(&program, inputs.clone(), show).unwrap();
        assert!(expected.next().is_none(), "{call:?}");
    }
}

#[test]
fn pictures_are_the_golden_ones() {
    for (request, digest) in golden() {
        assert_eq!(drawn(exact(), &request), digest, "{request:?}");
    }
}

#[test]
fn tokens_that_are_not_there_are_refused() {
    let config = ModelConfig::load(MODEL).unwrap();
    let mut backend = ExactBackend::load(&config, exact()).unwrap();
    let beyond = [2312, config.text_encoder.vocab_size];
    let refused = backend.encode_text(&TextInput::new(0, &beyond)).unwrap_err();
    let is_told = matches!(refused, ComputeError::Exact(ExactError::Inconsistent { what: "token", .. }));
    assert!(is_told, "{refused}");
}

/// Here it is a CPU whose thread flushes denormals to zero, or rounds down.
#[test]
fn a_device_that_differs_is_refused_by_name() {
    check_device(options()).unwrap();
    for setting in [register::FLUSH_TO_ZERO, register::ROUND_DOWN] {
        let refused = changed(setting, || check_device(options())).unwrap_err();
        let is_named = matches!(&refused, ExactError::Device { operation: "addition", .. });
        assert!(is_named, "{setting:#x}: {refused}");
    }
    check_device(options()).unwrap();
}

#[test]
fn other_threads_than_libtorch_has_are_refused() {
    let config = ModelConfig::load(MODEL).unwrap();
    let _running = ExactBackend::load(&config, exact()).unwrap();
    let other = ExactOptions { threads: NonZeroU16::new(999), ..exact() };
    let refused = ExactBackend::load(&config, other).unwrap_err();
    assert!(refused.to_string().contains("999 were asked for"), "{refused}");
}
