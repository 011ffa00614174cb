//! Files that somebody else may have written.

use std::io;
use std::path::Path;

/// Why a file is not read, if it is longer than what is expected there.
pub(crate) fn too_long(path: &Path, most: u64) -> io::Result<Option<String>> {
    let bytes = std::fs::metadata(path)?.len();
    Ok((bytes > most).then(|| format!("{bytes} bytes, at most {most}")))
}
