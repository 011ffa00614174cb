//! Schedules, loops and single steps equal to those of diffusers.

use std::collections::BTreeMap;

use dfsn_compute::config::SchedulerConfig;
use dfsn_compute::scheduler::{Scheduler, SchedulerError, build, build_from};
use dfsn_compute::{SchedulerKind, StateShape, StepState};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::golden::{GoldenTensors, golden_json, relative_l2};

#[derive(Deserialize)]
struct Golden {
    configs: BTreeMap<String, Map<String, Value>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    config: String,
    scheduler: SchedulerKind,
    steps: u32,
    start: u32,
    timesteps: Vec<f32>,
    sigmas: Vec<f32>,
    init_noise_sigma: f32,
}

impl Golden {
    fn read() -> Self {
        let golden: Self = golden_json("schedulers.json");
        assert_eq!(golden.cases.len(), 583);
        golden
    }

    fn scheduler(&self, case: &Case) -> Scheduler {
        let config = self.configs[&case.config].clone();
        let config = SchedulerConfig::from_json(&case.config, config).unwrap();
        build_from(case.scheduler, &config, case.steps, case.start).unwrap()
    }
}

/// Settings as a class with all defaults reads them, with some changed.
pub(crate) fn config(value: Value) -> SchedulerConfig {
    let Value::Object(map) = value else { panic!("{value} is no object") };
    SchedulerConfig::from_json("test", map).unwrap()
}

#[track_caller]
fn assert_each_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let tolerance = 2e-6 * expected.abs().max(1e-3);
        assert!((found - expected).abs() <= tolerance, "{what}: {found} {expected}");
    }
}

#[test]
fn schedules_equal_those_of_diffusers() {
    let golden = Golden::read();
    for case in &golden.cases {
        let scheduler = golden.scheduler(case);
        if case.scheduler == SchedulerKind::EulerKarras || case.config == "karras" {
            // Timesteps between trained ones, through the logarithm of the noise level.
            for (found, expected) in scheduler.timesteps().iter().zip(&case.timesteps) {
                assert!((found - expected).abs() <= 1e-4, "{}: {found} {expected}", case.name);
            }
        } else {
            assert_eq!(scheduler.timesteps(), case.timesteps, "{}", case.name);
        }
        assert_each_close(&case.name, &[scheduler.init_noise_sigma()], &[case.init_noise_sigma]);
        assert_each_close(&case.name, &scheduler.sigmas(), &case.sigmas);
    }
}

/// The formula that stands for the UNet in the golden files.
fn model(sample: &[f32], timestep: f32) -> Vec<f32> {
    let scale = (0.2 + f64::from(timestep) / 1000.0) as f32;
    sample.iter().map(|x| (x - 0.1 * x * x.abs() / (1.0 + x * x)) * scale).collect()
}

fn evaluate(
    scheduler: &Scheduler,
    index: usize,
    state: &StepState,
    noise: impl FnOnce() -> Vec<f32>,
) -> StepState {
    let input = scheduler.scale_model_input(index, &state.latents);
    let output = model(&input, scheduler.timestep(index));
    scheduler.advance(index, &output, state, noise)
}

#[test]
fn loops_equal_those_of_diffusers() {
    let golden = Golden::read();
    let tensors = GoldenTensors::open("schedulers.safetensors");
    let names = tensors.names();
    let (sample, noise) = (tensors.floats("sample"), tensors.floats("noise"));
    let (mut compared, mut worst) = (0, (0.0_f64, String::new()));
    let mut compare = |key: String, found: &[f32]| {
        if names.contains(&key) {
            let distance = relative_l2(found, &tensors.floats(&key));
            assert!(distance <= 1e-5, "{key}: relative L2 {distance:e}");
            compared += 1;
            if distance > worst.0 {
                worst = (distance, key);
            }
        }
    };
    for case in &golden.cases {
        let scheduler = golden.scheduler(case);
        let latents = if case.start > 0 {
            let latents = scheduler.add_noise(0, &sample, &noise);
            compare(format!("{}.noised", case.name), &latents);
            latents
        } else {
            sample.iter().map(|x| x * scheduler.init_noise_sigma()).collect()
        };
        let mut state = StepState::new(latents);
        let mut drawn = 0;
        for index in 0..scheduler.timesteps().len() {
            state = evaluate(&scheduler, index, &state, || {
                drawn += 1;
                let mut noise = noise.clone();
                noise.rotate_right(drawn % sample.len());
                noise
            });
            compare(format!("{}.{index}", case.name), &state.latents);
        }
    }
    println!("{compared} states, worst relative L2 {:.2e} ({})", worst.0, worst.1);
    assert_eq!(compared, names.len() - 2, "every golden state is compared");
}

/// What an auditor does: one step from the bytes of the state before it, on a scheduler of its own.
#[test]
fn a_step_alone_gives_the_bytes_of_the_loop() {
    let golden = Golden::read();
    let sample = GoldenTensors::open("schedulers.safetensors").floats("sample");
    for case in &golden.cases {
        let step = |scheduler: &Scheduler, step: usize, state: &StepState| {
            let noise = || dfsn_compute::noise::step_noise(7, step as u32 + 1, sample.len());
            scheduler
                .evaluations(step)
                .fold(state.clone(), |state, index| evaluate(scheduler, index, &state, noise))
        };
        let scheduler = golden.scheduler(case);
        let num_steps = scheduler.num_steps();
        assert_eq!(num_steps, (case.steps - case.start) as usize, "{}", case.name);
        let evaluations: Vec<usize> = (0..num_steps).flat_map(|step| scheduler.evaluations(step)).collect();
        assert!(evaluations.into_iter().eq(0..scheduler.timesteps().len()), "{}", case.name);
        let mut states = vec![StepState::new(sample.clone())];
        for index in 0..num_steps {
            states.push(step(&scheduler, index, &states[index]));
        }
        for (index, pair) in states.windows(2).enumerate() {
            let auditor = golden.scheduler(case);
            let shape = |done| {
                let history = auditor.history_length(done);
                assert!(history as u64 <= case.scheduler.history(), "{} {done}", case.name);
                StateShape { latents: sample.len(), history }
            };
            let before = StepState::from_bytes(&pair[0].to_bytes(), shape(index)).unwrap();
            let after = step(&auditor, index, &before);
            assert_eq!(after.to_bytes(), pair[1].to_bytes(), "{} {index}", case.name);
            assert_eq!(after.to_bytes().len(), shape(index + 1).num_bytes(), "{} {index}", case.name);
        }
        assert_eq!(states[num_steps].history.len(), 0, "{}", case.name);
    }
}

#[test]
fn absent_settings_are_the_defaults_of_the_class_that_runs() {
    let config = config(json!({"_class_name": "PNDMScheduler", "steps_offset": 1, "skip_prk_steps": true}));
    let timesteps = |kind| build(kind, &config, 5).unwrap().timesteps().to_vec();
    assert_eq!(timesteps(SchedulerKind::Ddim), [801.0, 601.0, 401.0, 201.0, 1.0]);
    assert_eq!(timesteps(SchedulerKind::Pndm), [801.0, 601.0, 601.0, 401.0, 201.0, 1.0]);
    assert_eq!(timesteps(SchedulerKind::Euler), [999.0, 749.25, 499.5, 249.75, 0.0]);
    assert_eq!(timesteps(SchedulerKind::Dpmpp2m), [999.0, 799.0, 599.0, 400.0, 200.0]);
}

#[test]
fn impossible_numbers_of_steps_are_refused() {
    let config =
        config(json!({"num_train_timesteps": 100, "steps_offset": 1, "timestep_spacing": "leading"}));
    let refused = |kind, steps, start| build_from(kind, &config, steps, start).unwrap_err();
    for kind in SchedulerKind::ALL {
        let SchedulerError::Steps { steps: 101, max, .. } = refused(kind, 101, 0) else { panic!("{kind}") };
        assert_eq!(max, if kind == SchedulerKind::Lcm { 50 } else { 100 }, "{kind}");
        assert!(matches!(refused(kind, 0, 0), SchedulerError::Steps { steps: 0, .. }), "{kind}");
        assert_eq!(refused(kind, 5, 5), SchedulerError::Start { start: 5, steps: 5 }, "{kind}");
    }
    let error = |kind, steps| refused(kind, steps, 0).to_string();
    let out = "100 steps with steps_offset 1 reach timestep 100, past the trained ones";
    assert_eq!(error(SchedulerKind::Ddim, 100), out);
    assert_eq!(error(SchedulerKind::Euler, 100), out);
    let steps = |steps, min, max| {
        format!(
            "num_inference_steps {steps} is not between {min} and {max}, which the model's schedule gives"
        )
    };
    assert_eq!(error(SchedulerKind::Unipc, 100), steps(100, 1, 99));
    assert_eq!(error(SchedulerKind::Lcm, 51), steps(51, 1, 50));
    assert_eq!(error(SchedulerKind::Pndm, 3), steps(3, 4, 100));
    assert_eq!(refused(SchedulerKind::Pndm, 5, 1), SchedulerError::StartWithPrk);
}

#[test]
fn settings_that_would_change_results_are_refused_by_name() {
    let cases = [
        (
            json!({"trained_betas": [0.1]}),
            "ddim",
            "trained_betas = [0.1] is not supported with scheduler ddim, only null",
        ),
        (json!({"thresholding": true}), "lcm", "thresholding = true"),
        (json!({"prediction_type": "sample"}), "pndm", "only \"epsilon\" or \"v_prediction\""),
        (json!({"prediction_type": "sample"}), "euler_ancestral", "prediction_type = \"sample\""),
        (json!({"variance_type": "learned"}), "ddpm", "variance_type = \"learned\""),
        (json!({"sigma_max": 80.0}), "euler", "sigma_max = 80.0"),
        (json!({"interpolation_type": "log_linear"}), "euler", "interpolation_type"),
        (json!({"timestep_type": "continuous"}), "euler_karras", "timestep_type"),
        (json!({"use_exponential_sigmas": true}), "unipc", "use_exponential_sigmas"),
        (json!({"use_beta_sigmas": true}), "dpmpp_2m_karras", "use_beta_sigmas"),
        (json!({"use_flow_sigmas": true}), "dpmpp_2m", "use_flow_sigmas"),
        (
            json!({"solver_order": 3}),
            "unipc",
            "solver_order = 3 is not supported with scheduler unipc, only 1 or 2",
        ),
        (json!({"algorithm_type": "sde-dpmsolver++"}), "dpmpp_2m", "algorithm_type"),
        (json!({"lambda_min_clipped": -5.1}), "dpmpp_2m", "lambda_min_clipped = -5.1"),
        (json!({"predict_x0": false}), "unipc", "predict_x0 = false"),
        (json!({"disable_corrector": [0]}), "unipc_karras", "disable_corrector = [0]"),
        (json!({"solver_type": "bh1"}), "unipc", "solver_type = bh1"),
        (json!({"lower_order_final": false}), "unipc", "only true while final_sigmas_type is zero"),
        (json!({"original_inference_steps": 2000}), "lcm", "only up to the 1000 trained timesteps"),
    ];
    for (settings, name, expected) in cases {
        let config = config(settings);
        let kind: SchedulerKind = name.parse().unwrap();
        let error = build(kind, &config, 20).unwrap_err().to_string();
        assert!(error.starts_with("scheduler_config.json: ") && error.contains(expected), "{error}");
        // Kinds that do not read the setting are not concerned.
        let concerned = SchedulerKind::ALL.into_iter().filter(|kind| build(*kind, &config, 20).is_err());
        assert!(expected.starts_with("trained_betas") || concerned.count() < 10, "{error}");
    }
}

#[test]
fn an_infinity_as_python_writes_it_is_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("scheduler_config.json");
    std::fs::write(&path, "{\"lambda_min_clipped\": -Infinity, \"solver_order\": 2}").unwrap();
    let config = SchedulerConfig::load(&path).unwrap();
    assert_eq!(config, self::config(json!({})));
}

#[test]
fn trailing_spacing_never_gives_an_extra_step() {
    let config = config(json!({"timestep_spacing": "trailing", "skip_prk_steps": true}));
    for kind in SchedulerKind::ALL.into_iter().filter(|kind| *kind != SchedulerKind::Lcm) {
        for steps in 1..=150 {
            let scheduler = build(kind, &config, steps).unwrap();
            assert_eq!(scheduler.num_steps(), steps as usize, "{kind}");
            let evaluations = u32::try_from(scheduler.timesteps().len()).unwrap();
            assert_eq!(evaluations, kind.evaluations(steps as u16), "{kind}");
            assert!(scheduler.timesteps().iter().all(|&t| (0.0..1000.0).contains(&t)), "{kind} {steps}");
        }
    }
}
