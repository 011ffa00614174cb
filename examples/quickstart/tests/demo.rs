//! The demo as scripts see it: flags, exit status, files, and the JSON of its last line.

#[path = "../../../dfsn-compute/tests/common/poison.rs"]
mod poison;

use std::path::Path;
use std::process::{Command, Output};

use dfsn_types::{FileHash, PixelHash};
use serde_json::Value;

fn demo(out: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .args(args)
        .arg("--out")
        .arg(out)
        .output()
        .expect("the demo starts")
}

/// Runs the demo with a few steps, and reads the report.
fn report(out: &Path, args: &[&str]) -> Value {
    let args = [args, &["--steps", "8", "--json"]].concat();
    let output = demo(out, &args);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(text.lines().last().expect("a last line")).expect("JSON")
}

fn amount(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no amount: {value}"))
}

fn assert_supply(report: &Value) {
    assert_eq!(amount(&report["supply"]["minted"]), amount(&report["supply"]["counted"]));
}

/// Faults of the slashed, all of one validator, and how much it lost.
fn slashed(report: &Value) -> (Vec<&str>, u128) {
    let slashes = report["slashes"].as_array().expect("a list");
    let culprits: std::collections::BTreeSet<&str> =
        slashes.iter().filter_map(|slash| slash["validator"].as_str()).collect();
    assert_eq!(culprits.len(), 1, "one participant misbehaves: {slashes:?}");
    let faults = slashes.iter().filter_map(|slash| slash["fault"].as_str()).collect();
    (faults, slashes.iter().map(|slash| amount(&slash["amount"])).sum())
}

#[test]
fn honest_run_writes_pictures_with_the_hashes_on_chain() {
    let out = tempfile::tempdir().unwrap();
    let report = report(out.path(), &["a fox on a blue background", "--images", "2", "--seed", "3"]);
    assert_eq!(report["status"], "settled");
    assert_eq!(report["slashes"], Value::Array(Vec::new()));
    assert_eq!(report["audits"].as_array().map(Vec::len), Some(3));
    assert!(report["audits"].as_array().unwrap().iter().all(|audit| audit["outcome"] == "agrees"));
    let images = report["images"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    for image in images {
        let file = std::fs::read(image["path"].as_str().unwrap()).unwrap();
        assert_eq!(image["file_hash"], FileHash::of(&file).to_string());
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        let hash = PixelHash::of_rgb8(frame.height, frame.width, &pixels);
        assert_eq!(image["pixel_hash"], hash.to_string());
    }
    assert_ne!(images[0]["pixel_hash"], images[1]["pixel_hash"]);
    assert_supply(&report);
    let (before, after) = (&report["balances"]["before"][0], &report["balances"]["after"][0]);
    let paid = amount(&before["balance"]) - amount(&after["balance"]);
    assert!(paid >= amount(&report["price"]), "the user paid the price and gas");
}

#[test]
fn second_image_is_the_first_of_the_next_seed() {
    let out = tempfile::tempdir().unwrap();
    let pair = report(out.path(), &["pizza", "--images", "2", "--seed", "3"]);
    let single = report(out.path(), &["pizza", "--seed", "4"]);
    assert_eq!(pair["images"][1]["pixel_hash"], single["images"][0]["pixel_hash"]);
}

/// One number is enough, be it a bit of the picture that nobody would see. The tombstone leaves three validators: too few
/// for another attempt.
#[test]
fn one_wrong_number_costs_the_whole_lock() {
    for cheat in ["garbage", "fewer-steps", "other-seed", "flipped-bit"] {
        let out = tempfile::tempdir().unwrap();
        let report = report(out.path(), &["--cheat", cheat]);
        let (faults, lost) = slashed(&report);
        assert_eq!((faults, lost), (vec!["contradiction"], 100 * amount(&report["price"])), "{cheat}");
        assert!(report["status"]["refunded"].is_string(), "{cheat}: {}", report["status"]);
        assert_supply(&report);
    }
}

#[test]
fn silent_worker_loses_ten_prices_and_another_serves() {
    let out = tempfile::tempdir().unwrap();
    let report = report(out.path(), &["--cheat", "silent"]);
    let (faults, lost) = slashed(&report);
    assert_eq!((faults, lost), (vec!["missed_deadline"], 10 * amount(&report["price"])));
    assert_eq!(report["status"], "settled");
    assert_supply(&report);
}

/// The liar's jail leaves three validators: too few to audit another attempt, so the user is refunded.
#[test]
fn withheld_opening_costs_the_whole_lock() {
    let out = tempfile::tempdir().unwrap();
    let report = report(out.path(), &["--cheat", "withhold"]);
    let (faults, lost) = slashed(&report);
    assert_eq!((faults, lost), (vec!["silence"], 100 * amount(&report["price"])));
    assert!(report["status"]["refunded"].is_string(), "{}", report["status"]);
    assert_eq!(report["images"], Value::Array(Vec::new()));
    let (before, after) = (&report["balances"]["before"][0], &report["balances"]["after"][0]);
    let paid = amount(&before["balance"]) - amount(&after["balance"]);
    assert!(paid < amount(&report["price"]), "only gas is paid");
    assert_supply(&report);
}

#[test]
fn lazy_auditor_pays_and_the_worker_is_served_out() {
    let out = tempfile::tempdir().unwrap();
    let report = report(out.path(), &["--cheat", "lazy-auditor"]);
    let (faults, _) = slashed(&report);
    assert_eq!(faults, ["wrong_answer"]);
    assert_eq!((&report["status"], &report["attempt"]), (&"settled".into(), &1.into()));
    assert_ne!(report["worker"], report["slashes"][0]["validator"]);
    assert_supply(&report);
}

#[test]
fn bad_input_is_one_clear_line_and_leaves_nothing() {
    let out = tempfile::tempdir().unwrap();
    let long = "x".repeat(2049);
    let missing = out.path().join("no-such-model");
    let missing = missing.to_str().unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--images", "5"], "5"),
        (&["--steps", "0"], "0"),
        (&["--guidance", "warm"], "warm"),
        (&[&long], "2049"),
        (&["--model", missing], "no-such-model"),
        (&["--seed", "-1"], "0..=4294967295"),
        (&["--negative", &long], "negative_prompt"),
        (&["--cheat", "fewer-steps", "--steps", "1"], "at least 2 steps"),
    ];
    for (args, named) in cases {
        let output = demo(out.path(), args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{args:?}");
        assert!(error.contains(named), "{args:?}: {error}");
        assert!(error.starts_with("error: "), "{error}");
        assert!(output.stdout.is_empty(), "{args:?}: refused before the network starts");
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0, "{args:?}: nothing is written");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("taken");
    std::fs::write(&file, "a file, no folder").unwrap();
    let output = demo(&file, &["--steps", "2"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("taken") && error.contains("--out"), "{error}");
    assert!(output.stdout.is_empty(), "refused before anything is paid for");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_one_line_and_no_panic() {
    let out = tempfile::tempdir().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .args(["--steps", "1", "--out"])
        .arg(out.path())
        .stdout(full)
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.starts_with("error: cannot print: ") && error.lines().count() == 1, "{error}");
}

/// The embedded model with a decoder that overflows, in a folder of its own.
fn overflowing_model(dir: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/emoji-64");
    for part in ["", "scheduler", "text_encoder", "tokenizer", "unet", "vae"] {
        std::fs::create_dir_all(dir.join(part)).unwrap();
        let files = std::fs::read_dir(source.join(part)).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|path| path.is_file()) {
            std::fs::copy(&file, dir.join(part).join(file.file_name().unwrap())).unwrap();
        }
    }
    let decoder = dir.join("vae/diffusion_pytorch_model.safetensors");
    let bytes = poison::poisoned(&std::fs::read(&decoder).unwrap(), "decoder.conv_in.bias", 3e38);
    std::fs::write(decoder, bytes).unwrap();
}

/// Nobody is slashed; the auditors are paid and the rest goes back.
#[test]
fn a_picture_that_fails_is_refunded() {
    let (out, model) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    overflowing_model(model.path());
    let report = report(out.path(), &["a fox", "--model", model.path().to_str().unwrap()]);
    assert_eq!(report["status"], serde_json::json!({ "refunded": "failed" }), "{report}");
    assert_eq!(report["slashes"], Value::Array(Vec::new()));
    assert_eq!(report["images"], Value::Array(Vec::new()));
    let audits = report["audits"].as_array().unwrap();
    assert!(!audits.is_empty() && audits.iter().all(|audit| audit["outcome"] == "agrees"), "{audits:?}");
    let (before, after) = (&report["balances"]["before"][0], &report["balances"]["after"][0]);
    let paid = amount(&before["balance"]) - amount(&after["balance"]);
    assert!(paid > 0 && paid < amount(&report["price"]), "audits, a fee and gas");
    assert_supply(&report);
}
