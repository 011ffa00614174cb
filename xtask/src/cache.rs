//! The folder outside the clone that holds what is fetched once.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

const STAGING: &str = "libtorch.partial-";

/// Why the cache folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    #[error("no home folder is known for the cache: set DFSN_CACHE to a folder with 1.2 GB of free space")]
    NoHome,
    #[error("DFSN_CACHE is {}, which is not an absolute path: give it in full", .0.display())]
    Relative(PathBuf),
    #[error("cannot delete {}: {source}", path.display())]
    Delete { path: PathBuf, source: io::Error },
}

/// The cache folder and the names inside it.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `DFSN_CACHE`, or `dfsn` in the user's cache folder.
    ///
    /// # Errors
    /// [`CacheError::NoHome`] when neither is known, [`CacheError::Relative`] for a relative `DFSN_CACHE`:
    /// build scripts run in other folders than the shell.
    pub(crate) fn locate() -> Result<Self, CacheError> {
        Self::from_env(env::consts::OS, |name| env::var_os(name))
    }

    fn from_env(os: &str, var: impl Fn(&str) -> Option<OsString>) -> Result<Self, CacheError> {
        let dir = |name: &str| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(root) = dir("DFSN_CACHE") {
            return if root.is_absolute() { Ok(Self { root }) } else { Err(CacheError::Relative(root)) };
        }
        let base = if os == "macos" {
            dir("HOME").map(|home| home.join("Library/Caches"))
        } else {
            // The XDG base directory specification has relative values ignored.
            dir("XDG_CACHE_HOME")
                .filter(|path| path.is_absolute())
                .or_else(|| dir("HOME").map(|home| home.join(".cache")))
        };
        base.map(|base| Self { root: base.join("dfsn") }).ok_or(CacheError::NoHome)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a libtorch release lives when it is complete.
    pub(crate) fn libtorch(&self, version: &str) -> PathBuf {
        self.root.join(format!("libtorch-{version}-cpu"))
    }

    /// Where this process builds one; on the same file system, so that a rename finishes it.
    ///
    /// The process id keeps a download that outlived its killed parent out of the way.
    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join(format!("{STAGING}{}", process::id()))
    }

    /// What killed processes have left behind; to be asked under the lock.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Vec::new() };
        let stale = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(STAGING);
        entries.flatten().filter(stale).map(|entry| entry.path()).collect()
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.root.join("libtorch.lock")
    }

    /// Where `cargo install --root` puts tools of the checks.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("tools")
    }

    /// Deletes what xtask put here, and with `all` the build outputs of `.ci/run`; returns what went.
    ///
    /// Only names that belong to this project are touched: the folder may be the user's own.
    ///
    /// # Errors
    /// [`CacheError::Delete`].
    pub(crate) fn clean(&self, all: bool) -> Result<Vec<PathBuf>, CacheError> {
        let mut gone = Vec::new();
        let Ok(entries) = fs::read_dir(&self.root) else { return Ok(gone) };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let ours = name == "tools"
                || name == "exact-v1"
                || name.starts_with("avalanche-")
                || (name.starts_with("libtorch") && name != "libtorch.lock");
            if ours || (all && name == "target") {
                let path = entry.path();
                fs::remove_dir_all(&path)
                    .map_err(|source| CacheError::Delete { path: path.clone(), source })?;
                gone.push(path);
            }
        }
        gone.sort();
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn root(os: &str, vars: &[(&str, &str)]) -> Result<PathBuf, CacheError> {
        let var = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        Cache::from_env(os, var).map(|cache| cache.root)
    }

    #[test]
    fn the_nearest_setting_wins() {
        let home = ("HOME", "/home/a");
        assert_eq!(root("linux", &[home]).expect("home"), Path::new("/home/a/.cache/dfsn"));
        assert_eq!(root("macos", &[home]).expect("home"), Path::new("/home/a/Library/Caches/dfsn"));
        let xdg = ("XDG_CACHE_HOME", "/var/cache/a");
        assert_eq!(root("linux", &[home, xdg]).expect("xdg"), Path::new("/var/cache/a/dfsn"));
        let own = ("DFSN_CACHE", "/big/disk");
        assert_eq!(root("linux", &[home, xdg, own]).expect("own"), Path::new("/big/disk"));
    }

    #[test]
    fn unusable_settings_are_refused_or_ignored() {
        assert!(matches!(root("linux", &[("DFSN_CACHE", "cache")]), Err(CacheError::Relative(_))));
        assert!(matches!(root("linux", &[]), Err(CacheError::NoHome)));
        let relative = [("XDG_CACHE_HOME", "x"), ("HOME", "/h"), ("DFSN_CACHE", "")];
        assert_eq!(root("linux", &relative).expect("home"), Path::new("/h/.cache/dfsn"));
    }

    #[test]
    fn clean_leaves_what_is_not_ours() {
        let dir = TempDir::new("cache");
        for path in [
            "libtorch-2.11.0-cpu/lib/a",
            "libtorch.partial-1/b",
            "tools/bin/c",
            "exact-v1/f/g",
            "target/d",
            "photos/e",
        ] {
            dir.write(path, "x");
        }
        let cache = Cache { root: dir.path().to_owned() };
        assert_eq!(cache.leftovers(), [dir.path().join("libtorch.partial-1")]);
        assert_eq!(cache.clean(false).expect("clean").len(), 4);
        assert!(dir.path().join("photos/e").exists() && dir.path().join("target/d").exists());
        assert_eq!(cache.clean(true).expect("clean"), [dir.path().join("target")]);
        assert!(dir.path().join("photos/e").exists());
    }
}
