//! The session draws the golden picture, in whatever profile this is built.

use std::fs;
use std::path::Path;

use dfsn_compute::{MemoryFiles, manifest};
use exact_wasm::Session;
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn a_session_draws_the_golden_picture_and_answers_for_its_parts() {
    let folder = Path::new(ROOT).join("models/emoji-64");
    let listed = manifest(&folder).unwrap();
    let names = listed.files.iter().map(|file| file.path.as_str());
    let files = MemoryFiles::from_iter(names.map(|name| (name, fs::read(folder.join(name)).unwrap())));
    let mut session = Session::load(files).unwrap();
    assert_eq!(session.model(), listed.id());

    let golden = fs::read(Path::new(ROOT).join("dfsn-compute/tests/exact/golden.json")).unwrap();
    let golden: Value = serde_json::from_slice(&golden).unwrap();
    let request = golden[0]["request"].to_string().into_bytes();
    let drawn = session.draw(&request).unwrap();
    assert_eq!(drawn.digest.to_hex()[..32], golden[0]["digest"].as_str().unwrap()[..]);
    let second = session.answer(&request, 2, drawn.boundaries[1].clone()).unwrap();
    assert!(second == drawn.boundaries[2]);
    let refused = session.answer(&request, 2, vec![0; 3]).unwrap_err().to_string();
    assert!(refused.contains("state has 3 bytes"), "{refused}");
}
