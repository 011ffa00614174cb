//! A model's settings as one scheduler class reads them: nothing is left open.

use SchedulerKind::{Ddim, Ddpm, Dpmpp2m, Dpmpp2mKarras, EulerKarras, Lcm, Pndm, Unipc, UnipcKarras};
use dfsn_types::SchedulerKind;

use super::SchedulerError;
use crate::config::{
    BetaSchedule, FinalSigmas, PredictionType, SchedulerConfig, SolverType, TimestepSpacing,
};

/// The settings that schedulers compute with, with the defaults of the class that runs.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) num_train_timesteps: u32,
    pub(super) beta_start: f64,
    pub(super) beta_end: f64,
    pub(super) beta_schedule: BetaSchedule,
    pub(super) rescale_betas_zero_snr: bool,
    pub(super) prediction_type: PredictionType,
    pub(super) timestep_spacing: TimestepSpacing,
    pub(super) steps_offset: u32,
    /// Predicted pictures are clipped to plus and minus this.
    pub(super) clip: Option<f32>,
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
    pub(super) timestep_scaling: f64,
}

impl Settings {
    /// Reads a model's settings as the class behind `kind` does.
    ///
    /// # Errors
    /// [`SchedulerError::Setting`] for one that this class would have to follow and this crate does not.
    pub(super) fn of(kind: SchedulerKind, config: &SchedulerConfig) -> Result<Self, SchedulerError> {
        if let Some(setting) = config.unsupported.iter().find(|setting| setting.kinds.contains(&kind)) {
            return Err(SchedulerError::Setting {
                kind,
                key: setting.key,
                value: setting.value.clone(),
                supported: setting.supported.clone(),
            });
        }
        let (beta_start, beta_end, beta_schedule) = match kind {
            Lcm => (0.00085, 0.012, BetaSchedule::ScaledLinear),
            _ => (0.0001, 0.02, BetaSchedule::Linear),
        };
        let timestep_spacing = match kind {
            Ddim | Ddpm | Lcm | Pndm => TimestepSpacing::Leading,
            _ => TimestepSpacing::Linspace,
        };
        let clip_sample = match kind {
            Ddim | Ddpm => config.clip_sample.unwrap_or(true),
            Lcm => config.clip_sample.unwrap_or(false),
            _ => false,
        };
        let settings = Self {
            num_train_timesteps: config.num_train_timesteps,
            beta_start: config.beta_start.unwrap_or(beta_start),
            beta_end: config.beta_end.unwrap_or(beta_end),
            beta_schedule: config.beta_schedule.unwrap_or(beta_schedule),
            rescale_betas_zero_snr: config.rescale_betas_zero_snr && kind != Pndm,
            prediction_type: config.prediction_type,
            timestep_spacing: config.timestep_spacing.unwrap_or(timestep_spacing),
            steps_offset: config.steps_offset,
            clip: clip_sample.then_some(config.clip_sample_range as f32),
            set_alpha_to_one: config.set_alpha_to_one.unwrap_or(kind != Pndm),
            skip_prk_steps: config.skip_prk_steps,
            final_sigmas_type: config.final_sigmas_type,
            use_karras_sigmas: config.use_karras_sigmas
                || matches!(kind, EulerKarras | Dpmpp2mKarras | UnipcKarras),
            use_lu_lambdas: config.use_lu_lambdas && matches!(kind, Dpmpp2m | Dpmpp2mKarras),
            solver_order: config.solver_order as usize,
            solver_type: solver_type(kind, config.solver_type),
            lower_order_final: config.lower_order_final,
            euler_at_final: config.euler_at_final,
            original_inference_steps: config.original_inference_steps,
            timestep_scaling: config.timestep_scaling,
        };
        settings.check_unipc(kind)?;
        Ok(settings)
    }

    /// Where the last noise level is zero UniPC has no last step of second order and none of `bh1`: both divide by it.
    fn check_unipc(&self, kind: SchedulerKind) -> Result<(), SchedulerError> {
        if !matches!(kind, Unipc | UnipcKarras) || self.final_sigmas_type != FinalSigmas::Zero {
            return Ok(());
        }
        let refused = |key, value: &str, supported: &str| SchedulerError::Setting {
            kind,
            key,
            value: value.to_owned(),
            supported: format!("{supported} while final_sigmas_type is zero"),
        };
        if self.solver_type == SolverType::Bh1 {
            return Err(refused("solver_type", "bh1", "bh2"));
        }
        if self.solver_order > 1 && !self.lower_order_final {
            return Err(refused("lower_order_final", "false", "true"));
        }
        Ok(())
    }
}

/// What the class understands of a solver that may be meant for the other one.
fn solver_type(kind: SchedulerKind, named: Option<SolverType>) -> SolverType {
    match (kind, named) {
        (Unipc | UnipcKarras, Some(SolverType::Bh1)) => SolverType::Bh1,
        (Unipc | UnipcKarras, _) => SolverType::Bh2,
        (_, Some(SolverType::Heun)) => SolverType::Heun,
        (_, _) => SolverType::Midpoint,
    }
}
