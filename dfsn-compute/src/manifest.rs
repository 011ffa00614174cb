//! A model's manifest: the files that decide what it computes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use dfsn_types::{BoundedString, BoundedVec, Domain, FileHash, Hash, ManifestFile, ModelManifest, TooLong};
use thiserror::Error;

/// What a pipeline reads of a diffusers folder, in ascending order, and whether every model has it.
const FILES: [(&str, bool); 12] = [
    ("model_index.json", true),
    ("scheduler/scheduler_config.json", true),
    ("text_encoder/config.json", true),
    ("text_encoder/model.safetensors", true),
    ("tokenizer/merges.txt", true),
    ("tokenizer/special_tokens_map.json", false),
    ("tokenizer/tokenizer_config.json", true),
    ("tokenizer/vocab.json", true),
    ("unet/config.json", true),
    ("unet/diffusion_pytorch_model.safetensors", true),
    ("vae/config.json", true),
    ("vae/diffusion_pytorch_model.safetensors", true),
];

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
    /// More or longer names than a manifest may hold.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Hashes the files of a diffusers folder. The manifest's id is the model's name on chain.
///
/// # Errors
/// [`ManifestError`] names the file that is missing or unreadable.
pub fn manifest(dir: &Path) -> Result<ModelManifest, ManifestError> {
    let mut files = Vec::new();
    for (name, needed) in FILES {
        let path = dir.join(name);
        if !needed && !path.exists() {
            continue;
        }
        let (bytes, hash) = hash_file(&path).map_err(|source| ManifestError::Read { path, source })?;
        files.push(ManifestFile { path: BoundedString::new(name)?, bytes, hash });
    }
    Ok(ModelManifest { files: BoundedVec::new(files)? })
}

fn hash_file(path: &Path) -> std::io::Result<(u64, FileHash)> {
    let mut file = File::open(path)?;
    let mut hasher = Domain::File.hasher();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok((bytes, Hash::from_bytes(*hasher.finalize().as_bytes()).into()))
}
