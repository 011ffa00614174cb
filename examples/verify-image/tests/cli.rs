//! The program as a user runs it, on pictures of emoji-64.

use std::fs;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dfsn_compute::exact::{ExactOptions, load_pipeline};
use dfsn_compute::{ImageRequest, Provenance, RgbImage, TraceLine, TraceRecorder, manifest};
use dfsn_types::{GenerationParams, ImageSize, ModelId, ProfileId, ProfileRecord};
use serde_json::Value;
use tempfile::TempDir;

const STEPS: u16 = 4;

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/emoji-64")
}

fn params(seed: u32, steps: u16, model: ModelId, profile: ProfileId) -> GenerationParams {
    GenerationParams::builder(model, profile, "a fox on a blue background", ImageSize::new(64, 64).unwrap())
        .seed(seed)
        .num_inference_steps(steps)
        .build()
        .unwrap()
}

fn asked(seed: u32, steps: u16) -> Provenance {
    let id = manifest(model()).unwrap().id();
    Provenance::of(params(seed, steps, id, ProfileRecord::EXACT_V1.id()), 0)
}

/// A picture and its states, as the network draws them.
fn drawn(provenance: &Provenance) -> (RgbImage, Vec<Vec<u8>>) {
    let options = ExactOptions { threads: NonZeroU16::new(1), ..ExactOptions::default() };
    let mut recorder = TraceRecorder::default();
    let request = ImageRequest::from_params(&provenance.params, provenance.image).unwrap();
    let drawn = load_pipeline(model(), options).unwrap().generate(&request, &mut recorder).unwrap();
    (drawn.image, recorder.into_boundaries())
}

fn write_png(path: &Path, picture: &RgbImage, told: &Provenance) {
    let request = ImageRequest::from_params(&told.params, told.image).unwrap();
    fs::write(path, picture.to_png_with(&told.to_text(&request, "emoji-64").unwrap()).unwrap()).unwrap();
}

fn write_trace(path: &Path, told: &Provenance, states: &[Vec<u8>], keep: bool) {
    let profile = ProfileRecord::EXACT_V1;
    let first = TraceLine::Picture { image: 0, profile, dfsn: Some(Box::new(told.clone())) };
    let states = (0..).zip(states).map(|(t, state)| TraceLine::boundary(0, t, state, keep));
    let lines = [first].into_iter().chain(states);
    let text: String = lines.map(|line| serde_json::to_string(&line).unwrap() + "\n").collect();
    fs::write(path, text).unwrap();
}

/// Files of one picture in a folder.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn verify(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_verify-image"))
            .args(["--threads", "1"])
            .args(arguments)
            .current_dir(self.0.path())
            .env("DFSN_CACHE", env!("CARGO_TARGET_TMPDIR"))
            .output()
            .unwrap()
    }

    /// The report, after a run that ended with this status.
    #[track_caller]
    fn report(&self, status: i32, arguments: &[&str]) -> Value {
        let output = self.verify(&[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["verified"], status == 0);
        report
    }

    /// Asserts that it cannot be told, and why.
    #[track_caller]
    fn unknown(&self, arguments: &[&str], expected: &str) {
        let output = self.verify(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains(expected), "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_picture_is_what_it_says_until_a_pixel_or_a_word_of_it_is_changed() {
    let files = Files::new();
    let told = asked(7, STEPS);
    let (picture, _) = drawn(&told);
    write_png(&files.at("good.png"), &picture, &told);
    let report = files.report(0, &["good.png"]);
    assert_eq!((&report["difference"], &report["boundaries"]), (&Value::Null, &6.into()));
    assert_eq!(report["redone"].as_array().unwrap().len(), 6);
    assert_eq!(report["pixel_hash"], picture.pixel_hash().to_string());
    let plain = files.verify(&["good.png"]);
    assert!(String::from_utf8(plain.stdout).unwrap().starts_with("yes: drawn again"));

    let mut pixels = picture.pixels().to_vec();
    pixels[5_000] ^= 1;
    write_png(&files.at("pixel.png"), &RgbImage::new(64, 64, pixels).unwrap(), &told);
    write_png(&files.at("seed.png"), &picture, &asked(8, STEPS));
    write_png(&files.at("steps.png"), &picture, &asked(7, STEPS + 1));
    for name in ["pixel.png", "seed.png", "steps.png"] {
        assert_eq!(files.report(1, &[name])["difference"], "pixels", "{name}");
    }
    write_png(&files.at("size.png"), &picture.resized(64, 128), &told);
    assert_eq!(files.report(1, &["size.png"])["difference"], "size");
}

#[test]
fn steps_of_a_trace_are_redone_from_their_states() {
    let files = Files::new();
    let told = asked(7, STEPS);
    let (picture, states) = drawn(&told);
    write_png(&files.at("good.png"), &picture, &told);
    write_trace(&files.at("good.jsonl"), &told, &states, true);
    for arguments in [&["--trace", "good.jsonl"][..], &["good.png", "--trace", "good.jsonl", "--seed", "3"]] {
        let report = files.report(0, arguments);
        let redone = report["redone"].as_array().unwrap();
        assert!(redone.len() == 3 && redone[0] == 0, "{redone:?}");
    }
    let all = files.report(0, &["--trace", "good.jsonl", "--steps", "9"]);
    assert_eq!(all["redone"], serde_json::json!([0, 1, 2, 3, 4, 5]));
    let chosen = files.report(0, &["--trace", "good.jsonl", "--seed", "3"]);
    assert_eq!(files.report(0, &["--trace", "good.jsonl", "--seed", "3"]), chosen);
    let plain = files.verify(&["--trace", "good.jsonl", "--steps", "1"]);
    assert!(String::from_utf8(plain.stdout).unwrap().starts_with("yes, as far as 1 of 5 steps tell"));

    // One bit of one number after step 2: neither does step 2 give it, nor step 3 from it what follows.
    let mut forged = states.clone();
    forged[2][0] ^= 1;
    write_trace(&files.at("forged.jsonl"), &told, &forged, true);
    let forged = files.report(1, &["--trace", "forged.jsonl", "--steps", "5"]);
    assert_eq!(forged["difference"], serde_json::json!({"boundary": 2}));
    // Another seed's states, and those of fewer steps.
    write_trace(&files.at("seed.jsonl"), &asked(8, STEPS), &states, true);
    let other = files.report(1, &["--trace", "seed.jsonl", "--steps", "1"]);
    assert_eq!(other["difference"], serde_json::json!({"boundary": 0}));
    // A picture that is not the trace's.
    let mut pixels = picture.pixels().to_vec();
    pixels[0] ^= 1;
    write_png(&files.at("pixel.png"), &RgbImage::new(64, 64, pixels).unwrap(), &told);
    let other = files.report(1, &["pixel.png", "--trace", "good.jsonl"]);
    assert_eq!(other["difference"], "pixels");
}

#[test]
fn a_trace_of_hashes_is_compared_with_a_whole_run() {
    let files = Files::new();
    let told = asked(7, STEPS);
    let (_, mut states) = drawn(&told);
    write_trace(&files.at("good.jsonl"), &told, &states, false);
    assert_eq!(files.report(0, &["--trace", "good.jsonl"])["redone"].as_array().unwrap().len(), 6);
    states[3][1] ^= 1;
    write_trace(&files.at("forged.jsonl"), &told, &states, false);
    let forged = files.report(1, &["--trace", "forged.jsonl"]);
    assert_eq!(forged["difference"], serde_json::json!({"boundary": 3}));
}

#[test]
fn what_cannot_be_told_is_said_with_its_remedy() {
    let files = Files::new();
    let told = asked(7, STEPS);
    let picture = RgbImage::new(64, 64, vec![9; 3 * 64 * 64]).unwrap();
    fs::write(files.at("bare.png"), picture.to_png().unwrap()).unwrap();
    files.unknown(&["bare.png"], "lacks the text `dfsn`");
    files.unknown(&["none.png"], "none.png: ");
    fs::write(files.at("text.png"), "no picture").unwrap();
    files.unknown(&["text.png"], "not a PNG file");
    write_png(&files.at("good.png"), &picture, &told);
    files.unknown(&["good.png", "--model", "nowhere"], "name one with --model DIR");
    files.unknown(&["good.png", "--init-image", "bare.png"], "starts from noise");
    let exact = ProfileRecord::EXACT_V1.id();
    let other_model = Provenance::of(params(7, 4, ModelId::from_bytes([1; 32]), exact), 0);
    write_png(&files.at("model.png"), &picture, &other_model);
    files.unknown(&["model.png"], "name its folder with --model DIR");
    let float = params(7, 4, told.params.model(), ProfileId::from_bytes([1; 32]));
    write_png(&files.at("float.png"), &picture, &Provenance::of(float, 0));
    files.unknown(&["float.png"], "only exact-v1 can be verified");
    fs::write(files.at("bad.jsonl"), "{}\n").unwrap();
    files.unknown(&["--trace", "bad.jsonl"], "bad.jsonl: line 1: ");
    write_trace(&files.at("short.jsonl"), &told, &[vec![1]], true);
    files.unknown(&["--trace", "short.jsonl"], "holds 1 boundaries of this picture, its request has 6");
    files.unknown(&["--trace", "short.jsonl", "--image", "1"], "has no picture 1");
    files.unknown(&["good.png", "--steps", "2"], "--trace");
}
