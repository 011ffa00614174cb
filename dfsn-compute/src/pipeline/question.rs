//! Re-executing one part of a picture, as an auditor does.

use super::{Pipeline, Prepared};
use crate::backend::Backend;
use crate::error::ComputeError;
use crate::request::ImageRequest;
use crate::state::StepState;

/// One question of an audit: which boundary of the trace to compute, and from what.
///
/// State bytes come from the other side and are checked: exact length, finite numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The state before the first step, from the request alone.
    InitialState,
    /// The state after step `step` (1 to the number of steps).
    Step {
        /// The step.
        step: usize,
        /// Canonical bytes of the state before it.
        state: Vec<u8>,
    },
    /// The decoder's output.
    Decode {
        /// Canonical bytes of the state after the last step.
        state: Vec<u8>,
    },
}

impl<B: Backend> Pipeline<B> {
    /// Computes the boundary that a question asks for and gives its canonical bytes: those of a failed state where it fails
    /// (rule TRC-10).
    ///
    /// # Errors
    /// [`ComputeError::State`] for state bytes that do not fit the request; otherwise as
    /// [`Pipeline::prepare`], [`Pipeline::step`] and [`Pipeline::decode`].
    pub fn answer(&mut self, request: &ImageRequest, question: &Question) -> Result<Vec<u8>, ComputeError> {
        let prepared = self.prepare(request)?;
        let answer = match question {
            Question::InitialState => self.initial_state(&prepared).map(|state| state.to_bytes()),
            Question::Step { step, state } => {
                let state = read_state(&prepared, step.saturating_sub(1), state)?;
                self.step(&prepared, *step, &state).map(|state| state.to_bytes())
            }
            Question::Decode { state } => {
                let state = read_state(&prepared, prepared.num_steps(), state)?;
                self.decode(&prepared, &state).map(|decoded| decoded.to_bytes())
            }
        };
        match answer {
            Err(ComputeError::Failed(failed)) => Ok(failed.at.to_state()),
            answer => answer,
        }
    }
}

fn read_state(prepared: &Prepared, steps_done: usize, bytes: &[u8]) -> Result<StepState, ComputeError> {
    Ok(StepState::from_bytes(bytes, prepared.state_shape(steps_done))?)
}
