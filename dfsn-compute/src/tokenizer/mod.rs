//! The CLIP tokenizer: byte-level byte pair encoding.

mod files;

use std::collections::HashMap;
use std::path::PathBuf;

use regex::Regex;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::config::{ConfigError, TokenizerConfig};
use crate::model_path::ModelPath;
use files::{Merges, read_vocabulary};

/// Marks the last piece of a word.
const END_OF_WORD: &str = "</w>";
/// CLIP's way to cut text into words, tried from the left.
const WORDS: &str =
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+";

/// Turns prompts into token ids as transformers' `CLIPTokenizer` does.
#[derive(Debug)]
pub struct Tokenizer {
    vocab: HashMap<String, u32>,
    merges: Merges,
    /// The 256 bytes as the vocabulary writes them.
    byte_chars: [char; 256],
    words: Regex,
    /// Special tokens that are found in the raw text, longest first.
    special: Vec<(String, u32)>,
    bos: u32,
    eos: u32,
    unk: u32,
    pad: u32,
    max_length: usize,
}

/// The token ids of one prompt, always `model_max_length` of them, or of a longer one that many for each chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Begin, the prompt, end, padding.
    pub ids: Vec<u32>,
    /// Tokens of the prompt that did not fit and were dropped.
    pub num_cut: usize,
}

/// A tokenizer folder that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// A file is missing or no JSON.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// An id in the vocabulary is no number, too large or given twice.
    #[error("{file}: token {token:?} has no valid id of its own")]
    BadId {
        /// The file.
        file: PathBuf,
        /// The token.
        token: String,
    },
    /// A merge that is not two tokens of the vocabulary.
    #[error("{file}: line {line} is not two tokens whose join is in the vocabulary")]
    BadMerge {
        /// The file.
        file: PathBuf,
        /// Line or entry, counted from 1.
        line: usize,
    },
    /// A `tokenizer.json` of another kind than CLIP's.
    #[error("{file}: model.{key} = {value} is not supported, only {supported}")]
    NotClip {
        /// The file.
        file: PathBuf,
        /// The key.
        key: &'static str,
        /// What is there.
        value: String,
        /// What would be taken.
        supported: &'static str,
    },
    /// A special token that the vocabulary lacks.
    #[error("{file}: special token {token:?} is not in the vocabulary")]
    NoSpecialToken {
        /// The file.
        file: PathBuf,
        /// The token.
        token: String,
    },
    /// More tokens than the text encoder has embeddings for.
    #[error("{file}: token id {id} is beyond the text encoder's vocab_size {vocab_size}")]
    BeyondEmbedding {
        /// The file.
        file: PathBuf,
        /// The greatest id.
        id: u32,
        /// Embeddings there are.
        vocab_size: u32,
    },
}

impl Tokenizer {
    /// Reads `vocab.json` and `merges.txt` in `dir` or, where the first is missing, `tokenizer.json`; ids must stay
    /// below `vocab_size`.
    ///
    /// # Errors
    /// [`TokenizerError`], naming the file and the token or line.
    pub fn load(
        dir: impl Into<ModelPath>,
        config: &TokenizerConfig,
        vocab_size: u32,
    ) -> Result<Self, TokenizerError> {
        let (file, vocab, merges) = read_vocabulary(&dir.into(), vocab_size)?;
        let find = |token: &str| {
            vocab
                .get(token)
                .copied()
                .ok_or_else(|| TokenizerError::NoSpecialToken { file: file.clone(), token: token.to_owned() })
        };
        let (bos, eos) = (find(&config.bos_token)?, find(&config.eos_token)?);
        let (unk, pad) = (find(&config.unk_token)?, find(&config.pad_token)?);
        let mut special = vec![
            (config.bos_token.clone(), bos),
            (config.eos_token.clone(), eos),
            (config.unk_token.clone(), unk),
            (config.pad_token.clone(), pad),
        ];
        special.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
        special.dedup();
        Ok(Self {
            merges,
            byte_chars: byte_chars(),
            words: words(),
            special,
            bos,
            eos,
            unk,
            pad,
            max_length: config.model_max_length as usize,
            vocab,
        })
    }

    /// Tokens of every result.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// The token that begins a prompt.
    pub fn bos(&self) -> u32 {
        self.bos
    }

    /// The token that ends a prompt.
    pub fn eos(&self) -> u32 {
        self.eos
    }

    /// The token that fills up behind the end.
    pub fn pad(&self) -> u32 {
        self.pad
    }

    /// The token of a comma behind a word, if there is one.
    pub fn comma(&self) -> Option<u32> {
        self.vocab.get(",</w>").copied()
    }

    /// The tokens of a text, however many: neither begin nor end nor padding.
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        for (part, special) in self.split_special(text) {
            match special {
                Some(id) => ids.push(id),
                None => self.encode_part(part, &mut ids),
            }
        }
        ids
    }

    /// Encodes one prompt: begin, tokens, end, padding. What does not fit is cut at the end and counted.
    pub fn encode(&self, text: &str) -> Tokens {
        let mut ids = self.tokenize(text);
        ids.insert(0, self.bos);
        let room = self.max_length - 1;
        let num_cut = ids.len().saturating_sub(room);
        ids.truncate(room);
        ids.push(self.eos);
        ids.resize(self.max_length, self.pad);
        Tokens { ids, num_cut }
    }

    /// Cuts out special tokens, which are matched before any normalisation.
    fn split_special<'a>(&self, text: &'a str) -> Vec<(&'a str, Option<u32>)> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let next = self
                .special
                .iter()
                .filter_map(|(token, id)| rest.find(token.as_str()).map(|at| (at, token.len(), *id)))
                .min_by_key(|&(at, length, _)| (at, usize::MAX - length));
            let Some((at, length, id)) = next else {
                parts.push((rest, None));
                break;
            };
            if at > 0 {
                parts.push((&rest[..at], None));
            }
            parts.push((&rest[at..at + length], Some(id)));
            rest = &rest[at + length..];
        }
        parts
    }

    fn encode_part(&self, text: &str, ids: &mut Vec<u32>) {
        let text = normalize(text);
        for word in self.words.find_iter(&text) {
            let word = word.as_str();
            // A special token that only lower-casing made is three words to CLIP.
            match word.strip_prefix("<|").and_then(|rest| rest.strip_suffix("|>")) {
                Some(inner @ ("startoftext" | "endoftext")) => {
                    for piece in ["<|", inner, "|>"] {
                        self.encode_word(piece, ids);
                    }
                }
                _ => self.encode_word(word, ids),
            }
        }
    }

    /// Byte pair encoding: joins the neighbours of lowest rank until none are left to join.
    fn encode_word(&self, word: &str, ids: &mut Vec<u32>) {
        let bytes = word.as_bytes();
        let mut tokens: Vec<u32> = bytes
            .iter()
            .enumerate()
            .map(|(index, &byte)| {
                let mut token = self.byte_chars[usize::from(byte)].to_string();
                if index + 1 == bytes.len() {
                    token.push_str(END_OF_WORD);
                }
                self.vocab.get(&token).copied().unwrap_or(self.unk)
            })
            .collect();
        loop {
            let best = tokens
                .windows(2)
                .enumerate()
                .filter_map(|(at, pair)| {
                    self.merges.get(&(pair[0], pair[1])).map(|&(rank, id)| (rank, at, id))
                })
                .min();
            let Some((_, at, id)) = best else { break };
            tokens[at] = id;
            tokens.remove(at + 1);
        }
        ids.extend(tokens);
    }
}

fn words() -> Regex {
    // The pattern is a constant, compiled by every test of the tokenizer.
    Regex::new(WORDS).expect("the constant pattern compiles")
}

/// NFC, runs of white space to one space, lower case letter by letter.
fn normalize(text: &str) -> String {
    let composed: String = text.nfc().collect();
    let mut normal = String::with_capacity(composed.len());
    for c in composed.chars() {
        if !c.is_whitespace() {
            normal.extend(c.to_lowercase());
        } else if !normal.ends_with(' ') {
            normal.push(' ');
        }
    }
    normal
}

/// GPT-2's printable stand-ins: printable bytes stand for themselves, the others for U+0100 onwards.
fn byte_chars() -> [char; 256] {
    let mut next = 0x100_u32;
    let mut chars = ['\0'; 256];
    for (byte, slot) in (0_u8..=255).zip(&mut chars) {
        *slot = if matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff) {
            char::from(byte)
        } else {
            next += 1;
            // 68 bytes are not printable, and U+0100..U+0143 are letters.
            char::from_u32(next - 1).unwrap_or(char::REPLACEMENT_CHARACTER)
        };
    }
    chars
}
