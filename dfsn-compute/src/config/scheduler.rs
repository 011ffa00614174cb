//! `scheduler_config.json`, for whichever scheduler class reads it.

use std::path::Path;

use SchedulerKind::{
    Ddim, Ddpm, Dpmpp2m, Dpmpp2mKarras, Euler, EulerAncestral, EulerKarras, Lcm, Pndm, Unipc, UnipcKarras,
};
use dfsn_types::SchedulerKind;
use serde_json::{Map, Value, json};

use super::ConfigError;
use super::json::{JsonFile, MAX_CONFIG_BYTES, parse_object, read_bounded, short};
use crate::model_path::ModelPath;

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
    pub beta_start: Option<f64>,
    /// Last beta.
    pub beta_end: Option<f64>,
    /// How beta grows from the first to the last.
    pub beta_schedule: Option<BetaSchedule>,
    /// Whether betas are rescaled so that the last timestep is pure noise. PNDM does not read it.
    pub rescale_betas_zero_snr: bool,
    /// What the UNet predicts.
    pub prediction_type: PredictionType,
    /// How inference timesteps are spread over the trained ones.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Added to every timestep with leading spacing.
    pub steps_offset: u32,
    /// DDIM, DDPM, LCM: predicted pictures are clipped to plus and minus `clip_sample_range`.
    pub clip_sample: Option<bool>,
    /// See `clip_sample`.
    pub clip_sample_range: f64,
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
    /// DPM++, UniPC: predictions that a step combines, 1 or 2.
    pub solver_order: u32,
    /// DPM++, UniPC: the variant of the solver.
    pub solver_type: Option<SolverType>,
    /// DPM++, UniPC: whether the last steps fall back to a lower order.
    pub lower_order_final: bool,
    /// DPM++: whether the last step is of first order whatever the number of steps.
    pub euler_at_final: bool,
    /// LCM: steps that the model was distilled from.
    pub original_inference_steps: u32,
    /// LCM: by what timesteps are multiplied in the boundary condition.
    pub timestep_scaling: f64,
    /// Settings that some kinds read and this crate does not compute.
    pub(crate) unsupported: Vec<UnsupportedSetting>,
}

/// A well-formed setting that this crate does not compute, and whom it concerns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UnsupportedSetting {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) supported: String,
    pub(crate) kinds: &'static [SchedulerKind],
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

impl BetaSchedule {
    const NAMES: &[(&'static str, Option<Self>)] = &[
        ("linear", Some(Self::Linear)),
        ("scaled_linear", Some(Self::ScaledLinear)),
        ("squaredcos_cap_v2", Some(Self::SquaredcosCapV2)),
    ];
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

impl PredictionType {
    const NAMES: &[(&'static str, Self)] =
        &[("epsilon", Self::Epsilon), ("v_prediction", Self::VPrediction), ("sample", Self::Sample)];
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

impl TimestepSpacing {
    const NAMES: &[(&'static str, Option<Self>)] = &[
        ("linspace", Some(Self::Linspace)),
        ("leading", Some(Self::Leading)),
        ("trailing", Some(Self::Trailing)),
    ];
}

/// The noise level after the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalSigmas {
    /// None.
    Zero,
    /// That of the first trained timestep.
    SigmaMin,
}

impl FinalSigmas {
    const NAMES: &[(&'static str, Self)] = &[("zero", Self::Zero), ("sigma_min", Self::SigmaMin)];
}

/// The variant of a multistep solver. Each class reads the other's as its own default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl SolverType {
    const NAMES: &[(&'static str, Option<Self>)] = &[
        ("midpoint", Some(Self::Midpoint)),
        ("heun", Some(Self::Heun)),
        ("bh1", Some(Self::Bh1)),
        ("bh2", Some(Self::Bh2)),
        ("logrho", Some(Self::Logrho)),
    ];
}

impl SchedulerConfig {
    /// Reads `scheduler/scheduler_config.json`.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key.
    pub fn load(path: impl Into<ModelPath>) -> Result<Self, ConfigError> {
        let path = path.into();
        let bytes = read_bounded(&path, MAX_CONFIG_BYTES)?;
        // Python writes an infinity, which JSON does not have; it is the default of this key.
        let text = String::from_utf8_lossy(&bytes)
            .replace(r#""lambda_min_clipped": -Infinity"#, r#""lambda_min_clipped": null"#);
        Self::from_file(&JsonFile::from_map(path.as_path(), parse_object(path.as_path(), text.as_bytes())?))
    }

    /// Reads the settings from JSON that is in memory already; `name` stands for the file in errors.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key.
    pub fn from_json(name: &str, map: Map<String, Value>) -> Result<Self, ConfigError> {
        Self::from_file(&JsonFile::from_map(Path::new(name), map))
    }

    fn from_file(file: &JsonFile) -> Result<Self, ConfigError> {
        Ok(Self {
            num_train_timesteps: file.u32("num_train_timesteps", 1000, 1..=10_000)?,
            beta_start: file.optional_f64("beta_start", 1e-9..=0.999)?,
            beta_end: file.optional_f64("beta_end", 1e-9..=0.999)?,
            beta_schedule: file.choice("beta_schedule", None, BetaSchedule::NAMES)?,
            rescale_betas_zero_snr: file.bool("rescale_betas_zero_snr", false)?,
            prediction_type: file.choice(
                "prediction_type",
                PredictionType::Epsilon,
                PredictionType::NAMES,
            )?,
            timestep_spacing: file.choice("timestep_spacing", None, TimestepSpacing::NAMES)?,
            steps_offset: file.u32("steps_offset", 0, 0..=10_000)?,
            clip_sample: file.optional_bool("clip_sample")?,
            clip_sample_range: file.f64("clip_sample_range", 1.0, 0.0..=1e6)?,
            set_alpha_to_one: file.optional_bool("set_alpha_to_one")?,
            skip_prk_steps: file.bool("skip_prk_steps", false)?,
            final_sigmas_type: file.choice("final_sigmas_type", FinalSigmas::Zero, FinalSigmas::NAMES)?,
            use_karras_sigmas: file.bool("use_karras_sigmas", false)?,
            use_lu_lambdas: file.bool("use_lu_lambdas", false)?,
            solver_order: file.u32("solver_order", 2, 1..=3)?,
            solver_type: file.choice("solver_type", None, SolverType::NAMES)?,
            lower_order_final: file.bool("lower_order_final", true)?,
            euler_at_final: file.bool("euler_at_final", false)?,
            original_inference_steps: file.u32("original_inference_steps", 50, 1..=10_000)?,
            timestep_scaling: file.f64("timestep_scaling", 10.0, 1e-3..=1e6)?,
            unsupported: unsupported(file),
        })
    }
}

const DPMPP: &[SchedulerKind] = &[Dpmpp2m, Dpmpp2mKarras];
const UNIPC: &[SchedulerKind] = &[Unipc, UnipcKarras];
const MULTISTEP: &[SchedulerKind] = &[Dpmpp2m, Dpmpp2mKarras, Unipc, UnipcKarras];
const EULER: &[SchedulerKind] = &[Euler, EulerKarras];
const SIGMAS: &[SchedulerKind] = &[Euler, EulerKarras, Dpmpp2m, Dpmpp2mKarras, Unipc, UnipcKarras];
const THRESHOLDING: &[SchedulerKind] = &[Ddim, Ddpm, Lcm, Dpmpp2m, Dpmpp2mKarras, Unipc, UnipcKarras];
const EULER_UNIPC: &[SchedulerKind] = &[Euler, EulerKarras, Unipc, UnipcKarras];
const NO_SAMPLE_PREDICTION: &[SchedulerKind] = &[Pndm, EulerAncestral];

/// What would change the results of some kinds and is not computed.
fn unsupported(file: &JsonFile) -> Vec<UnsupportedSetting> {
    let off = || vec![json!(false)];
    let rules: Vec<(&'static str, Vec<Value>, &'static [SchedulerKind])> = vec![
        ("trained_betas", vec![], &SchedulerKind::ALL),
        ("thresholding", off(), THRESHOLDING),
        ("prediction_type", vec![json!("epsilon"), json!("v_prediction")], NO_SAMPLE_PREDICTION),
        ("variance_type", vec![json!("fixed_small")], &[Ddpm]),
        ("sigma_min", vec![], EULER_UNIPC),
        ("sigma_max", vec![], EULER_UNIPC),
        ("interpolation_type", vec![json!("linear")], EULER),
        ("timestep_type", vec![json!("discrete")], EULER),
        ("use_exponential_sigmas", off(), SIGMAS),
        ("use_beta_sigmas", off(), SIGMAS),
        ("use_flow_sigmas", off(), MULTISTEP),
        ("use_dynamic_shifting", off(), MULTISTEP),
        ("solver_order", vec![json!(1), json!(2)], MULTISTEP),
        ("algorithm_type", vec![json!("dpmsolver++"), json!("deis")], DPMPP),
        ("lambda_min_clipped", vec![], DPMPP),
        ("predict_x0", vec![json!(true)], UNIPC),
        ("disable_corrector", vec![json!([])], UNIPC),
        ("solver_p", vec![], UNIPC),
        ("shift_terminal", vec![], UNIPC),
    ];
    let refused = |(key, neutral, kinds): (&'static str, Vec<Value>, &'static [SchedulerKind])| {
        let value = file.get(key).filter(|value| !neutral.contains(value))?;
        let names: Vec<String> = neutral.iter().map(Value::to_string).collect();
        let supported = if names.is_empty() { "null".to_owned() } else { names.join(" or ") };
        Some(UnsupportedSetting { key, value: short(value), supported, kinds })
    };
    rules.into_iter().filter_map(refused).collect()
}
