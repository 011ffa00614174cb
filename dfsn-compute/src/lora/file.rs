//! One file of adapters.

use std::collections::BTreeSet;
use std::path::Path;

use super::LoraError;
use crate::error::ComputeError;
use crate::weights::{Files, WeightsError};

/// How tools name both halves of an adapter.
const HALVES: [(&str, &str); 3] = [
    ("lora_down.weight", "lora_up.weight"),
    ("lora_A.weight", "lora_B.weight"),
    ("lora.down.weight", "lora.up.weight"),
];

/// An open file and the tensors in it that no layer has taken yet.
#[derive(Debug)]
pub(crate) struct LoraFile {
    files: Files,
    left: BTreeSet<String>,
    weight: f32,
}

/// What a layer gets: `scale * up down`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LoraMatrices {
    /// `[rank]` and the layer's inputs.
    pub(crate) down: Vec<f32>,
    /// `[outputs][rank]`.
    pub(crate) up: Vec<f32>,
    pub(crate) rank: usize,
    pub(crate) scale: f64,
}

impl LoraFile {
    pub(super) fn open(path: &Path, weight: f32) -> Result<Self, WeightsError> {
        let files = Files::single(&path.into())?;
        let left = files.names().into_iter().map(|(name, _)| name).collect();
        Ok(Self { files, left, weight })
    }

    /// Takes the adapter of a layer whose weight has this shape, under the first of its names that is there.
    pub(crate) fn take(
        &mut self,
        shape: &[usize],
        keys: &[String],
    ) -> Result<Option<LoraMatrices>, ComputeError> {
        for key in keys {
            for (down, up) in HALVES {
                let [down, up] = [down, up].map(|half| format!("{key}.{half}"));
                match (self.left.remove(&down), self.left.remove(&up)) {
                    (true, true) => return self.read(shape, key, (&down, &up)).map(Some),
                    (false, false) => {}
                    (has_down, _) => {
                        let (file, tensor) = (self.files.path().to_owned(), if has_down { up } else { down });
                        return Err(LoraError::Half { file, tensor }.into());
                    }
                }
            }
        }
        Ok(None)
    }

    /// Refuses tensors that no layer took.
    pub(crate) fn refuse_rest(self) -> Result<(), LoraError> {
        match self.left.first() {
            Some(tensor) => Err(LoraError::Unknown {
                file: self.files.path().to_owned(),
                count: self.left.len(),
                tensor: tensor.clone(),
            }),
            None => Ok(()),
        }
    }

    fn read(
        &mut self,
        shape: &[usize],
        key: &str,
        (down, up): (&str, &str),
    ) -> Result<LoraMatrices, ComputeError> {
        let rank = self.files.shape(down).and_then(|shape| shape.first()).copied().unwrap_or_default();
        let outputs = shape.first().copied().unwrap_or_default();
        let down_shape: Vec<usize> = [rank].into_iter().chain(shape.iter().skip(1).copied()).collect();
        // Of a convolution it is stored with a kernel of 1x1, which counts as none.
        let up_shape = [outputs, rank];
        let (down, up) = (self.tensor(shape, down, &down_shape)?, self.tensor(shape, up, &up_shape)?);
        let alpha_key = format!("{key}.alpha");
        let alpha = if self.left.remove(&alpha_key) {
            // Stored as a number, or as a list of one.
            let is_list = self.files.shape(&alpha_key).is_some_and(|shape| !shape.is_empty());
            let alpha = self.numbers(&alpha_key, if is_list { &[1] } else { &[] })?;
            alpha.first().map_or(0.0, |alpha| f64::from(*alpha))
        } else {
            rank as f64
        };
        Ok(LoraMatrices { down, up, rank, scale: f64::from(self.weight) * alpha / rank.max(1) as f64 })
    }

    fn tensor(&self, layer: &[usize], name: &str, shape: &[usize]) -> Result<Vec<f32>, ComputeError> {
        self.numbers(name, shape).map_err(|error| match error {
            WeightsError::Shape { file, tensor, found, .. } => {
                LoraError::Shape { file, tensor, found, layer: layer.to_owned() }.into()
            }
            other => other.into(),
        })
    }

    fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let mut numbers: Vec<f32> = Vec::new();
        self.files.read_pieces(name, shape, (0, 1), 1, |place, format, bytes| {
            // Memory is taken once the file is known to hold as much.
            if numbers.is_empty() {
                numbers.resize(shape.iter().product(), 0.0);
            }
            format.decode(bytes, &mut numbers[place..]);
            Ok::<_, WeightsError>(())
        })?;
        Ok(numbers)
    }
}

impl LoraMatrices {
    /// Adds the matrices of several adapters to a layer's weight in this order: products and sums in `f64`, over ranks
    /// and then over adapters, rounded to `f32` once.
    pub(crate) fn merge(all: &[Self], weight: &mut [f32], outputs: usize) {
        let inputs = weight.len() / outputs.max(1);
        let mut sums = vec![0.0_f64; inputs];
        let mut part = vec![0.0_f64; inputs];
        for (output, weight) in weight.chunks_exact_mut(inputs.max(1)).enumerate() {
            sums.fill(0.0);
            for Self { down, up, rank, scale } in all {
                part.fill(0.0);
                let factors = &up[output * rank..(output + 1) * rank];
                for (factor, down) in factors.iter().zip(down.chunks_exact(inputs.max(1))) {
                    let factor = f64::from(*factor);
                    part.iter_mut().zip(down).for_each(|(sum, down)| *sum += factor * f64::from(*down));
                }
                sums.iter_mut().zip(&part).for_each(|(sum, part)| *sum += scale * part);
            }
            weight
                .iter_mut()
                .zip(&sums)
                .for_each(|(weight, sum)| *weight = (f64::from(*weight) + sum) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_add_their_products() {
        let one = LoraMatrices {
            down: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            up: vec![1.0, 10.0],
            rank: 1,
            scale: 0.5,
        };
        let one = LoraMatrices { down: one.down[..3].to_vec(), ..one };
        let two = LoraMatrices { down: vec![1.0; 6], up: vec![1.0, 0.0, 0.0, 2.0], rank: 2, scale: 1.0 };
        let mut weight = vec![100.0; 6];
        LoraMatrices::merge(&[one, two], &mut weight, 2);
        assert_eq!(weight, [101.5, 102.0, 102.5, 107.0, 112.0, 117.0]);
    }
}
