//! libtorch for this machine: the user's own, or one fetched once into the cache.

mod checksum;
pub(crate) mod error;
mod extract;
mod pip;
mod platform;
mod user;

use crate::cache::Cache;
use crate::progress::megabytes;
use error::SetupError;
use platform::{Platform, VERSION};
use std::env;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// A folder that holds a complete libtorch, and where it came from.
#[derive(Debug)]
pub(crate) struct Libtorch {
    /// What `LIBTORCH` must be.
    pub(crate) home: PathBuf,
    /// How it came to be there, for the user to read.
    pub(crate) origin: &'static str,
}

/// Finds libtorch, fetching it when neither the user nor the cache has one.
///
/// With `force`, a copy in the cache is fetched again; a user's `LIBTORCH` is never touched.
///
/// # Errors
/// [`SetupError`]; nothing that a later run would take for complete is left behind.
pub(crate) fn ensure(cache: &Cache, force: bool) -> Result<Libtorch, SetupError> {
    if let Some(home) = env::var_os("LIBTORCH").filter(|value| !value.is_empty()).map(PathBuf::from) {
        user::check(&home)?;
        return Ok(Libtorch { home, origin: "from LIBTORCH" });
    }
    let platform = this_platform()?;
    let home = cache.libtorch(VERSION);
    if !force && is_complete(platform, &home) {
        return Ok(Libtorch { home, origin: "in the cache" });
    }
    let _lock = lock(cache)?;
    // Another process may have finished it while this one waited.
    if !force && is_complete(platform, &home) {
        return Ok(Libtorch { home, origin: "in the cache" });
    }
    fetch(cache, platform, &home)?;
    Ok(Libtorch { home, origin: "fetched" })
}

fn this_platform() -> Result<&'static Platform, SetupError> {
    let (os, arch) = (env::consts::OS, env::consts::ARCH);
    let libc = if cfg!(target_env = "musl") { " with musl" } else { "" };
    match Platform::find(os, arch) {
        Some(platform) if libc.is_empty() => Ok(platform),
        _ => Err(SetupError::Unsupported { os, arch, libc, expected: VERSION }),
    }
}

/// Whether every file that a build needs is there and not empty, and the version is the pinned one.
fn is_complete(platform: &Platform, home: &Path) -> bool {
    let present = |name: &String| fs::metadata(home.join(name)).is_ok_and(|meta| meta.len() > 0);
    platform.required_files().iter().all(present)
        && fs::read_to_string(home.join("build-version")).is_ok_and(|text| text.trim() == VERSION)
}

/// Keeps two processes from changing the same cache; the lock ends with the file or the process.
///
/// # Errors
/// [`SetupError`] of creating or locking the file.
pub(crate) fn lock(cache: &Cache) -> Result<File, SetupError> {
    let path = cache.lock_file();
    fs::create_dir_all(cache.root()).map_err(SetupError::io("create", cache.root()))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(SetupError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            eprintln!("waiting for another set-up that holds {}", path.display());
        }
        Err(TryLockError::Error(error)) => return Err(SetupError::io("lock", &path)(error)),
    }
    file.lock().map_err(SetupError::io("lock", &path))?;
    Ok(file)
}

fn fetch(cache: &Cache, platform: &'static Platform, home: &Path) -> Result<(), SetupError> {
    eprintln!(
        "libtorch {VERSION} for {} {}: fetching {} MB once, into {}",
        platform.os,
        platform.arch,
        megabytes(platform.download_bytes()),
        home.display()
    );
    cache.leftovers().iter().try_for_each(|path| remove(path))?;
    let staging = cache.staging();
    let outcome = build(platform, &staging).and_then(|tree| put_in_place(&tree, home, &staging));
    let cleaned = remove(&staging);
    outcome.and(cleaned)
}

/// Makes the whole tree inside `staging` and returns its path.
fn build(platform: &'static Platform, staging: &Path) -> Result<PathBuf, SetupError> {
    let pip = pip::Pip::find()?;
    let tree = staging.join("tree");
    for (n, wheel) in platform.wheels.iter().enumerate() {
        let folder = staging.join(format!("wheel-{n}"));
        let archive = pip.download(wheel, &folder)?;
        checksum::verify(wheel, &archive)?;
        extract::extract(wheel, &archive, &tree)?;
        remove(&folder)?;
    }
    extract::finish_tree(platform, &tree)?;
    // The rename must not outrun the data: a power cut would leave a folder that looks complete.
    for name in platform.required_files() {
        let path = tree.join(name);
        File::open(&path).and_then(|file| file.sync_all()).map_err(SetupError::io("sync", &path))?;
    }
    Ok(tree)
}

/// Moves the finished tree to its name; both are in the cache folder, so this is one rename.
fn put_in_place(tree: &Path, home: &Path, staging: &Path) -> Result<(), SetupError> {
    if home.exists() {
        let old = staging.join("old");
        fs::rename(home, &old).map_err(SetupError::io("move away", home))?;
    }
    fs::rename(tree, home).map_err(SetupError::io("move into place", home))
}

fn remove(path: &Path) -> Result<(), SetupError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SetupError::io("delete", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn complete_tree(platform: &Platform) -> TempDir {
        let dir = TempDir::new("libtorch");
        for name in platform.required_files() {
            dir.write(&name, "x");
        }
        dir.write("build-version", "2.11.0\n");
        dir
    }

    #[test]
    fn a_tree_without_any_one_file_is_not_complete() {
        for platform in platform::PLATFORMS {
            let dir = complete_tree(platform);
            assert!(is_complete(platform, dir.path()));
            for name in platform.required_files() {
                let text = fs::read_to_string(dir.path().join(&name)).expect("read");
                dir.write(&name, "");
                assert!(!is_complete(platform, dir.path()), "{name} is empty");
                fs::remove_file(dir.path().join(&name)).expect("remove");
                assert!(!is_complete(platform, dir.path()), "{name} is gone");
                dir.write(&name, &text);
            }
            dir.write("build-version", "2.10.0\n");
            assert!(!is_complete(platform, dir.path()), "another version");
        }
    }

    #[test]
    fn a_new_tree_replaces_the_old_one_whole() {
        let dir = TempDir::new("rename");
        dir.write("home/old", "old");
        dir.write("staging/tree/new", "new");
        let (home, staging) = (dir.path().join("home"), dir.path().join("staging"));
        put_in_place(&staging.join("tree"), &home, &staging).expect("rename");
        assert!(home.join("new").exists() && !home.join("old").exists());
    }
}
