//! Writing files whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file or folder that cannot be written.
#[derive(Debug, Error)]
pub(crate) enum OutputError {
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot create the folder {}: {source}", path.display())]
    CreateFolder { path: PathBuf, source: std::io::Error },
    #[error("--out {} is a file, not a folder", path.display())]
    NotAFolder { path: PathBuf },
    #[error("cannot write {}: its folder does not exist", path.display())]
    NoParent { path: PathBuf },
}

/// The folder a file lies in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Finds out before the work begins what could not be written after it.
pub(crate) fn check(out: &Path, files: &[&Path]) -> Result<(), OutputError> {
    if out.exists() && !out.is_dir() {
        return Err(OutputError::NotAFolder { path: out.to_owned() });
    }
    match files.iter().find(|file| !parent(file).is_dir()) {
        Some(file) => Err(OutputError::NoParent { path: file.to_path_buf() }),
        None => Ok(()),
    }
}

/// Makes the folder if it is not there.
pub(crate) fn create_folder(path: &Path) -> Result<(), OutputError> {
    std::fs::create_dir_all(path)
        .map_err(|source| OutputError::CreateFolder { path: path.to_owned(), source })
}

/// Writes a temporary file beside `path` and renames it.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let fail = |source| OutputError::Write { path: path.to_owned(), source };
    let mut file = tempfile::NamedTempFile::new_in(parent(path)).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are for their owner only; pictures are as public as their folder.
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(fail)?;
    }
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    Ok(())
}
