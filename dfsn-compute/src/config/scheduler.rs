//! `scheduler_config.json`, for whichever scheduler class reads it.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::ConfigError;
use super::json::JsonFile;

/// The noise schedule of a model and how its timesteps are spread.
///
/// A folder stores the settings of one scheduler class but may be run with another. Keys that the file lacks
/// then take the defaults of the class that runs, not of the class that wrote the file; fields whose default
/// differs between classes are therefore options.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerConfig {
    /// Timesteps the model was trained on.
    pub num_train_timesteps: u32,
    /// First beta.
    pub beta_start: f64,
    /// Last beta.
    pub beta_end: f64,
    /// How beta grows from the first to the last.
    pub beta_schedule: BetaSchedule,
    /// What the UNet predicts.
    pub prediction_type: PredictionType,
    /// How inference timesteps are spread over the trained ones, if the file tells it.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Added to every timestep with leading spacing.
    pub steps_offset: u32,
    /// DDIM: predicted pictures are clipped to plus and minus `clip_sample_range`.
    pub clip_sample: bool,
    /// DDIM: see `clip_sample`.
    pub clip_sample_range: f64,
    /// DDIM: whether the step past the last one counts as free of noise.
    pub set_alpha_to_one: bool,
    /// Euler: the noise level after the last step.
    pub final_sigmas_type: FinalSigmas,
}

/// How beta grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BetaSchedule {
    /// Evenly.
    Linear,
    /// Evenly in the square root.
    ScaledLinear,
    /// Such that the signal's share is a squared cosine.
    SquaredcosCapV2,
}

/// What the UNet's output means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredictionType {
    /// The noise.
    Epsilon,
    /// The velocity: noise and picture rotated by the noise level.
    VPrediction,
    /// The picture.
    Sample,
}

/// How inference timesteps are spread over the trained ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestepSpacing {
    /// Both ends included.
    Linspace,
    /// Whole strides from zero.
    Leading,
    /// Strides down from the end.
    Trailing,
}

/// The noise level after the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalSigmas {
    /// None.
    Zero,
    /// That of the first trained timestep.
    SigmaMin,
}

impl SchedulerConfig {
    /// Reads `scheduler/scheduler_config.json`.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::from_file(&JsonFile::open(path)?)
    }

    /// Reads the settings from JSON that is in memory already; `name` stands for the file in errors.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key.
    pub fn from_json(name: &str, map: Map<String, Value>) -> Result<Self, ConfigError> {
        Self::from_file(&JsonFile::from_map(Path::new(name), map))
    }

    fn from_file(file: &JsonFile) -> Result<Self, ConfigError> {
        use {BetaSchedule as Beta, PredictionType as Prediction, TimestepSpacing as Spacing};
        let config = Self {
            num_train_timesteps: file.u32("num_train_timesteps", 1000, 1..=10_000)?,
            beta_start: file.f64("beta_start", 0.0001, 1e-9..=0.999)?,
            beta_end: file.f64("beta_end", 0.02, 1e-9..=0.999)?,
            beta_schedule: file.choice(
                "beta_schedule",
                Beta::Linear,
                &[
                    ("linear", Beta::Linear),
                    ("scaled_linear", Beta::ScaledLinear),
                    ("squaredcos_cap_v2", Beta::SquaredcosCapV2),
                ],
            )?,
            prediction_type: file.choice(
                "prediction_type",
                Prediction::Epsilon,
                &[
                    ("epsilon", Prediction::Epsilon),
                    ("v_prediction", Prediction::VPrediction),
                    ("sample", Prediction::Sample),
                ],
            )?,
            timestep_spacing: file.choice(
                "timestep_spacing",
                None,
                &[
                    ("linspace", Some(Spacing::Linspace)),
                    ("leading", Some(Spacing::Leading)),
                    ("trailing", Some(Spacing::Trailing)),
                ],
            )?,
            steps_offset: file.u32("steps_offset", 0, 0..=10_000)?,
            clip_sample: file.bool("clip_sample", true)?,
            clip_sample_range: file.f64("clip_sample_range", 1.0, 0.0..=1e6)?,
            set_alpha_to_one: file.bool("set_alpha_to_one", true)?,
            final_sigmas_type: file.choice(
                "final_sigmas_type",
                FinalSigmas::Zero,
                &[("zero", FinalSigmas::Zero), ("sigma_min", FinalSigmas::SigmaMin)],
            )?,
        };
        // Settings of other classes stay unread, as in diffusers; these would change DDIM or Euler.
        for key in ["trained_betas", "sigma_min", "sigma_max"] {
            file.require(key, &[])?;
        }
        let off = [json!(false)];
        for key in [
            "thresholding",
            "rescale_betas_zero_snr",
            "use_karras_sigmas",
            "use_exponential_sigmas",
            "use_beta_sigmas",
        ] {
            file.require(key, &off)?;
        }
        file.require("interpolation_type", &[json!("linear")])?;
        file.require("timestep_type", &[json!("discrete")])?;
        Ok(config)
    }
}
