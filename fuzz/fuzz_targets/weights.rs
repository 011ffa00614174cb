//! Files of weights, and names of instruction sets: strangers publish the first and users type the second.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::{env, fs, process};

use dfsn_compute::exact::{ExactBackend, ExactOptions, ExactWeights, Isa};
use dfsn_compute::{ModelConfig, infer_config};
use libfuzzer_sys::fuzz_target;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");

/// The embedded model with its weights in a file of the fuzzer's, in memory where the system has such a folder.
static CONFIG: LazyLock<(ModelConfig, PathBuf)> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() { memory } else { env::temp_dir() };
    let file = base.join(format!("dfsn-fuzz-{}.safetensors", process::id()));
    let config = ModelConfig::load(MODEL).expect("the model is there");
    (ModelConfig { checkpoint: Some(file.clone()), ..config }, file)
});

fuzz_target!(|data: &[u8]| {
    let (config, file) = &*CONFIG;
    fs::write(file, data).expect("a temporary file");
    let _ = infer_config(file, MODEL, None);
    assert!(ExactWeights::load(config).is_err(), "a few bytes hold no model");
    assert!(ExactBackend::load(config, ExactOptions::default()).is_err(), "a few bytes hold no model");
    if let Ok(isa) = String::from_utf8_lossy(data).parse::<Isa>() {
        assert_eq!(isa.to_string().as_bytes(), data, "one name each");
    }
});
