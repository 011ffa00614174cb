//! `scheduler_config.json`, for whichever scheduler class reads it.

use std::path::Path;

use SchedulerKind::{Ddim, Ddpm, Dpmpp2m, Dpmpp2mKarras, Euler, EulerKarras, Lcm, Unipc, UnipcKarras};
use dfsn_consensus::exact::scheduler::{
    BetaSchedule, FinalSigmas, PredictionType, SchedulerError, SchedulerShape, SolverType, TimestepSpacing,
};
use dfsn_types::SchedulerKind;
use serde_json::{Map, Value, json};

use super::ConfigError;
use super::json::{JsonFile, MAX_CONFIG_BYTES, parse_object, read_bounded, short};
use crate::model_path::ModelPath;

/// The noise schedule of a model and how its timesteps are spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerConfig {
    /// The settings as plain numbers.
    pub shape: SchedulerShape,
    /// Settings that some kinds read and that are not computed, whose kinds `shape` refuses.
    unsupported: Vec<UnsupportedSetting>,
}

/// A well-formed setting that is not computed, and whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
struct UnsupportedSetting {
    key: &'static str,
    value: String,
    supported: String,
    kinds: &'static [SchedulerKind],
}

const BETA_SCHEDULES: &[(&str, Option<BetaSchedule>)] = &[
    ("linear", Some(BetaSchedule::Linear)),
    ("scaled_linear", Some(BetaSchedule::ScaledLinear)),
    ("squaredcos_cap_v2", Some(BetaSchedule::SquaredcosCapV2)),
];
const PREDICTION_TYPES: &[(&str, PredictionType)] = &[
    ("epsilon", PredictionType::Epsilon),
    ("v_prediction", PredictionType::VPrediction),
    ("sample", PredictionType::Sample),
];
const TIMESTEP_SPACINGS: &[(&str, Option<TimestepSpacing>)] = &[
    ("linspace", Some(TimestepSpacing::Linspace)),
    ("leading", Some(TimestepSpacing::Leading)),
    ("trailing", Some(TimestepSpacing::Trailing)),
];
const FINAL_SIGMAS: &[(&str, FinalSigmas)] =
    &[("zero", FinalSigmas::Zero), ("sigma_min", FinalSigmas::SigmaMin)];
const SOLVER_TYPES: &[(&str, Option<SolverType>)] = &[
    ("midpoint", Some(SolverType::Midpoint)),
    ("heun", Some(SolverType::Heun)),
    ("bh1", Some(SolverType::Bh1)),
    ("bh2", Some(SolverType::Bh2)),
    ("logrho", Some(SolverType::Logrho)),
];

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

    /// Refuses a kind that reads a setting which is not computed.
    ///
    /// # Errors
    /// [`SchedulerError::Setting`], naming it.
    pub(crate) fn check(&self, kind: SchedulerKind) -> Result<(), SchedulerError> {
        match self.unsupported.iter().find(|setting| setting.kinds.contains(&kind)) {
            None => Ok(()),
            Some(setting) => Err(SchedulerError::Setting {
                kind,
                key: setting.key,
                value: setting.value.clone(),
                supported: setting.supported.clone(),
            }),
        }
    }

    fn from_file(file: &JsonFile) -> Result<Self, ConfigError> {
        let most = u32::from(SchedulerShape::MAX_TIMESTEPS);
        // Ranges keep every number inside of its type.
        let count = |key, default, range| file.u32(key, default, range).map(|count| count as u16);
        let beta = |key| Ok(file.optional_f64(key, 1e-9..=0.999)?.map(f64::to_bits));
        let mut shape = SchedulerShape {
            num_train_timesteps: count("num_train_timesteps", 1000, 1..=most)?,
            beta_start: beta("beta_start")?,
            beta_end: beta("beta_end")?,
            beta_schedule: file.choice("beta_schedule", None, BETA_SCHEDULES)?,
            rescale_betas_zero_snr: file.bool("rescale_betas_zero_snr", false)?,
            prediction_type: file.choice("prediction_type", PredictionType::Epsilon, PREDICTION_TYPES)?,
            timestep_spacing: file.choice("timestep_spacing", None, TIMESTEP_SPACINGS)?,
            steps_offset: count("steps_offset", 0, 0..=most)?,
            clip_sample: file.optional_bool("clip_sample")?,
            clip_sample_range: (file.f64("clip_sample_range", 1.0, 0.0..=1e6)? as f32).to_bits(),
            set_alpha_to_one: file.optional_bool("set_alpha_to_one")?,
            skip_prk_steps: file.bool("skip_prk_steps", false)?,
            final_sigmas_type: file.choice("final_sigmas_type", FinalSigmas::Zero, FINAL_SIGMAS)?,
            use_karras_sigmas: file.bool("use_karras_sigmas", false)?,
            use_lu_lambdas: file.bool("use_lu_lambdas", false)?,
            solver_order: count("solver_order", 2, 1..=3)? as u8,
            solver_type: file.choice("solver_type", None, SOLVER_TYPES)?,
            lower_order_final: file.bool("lower_order_final", true)?,
            euler_at_final: file.bool("euler_at_final", false)?,
            original_inference_steps: count("original_inference_steps", 50, 1..=most)?,
            timestep_scaling: file.f64("timestep_scaling", 10.0, 1e-3..=1e6)?.to_bits(),
            unsupported: 0,
        };
        let unsupported = unsupported(file);
        unsupported.iter().flat_map(|setting| setting.kinds).for_each(|kind| shape.refuse(*kind));
        Ok(Self { shape, unsupported })
    }
}

const DPMPP: &[SchedulerKind] = &[Dpmpp2m, Dpmpp2mKarras];
const UNIPC: &[SchedulerKind] = &[Unipc, UnipcKarras];
const MULTISTEP: &[SchedulerKind] = &[Dpmpp2m, Dpmpp2mKarras, Unipc, UnipcKarras];
const EULER: &[SchedulerKind] = &[Euler, EulerKarras];
const SIGMAS: &[SchedulerKind] = &[Euler, EulerKarras, Dpmpp2m, Dpmpp2mKarras, Unipc, UnipcKarras];
const THRESHOLDING: &[SchedulerKind] = &[Ddim, Ddpm, Lcm, Dpmpp2m, Dpmpp2mKarras, Unipc, UnipcKarras];
const EULER_UNIPC: &[SchedulerKind] = &[Euler, EulerKarras, Unipc, UnipcKarras];

/// What would change the results of some kinds and is not computed.
fn unsupported(file: &JsonFile) -> Vec<UnsupportedSetting> {
    let off = || vec![json!(false)];
    let rules: Vec<(&'static str, Vec<Value>, &'static [SchedulerKind])> = vec![
        ("trained_betas", vec![], &SchedulerKind::ALL),
        ("thresholding", off(), THRESHOLDING),
        ("variance_type", vec![json!("fixed_small")], &[Ddpm]),
        ("sigma_min", vec![], EULER_UNIPC),
        ("sigma_max", vec![], EULER_UNIPC),
        ("interpolation_type", vec![json!("linear")], EULER),
        ("timestep_type", vec![json!("discrete")], EULER),
        ("use_exponential_sigmas", off(), SIGMAS),
        ("use_beta_sigmas", off(), SIGMAS),
        ("use_flow_sigmas", off(), MULTISTEP),
        ("use_dynamic_shifting", off(), MULTISTEP),
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
