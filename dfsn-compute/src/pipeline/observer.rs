//! Watching a picture come into being, and stopping it.

use std::ops::ControlFlow;

use super::Prepared;
use crate::failed::Failed;
use crate::image::DecodedImage;
use crate::state::StepState;

/// What happened last.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The prompts are encoded and the scheduler is set.
    TextEncoded {
        /// The request with its embeddings.
        prepared: &'a Prepared,
    },
    /// The state at a boundary is known: `step` 0 before the first step, else after that step.
    State {
        /// Steps done.
        step: usize,
        /// Steps in all.
        num_steps: usize,
        /// The state.
        state: &'a StepState,
    },
    /// The picture fails: this boundary and all later ones have no state.
    Failed {
        /// Where.
        failed: &'a Failed,
    },
    /// The decoder is done.
    Decoded {
        /// Its numbers.
        decoded: &'a DecodedImage,
    },
}

/// Is told each [`Event`] in order. Returning `Break` cancels the picture at once.
///
/// Any `FnMut(Event<'_>) -> ControlFlow<()>` is an observer.
pub trait Observer {
    /// Takes one event.
    fn on_event(&mut self, event: Event<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(Event<'_>) -> ControlFlow<()>> Observer for F {
    fn on_event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        self(event)
    }
}

/// Looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn on_event(&mut self, _event: Event<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Keeps the canonical bytes of every boundary, the leaves of a trace: index 0 is the initial state, index `t`
/// the state after step `t`, and the last one the decoder's output. From where a picture fails on they hold the failed state
/// (rule TRC-10).
#[derive(Clone, Debug, Default)]
pub struct TraceRecorder {
    boundaries: Vec<Vec<u8>>,
}

impl TraceRecorder {
    /// The boundaries seen so far.
    pub fn boundaries(&self) -> &[Vec<u8>] {
        &self.boundaries
    }

    /// Gives the boundaries away.
    pub fn into_boundaries(self) -> Vec<Vec<u8>> {
        self.boundaries
    }
}

impl Observer for TraceRecorder {
    fn on_event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::TextEncoded { .. } => {}
            Event::State { state, .. } => self.boundaries.push(state.to_bytes()),
            Event::Decoded { decoded } => self.boundaries.push(decoded.to_bytes()),
            Event::Failed { failed } => {
                let state = failed.at.to_state();
                self.boundaries.extend(std::iter::repeat_n(state, failed.boundaries()));
            }
        }
        ControlFlow::Continue(())
    }
}
