//! Schedules and expressions: the same on soft floats as on the machine's, bounded, and refused where they must be.

use dfsn_consensus::exact::expression::{Expression, ExpressionError, Node};
use dfsn_consensus::exact::ieee::Single;
use dfsn_consensus::exact::scheduler::{
    BetaSchedule, FinalSigmas, PredictionType, Schedule, SchedulerError, SchedulerShape, SolverType,
    TimestepSpacing, guidance,
};
use dfsn_consensus::exact::soft::{SoftDouble, SoftSingle};
use dfsn_types::SchedulerKind;

use crate::random::normals;
use crate::shapes::scheduler as sd15;

/// Shapes that differ in what schedulers read: every spacing and prediction, and the rest in turn.
fn shapes() -> Vec<SchedulerShape> {
    let spacings = [TimestepSpacing::Linspace, TimestepSpacing::Leading, TimestepSpacing::Trailing];
    let predictions = [PredictionType::Epsilon, PredictionType::VPrediction, PredictionType::Sample];
    let betas = [BetaSchedule::Linear, BetaSchedule::ScaledLinear, BetaSchedule::SquaredcosCapV2];
    let solvers = [None, Some(SolverType::Heun), Some(SolverType::Bh1)];
    let mut shapes = Vec::new();
    for (s, spacing) in spacings.into_iter().enumerate() {
        for (p, prediction) in predictions.into_iter().enumerate() {
            let turn = s + p;
            shapes.push(SchedulerShape {
                timestep_spacing: Some(spacing),
                prediction_type: prediction,
                beta_schedule: Some(betas[turn % 3]),
                rescale_betas_zero_snr: turn == 1,
                clip_sample: Some(turn.is_multiple_of(2)),
                final_sigmas_type: if turn % 2 == 1 { FinalSigmas::SigmaMin } else { FinalSigmas::Zero },
                set_alpha_to_one: Some(turn % 2 == 1),
                solver_type: if turn % 2 == 1 { solvers[p] } else { None },
                lower_order_final: turn % 4 != 3,
                skip_prk_steps: p != 1,
                use_karras_sigmas: turn == 4,
                use_lu_lambdas: turn == 2,
                ..sd15()
            });
        }
    }
    shapes
}

#[test]
fn schedules_are_the_same_on_soft_floats() {
    let (mut found, mut refused) = (0, 0);
    let mut all = blake3::Hasher::new();
    for (turn, shape) in shapes().into_iter().enumerate() {
        for kind in SchedulerKind::ALL {
            // Every number of steps up to 150 has its turn somewhere.
            for steps in [1, 2, 3, 4, 5 + turn as u32 * 11 + kind as u32, 20, 110 + turn as u32 * 5, 150] {
                let start = if steps.is_multiple_of(2) && shape.skip_prk_steps { steps / 3 } else { 0 };
                let hardware = Schedule::new::<f64>(kind, &shape, steps, start);
                let soft = Schedule::new::<SoftDouble>(kind, &shape, steps, start);
                assert_eq!(soft, hardware, "{kind} {steps} {shape:?}");
                all.update(format!("{hardware:?}").as_bytes());
                match hardware {
                    Ok(schedule) => {
                        let evaluations = schedule.evaluations();
                        let by_steps = (0..schedule.num_steps()).flat_map(|step| schedule.step(step));
                        assert!(by_steps.eq(0..evaluations.len()), "{kind} {steps}");
                        assert_eq!(schedule.num_steps() as u32, steps - start, "{kind} {steps}");
                        assert_eq!(schedule.history_length(schedule.num_steps()), 0);
                        found += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
    }
    println!("{found} schedules, {refused} refused");
    assert!(found > 600 && refused > 30);
    // The bits of all of them, on every machine.
    assert_eq!(all.finalize().to_hex()[..16], *"88c7ad273e17a81a");
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let key = |shape: SchedulerShape| match Schedule::new::<f64>(SchedulerKind::Ddim, &shape, 5, 0) {
        Err(SchedulerError::OutOfRange { key, .. }) => key,
        other => panic!("{other:?}"),
    };
    assert_eq!(key(SchedulerShape { num_train_timesteps: 0, ..sd15() }), "num_train_timesteps");
    assert_eq!(key(SchedulerShape { num_train_timesteps: 10_001, ..sd15() }), "num_train_timesteps");
    assert_eq!(key(SchedulerShape { steps_offset: 10_001, ..sd15() }), "steps_offset");
    assert_eq!(key(SchedulerShape { solver_order: 0, ..sd15() }), "solver_order");
    for beta in [-0.1, 0.0, 1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(key(SchedulerShape { beta_end: Some(beta.to_bits()), ..sd15() }), "beta_end", "{beta}");
    }
    for range in [-1.0, f32::NAN, 2e6] {
        assert_eq!(key(SchedulerShape { clip_sample_range: range.to_bits(), ..sd15() }), "clip_sample_range");
    }
    let scaling = SchedulerShape { timestep_scaling: 0, ..sd15() };
    assert_eq!(key(scaling), "timestep_scaling");
    let mut shape = sd15();
    shape.refuse(SchedulerKind::Euler);
    let schedule = |kind| Schedule::new::<f64>(kind, &shape, 5, 0);
    assert_eq!(schedule(SchedulerKind::Euler), Err(SchedulerError::Refused(SchedulerKind::Euler)));
    assert!(schedule(SchedulerKind::EulerKarras).is_ok());
}

#[test]
fn any_settings_within_the_bounds_give_a_schedule_or_an_error() {
    let trained = [1, 2, 3, 7, 1000];
    for (count, kind) in trained.into_iter().flat_map(|count| SchedulerKind::ALL.map(|kind| (count, kind))) {
        for shape in shapes() {
            let shape = SchedulerShape { num_train_timesteps: count, original_inference_steps: 1, ..shape };
            for (steps, start) in [(0, 0), (1, 0), (2, 1), (3, 3), (7, 2), (1000, 999), (u32::MAX, 5)] {
                let _ = Schedule::new::<f64>(kind, &shape, steps, start);
            }
        }
    }
}

#[test]
fn expressions_give_the_same_element_by_element_over_slices_and_on_soft_floats() {
    let inputs: Vec<Vec<f32>> = (0..8).map(|input| normals(&format!("input {input}"), 5_000)).collect();
    let slices: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let mut longest = 0;
    for kind in SchedulerKind::ALL {
        for shape in [sd15(), SchedulerShape { skip_prk_steps: false, clip_sample: Some(true), ..sd15() }] {
            let schedule = Schedule::new::<f64>(kind, &shape, 6, 0).unwrap();
            for evaluation in schedule.evaluations() {
                let parts = [&evaluation.model_input, &evaluation.latents, &evaluation.add_noise];
                for expression in parts.into_iter().chain(&evaluation.history) {
                    longest = longest.max(expression.nodes().len());
                    let all = expression.over(&slices).unwrap();
                    let (compact, read) = expression.compact();
                    assert_eq!(compact.inputs(), read.len());
                    for element in [0, 1, 4_095, 4_096, 4_999] {
                        let numbers: Vec<f32> = inputs.iter().map(|input| input[element]).collect();
                        let soft: Vec<SoftSingle> =
                            numbers.iter().map(|number| Single::from_bits(number.to_bits())).collect();
                        let read: Vec<f32> = read.iter().map(|input| numbers[*input]).collect();
                        let bits = all[element].to_bits();
                        assert_eq!(expression.evaluate(&numbers).unwrap().to_bits(), bits);
                        assert_eq!(expression.evaluate(&soft).unwrap().to_bits(), bits);
                        assert_eq!(compact.evaluate(&read).unwrap().to_bits(), bits);
                    }
                }
            }
        }
    }
    println!("the longest expression has {longest} nodes");
    let guided = guidance(7.5_f32.to_bits()).unwrap();
    assert_eq!(guided.evaluate(&[1.0_f32, 1.5]), Ok(4.75));
}

#[test]
fn what_is_no_expression_is_refused() {
    use Node::{Add, Clamp, Constant, Input};
    let refused = |nodes: &[Node]| Expression::new(nodes.to_vec()).unwrap_err();
    assert_eq!(refused(&[]), ExpressionError::Length { found: 0 });
    assert_eq!(refused(&[Constant(0); 129]), ExpressionError::Length { found: 129 });
    assert_eq!(refused(&[Input(0), Add(0, 1)]), ExpressionError::Operand { node: 1, operand: 1 });
    assert_eq!(refused(&[Clamp(0, 0, 0)]), ExpressionError::Operand { node: 0, operand: 0 });
    assert_eq!(refused(&[Input(16)]), ExpressionError::Input { input: 16 });
    let sum = Expression::new(vec![Input(0), Input(2), Add(0, 1)]).unwrap();
    let wrong = |found| Err(ExpressionError::Inputs { expected: 3, found });
    assert_eq!(sum.evaluate(&[1.0_f32, 2.0]), Err(ExpressionError::Inputs { expected: 3, found: None }));
    assert_eq!(sum.over(&[&[1.0_f32][..], &[2.0]]), wrong(None));
    assert_eq!(sum.over(&[&[1.0_f32][..], &[2.0], &[3.0, 4.0]]), wrong(Some((1, 2))));
    assert_eq!(sum.over(&[&[1.0_f32][..], &[2.0], &[3.0]]), Ok(vec![4.0]));
    assert_eq!(sum.over::<f32>(&[&[], &[], &[]]), Ok(vec![]));
    let clamp = Expression::new(vec![Input(0), Constant(0xbf80_0000), Constant(0x3f80_0000), Clamp(0, 1, 2)]);
    let clamp = clamp.unwrap();
    assert_eq!(clamp.over(&[&[-3.0_f32, 0.25, 7.0][..]]), Ok(vec![-1.0, 0.25, 1.0]));
    assert!(clamp.evaluate(&[f32::NAN]).unwrap().is_nan());
}
