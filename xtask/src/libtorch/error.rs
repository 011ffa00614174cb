//! What can go wrong between a machine and its libtorch.

use std::io;
use std::path::{Path, PathBuf};

/// Why libtorch could not be set up. Every message names the remedy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error(
        "LIBTORCH is {}, but {missing} is not there: point it at a libtorch {expected}, or unset it to let xtask fetch one",
        path.display()
    )]
    UserLayout { path: PathBuf, missing: &'static str, expected: &'static str },
    #[error("LIBTORCH is {}, which is not an absolute path: give it in full, build scripts run in other folders", .0.display())]
    UserRelative(PathBuf),
    #[error(
        "LIBTORCH is {}, whose build-version is {found:?}, expected {expected}: point it at a libtorch {expected}, or unset it to let xtask fetch one",
        path.display()
    )]
    UserVersion { path: PathBuf, found: String, expected: &'static str },
    #[error(
        "no libtorch is pinned for {os} {arch}{libc}: set LIBTORCH to a libtorch {expected} of your own, or build without it (`cargo xtask test --no-torch`)"
    )]
    Unsupported { os: &'static str, arch: &'static str, libc: &'static str, expected: &'static str },
    #[error(
        "python3 was not found on PATH: install Python 3 with pip (Debian, Ubuntu: `apt install python3-pip`)"
    )]
    PythonMissing,
    #[error(
        "{python} has no pip: install it (Debian, Ubuntu: `apt install python3-pip`; elsewhere `{python} -m ensurepip`)"
    )]
    PipMissing { python: &'static str },
    #[error(
        "cannot reach the package index for {requirement} ({detail}): check the network or pip's proxy and index settings, or set LIBTORCH"
    )]
    Offline { requirement: &'static str, detail: String },
    #[error("pip could not fetch {requirement}: {detail}")]
    Pip { requirement: &'static str, detail: String },
    #[error("no space left while writing {}: free 1.2 GB there, or set DFSN_CACHE to a folder on a larger disk", path.display())]
    DiskFull { path: PathBuf },
    #[error(
        "pip ended well but did not deliver {file}: check the index and find-links settings (`python3 -m pip config list`)"
    )]
    NotDelivered { file: &'static str },
    #[error(
        "{file}: sha256 is {got}, expected {expected}: the download is damaged or not the official wheel; it was deleted, run the command again or use another index"
    )]
    Checksum { file: &'static str, expected: &'static str, got: String },
    #[error("{file}: {missing} is not in the wheel")]
    WheelLacks { file: &'static str, missing: &'static str },
    #[error("{file}: entry {entry:?} leaves the target folder; the wheel is not used")]
    UnsafeEntry { file: &'static str, entry: String },
    #[error("{file}: not a readable wheel: {source}")]
    Wheel { file: &'static str, source: zip::result::ZipError },
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

impl SetupError {
    /// Turns an I/O error into the variant that names its remedy; for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
                _ => Self::Io { action, path, source },
            }
        }
    }
}
