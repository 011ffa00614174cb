//! What the denoising loop carries from one step to the next, and its canonical bytes.

use thiserror::Error;

/// The state of the loop at one boundary between steps.
///
/// Together with the request it is all that the next step reads, so that whoever holds the state can execute
/// that step and must get the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct StepState {
    /// The latents, `[channels, height, width]`, row-major.
    pub latents: Vec<f32>,
    /// Earlier predictions that a multistep scheduler reads, newest last, each as long as the latents.
    pub history: Vec<Vec<f32>>,
}

/// How many numbers a state holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateShape {
    /// Numbers in the latents.
    pub latents: usize,
    /// Entries of the history.
    pub history: usize,
}

/// Bytes that are not a state.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum StateError {
    /// Another number of bytes than the shape asks for.
    #[error("state has {found} bytes, expected {expected}")]
    Length {
        /// Bytes given.
        found: usize,
        /// Bytes wanted.
        expected: usize,
    },
    /// Another number of values than the shape asks for.
    #[error("state has {found:?}, expected {expected:?}")]
    Shape {
        /// Shape given.
        found: StateShape,
        /// Shape wanted.
        expected: StateShape,
    },
    /// A NaN or an infinity.
    #[error("state holds {value} at position {position}, must be finite")]
    NotFinite {
        /// Index among all numbers of the state.
        position: usize,
        /// The number.
        value: f32,
    },
    /// A step that the request does not have.
    #[error("step {step} is outside 1..={num_steps}")]
    NoSuchStep {
        /// Step given.
        step: usize,
        /// Steps there are.
        num_steps: usize,
    },
}

impl StateShape {
    /// Length of the canonical bytes.
    pub const fn num_bytes(self) -> usize {
        4 * self.latents * (1 + self.history)
    }
}

impl StepState {
    /// A state without history.
    pub const fn new(latents: Vec<f32>) -> Self {
        Self { latents, history: Vec::new() }
    }

    /// The canonical bytes: latents, then the history from the oldest, each number as little-endian f32.
    pub fn to_bytes(&self) -> Vec<u8> {
        std::iter::once(&self.latents)
            .chain(&self.history)
            .flatten()
            .flat_map(|number| number.to_le_bytes())
            .collect()
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`StateError::Length`] unless `bytes` has exactly the length of `shape`; [`StateError::NotFinite`].
    pub fn from_bytes(bytes: &[u8], shape: StateShape) -> Result<Self, StateError> {
        let mut numbers = floats_from_bytes(bytes, shape.latents * (1 + shape.history))?;
        let mut history = Vec::with_capacity(shape.history);
        if shape.history > 0 {
            let rest = numbers.split_off(shape.latents);
            history.extend(rest.chunks_exact(shape.latents).map(<[f32]>::to_vec));
        }
        Ok(Self { latents: numbers, history })
    }

    /// Checks sizes and that every number is finite.
    ///
    /// # Errors
    /// [`StateError::Shape`] or [`StateError::NotFinite`].
    pub fn check(&self, expected: StateShape) -> Result<(), StateError> {
        let found = StateShape { latents: self.latents.len(), history: self.history.len() };
        if found != expected || self.history.iter().any(|entry| entry.len() != expected.latents) {
            return Err(StateError::Shape { found, expected });
        }
        std::iter::once(&self.latents).chain(&self.history).try_for_each(|numbers| check_finite(numbers))
    }
}

/// Reads exactly `count` finite little-endian f32.
pub(crate) fn floats_from_bytes(bytes: &[u8], count: usize) -> Result<Vec<f32>, StateError> {
    if bytes.len() != 4 * count {
        return Err(StateError::Length { found: bytes.len(), expected: 4 * count });
    }
    let (chunks, _) = bytes.as_chunks::<4>();
    let numbers: Vec<f32> = chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
    check_finite(&numbers)?;
    Ok(numbers)
}

/// Refuses NaN and infinities.
pub(crate) fn check_finite(numbers: &[f32]) -> Result<(), StateError> {
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(position) => Err(StateError::NotFinite { position, value: numbers[position] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_with_history() {
        let state = StepState {
            latents: vec![1.0, -0.0, 2.5],
            history: vec![vec![4.0, 5.0, 6.0], vec![7.0, 8.0, f32::MIN]],
        };
        let shape = StateShape { latents: 3, history: 2 };
        let bytes = state.to_bytes();
        assert_eq!(bytes.len(), shape.num_bytes());
        assert_eq!(bytes[..4], 1.0_f32.to_le_bytes());
        assert_eq!(StepState::from_bytes(&bytes, shape), Ok(state));
    }

    #[test]
    fn other_lengths_are_refused() {
        let shape = StateShape { latents: 3, history: 0 };
        for length in [0, 11, 13, 24] {
            let error = StepState::from_bytes(&vec![0; length], shape);
            assert_eq!(error, Err(StateError::Length { found: length, expected: 12 }));
        }
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        let shape = StateShape { latents: 2, history: 0 };
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let bytes = StepState::new(vec![0.0, value]).to_bytes();
            let error = StepState::from_bytes(&bytes, shape).unwrap_err();
            assert!(matches!(error, StateError::NotFinite { position: 1, .. }), "{error}");
        }
    }
}
