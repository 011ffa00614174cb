//! The files that a vocabulary and its merges come from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{END_OF_WORD, TokenizerError};
use crate::config::{read_bounded, read_object, short};
use crate::model_path::ModelPath;

/// The published CLIP vocabulary takes 1 MiB, its `tokenizer.json` 2 MiB.
const MAX_VOCAB_BYTES: u64 = 64 << 20;

/// Ids of tokens.
pub(super) type Vocab = HashMap<String, u32>;
/// Rank and result of joining two neighbouring tokens.
pub(super) type Merges = HashMap<(u32, u32), (u32, u32)>;

/// The vocabulary in `dir`, the file that it comes from, and its merges.
pub(super) fn read_vocabulary(
    dir: &ModelPath,
    vocab_size: u32,
) -> Result<(PathBuf, Vocab, Merges), TokenizerError> {
    let (file, whole) = (dir.join("vocab.json"), dir.join("tokenizer.json"));
    if !file.exists() && whole.exists() {
        let (vocab, merges) = read_tokenizer_json(&whole, vocab_size)?;
        return Ok((whole.as_path().to_owned(), vocab, merges));
    }
    let vocab = to_vocab(file.as_path(), read_object(&file, MAX_VOCAB_BYTES)?, vocab_size)?;
    let merges = read_merges(&dir.join("merges.txt"), &vocab)?;
    Ok((file.as_path().to_owned(), vocab, merges))
}

/// The form of the `tokenizers` library. How it cuts words is not read: CLIP's way is the only one here.
fn read_tokenizer_json(path: &ModelPath, vocab_size: u32) -> Result<(Vocab, Merges), TokenizerError> {
    let not_clip = |key, found: Option<&Value>, supported| TokenizerError::NotClip {
        file: path.as_path().to_owned(),
        key,
        value: found.map_or_else(|| "nothing".to_owned(), short),
        supported,
    };
    let mut root = read_object(path, MAX_VOCAB_BYTES)?;
    let model = root.get_mut("model").and_then(Value::as_object_mut);
    let Some(model) = model else { return Err(not_clip("type", None, "BPE")) };
    for (key, expected) in [("type", "BPE"), ("end_of_word_suffix", END_OF_WORD)] {
        let found = model.get(key);
        if found.and_then(Value::as_str) != Some(expected) {
            return Err(not_clip(key, found, expected));
        }
    }
    let (tokens, list) = (model.remove("vocab"), model.remove("merges"));
    let Some(Value::Object(tokens)) = tokens else {
        return Err(not_clip("vocab", tokens.as_ref(), "an object"));
    };
    let Some(Value::Array(list)) = list else { return Err(not_clip("merges", list.as_ref(), "a list")) };
    let vocab = to_vocab(path.as_path(), tokens, vocab_size)?;
    let mut merges = Merges::new();
    for (index, merge) in list.iter().enumerate() {
        // A list of two, or as in merges.txt.
        let pair = match merge {
            Value::Array(pair) if pair.len() == 2 => pair[0].as_str().zip(pair[1].as_str()),
            other => other.as_str().and_then(|line| line.split_once(' ')),
        };
        pair.and_then(|(left, right)| insert(&mut merges, &vocab, left, right))
            .ok_or_else(|| TokenizerError::BadMerge { file: path.as_path().to_owned(), line: index + 1 })?;
    }
    Ok((vocab, merges))
}

/// Checks the ids of a vocabulary.
fn to_vocab(path: &Path, tokens: Map<String, Value>, vocab_size: u32) -> Result<Vocab, TokenizerError> {
    let mut vocab = Vocab::new();
    let mut taken = vec![false; vocab_size as usize];
    for (token, id) in tokens {
        let bad_id = |token| TokenizerError::BadId { file: path.to_owned(), token };
        let Some(id) = id.as_u64().and_then(|id| u32::try_from(id).ok()) else { return Err(bad_id(token)) };
        match taken.get_mut(id as usize) {
            None => return Err(TokenizerError::BeyondEmbedding { file: path.to_owned(), id, vocab_size }),
            Some(taken) if *taken => return Err(bad_id(token)),
            Some(taken) => *taken = true,
        }
        vocab.insert(token, id);
    }
    Ok(vocab)
}

fn read_merges(path: &ModelPath, vocab: &Vocab) -> Result<Merges, TokenizerError> {
    let bytes = read_bounded(path, MAX_VOCAB_BYTES)?;
    let mut merges = Merges::new();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let bad = || TokenizerError::BadMerge { file: path.as_path().to_owned(), line: index + 1 };
        let line = std::str::from_utf8(line).map_err(|_| bad())?.trim_end_matches('\r');
        if line.is_empty() || line.starts_with("#version") {
            continue;
        }
        let joined = line.split_once(' ').and_then(|(left, right)| insert(&mut merges, vocab, left, right));
        joined.ok_or_else(bad)?;
    }
    Ok(merges)
}

/// Adds a merge of the next rank; none if its tokens are not in the vocabulary.
fn insert(merges: &mut Merges, vocab: &Vocab, left: &str, right: &str) -> Option<()> {
    let joined = *vocab.get(&format!("{left}{right}"))?;
    let pair = (*vocab.get(left)?, *vocab.get(right)?);
    // No more than the vocabulary has pairs of 32-bit ids; the file is at most 64 MiB.
    let rank = merges.len() as u32;
    merges.entry(pair).or_insert((rank, joined));
    Some(())
}
