//! From a request on the chain to the programs behind one boundary of its trace.

use dfsn_types::{Boundary, GenerationParams, TraceShape};

use super::super::config::Architecture;
use super::super::networks::step::ImageSize;
use super::super::scheduler::{Schedule, SchedulerError};
use super::super::soft::SoftDouble;
use super::origin::text_chunks;
use super::{Computation, ComputationError, Origin};

/// A state of a trace, and what the chain knows of how it came about.
#[derive(Clone, Copy, Debug)]
pub struct ContestedState<'a> {
    /// The model's networks.
    pub architecture: &'a Architecture,
    /// The request.
    pub params: &'a GenerationParams,
    /// Pixels of a picture per latent pixel, along one side.
    pub vae_scale_factor: u8,
    /// Which state.
    pub boundary: Boundary,
}

impl ContestedState<'_> {
    /// Whether so many inputs can be given (rule ARI-02): latents of the initial image, or the text's embeddings.
    pub fn takes(&self, given: usize) -> bool {
        let t = self.boundary.t;
        if t == 0 {
            given == usize::from(self.has_image())
        } else if t < TraceShape::of(self.params).decoded() {
            text_chunks(self.architecture, self.guidance(), given).is_some()
        } else {
            given == 0
        }
    }

    /// What the state follows from, if so many inputs are given.
    ///
    /// # Errors
    /// [`ComputationError`].
    pub fn computation(&self, given: usize) -> Result<Computation, ComputationError> {
        if !self.takes(given) {
            return Err(ComputationError::Given { boundary: self.boundary.t, actual: given });
        }
        let schedule = self.schedule()?;
        let size = self.params.size();
        let origin = Origin {
            architecture: self.architecture,
            schedule: &schedule,
            latents: self.latents(),
            pixels: [size.height(), size.width()],
            seed: self.params.image_seed(self.boundary.image),
            guidance: self.guidance(),
            has_image: self.has_image(),
            boundary: self.boundary.t,
        };
        origin.computation(given)?.checked()
    }

    fn schedule(&self) -> Result<Schedule, SchedulerError> {
        let steps = self.params.num_inference_steps();
        let skipped = steps.saturating_sub(self.params.executed_steps());
        let (kind, shape) = (self.params.scheduler(), &self.architecture.scheduler);
        Schedule::new::<SoftDouble>(kind, shape, steps.into(), skipped.into())
    }

    fn latents(&self) -> ImageSize {
        let factor = u16::from(self.vae_scale_factor);
        let side = |pixels: u16| usize::from(pixels.checked_div(factor).unwrap_or(0));
        let (size, channels) = (self.params.size(), self.architecture.decoder.latent_channels);
        ImageSize { channels, height: side(size.height()), width: side(size.width()) }
    }

    const fn has_image(&self) -> bool {
        self.params.init_image().is_some()
    }

    /// Bits of the guidance's scale, if it is on.
    fn guidance(&self) -> Option<u32> {
        let scale = self.params.guidance_scale();
        scale.is_guided().then(|| scale.to_f32().to_bits())
    }
}
