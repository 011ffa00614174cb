//! Licences, banned crates and sources of the dependencies, by cargo-deny.

use crate::cache::Cache;
use crate::process;
use crate::steps::Outcome;
use crate::workspace::Workspace;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Runs cargo-deny, installing it first when `CI` is `true`; without it the step is skipped, saying so.
pub(crate) fn check(cache: &Cache, workspace: &Workspace, advisories: bool) -> Outcome {
    let program = match find(cache) {
        Some(program) => program,
        None if env::var_os("CI").is_some_and(|value| value == "true") => match install(cache, workspace) {
            Ok(program) => program,
            Err(outcome) => return outcome,
        },
        None => {
            return Outcome::Skipped(
                "cargo-deny is not installed: `cargo install cargo-deny --locked`, or run with CI=true"
                    .to_owned(),
            );
        }
    };
    let mut deny = Command::new(program);
    deny.args(["check", "bans", "licenses", "sources"]).current_dir(workspace.root());
    if advisories {
        deny.arg("advisories");
    }
    Outcome::of(&mut deny)
}

/// The one on PATH, or the one that an earlier run put in the cache.
fn find(cache: &Cache) -> Option<OsString> {
    let candidates = [OsString::from("cargo-deny"), installed(cache).into_os_string()];
    candidates.into_iter().find(|program| {
        let mut probe = Command::new(program);
        probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    })
}

fn installed(cache: &Cache) -> PathBuf {
    cache.tools().join("bin").join(format!("cargo-deny{}", env::consts::EXE_SUFFIX))
}

fn install(cache: &Cache, workspace: &Workspace) -> Result<OsString, Outcome> {
    eprintln!("    installing cargo-deny into {}, once (some minutes)", cache.tools().display());
    let mut cargo = workspace.cargo(["install", "cargo-deny", "--locked", "--root"]);
    match process::status(cargo.arg(cache.tools())) {
        Ok(status) if status.success() => Ok(installed(cache).into_os_string()),
        Ok(status) => Err(Outcome::Skipped(format!("cargo-deny could not be installed ({status})"))),
        Err(error) => Err(Outcome::Skipped(error.to_string())),
    }
}
