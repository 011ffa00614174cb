//! What a job and its parts cost, and which of them a cheat leaves out.

use dfsn_types::{GenerationParams, ModelRecord, WorkCoefficients};

use super::Fixed;

/// The work of one request in units of any kind: only its proportions count here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Pictures, 1 to 4.
    pub images: u8,
    /// Denoising steps of a picture, `N`, 1 to 150.
    pub steps: u16,
    /// Work of one step of a picture, all passes.
    pub step: u64,
    /// Work of decoding a picture.
    pub decoder: u64,
    /// Work of encoding the text, once a request.
    pub text: u64,
}

impl Workload {
    /// Stable Diffusion 1.5 at 512x512 with guidance, one picture, in GFLOP: 1,679.5 a step, 2,539 for the decoder, 27 for the
    /// text (NVIDIA's figures for its TensorRT pipeline), in tenths.
    pub const fn stable_diffusion_15(steps: u16) -> Self {
        Self { images: 1, steps, step: 16_795, decoder: 25_390, text: 270 }
    }

    /// The work of a request to a model, in its own units (rule JOB-03).
    pub fn of(model: &ModelRecord, params: &GenerationParams) -> Self {
        let px = model.latent_pixels(params.size());
        let WorkCoefficients { a, b, d, t } = model.work;
        let wide = |coefficient: u64| u128::from(coefficient).saturating_mul(u128::from(px));
        let attention = wide(b).saturating_mul(u128::from(px)) / 65_536;
        let passes = if params.guidance_scale().is_guided() { 2 } else { 1 };
        let step = wide(a).saturating_add(attention).saturating_mul(passes);
        let narrow = |work: u128| u64::try_from(work).unwrap_or(u64::MAX);
        Self {
            images: params.num_images(),
            steps: params.executed_steps(),
            step: narrow(step),
            decoder: narrow(wide(d)),
            text: t,
        }
    }

    /// Work of the whole request.
    pub fn total(&self) -> u128 {
        self.picture(self.steps, true)
            .saturating_mul(u128::from(self.images))
            .saturating_add(u128::from(self.text))
    }

    /// Steps that an auditor is asked for and paid for, besides the decoder and the text (rule JOB-03).
    pub const fn steps_asked(&self) -> u16 {
        if self.steps < 10 { 1 } else { 2 }
    }

    /// Work of one audit as a share of the request's: what an auditor is paid for.
    pub fn audit_share(&self) -> Fixed {
        let audit = self.picture(self.steps_asked(), true).saturating_add(u128::from(self.text));
        Fixed::ratio(audit, self.total())
    }

    /// What a cheat leaves out, as a share of the request's work.
    pub fn saved_by(&self, fakes: &Fakes) -> Fixed {
        let one = self.picture(fakes.steps.min(self.steps), fakes.decoder);
        Fixed::ratio(one.saturating_mul(u128::from(fakes.images.min(self.images))), self.total())
    }

    fn picture(&self, steps: u16, decoder: bool) -> u128 {
        let decoded = if decoder { u128::from(self.decoder) } else { 0 };
        u128::from(steps).saturating_mul(u128::from(self.step)).saturating_add(decoded)
    }
}

/// Which results of a request are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fakes {
    /// Pictures with fakes in them; an auditor looks at one.
    pub images: u8,
    /// The initial state is wrong: another seed, a trace of another job. It is always asked for.
    pub initial: bool,
    /// Steps that were not computed as they should be, in each of these pictures.
    pub steps: u16,
    /// Which steps these are.
    pub place: Place,
    /// The decoder's output is wrong.
    pub decoder: bool,
}

impl Fakes {
    /// Whether one answer gives all of them away.
    pub(super) const fn in_one_place(&self) -> bool {
        !self.initial && self.images <= 1 && self.steps.saturating_add(if self.decoder { 1 } else { 0 }) <= 1
    }
}

/// Which steps a cheat leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Those that are asked for least, found exactly: what a cheat would do that knows the rules.
    Best,
    /// The last ones.
    Last,
}
