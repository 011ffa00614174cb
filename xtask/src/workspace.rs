//! Where the workspace and its build folder are, and how cargo is called in it.

use crate::process::{self, ProcessError};
use crate::steps::Outcome;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why the workspace could not be found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkspaceError {
    #[error("the workspace root is unknown: start this as `cargo xtask`, inside the clone")]
    NoRoot,
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("`cargo metadata` gave no target_directory: update cargo to the pinned toolchain")]
    NoTarget,
}

/// The crates that third parties embed; none of them needs libtorch by default.
pub(crate) const LIBRARIES: [&str; 4] = ["dfsn-types", "dfsn-consensus", "dfsn-compute", "dfsn-client"];

/// The examples that draw, or let draw; in the exact profile, their default, none of them needs libtorch.
pub(crate) const PROGRAMS: [&str; 5] =
    ["compute-client", "fusionvm", "generate", "quickstart", "verify-image"];

/// The clone that `cargo xtask` was started in.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Reads the root from the environment that `cargo run` gives.
    ///
    /// # Errors
    /// [`WorkspaceError::NoRoot`] when this was not started by cargo.
    pub(crate) fn locate() -> Result<Self, WorkspaceError> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).ok_or(WorkspaceError::NoRoot)?;
        let root = manifest.parent().map(Path::to_owned).ok_or(WorkspaceError::NoRoot)?;
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// `cargo` with arguments, to run in the workspace root.
    pub(crate) fn cargo<I: IntoIterator<Item = S>, S: Into<OsString>>(&self, args: I) -> Command {
        let mut command = cargo_here();
        command.args(args.into_iter().map(Into::into)).current_dir(&self.root);
        command
    }

    /// Cargo's build folder, from the environment or its configuration.
    ///
    /// # Errors
    /// [`WorkspaceError::Process`] when `cargo metadata` fails.
    pub(crate) fn target_dir(&self) -> Result<PathBuf, WorkspaceError> {
        let text = process::output(&mut self.cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|_| WorkspaceError::NoTarget)?;
        let path = value.get("target_directory").and_then(|path| path.as_str());
        path.map(PathBuf::from).ok_or(WorkspaceError::NoTarget)
    }

    /// Sees to it that rustc has a target's standard library.
    ///
    /// # Errors
    /// How a step ends that needs it.
    pub(crate) fn add_target(&self, target: &str) -> Result<(), Outcome> {
        if self.has_target(target) {
            return Ok(());
        }
        let mut rustup = Command::new("rustup");
        rustup.args(["target", "add", target]).current_dir(&self.root);
        match process::status(&mut rustup) {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Outcome::Failed(vec![format!(
                "`rustup target add {target}` ended with {status}: check the network, then run it by hand"
            )])),
            Err(_) => Err(Outcome::Skipped(format!(
                "this Rust has no {target} and rustup, which adds it, was not found (https://rustup.rs)"
            ))),
        }
    }

    /// With or without rustup.
    fn has_target(&self, target: &str) -> bool {
        let mut rustc = Command::new("rustc");
        rustc.args(["--print", "target-libdir", "--target", target]).current_dir(&self.root);
        process::output(&mut rustc).is_ok_and(|text| Path::new(text.trim()).is_dir())
    }
}

/// `cargo` itself, in the user's current folder.
pub(crate) fn cargo_here() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What `cargo run` told this program of itself. Build scripts that watch it, as ring's does, would run again each time that
    // cargo is called from here and then by hand, and all that depends on them be compiled again.
    for (name, _) in env::vars_os() {
        let own = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_BIN_NAME"
        });
        if own {
            command.env_remove(name);
        }
    }
    command
}
