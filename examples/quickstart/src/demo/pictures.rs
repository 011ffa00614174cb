//! Pictures on disk, whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};

use dfsn_client::Picture;
use dfsn_types::{FileHash, JobId, PixelHash};

use crate::error::DemoError;

/// A picture that was written.
#[derive(Clone, Debug)]
pub(super) struct WrittenImage {
    /// Where.
    pub(super) path: PathBuf,
    /// Hash of its pixels, as on chain.
    pub(super) pixel_hash: PixelHash,
    /// Hash of the file, as on chain.
    pub(super) file_hash: FileHash,
}

/// Finds out before anything is paid for what could not be written after it.
pub(super) fn check_folder(dir: &Path) -> Result<(), DemoError> {
    if dir.exists() && !dir.is_dir() {
        return Err(DemoError::NotAFolder(dir.to_owned()));
    }
    // What is missing of the folder is made when there is something to put in it.
    let nearest = dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("."));
    let probe = tempfile::tempfile_in(nearest).map(drop);
    probe.map_err(|source| DemoError::Write { path: dir.to_owned(), source })
}

/// Writes each picture as `JOB-N.png`, with the first 12 digits of the job's name.
pub(super) fn write(dir: &Path, job: JobId, pictures: &[Picture]) -> Result<Vec<WrittenImage>, DemoError> {
    if pictures.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DemoError::Write { path, source }
    };
    std::fs::create_dir_all(dir).map_err(failed(dir))?;
    let name = job.to_string();
    let mut written = Vec::new();
    for (number, picture) in (1..).zip(pictures) {
        let path = dir.join(format!("{}-{number}.png", name.get(..12).unwrap_or(&name)));
        // A temporary file is private; the picture gets the mode of any other file.
        let mut file =
            tempfile::Builder::new().permissions(public()).tempfile_in(dir).map_err(failed(&path))?;
        file.write_all(&picture.file).map_err(failed(&path))?;
        file.persist(&path).map_err(|error| failed(&path)(error.error))?;
        written.push(WrittenImage { path, pixel_hash: picture.pixel_hash, file_hash: picture.file_hash });
    }
    Ok(written)
}

fn public() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}
