//! Token ids equal to transformers' CLIPTokenizer.

use std::fs;
use std::path::Path;

use dfsn_compute::config::TokenizerConfig;
use dfsn_compute::{Tokenizer, TokenizerError};
use serde::Deserialize;

use crate::golden::{emoji_64, golden_json};

#[derive(Deserialize)]
struct Case {
    pad: String,
    text: String,
    ids: Vec<u32>,
    cut: usize,
}

fn load(dir: &Path, pad: &str) -> Tokenizer {
    let config = TokenizerConfig { pad_token: pad.to_owned(), ..TokenizerConfig::load(dir).unwrap() };
    Tokenizer::load(dir, &config, 2314).unwrap()
}

#[test]
fn ids_equal_those_of_transformers() {
    let cases: Vec<Case> = golden_json("tokenizer.json");
    assert!(cases.len() >= 30);
    // From vocab.json and merges.txt, and from tokenizer.json alone.
    let two_files = emoji_64().join("tokenizer");
    let one_file = tempfile::tempdir().unwrap();
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        fs::copy(two_files.join(name), one_file.path().join(name)).unwrap();
    }
    for case in cases {
        for dir in [&two_files, one_file.path()] {
            let tokens = load(dir, &case.pad).encode(&case.text);
            assert_eq!(tokens.ids, case.ids, "{:?} padded with {:?}", case.text, case.pad);
            assert_eq!(tokens.num_cut, case.cut, "{:?}", case.text);
        }
    }
}

#[test]
fn a_tokenizer_json_of_another_kind_is_refused() {
    let vocab = r#""vocab": {"<s>": 0, "</s>": 1, "a": 2, "b</w>": 3, "ab</w>": 4}"#;
    let clip = r#""type": "BPE", "end_of_word_suffix": "</w>""#;
    let load = |text: &str| {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("tokenizer.json"), text).unwrap();
        load_dir(dir.path())
    };
    let merges = r#""merges": [["a", "b</w>"]]"#;
    for merges in [merges, r#""merges": ["a b</w>"]"#] {
        let tokenizer = load(&format!(r#"{{"model": {{{clip}, {vocab}, {merges}}}}}"#)).unwrap();
        assert_eq!(tokenizer.encode("AB").ids, [0, 4, 1, 1, 1]);
    }
    let cases = [
        (String::from("{}"), "model.type = nothing is not supported, only BPE"),
        (r#"{"model": {"type": "Unigram"}}"#.to_owned(), "model.type = \"Unigram\" is not supported"),
        (r#"{"model": {"type": "BPE", "end_of_word_suffix": ""}}"#.to_owned(), "only </w>"),
        (format!(r#"{{"model": {{{clip}, "vocab": [], {merges}}}}}"#), "model.vocab = []"),
        (format!(r#"{{"model": {{{clip}, {vocab}}}}}"#), "model.merges = nothing"),
        (format!(r#"{{"model": {{{clip}, {vocab}, "merges": [["a"]]}}}}"#), "line 1 is not two tokens"),
        (format!(r#"{{"model": {{{clip}, {vocab}, "merges": [["b</w>", "a"]]}}}}"#), "line 1 is not two"),
    ];
    for (text, expected) in cases {
        let error = load(&text).unwrap_err().to_string();
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn special_tokens_map_wins_over_tokenizer_config() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tokenizer_config.json"), r#"{"pad_token": "<|endoftext|>"}"#).unwrap();
    let config = TokenizerConfig::load(dir.path()).unwrap();
    assert_eq!((config.pad_token.as_str(), config.model_max_length), ("<|endoftext|>", 77));
    fs::write(dir.path().join("special_tokens_map.json"), r#"{"pad_token": {"content": "!"}}"#).unwrap();
    assert_eq!(TokenizerConfig::load(dir.path()).unwrap().pad_token, "!");
}

/// Loads a tokenizer folder with two small files.
fn load_files(vocab: &str, merges: &str) -> Result<Tokenizer, TokenizerError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("vocab.json"), vocab).unwrap();
    fs::write(dir.path().join("merges.txt"), merges).unwrap();
    load_dir(dir.path())
}

fn load_dir(dir: &Path) -> Result<Tokenizer, TokenizerError> {
    let token = |text: &str| text.to_owned();
    let config = TokenizerConfig {
        model_max_length: 5,
        bos_token: token("<s>"),
        eos_token: token("</s>"),
        unk_token: token("</s>"),
        pad_token: token("</s>"),
    };
    Tokenizer::load(dir, &config, 10)
}

#[test]
fn broken_files_are_refused_in_one_line() {
    let vocab = r#"{"<s>": 0, "</s>": 1, "a": 2, "b</w>": 3, "ab</w>": 4}"#;
    assert_eq!(load_files(vocab, "#version: 0.2\na b</w>\n").unwrap().encode("AB c").ids, [0, 4, 1, 1, 1]);
    let cases = [
        ("[1]", "", "root of the JSON is not an object"),
        ("{", "", "vocab.json is not valid JSON"),
        (r#"{"</s>": 0, "<s>": 0}"#, "", "\"<s>\" has no valid id"),
        (r#"{"<s>": 0, "</s>": -1}"#, "", "\"</s>\" has no valid id"),
        (r#"{"<s>": 0, "</s>": 10}"#, "", "token id 10 is beyond the text encoder's vocab_size 10"),
        (r#"{"<s>": 0}"#, "", "special token \"</s>\" is not in the vocabulary"),
        (vocab, "a b</w>\na a\n", "merges.txt: line 2 is not two tokens whose join is in the vocabulary"),
        (vocab, "ab\n", "merges.txt: line 1 is not two tokens"),
    ];
    for (vocab, merges, expected) in cases {
        let error = load_files(vocab, merges).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}
