//! Prompts, and files of textual inversions: users write the first and strangers publish the second.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use dfsn_compute::config::TokenizerConfig;
use dfsn_compute::prompt::{MAX_CHUNKS, MAX_WEIGHT, Piece, Triggers, chunks, parse};
use dfsn_compute::{TextualInversion, Tokenizer};
use libfuzzer_sys::fuzz_target;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64/tokenizer");

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let config = TokenizerConfig::load(Path::new(MODEL)).expect("the model is there");
    Tokenizer::load(MODEL, &config, 2314).expect("the model is there")
});

fuzz_target!(|data: &[u8]| {
    let inversion: Vec<TextualInversion> = TextualInversion::from_bytes("fox", data).into_iter().collect();
    let prompt = String::from_utf8_lossy(data);
    for piece in parse(&prompt) {
        if let Piece::Text { weight, .. } = piece {
            assert!(f64::from(weight.abs()) <= MAX_WEIGHT, "weights are bounded");
        }
    }
    let triggers = Triggers::new(&TOKENIZER, &inversion);
    let (chunks, cut) = chunks(&TOKENIZER, &triggers, &prompt);
    assert!((1..=MAX_CHUNKS).contains(&chunks.len()) && (cut == 0 || chunks.len() == MAX_CHUNKS));
    for chunk in chunks {
        assert_eq!(chunk.ids.len(), chunk.weights.len(), "one weight for each token");
    }
});
