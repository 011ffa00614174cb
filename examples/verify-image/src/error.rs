//! Why it cannot be told, with what to do about it.

use std::path::PathBuf;

use dfsn_compute::{ComputeError, ImageError, ManifestError, TraceFileError};
use dfsn_types::{ModelId, ProfileRecord};
use thiserror::Error;

/// No answer.
#[derive(Debug, Error)]
pub(crate) enum VerifyError {
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: it has {bytes} bytes, at most {max} are read", path.display())]
    TooLong { path: PathBuf, bytes: u64, max: u64 },
    #[error("{}: {source}", path.display())]
    Picture { path: PathBuf, source: ImageError },
    #[error(
        "{} does not tell how it was drawn: it lacks the text `dfsn`. Pictures of a network have it unless a program \
         dropped it: take the file as it was downloaded. Those of `generate` have it unless a request cannot say how \
         they were drawn: with adapters, masks, variations or a second pass",
        .0.display()
    )]
    NoProvenance(PathBuf),
    #[error("{}: {source}", path.display())]
    Trace { path: PathBuf, source: TraceFileError },
    #[error("{} has no picture {image}: it has {count}, counted from 0", path.display())]
    NoImage { path: PathBuf, image: usize, count: usize },
    #[error(
        "{} does not tell the request: what a network's request cannot say (adapters, masks, variations, a second pass) \
         cannot be drawn again from the file",
        .0.display()
    )]
    NoRequest(PathBuf),
    #[error("{} holds {found} boundaries of this picture, its request has {expected}", path.display())]
    Boundaries { path: PathBuf, found: usize, expected: usize },
    #[error(
        "it was drawn in profile {0}, whose bits depend on library, device and threads; only exact-v1 can be verified on \
         another machine"
    )]
    Profile(String),
    #[error("it is of model {wanted}, and {} is {found}; name its folder with --model DIR", dir.display())]
    Model { wanted: ModelId, found: ModelId, dir: PathBuf },
    #[error("there is no model folder {}; name one with --model DIR", .0.display())]
    NoModel(PathBuf),
    #[error("it was started from a picture with file hash {0}; name that file with --init-image")]
    NoInitImage(String),
    #[error("--init-image is given, but the request starts from noise")]
    InitImage,
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error("no randomness from the system: {0}; choose with --seed")]
    Random(getrandom::Error),
    #[error("cannot print: {0}")]
    Print(std::io::Error),
}

impl VerifyError {
    pub(crate) fn profile(record: &ProfileRecord) -> Self {
        Self::Profile(record.to_string())
    }
}
