//! The one error that ends `cargo xtask`.

use crate::cache::CacheError;
use crate::libtorch::error::SetupError;
use crate::new::NewError;
use crate::process::ProcessError;
use crate::workspace::WorkspaceError;

/// Any failure of a command, as one line for the user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    New(#[from] NewError),
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}
