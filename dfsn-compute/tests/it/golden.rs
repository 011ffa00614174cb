//! Reading the golden files and comparing with them.

use std::path::Path;

use safetensors::SafeTensors;
use serde::de::DeserializeOwned;

pub(crate) use crate::common::{emoji_64, golden_path};

pub(crate) fn golden_json<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(golden_path(name)).unwrap()).unwrap()
}

/// A golden safetensors file.
pub(crate) struct GoldenTensors(Vec<u8>);

impl GoldenTensors {
    pub(crate) fn open(name: &str) -> Self {
        Self::at(&golden_path(name))
    }

    pub(crate) fn at(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        SafeTensors::deserialize(&self.0).unwrap().names().into_iter().map(str::to_owned).collect()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        SafeTensors::deserialize(&self.0).unwrap().tensor(name).unwrap().data().to_vec()
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.bytes(name);
        bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
    }
}

/// Euclidean distance over the length of `expected`.
pub(crate) fn relative_l2(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let sum = |terms: &mut dyn Iterator<Item = f64>| terms.map(|x| x * x).sum::<f64>().sqrt();
    let distance = sum(&mut found.iter().zip(expected).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    distance / sum(&mut expected.iter().map(|x| f64::from(*x)))
}

#[track_caller]
pub(crate) fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    let distance = relative_l2(found, expected);
    println!("{what}: relative L2 {distance:.2e}");
    assert!(distance <= tolerance, "{what}: relative L2 {distance:e} is over {tolerance:e}");
}
