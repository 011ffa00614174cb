//! `setup`, `env` and `clean-cache`.

use crate::cache::Cache;
use crate::error::Error;
use crate::libtorch::{self, Libtorch};
use crate::process::shell_quote;
use std::process::ExitCode;

/// Makes libtorch available and says where it is.
pub(crate) fn setup(force: bool) -> Result<ExitCode, Error> {
    let Libtorch { home, origin } = libtorch::ensure(&Cache::locate()?, force)?;
    eprintln!("libtorch is ready ({origin}): {}", home.display());
    Ok(ExitCode::SUCCESS)
}

/// Prints the export line for a POSIX shell; the only thing on stdout.
pub(crate) fn env() -> Result<ExitCode, Error> {
    let libtorch = libtorch::ensure(&Cache::locate()?, false)?;
    println!("export LIBTORCH={}", shell_quote(&libtorch.home.to_string_lossy()));
    Ok(ExitCode::SUCCESS)
}

/// Deletes what was fetched, and says what went.
pub(crate) fn clean_cache(all: bool) -> Result<ExitCode, Error> {
    let cache = Cache::locate()?;
    // A set-up that is under way finishes first.
    let _lock = if cache.root().is_dir() { Some(libtorch::lock(&cache)?) } else { None };
    let gone = cache.clean(all)?;
    for path in &gone {
        eprintln!("deleted {}", path.display());
    }
    if gone.is_empty() {
        eprintln!("nothing to delete in {}", cache.root().display());
    }
    Ok(ExitCode::SUCCESS)
}
