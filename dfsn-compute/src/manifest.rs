//! A model's manifest: the files that decide what it computes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use dfsn_types::{BoundedString, BoundedVec, Domain, FileHash, Hash, ManifestFile, ModelManifest, TooLong};
use serde_json::Value;
use thiserror::Error;

use crate::config::{ConfigError, read_object};
use crate::model_path::ModelPath;

/// What a pipeline reads of a part of a diffusers folder besides weights, and whether every such part has it.
const PARTS: [(&str, &[(&str, bool)]); 8] = [
    ("", &[("model_index.json", true)]),
    ("scheduler", &[("scheduler_config.json", true)]),
    ("text_encoder", &[("config.json", true)]),
    ("text_encoder_2", &[("config.json", true)]),
    ("tokenizer", TOKENIZER),
    ("tokenizer_2", TOKENIZER),
    ("unet", &[("config.json", true)]),
    ("vae", &[("config.json", true)]),
];
const TOKENIZER: &[(&str, bool)] = &[("special_tokens_map.json", false), ("tokenizer_config.json", true)];
/// The vocabulary, in two files or in one.
const VOCABULARY: [&str; 2] = ["merges.txt", "vocab.json"];
const ONE_VOCABULARY: &str = "tokenizer.json";
/// Parts that only some models have.
const OPTIONAL: [&str; 2] = ["text_encoder_2", "tokenizer_2"];
/// How the weights of each part are named.
const WEIGHTS: [(&str, &str); 4] = [
    ("text_encoder", "model"),
    ("text_encoder_2", "model"),
    ("unet", "diffusion_pytorch_model"),
    ("vae", "diffusion_pytorch_model"),
];
/// An index of shards is smaller.
const MAX_INDEX_BYTES: u64 = 16 << 20;

/// Why a folder has no manifest.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A file that every model has is missing or cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An index of shards that cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An index of shards that cannot be followed.
    #[error("{} lists {shard}, which names no file beside it", path.display())]
    Shard {
        /// The index.
        path: PathBuf,
        /// What it lists.
        shard: String,
    },
    /// More or longer names than a manifest may hold.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Hashes the files of a diffusers folder, a path or [`MemoryFiles`](crate::MemoryFiles). The manifest's id is the model's name on chain.
///
/// # Errors
/// [`ManifestError`] names the file that is missing or unreadable.
pub fn manifest(dir: impl Into<ModelPath>) -> Result<ModelManifest, ManifestError> {
    let dir = dir.into();
    let mut files = Vec::new();
    for name in names(&dir)? {
        let path = dir.join(&name);
        let (bytes, hash) = hash_file(&path)
            .map_err(|source| ManifestError::Read { path: path.as_path().to_owned(), source })?;
        files.push(ManifestFile { path: BoundedString::new(name)?, bytes, hash });
    }
    Ok(ModelManifest { files: BoundedVec::new(files)? })
}

/// The files that a pipeline reads, in ascending order; those that are missing, too.
fn names(dir: &ModelPath) -> Result<Vec<String>, ManifestError> {
    let is_there = |part: &str| !OPTIONAL.contains(&part) || dir.join(part).is_dir();
    let mut names = Vec::new();
    for (part, files) in PARTS.into_iter().filter(|(part, _)| is_there(part)) {
        let at = |name: &str| if part.is_empty() { name.to_owned() } else { format!("{part}/{name}") };
        let needed = files.iter().filter(|(name, is_needed)| *is_needed || dir.join(at(name)).exists());
        names.extend(needed.map(|(name, _)| at(name)));
        if part.starts_with("tokenizer") {
            let has_two = dir.join(at("vocab.json")).exists();
            let is_one = !has_two && dir.join(at(ONE_VOCABULARY)).exists();
            let vocabulary: &[&str] = if is_one { &[ONE_VOCABULARY] } else { &VOCABULARY };
            names.extend(vocabulary.iter().map(|name| at(name)));
        }
    }
    for (part, stem) in WEIGHTS.into_iter().filter(|(part, _)| is_there(part)) {
        let whole = format!("{part}/{stem}.safetensors");
        let index = format!("{whole}.index.json");
        if dir.join(&whole).exists() || !dir.join(&index).exists() {
            names.push(whole);
        } else {
            names.extend(shards(&dir.join(&index))?.into_iter().map(|shard| format!("{part}/{shard}")));
            names.push(index);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The files that an index lists.
fn shards(index: &ModelPath) -> Result<BTreeSet<String>, ManifestError> {
    let object = read_object(index, MAX_INDEX_BYTES)?;
    let map = object.get("weight_map").and_then(Value::as_object);
    let listed = map.into_iter().flat_map(|map| map.values());
    listed
        .map(|shard| match shard.as_str() {
            Some(name) if name.ends_with(".safetensors") && !name.contains(['/', '\\']) => {
                Ok(name.to_owned())
            }
            _ => Err(ManifestError::Shard { path: index.as_path().to_owned(), shard: shard.to_string() }),
        })
        .collect()
}

fn hash_file(path: &ModelPath) -> std::io::Result<(u64, FileHash)> {
    let file = path.open()?;
    let length = file.len()?;
    let mut hasher = Domain::File.hasher();
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    while at < length {
        // At most the buffer's length.
        let piece = &mut buffer[..(length - at).min(1 << 20) as usize];
        file.read_exact_at(piece, at)?;
        hasher.update(piece);
        at += piece.len() as u64;
    }
    Ok((length, Hash::from_bytes(*hasher.finalize().as_bytes()).into()))
}
