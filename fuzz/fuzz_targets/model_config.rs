//! The JSON files of a model folder and its tokenizer: strangers publish those, too.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::{env, fs, process};

use dfsn_compute::config::{SchedulerConfig, TextEncoderConfig, TokenizerConfig, UNetConfig, VaeConfig};
use dfsn_compute::{TextualInversion, Tokenizer};
use libfuzzer_sys::fuzz_target;

/// In memory where the system has such a folder.
static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() { memory } else { env::temp_dir() };
    let dir = base.join(format!("dfsn-fuzz-{}", process::id()));
    fs::create_dir_all(&dir).expect("a temporary folder");
    dir
});

fuzz_target!(|data: &[u8]| {
    let file = DIR.join("config.json");
    fs::write(&file, data).expect("a temporary file");
    let _ = UNetConfig::load(&file);
    let _ = VaeConfig::load(&file).map(|config| config.scale_factor());
    let _ = TextEncoderConfig::load(&file);
    let _ = SchedulerConfig::load(&file);
    let _ = TextualInversion::load(&file);
    if let Ok(serde_json::Value::Object(map)) = serde_json::from_slice(data) {
        let _ = SchedulerConfig::from_json("config", map);
    }
    tokenizer(data);
});

/// Four files, between bytes that no text has.
fn tokenizer(data: &[u8]) {
    let mut parts = data.splitn(4, |byte| *byte == 0xff);
    for name in ["tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt"] {
        fs::write(DIR.join(name), parts.next().unwrap_or_default()).expect("a temporary file");
    }
    let Ok(config) = TokenizerConfig::load(&*DIR) else { return };
    let Ok(tokenizer) = Tokenizer::load(&*DIR, &config, 49_408) else { return };
    let tokens = tokenizer.encode(&String::from_utf8_lossy(data));
    assert_eq!(tokens.ids.len(), tokenizer.max_length(), "always the same number of tokens");
}
