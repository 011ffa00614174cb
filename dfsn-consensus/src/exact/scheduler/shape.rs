//! The settings of a model's scheduler as plain numbers.

use borsh::{BorshDeserialize, BorshSerialize};
use core::ops::RangeInclusive;
use dfsn_types::SchedulerKind;

use super::SchedulerError;

/// The noise schedule of a model and how its timesteps are spread: what its `scheduler_config.json` says.
///
/// A folder stores the settings of one scheduler class but may be run with another. Settings that the file lacks then
/// take the defaults of the class that runs, not of the class that wrote the file; those whose default differs between
/// classes are therefore options. Floats are bit patterns.
#[derive(BorshSerialize, BorshDeserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SchedulerShape {
    /// Timesteps the model was trained on, 1 to 10,000.
    pub num_train_timesteps: u16,
    /// First beta, bits of an f64 from 1e-9 to 0.999.
    pub beta_start: Option<u64>,
    /// Last beta, likewise.
    pub beta_end: Option<u64>,
    /// How beta grows from the first to the last.
    pub beta_schedule: Option<BetaSchedule>,
    /// Whether betas are rescaled so that the last timestep is pure noise. PNDM does not read it.
    pub rescale_betas_zero_snr: bool,
    /// What the UNet predicts.
    pub prediction_type: PredictionType,
    /// How inference timesteps are spread over the trained ones.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Added to every timestep with leading spacing, at most 10,000.
    pub steps_offset: u16,
    /// DDIM, DDPM, LCM: predicted pictures are clipped to plus and minus `clip_sample_range`.
    pub clip_sample: Option<bool>,
    /// See `clip_sample`: bits of an f32 from 0 to 1e6.
    pub clip_sample_range: u32,
    /// DDIM, PNDM: whether what lies past the last step counts as free of noise.
    pub set_alpha_to_one: Option<bool>,
    /// PNDM: whether to begin without Runge-Kutta steps.
    pub skip_prk_steps: bool,
    /// Euler, DPM++, UniPC: the noise level after the last step.
    pub final_sigmas_type: FinalSigmas,
    /// Euler, DPM++, UniPC: the noise levels of Karras et al. 2022.
    pub use_karras_sigmas: bool,
    /// DPM++: the noise levels of Lu et al. 2022.
    pub use_lu_lambdas: bool,
    /// DPM++, UniPC: predictions that a step combines, 1 to 3, of which 3 is not computed.
    pub solver_order: u8,
    /// DPM++, UniPC: the variant of the solver.
    pub solver_type: Option<SolverType>,
    /// DPM++, UniPC: whether the last steps fall back to a lower order.
    pub lower_order_final: bool,
    /// DPM++: whether the last step is of first order whatever the number of steps.
    pub euler_at_final: bool,
    /// LCM: steps that the model was distilled from, 1 to 10,000.
    pub original_inference_steps: u16,
    /// LCM: by what timesteps are multiplied in the boundary condition, bits of an f64 from 1e-3 to 1e6.
    pub timestep_scaling: u64,
    /// Kinds that read a setting which is not computed: the bit of each kind's number.
    pub unsupported: u16,
}

/// How beta grows.
#[derive(BorshSerialize, BorshDeserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BetaSchedule {
    /// Evenly.
    Linear,
    /// Evenly in the square root.
    ScaledLinear,
    /// Such that the signal's share is a squared cosine.
    SquaredcosCapV2,
}

/// What the UNet's output means.
#[derive(BorshSerialize, BorshDeserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PredictionType {
    /// The noise.
    Epsilon,
    /// The velocity: noise and picture rotated by the noise level.
    VPrediction,
    /// The picture.
    Sample,
}

/// How inference timesteps are spread over the trained ones.
#[derive(BorshSerialize, BorshDeserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimestepSpacing {
    /// Both ends included.
    Linspace,
    /// Whole strides from zero.
    Leading,
    /// Strides down from the end.
    Trailing,
}

/// The noise level after the last step.
#[derive(BorshSerialize, BorshDeserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinalSigmas {
    /// None.
    Zero,
    /// That of the first trained timestep.
    SigmaMin,
}

/// The variant of a multistep solver. Each class reads the other's as its own default.
#[derive(BorshSerialize, BorshDeserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SolverType {
    /// DPM++.
    Midpoint,
    /// DPM++.
    Heun,
    /// UniPC.
    Bh1,
    /// UniPC.
    Bh2,
    /// Of DEIS; the default of either class.
    Logrho,
}

impl SchedulerShape {
    /// Most timesteps, offsets and steps.
    pub const MAX_TIMESTEPS: u16 = 10_000;

    /// Refuses numbers out of their ranges.
    ///
    /// # Errors
    /// [`SchedulerError::OutOfRange`], naming the setting.
    pub fn check(&self) -> Result<(), SchedulerError> {
        let betas = 1e-9_f64.to_bits()..=0.999_f64.to_bits();
        let counts = 1..=u64::from(Self::MAX_TIMESTEPS);
        within("num_train_timesteps", self.num_train_timesteps, counts.clone())?;
        within("original_inference_steps", self.original_inference_steps, counts)?;
        within("steps_offset", self.steps_offset, 0..=u64::from(Self::MAX_TIMESTEPS))?;
        within("solver_order", self.solver_order, 1..=3)?;
        for (key, beta) in [("beta_start", self.beta_start), ("beta_end", self.beta_end)] {
            beta.map_or(Ok(()), |beta| within(key, beta, betas.clone()))?;
        }
        // Patterns of floats that are not negative have their order.
        within("clip_sample_range", self.clip_sample_range, 0..=u64::from(1e6_f32.to_bits()))?;
        within("timestep_scaling", self.timestep_scaling, 1e-3_f64.to_bits()..=1e6_f64.to_bits())
    }

    /// Whether a kind reads a setting of the model that is not computed.
    pub const fn refuses(&self, kind: SchedulerKind) -> bool {
        self.unsupported & bit(kind) != 0
    }

    /// Notes that a kind reads a setting of the model that is not computed.
    pub const fn refuse(&mut self, kind: SchedulerKind) {
        self.unsupported |= bit(kind);
    }
}

/// There are fewer than 16 kinds.
const fn bit(kind: SchedulerKind) -> u16 {
    1_u16.unbounded_shl(kind as u32)
}

fn within(
    key: &'static str,
    value: impl Into<u64>,
    range: RangeInclusive<u64>,
) -> Result<(), SchedulerError> {
    let value = value.into();
    if range.contains(&value) {
        return Ok(());
    }
    Err(SchedulerError::OutOfRange { key, value, min: *range.start(), max: *range.end() })
}
