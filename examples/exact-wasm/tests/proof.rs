//! A worker's step is redone from what it opens; what was changed is found before anything is computed.

use std::fs;
use std::path::Path;

use dfsn_compute::{MemoryFiles, PngText, Provenance, RgbImage, Trace, TraceContext, manifest};
use dfsn_types::{
    Address, Attempt, Boundary, GenerationParams, GenesisHash, ImageSize, JobId, ProfileRecord, SchedulerKind,
};
use exact_wasm::{NotProven, Session, SessionError, read_picture};
use serde_json::{Value, json};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const STEPS: u16 = 3;

fn session() -> Session {
    let folder = Path::new(ROOT).join("models/emoji-64");
    let listed = manifest(&folder).unwrap();
    let names = listed.files.iter().map(|file| file.path.as_str());
    let files = MemoryFiles::from_iter(names.map(|name| (name, fs::read(folder.join(name)).unwrap())));
    Session::load(files).unwrap()
}

#[test]
fn a_step_is_redone_from_what_its_worker_opens() {
    let mut session = session();
    let size = ImageSize::new(64, 64).unwrap();
    let params = GenerationParams::builder(session.model(), ProfileRecord::EXACT_V1.id(), "pizza", size)
        .seed(7)
        .num_inference_steps(STEPS)
        .scheduler(SchedulerKind::Ddim)
        .build()
        .unwrap();
    let request = json!({
        "prompt": "pizza", "seed": 7, "num_inference_steps": STEPS, "guidance_scale": 7.5, "scheduler": "ddim",
        "height": 64, "width": 64,
    });
    let drawn = session.draw(request.to_string().as_bytes()).unwrap();
    let context = TraceContext {
        genesis: GenesisHash::from_bytes([1; 32]),
        job: JobId::from_bytes([2; 32]),
        attempt: Attempt::FIRST,
        worker: Address::from_bytes([3; 20]),
    };
    let states = drawn.boundaries;
    let trace = Trace::new(&context, &params, &[4; 32], vec![states.clone()]).unwrap();
    let open = |t: u16| trace.tree().open(Boundary { image: 0, t }).unwrap();
    let claim = |step: u16| {
        json!({
            "genesis": context.genesis, "job": context.job, "attempt": context.attempt, "worker": context.worker,
            "params": params, "trace_root": trace.tree().root(), "image": 0, "step": step,
            "before": open(step - 1), "after": open(step),
        })
    };
    #[expect(clippy::result_large_err, reason = "the error is what is looked at")]
    let mut redo =
        |claim: &Value, state: &[u8]| session.redo(claim.to_string().as_bytes(), state.to_vec(), &[]);
    for step in 1..=STEPS + 1 {
        let redone = redo(&claim(step), &states[usize::from(step) - 1]).unwrap();
        assert_eq!(serde_json::to_value(&redone).unwrap()["same"], json!(true), "{step}");
    }

    let mut other = states[0].clone();
    other[0] ^= 1;
    assert!(matches!(redo(&claim(1), &other), Err(SessionError::NotProven(NotProven::State))));
    let mut skipped = claim(1);
    skipped["after"] = serde_json::to_value(open(2)).unwrap();
    assert!(matches!(redo(&skipped, &states[0]), Err(SessionError::NotProven(NotProven::Openings(1)))));
    let mut forged = claim(2);
    forged["after"]["digest"] = forged["before"]["digest"].clone();
    assert!(matches!(redo(&forged, &states[1]), Err(SessionError::NotProven(NotProven::Trace(_)))));
    let mut foreign = claim(2);
    foreign["params"]["model"] = json!("ab".repeat(32));
    assert!(matches!(redo(&foreign, &states[1]), Err(SessionError::OtherModel { .. })));

    // A worker that took another way: both ends are its own, and the step between them is not the model's.
    let mut lies = states.clone();
    lies[2][0] ^= 1;
    let lie = Trace::new(&context, &params, &[4; 32], vec![lies]).unwrap();
    let at = |t: u16| lie.tree().open(Boundary { image: 0, t }).unwrap();
    let mut false_step = claim(2);
    false_step["trace_root"] = json!(lie.tree().root());
    (false_step["before"], false_step["after"]) = (json!(at(1)), json!(at(2)));
    let redone = redo(&false_step, &states[1]).unwrap();
    assert_eq!(serde_json::to_value(&redone).unwrap()["same"], json!(false));
}

#[test]
fn a_file_tells_its_hashes_and_what_it_claims() {
    let picture = RgbImage::new(8, 8, vec![90; 192]).unwrap();
    let plain = serde_json::to_value(read_picture(&picture.to_png().unwrap()).unwrap()).unwrap();
    assert_eq!((&plain["claim"], &plain["problem"]), (&Value::Null, &Value::Null));
    assert_eq!(plain["pixels"], json!(picture.pixel_hash()));

    let size = ImageSize::new(8, 8).unwrap();
    let model = dfsn_types::ModelId::from_bytes([5; 32]);
    let params = GenerationParams::builder(model, ProfileRecord::EXACT_V1.id(), "<b>", size).build().unwrap();
    let claim = serde_json::to_string(&Provenance::of(params, 0)).unwrap();
    let with = |dfsn: &str| {
        let text = PngText { parameters: None, dfsn: Some(dfsn.to_owned()) };
        serde_json::to_value(read_picture(&picture.to_png_with(&text).unwrap()).unwrap()).unwrap()
    };
    assert_eq!(with(&claim)["claim"]["params"]["prompt"], json!("<b>"));
    assert!(with(&claim.replace("<b>", "<b>\",\"x\":\"")).to_string().contains("problem\":\""));
    assert!(read_picture(b"no picture").is_err());
}
