//! Schedules and steps equal to those of diffusers.

use dfsn_compute::config::SchedulerConfig;
use dfsn_compute::scheduler::{DdimScheduler, EulerDiscreteScheduler, Scheduler, SchedulerError, build};
use dfsn_compute::{SchedulerKind, StepState};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::golden::{GoldenTensors, assert_close, golden_json};

#[derive(Deserialize)]
struct Case {
    name: String,
    config: Map<String, Value>,
    scheduler: String,
    steps: u32,
    timesteps: Vec<f32>,
    sigmas: Vec<f32>,
    init_noise_sigma: f32,
}

fn config(value: &Value) -> SchedulerConfig {
    SchedulerConfig::from_json("test", value.as_object().unwrap().clone()).unwrap()
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
    let cases: Vec<Case> = golden_json("schedulers.json");
    assert_eq!(cases.len(), 96);
    for case in cases {
        let config = SchedulerConfig::from_json(&case.name, case.config).unwrap();
        let kind: SchedulerKind = case.scheduler.parse().unwrap();
        let scheduler = build(kind, &config, case.steps).unwrap();
        assert_eq!(scheduler.timesteps(), case.timesteps, "{}", case.name);
        assert_each_close(&case.name, &[scheduler.init_noise_sigma()], &[case.init_noise_sigma]);
        if kind == SchedulerKind::Euler {
            let euler = EulerDiscreteScheduler::new(&config, case.steps).unwrap();
            assert_each_close(&case.name, euler.sigmas(), &case.sigmas);
        }
    }
}

#[test]
fn single_steps_equal_those_of_diffusers() {
    let cases: Vec<Case> = golden_json("schedulers.json");
    let golden = GoldenTensors::open("schedulers.safetensors");
    let (sample, output) = (golden.floats("sample"), golden.floats("model_output"));
    let noise = golden.floats("noise");
    let mut compared = 0;
    for case in cases.into_iter().filter(|case| case.steps == 7) {
        let config = SchedulerConfig::from_json(&case.name, case.config).unwrap();
        let scheduler = build(case.scheduler.parse().unwrap(), &config, case.steps).unwrap();
        for index in [0, 3, 6] {
            let key = format!("{}.{index}", case.name);
            let input = scheduler.scale_model_input(index, &sample);
            assert_close(&key, &input, &golden.floats(&format!("{key}.input")), 1e-6);
            let next = scheduler.step(index, &output, &StepState::new(sample.clone()));
            assert_close(&key, &next.latents, &golden.floats(&format!("{key}.step")), 2e-6);
            let noised = scheduler.add_noise(index, &sample, &noise);
            assert_close(&key, &noised, &golden.floats(&format!("{key}.add_noise")), 1e-6);
            compared += 1;
        }
    }
    assert_eq!(compared, 48);
}

/// The full loop of diffusers' scheduler tests: no weights, a model that is a formula. Gives the sum and the
/// mean of the result's magnitudes.
fn full_loop(scheduler: &dyn Scheduler) -> (f64, f64) {
    // arange(768) as [3, 8, 8, 4], permuted to [4, 3, 8, 8], over 768.
    let mut sample = Vec::with_capacity(768);
    for d in 0..4 {
        sample.extend((0..192).map(|abc| (abc * 4 + d) as f32 / 768.0 * scheduler.init_noise_sigma()));
    }
    let mut state = StepState::new(sample);
    for (index, &t) in scheduler.timesteps().iter().enumerate() {
        let input = scheduler.scale_model_input(index, &state.latents);
        let output: Vec<f32> = input.iter().map(|x| x * t / (t + 1.0)).collect();
        // Those tests hand the scaled input on to the step.
        state = scheduler.step(index, &output, &StepState::new(input));
    }
    let sum: f64 = state.latents.iter().map(|x| f64::from(x.abs())).sum();
    (sum, sum / 768.0)
}

#[track_caller]
fn assert_loop(scheduler: &dyn Scheduler, sum: f64) {
    let (found, _) = full_loop(scheduler);
    assert!((found - sum).abs() < 1e-4 * sum.max(10.0), "{found} {sum}");
}

#[test]
fn full_loops_give_the_sums_of_diffusers_tests() {
    let linear = json!({"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear"});
    let with = |changes: Value| {
        let mut map = linear.as_object().unwrap().clone();
        map.extend(changes.as_object().unwrap().clone());
        config(&Value::Object(map))
    };
    let ddim = |changes| DdimScheduler::new(&with(changes), 10).unwrap();
    assert_loop(&ddim(json!({})), 172.0067);
    assert_loop(&ddim(json!({"prediction_type": "v_prediction"})), 52.5302);
    assert_loop(&ddim(json!({"set_alpha_to_one": true, "beta_start": 0.01})), 149.8295);
    assert_loop(&ddim(json!({"set_alpha_to_one": false, "beta_start": 0.01})), 149.0784);

    let euler = |changes| EulerDiscreteScheduler::new(&with(changes), 10).unwrap();
    assert_loop(&euler(json!({"num_train_timesteps": 1100})), 10.0807);
    let (v, _) = full_loop(&euler(json!({"num_train_timesteps": 1100, "prediction_type": "v_prediction"})));
    assert!((v - 2.4181e-10).abs() < 1e-13, "{v}");

    let sd15 = json!({
        "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012,
        "beta_schedule": "scaled_linear", "set_alpha_to_one": false, "steps_offset": 1, "clip_sample": false,
    });
    assert_loop(&DdimScheduler::new(&config(&sd15), 10).unwrap(), 183.258_209);
    let mut spaced = sd15;
    for (spacing, sum) in [("linspace", 0.012_395), ("leading", 0.008_021)] {
        spaced["timestep_spacing"] = json!(spacing);
        let (found, _) = full_loop(&EulerDiscreteScheduler::new(&config(&spaced), 10).unwrap());
        assert!((found - sum).abs() < 1e-4, "{spacing} {found} {sum}");
    }
}

#[test]
fn absent_spacing_is_the_default_of_the_class_that_runs() {
    let config = config(&json!({"_class_name": "PNDMScheduler", "steps_offset": 1}));
    assert_eq!(DdimScheduler::new(&config, 5).unwrap().timesteps(), [801.0, 601.0, 401.0, 201.0, 1.0]);
    assert_eq!(
        EulerDiscreteScheduler::new(&config, 5).unwrap().timesteps(),
        [999.0, 749.25, 499.5, 249.75, 0.0]
    );
}

#[test]
fn impossible_numbers_of_steps_are_refused() {
    let config = config(&json!({"num_train_timesteps": 100, "steps_offset": 1}));
    let steps = |steps| DdimScheduler::new(&config, steps).unwrap_err();
    assert_eq!(steps(0), SchedulerError::Steps { steps: 0, num_train_timesteps: 100 });
    assert_eq!(steps(101), SchedulerError::Steps { steps: 101, num_train_timesteps: 100 });
    assert_eq!(
        steps(100).to_string(),
        "100 steps with steps_offset 1 reach timestep 100, past the trained ones"
    );
}

#[test]
fn trailing_spacing_never_gives_an_extra_step() {
    let config = config(&json!({"timestep_spacing": "trailing"}));
    for steps in 1..=150 {
        let scheduler = DdimScheduler::new(&config, steps).unwrap();
        assert_eq!(scheduler.timesteps().len(), steps as usize);
        assert!(scheduler.timesteps().iter().all(|&t| (0.0..1000.0).contains(&t)), "{steps}");
    }
}
