//! Writing files whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file or folder that cannot be written.
#[derive(Debug, Error)]
pub(crate) enum OutputError {
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot create the folder {}: {source}", path.display())]
    CreateFolder { path: PathBuf, source: io::Error },
    #[error("--out {} is a file, not a folder", path.display())]
    NotAFolder { path: PathBuf },
    #[error("cannot write {}: its folder does not exist", path.display())]
    NoParent { path: PathBuf },
    #[error("cannot write {}: something other than a file has this name", path.display())]
    NotAFile { path: PathBuf },
    #[error("{} is named for two dumps, give each a file of its own", path.display())]
    Twice { path: PathBuf },
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
    // What is missing of the folder is made when there is something to put in it.
    let nearest = out.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("."));
    probe(nearest).map_err(|source| OutputError::CreateFolder { path: out.to_owned(), source })?;
    check_files(files)
}

/// As [`check`], for files alone.
pub(crate) fn check_files(files: &[&Path]) -> Result<(), OutputError> {
    for (index, file) in files.iter().enumerate() {
        let path = || file.to_path_buf();
        if !parent(file).is_dir() {
            return Err(OutputError::NoParent { path: path() });
        }
        if file.exists() && !file.is_file() {
            return Err(OutputError::NotAFile { path: path() });
        }
        if files[..index].contains(file) {
            return Err(OutputError::Twice { path: path() });
        }
        probe(parent(file)).map_err(|source| OutputError::Write { path: path(), source })?;
    }
    Ok(())
}

/// Whether a folder takes files.
fn probe(dir: &Path) -> io::Result<()> {
    tempfile::tempfile_in(dir).map(drop)
}

/// Makes the folder if it is not there.
pub(crate) fn create_folder(path: &Path) -> Result<(), OutputError> {
    std::fs::create_dir_all(path)
        .map_err(|source| OutputError::CreateFolder { path: path.to_owned(), source })
}

/// Writes a temporary file beside `path` and renames it.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    write_with(path, |file| {
        file.write_all(bytes).map_err(|source| OutputError::Write { path: path.to_owned(), source })
    })
}

/// As [`write_atomically`], piece by piece.
pub(crate) fn write_with<T, E: From<OutputError>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    let fail = |source| E::from(OutputError::Write { path: path.to_owned(), source });
    // Temporary files are for their owner only; these get the mode of any other file.
    let public = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(public).tempfile_in(parent(path)).map_err(fail)?;
    let written = write(file.as_file_mut())?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    Ok(written)
}
