//! A request after its text went through the encoder.

use super::start::Start;
use super::text::EncodedText;
use crate::backend::{Conditioning, LatentShape};
use crate::request::ImageRequest;
use crate::scheduler::Scheduler;
use crate::state::StateShape;
use crate::tokenizer::Tokens;

/// All that is the same for every step of one picture.
#[derive(Debug)]
pub struct Prepared {
    pub(super) request: ImageRequest,
    pub(super) text: EncodedText,
    pub(super) scheduler: Scheduler,
    pub(super) latents: LatentShape,
    pub(super) start: Start,
}

impl Prepared {
    /// The request.
    pub fn request(&self) -> &ImageRequest {
        &self.request
    }

    /// Token ids of the prompt.
    pub fn prompt(&self) -> &Tokens {
        &self.text.prompt
    }

    /// Token ids of the negative prompt, if it takes part.
    pub fn negative_prompt(&self) -> Option<&Tokens> {
        self.text.negative.as_ref()
    }

    /// The text embeddings that every UNet call gets.
    pub fn conditioning(&self) -> &Conditioning {
        &self.text.conditioning
    }

    /// The noise of unit variance that the picture starts from.
    pub fn noise(&self) -> &[f32] {
        &self.start.noise
    }

    /// The scheduler, set to the request's steps.
    pub const fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// The size of the latents.
    pub fn latents(&self) -> LatentShape {
        self.latents
    }

    /// Steps there are.
    pub fn num_steps(&self) -> usize {
        self.scheduler.num_steps()
    }

    /// The size of the state after `steps_done` steps.
    pub fn state_shape(&self, steps_done: usize) -> StateShape {
        StateShape { latents: self.latents.count(), history: self.scheduler.history_length(steps_done) }
    }
}
