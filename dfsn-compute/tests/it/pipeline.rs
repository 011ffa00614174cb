//! The loop, its single steps and its limits, on formulas instead of networks.

use std::ops::ControlFlow;
use std::sync::Arc;

use dfsn_compute::{
    ComputeError, Event, Hires, ImageRequest, InitImage, NoObserver, Question, RequestError, RgbImage,
    SchedulerKind, StateError, StepState, TraceRecorder, Variation,
};
use dfsn_types::{FileHash, GenerationParams, ImageSize, ModelId, ProfileId, Strength};

use crate::golden::{assert_close, relative_l2};
use crate::toy::{ToyBackend, request, toy_pipeline};

#[test]
fn every_question_gives_the_bytes_of_the_whole_run() {
    for scheduler in SchedulerKind::ALL {
        let request = ImageRequest { scheduler, seed: 5, ..request("a fox") };
        let mut trace = TraceRecorder::default();
        let mut pipeline = toy_pipeline(ToyBackend::default());
        let generated = pipeline.generate(&request, &mut trace).unwrap();
        let boundaries = trace.into_boundaries();
        assert_eq!(boundaries.len(), 8);
        assert_eq!(boundaries[6], generated.final_state.to_bytes());
        assert_eq!(boundaries[7], generated.decoded.to_bytes());

        let mut auditor = toy_pipeline(ToyBackend::default());
        assert_eq!(auditor.answer(&request, &Question::InitialState).unwrap(), boundaries[0]);
        for step in 1..=6 {
            let question = Question::Step { step, state: boundaries[step - 1].clone() };
            assert_eq!(auditor.answer(&request, &question).unwrap(), boundaries[step], "{scheduler} {step}");
        }
        let question = Question::Decode { state: boundaries[6].clone() };
        assert_eq!(auditor.answer(&request, &question).unwrap(), boundaries[7]);
    }
}

#[test]
fn guidance_follows_its_formula_and_is_off_at_one() {
    let mut pipeline = toy_pipeline(ToyBackend::default());
    let mut first_step = |guidance_scale, negative: &str| {
        let request =
            ImageRequest { guidance_scale, negative_prompt: negative.to_owned(), ..request("a fox") };
        let prepared = pipeline.prepare(&request).unwrap();
        let state = pipeline.initial_state(&prepared).unwrap();
        (prepared.conditioning().prompts, pipeline.step(&prepared, 1, &state).unwrap().latents)
    };
    let (prompts, unguided) = first_step(1.0, "pizza");
    assert_eq!((prompts, &unguided), (1, &first_step(0.0, "rocket").1));
    let (prompts, twice) = first_step(2.0, "pizza");
    assert_eq!(prompts, 2);
    let thrice = first_step(3.0, "pizza").1;
    assert_ne!(twice, first_step(2.0, "rocket").1);
    // The step is linear in the prediction, and the prediction in the scale.
    for ((one, two), three) in unguided.iter().zip(&twice).zip(&thrice) {
        assert!((one - 2.0 * two + three).abs() < 1e-5);
    }
}

#[test]
fn breaking_off_cancels_between_steps() {
    let mut seen = 0;
    let mut stop = |event: Event<'_>| match event {
        Event::State { step: 3, .. } => ControlFlow::Break(()),
        Event::State { step, .. } => {
            seen = step;
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Continue(()),
    };
    let error = toy_pipeline(ToyBackend::default()).generate(&request("a fox"), &mut stop).unwrap_err();
    assert!(matches!(error, ComputeError::Cancelled), "{error}");
    assert_eq!(seen, 2);
}

#[test]
fn numbers_that_are_not_finite_stop_the_run() {
    let backend = ToyBackend { nan_at: Some(167.0), ..ToyBackend::default() };
    let error = toy_pipeline(backend).generate(&request("a fox"), &mut NoObserver).unwrap_err();
    assert!(
        error.to_string().starts_with("unet gave a result that is not finite: state holds NaN at position 0")
    );
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let mut pipeline = toy_pipeline(ToyBackend::default());
    let request = request("a fox");
    let state = vec![0; 4 * 4 * 6 * 10];
    let mut answer = |question| pipeline.answer(&request, &question).unwrap_err().to_string();
    let long = [state.clone(), vec![0]].concat();
    assert_eq!(answer(Question::Step { step: 1, state: long }), "state has 961 bytes, expected 960");
    assert_eq!(answer(Question::Decode { state: Vec::new() }), "state has 0 bytes, expected 960");
    for step in [0, 7, usize::MAX] {
        let error = answer(Question::Step { step, state: state.clone() });
        assert_eq!(error, format!("step {step} is outside 1..=6"));
    }
    let infinite = f32::INFINITY.to_le_bytes().repeat(240);
    assert_eq!(
        answer(Question::Step { step: 2, state: infinite }),
        "state holds inf at position 0, must be finite"
    );

    let prepared = pipeline.prepare(&request).unwrap();
    let error = pipeline.step(&prepared, 1, &StepState::new(vec![0.0; 3])).unwrap_err();
    assert!(matches!(error, ComputeError::State(StateError::Shape { .. })), "{error}");
    let error = pipeline.initial_state_from(&prepared, vec![0.0; 239]).unwrap_err();
    assert_eq!(error.to_string(), "initial latents have 239 numbers, this request needs 240");
}

#[test]
fn requests_out_of_bounds_are_refused_in_one_line() {
    let mut pipeline = toy_pipeline(ToyBackend::default());
    let mut refused = |request: ImageRequest| match pipeline.prepare(&request).unwrap_err() {
        ComputeError::Request(error) => error.to_string(),
        other => panic!("{other}"),
    };
    let base = || request("a fox");
    assert_eq!(
        refused(ImageRequest { prompt: "x".repeat(2049), ..base() }),
        "prompt has 2049 bytes, at most 2048 are allowed"
    );
    assert_eq!(
        refused(ImageRequest { negative_prompt: "x".repeat(5000), ..base() }),
        "negative_prompt has 5000 bytes, at most 2048 are allowed"
    );
    assert_eq!(
        refused(ImageRequest { num_inference_steps: 0, ..base() }),
        "num_inference_steps 0 is not between 1 and 150"
    );
    assert_eq!(
        refused(ImageRequest { num_inference_steps: 151, ..base() }),
        "num_inference_steps 151 is not between 1 and 150"
    );
    assert_eq!(
        refused(ImageRequest { height: 60, ..base() }),
        "height 60 is not a multiple of 8 between 8 and 2048"
    );
    for width in [0, 2056] {
        let expected = format!("width {width} is not a multiple of 8 between 8 and 2048");
        assert_eq!(refused(ImageRequest { width, ..base() }), expected);
    }
    for guidance_scale in [f32::NAN, -0.5, 100.5] {
        let expected = format!("guidance_scale {guidance_scale} is not between 0 and 100");
        assert_eq!(refused(ImageRequest { guidance_scale, ..base() }), expected);
    }
    assert_eq!(
        refused(ImageRequest { clip_skip: 3, ..base() }),
        "clip_skip 3 leaves none of the text encoder's layers, at most 2 are left out"
    );
    assert!(matches!(
        ImageRequest { height: 1, ..base() }.check(pipeline.config()),
        Err(RequestError::Size { side: "height", pixels: 1, multiple: 8 })
    ));
}

#[test]
fn a_long_prompt_is_cut_and_counted() {
    let request = request(&"1 ".repeat(700));
    let generated = toy_pipeline(ToyBackend::default()).generate(&request, &mut NoObserver).unwrap();
    assert_eq!(generated.prompt_tokens_cut, 100);
    assert_eq!(generated.negative_tokens_cut, 0);
}

#[test]
fn pictures_of_a_request_on_the_chain_take_successive_seeds() {
    let size = ImageSize::new(64, 48).unwrap();
    let params = GenerationParams::builder(
        ModelId::from_bytes([1; 32]),
        ProfileId::from_bytes([2; 32]),
        "a fox",
        size,
    )
    .seed(u32::MAX)
    .num_inference_steps(9)
    .guidance_thousandths(3500)
    .num_images(2)
    .build()
    .unwrap();
    let first = ImageRequest::from_params(&params, 0).unwrap();
    assert_eq!((first.seed, first.guidance_scale, first.height, first.width), (u32::MAX, 3.5, 64, 48));
    assert_eq!(ImageRequest::from_params(&params, 1).unwrap(), ImageRequest { seed: 0, ..first });
}

#[test]
fn a_request_on_the_chain_starts_from_the_picture_it_names() {
    let file = RgbImage::new(8, 8, vec![200; 192]).unwrap().to_png().unwrap();
    let builder = |hash| {
        let size = ImageSize::new(64, 48).unwrap();
        let ids = (ModelId::from_bytes([1; 32]), ProfileId::from_bytes([2; 32]));
        GenerationParams::builder(ids.0, ids.1, "a fox", size)
            .num_inference_steps(10)
            .init_image(hash, Strength::from_thousandths(290).unwrap())
            .build()
            .unwrap()
    };
    let request = ImageRequest::from_params_with_init(&builder(FileHash::of(&file)), 1, &file).unwrap();
    let init = request.init.as_ref().unwrap();
    assert_eq!((init.image.height(), init.strength.thousandths(), request.seed), (8, 290, 1));
    // 2.9 of 10 steps: 2 are run.
    assert_eq!(request.skipped_steps(), 8);
    let broken = b"no picture";
    let error = ImageRequest::from_params_with_init(&builder(FileHash::of(broken)), 0, broken).unwrap_err();
    assert!(matches!(error, ComputeError::Image(_)), "{error}");
}

#[test]
fn every_question_gives_the_bytes_of_a_run_that_starts_from_a_picture() {
    let image = Arc::new(RgbImage::new(24, 40, (0..2880).map(|i| (i * 7 % 256) as u8).collect()).unwrap());
    for mask in [None, Some(Arc::clone(&image))] {
        let init =
            InitImage { image: Arc::clone(&image), strength: Strength::from_thousandths(500).unwrap(), mask };
        let request = ImageRequest { init: Some(init), ..request("a fox") };
        let mut trace = TraceRecorder::default();
        toy_pipeline(ToyBackend::default()).generate(&request, &mut trace).unwrap();
        let boundaries = trace.into_boundaries();
        assert_eq!(boundaries.len(), 5);
        let mut auditor = toy_pipeline(ToyBackend::default());
        assert_eq!(auditor.answer(&request, &Question::InitialState).unwrap(), boundaries[0]);
        for step in 1..=3 {
            let question = Question::Step { step, state: boundaries[step - 1].clone() };
            assert_eq!(auditor.answer(&request, &question).unwrap(), boundaries[step]);
        }
    }
}

#[test]
fn strengths_without_a_step_and_variations_out_of_range_are_refused() {
    let mut pipeline = toy_pipeline(ToyBackend::default());
    let image = Arc::new(RgbImage::new(24, 40, vec![0; 2880]).unwrap());
    let init = InitImage { image, strength: Strength::from_thousandths(166).unwrap(), mask: None };
    let error =
        pipeline.prepare(&ImageRequest { init: Some(init), ..request("a fox") }).unwrap_err().to_string();
    assert_eq!(error, "strength 166 thousandths of 6 steps leaves no step");
    for strength in [-0.1, 1.1, f32::NAN] {
        let variation = Some(Variation { seed: 3, strength });
        let error =
            pipeline.prepare(&ImageRequest { variation, ..request("a fox") }).unwrap_err().to_string();
        assert_eq!(error, format!("variation strength {strength} is not between 0 and 1"));
    }
}

#[test]
fn a_second_pass_starts_from_the_first() {
    let mut pipeline = toy_pipeline(ToyBackend::default());
    let hires = |strength| Hires {
        height: 48,
        width: 80,
        num_inference_steps: 6,
        strength: Strength::from_thousandths(strength).unwrap(),
    };
    let mut states = 0;
    let mut count = |event: Event<'_>| {
        states += usize::from(matches!(event, Event::State { .. }));
        ControlFlow::Continue(())
    };
    let large = pipeline.generate_hires(&request("a fox"), hires(500), &mut count).unwrap();
    // Six steps and the state before them, then three.
    assert_eq!((large.image.height(), large.image.width(), states), (48, 80, 11));
    let other = ImageRequest { seed: 9, ..request("a fox") };
    assert_ne!(pipeline.generate_hires(&other, hires(500), &mut NoObserver).unwrap(), large);
    let error = pipeline.generate_hires(&request("a fox"), hires(100), &mut NoObserver).unwrap_err();
    assert_eq!(error.to_string(), "strength 100 thousandths of 6 steps leaves no step");
    let odd = Hires { height: 50, ..hires(500) };
    let error = pipeline.generate_hires(&request("a fox"), odd, &mut NoObserver).unwrap_err();
    assert!(error.to_string().starts_with("height 50 is not a multiple of 8"), "{error}");
}

#[test]
fn a_variation_leads_from_one_seed_to_the_other() {
    let mut pipeline = toy_pipeline(ToyBackend::default());
    let mut initial = |seed, variation: Option<f32>| {
        let variation = variation.map(|strength| Variation { seed: 77, strength });
        let prepared = pipeline.prepare(&ImageRequest { seed, variation, ..request("a fox") }).unwrap();
        pipeline.initial_state(&prepared).unwrap().latents
    };
    let (start, end) = (initial(5, None), initial(77, None));
    assert_close("start", &initial(5, Some(0.0)), &start, 1e-7);
    assert_close("end", &initial(5, Some(1.0)), &end, 1e-7);
    let middle = initial(5, Some(0.5));
    // As far from both, and as large.
    let distances = [&start, &end].map(|side| relative_l2(&middle, side));
    assert!((distances[0] - distances[1]).abs() < 0.1, "{distances:?}");
    let size = |latents: &[f32]| latents.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt();
    assert!((size(&middle) / size(&start) - 1.0).abs() < 0.1);
}

#[test]
fn a_request_that_starts_from_an_image_is_refused_not_drawn_from_noise() {
    let size = ImageSize::new(64, 64).unwrap();
    let params = GenerationParams::builder(
        ModelId::from_bytes([1; 32]),
        ProfileId::from_bytes([2; 32]),
        "a fox",
        size,
    )
    .init_image(FileHash::from_bytes([3; 32]), Strength::from_thousandths(500).unwrap())
    .build()
    .unwrap();
    let missing = RequestError::InitImageMissing(FileHash::from_bytes([3; 32]));
    assert_eq!(ImageRequest::from_params(&params, 0), Err(missing));
    let error = ImageRequest::from_params_with_init(&params, 0, b"another file").unwrap_err().to_string();
    assert!(error.starts_with("the initial picture has file hash "), "{error}");
}
