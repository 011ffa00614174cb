//! A libtorch that the user already has, named by `LIBTORCH`.

use super::error::SetupError;
use super::platform::VERSION;
use std::fs;
use std::path::Path;

/// Checks that `path` looks like a libtorch of the pinned version.
///
/// A missing `build-version` is accepted, as torch-sys accepts it: system packages have none.
///
/// # Errors
/// [`SetupError::UserRelative`], [`SetupError::UserLayout`] or [`SetupError::UserVersion`], naming what differs.
pub(crate) fn check(path: &Path) -> Result<(), SetupError> {
    if !path.is_absolute() {
        return Err(SetupError::UserRelative(path.to_owned()));
    }
    for part in ["include", "lib"] {
        if !path.join(part).is_dir() {
            return Err(SetupError::UserLayout { path: path.to_owned(), missing: part, expected: VERSION });
        }
    }
    let Ok(text) = fs::read_to_string(path.join("build-version")) else { return Ok(()) };
    let found = text.trim();
    // "2.11.0+cpu": what follows the plus names the build, not the interface.
    let release = found.split('+').next().unwrap_or(found);
    if release == VERSION {
        Ok(())
    } else {
        Err(SetupError::UserVersion { path: path.to_owned(), found: found.to_owned(), expected: VERSION })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn libtorch(version: Option<&str>) -> TempDir {
        let dir = TempDir::new("user-libtorch");
        fs::create_dir(dir.path().join("include")).expect("create include");
        fs::create_dir(dir.path().join("lib")).expect("create lib");
        if let Some(version) = version {
            fs::write(dir.path().join("build-version"), version).expect("write build-version");
        }
        dir
    }

    #[test]
    fn accepts_the_pinned_version_and_its_builds() {
        for version in [Some("2.11.0"), Some("2.11.0\n"), Some("2.11.0+cpu\n"), Some("2.11.0+cu130"), None] {
            let dir = libtorch(version);
            assert!(check(dir.path()).is_ok(), "{version:?}");
        }
    }

    #[test]
    fn rejects_another_version() {
        for version in ["2.10.0", "2.11.01", "2.11", "12.11.0", ""] {
            let dir = libtorch(Some(version));
            let error = check(dir.path()).expect_err(version);
            assert!(matches!(&error, SetupError::UserVersion { found, .. } if found == version), "{error}");
            assert!(error.to_string().contains("unset it"), "{error}");
        }
    }

    #[test]
    fn names_the_missing_part() {
        let dir = libtorch(None);
        fs::remove_dir(dir.path().join("include")).expect("remove include");
        let error = check(dir.path()).expect_err("no include folder");
        assert!(matches!(error, SetupError::UserLayout { missing: "include", .. }), "{error}");
        let error = check(Path::new("/nonexistent/libtorch")).expect_err("no folder");
        assert!(error.to_string().contains("/nonexistent/libtorch"), "{error}");
        let error = check(Path::new("libtorch")).expect_err("not from the root");
        assert!(matches!(error, SetupError::UserRelative(_)), "{error}");
    }
}
