//! Reading files of bounded length.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file that cannot be read.
#[derive(Debug, Error)]
pub(crate) enum InputError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is over {max} bytes", path.display())]
    TooLarge { path: PathBuf, max: usize },
}

/// Reads a whole file of at most `max` bytes. Devices and pipes have no length to ask for beforehand.
pub(crate) fn read(path: &Path, max: usize) -> Result<Vec<u8>, InputError> {
    let fail = |source| InputError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(fail)?.take(max as u64 + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() > max {
        return Err(InputError::TooLarge { path: path.to_owned(), max });
    }
    Ok(bytes)
}
