//! A model's settings as one scheduler class reads them: nothing is left open.

use SchedulerKind::{
    Ddim, Ddpm, Dpmpp2m, Dpmpp2mKarras, EulerAncestral, EulerKarras, Lcm, Pndm, Unipc, UnipcKarras,
};
use dfsn_types::SchedulerKind;

use super::SchedulerError;
use super::shape::{BetaSchedule, FinalSigmas, PredictionType, SchedulerShape, SolverType, TimestepSpacing};

/// The settings that a scheduler computes with, with the defaults of the class that runs. Floats are bit patterns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) num_train_timesteps: u32,
    pub(super) beta_start: u64,
    pub(super) beta_end: u64,
    pub(super) beta_schedule: BetaSchedule,
    pub(super) rescale_betas_zero_snr: bool,
    pub(super) prediction_type: PredictionType,
    pub(super) timestep_spacing: TimestepSpacing,
    pub(super) steps_offset: u32,
    /// Predicted pictures are clipped to plus and minus this.
    pub(super) clip: Option<u32>,
    pub(super) set_alpha_to_one: bool,
    pub(super) skip_prk_steps: bool,
    pub(super) final_sigmas_type: FinalSigmas,
    pub(super) use_karras_sigmas: bool,
    pub(super) use_lu_lambdas: bool,
    /// 1 or 2.
    pub(super) solver_order: usize,
    /// Midpoint or Heun for DPM++, Bh1 or Bh2 for UniPC.
    pub(super) solver_type: SolverType,
    pub(super) lower_order_final: bool,
    pub(super) euler_at_final: bool,
    pub(super) original_inference_steps: u32,
    pub(super) timestep_scaling: u64,
}

impl Settings {
    /// Reads a model's settings as the class behind `kind` does.
    ///
    /// # Errors
    /// [`SchedulerError`] for what is out of range, and for what this class would have to follow and does not.
    pub(super) fn of(kind: SchedulerKind, shape: &SchedulerShape) -> Result<Self, SchedulerError> {
        shape.check()?;
        if shape.refuses(kind) {
            return Err(SchedulerError::Refused(kind));
        }
        let (beta_start, beta_end, beta_schedule) = match kind {
            Lcm => (0.00085_f64, 0.012_f64, BetaSchedule::ScaledLinear),
            _ => (0.0001, 0.02, BetaSchedule::Linear),
        };
        let timestep_spacing = match kind {
            Ddim | Ddpm | Lcm | Pndm => TimestepSpacing::Leading,
            _ => TimestepSpacing::Linspace,
        };
        let clip_sample = match kind {
            Ddim | Ddpm => shape.clip_sample.unwrap_or(true),
            Lcm => shape.clip_sample.unwrap_or(false),
            _ => false,
        };
        let settings = Self {
            num_train_timesteps: shape.num_train_timesteps.into(),
            beta_start: shape.beta_start.unwrap_or(beta_start.to_bits()),
            beta_end: shape.beta_end.unwrap_or(beta_end.to_bits()),
            beta_schedule: shape.beta_schedule.unwrap_or(beta_schedule),
            rescale_betas_zero_snr: shape.rescale_betas_zero_snr && kind != Pndm,
            prediction_type: shape.prediction_type,
            timestep_spacing: shape.timestep_spacing.unwrap_or(timestep_spacing),
            steps_offset: shape.steps_offset.into(),
            clip: clip_sample.then_some(shape.clip_sample_range),
            set_alpha_to_one: shape.set_alpha_to_one.unwrap_or(kind != Pndm),
            skip_prk_steps: shape.skip_prk_steps,
            final_sigmas_type: shape.final_sigmas_type,
            use_karras_sigmas: shape.use_karras_sigmas
                || matches!(kind, EulerKarras | Dpmpp2mKarras | UnipcKarras),
            use_lu_lambdas: shape.use_lu_lambdas && matches!(kind, Dpmpp2m | Dpmpp2mKarras),
            solver_order: shape.solver_order.into(),
            solver_type: solver_type(kind, shape.solver_type),
            lower_order_final: shape.lower_order_final,
            euler_at_final: shape.euler_at_final,
            original_inference_steps: shape.original_inference_steps.into(),
            timestep_scaling: shape.timestep_scaling,
        };
        settings.check(kind)?;
        Ok(settings)
    }

    /// Refuses what no formula stands for.
    fn check(&self, kind: SchedulerKind) -> Result<(), SchedulerError> {
        let refused = |key, value: &str, supported: &str| {
            Err(SchedulerError::Setting {
                kind,
                key,
                value: value.to_owned(),
                supported: supported.to_owned(),
            })
        };
        if matches!(kind, Pndm | EulerAncestral) && self.prediction_type == PredictionType::Sample {
            return refused("prediction_type", "\"sample\"", "\"epsilon\" or \"v_prediction\"");
        }
        let is_unipc = matches!(kind, Unipc | UnipcKarras);
        if (is_unipc || matches!(kind, Dpmpp2m | Dpmpp2mKarras)) && self.solver_order > 2 {
            return refused("solver_order", &self.solver_order.to_string(), "1 or 2");
        }
        // Where the last noise level is zero both divide by it.
        if is_unipc && self.final_sigmas_type == FinalSigmas::Zero {
            if self.solver_type == SolverType::Bh1 {
                return refused("solver_type", "bh1", "bh2 while final_sigmas_type is zero");
            }
            if self.solver_order > 1 && !self.lower_order_final {
                return refused("lower_order_final", "false", "true while final_sigmas_type is zero");
            }
        }
        Ok(())
    }
}

/// What the class understands of a solver that may be meant for the other one.
const fn solver_type(kind: SchedulerKind, named: Option<SolverType>) -> SolverType {
    match (kind, named) {
        (Unipc | UnipcKarras, Some(SolverType::Bh1)) => SolverType::Bh1,
        (Unipc | UnipcKarras, _) => SolverType::Bh2,
        (_, Some(SolverType::Heun)) => SolverType::Heun,
        (_, _) => SolverType::Midpoint,
    }
}
