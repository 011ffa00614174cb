//! AvalancheGo and the program that starts networks of it, for `avalanche-net` and the tests of examples/fusionvm.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use sha2::{Digest, Sha256};

use crate::cache::Cache;
use crate::error::Error;
use crate::process::{self, ProcessError, exit_code, status};
use crate::steps::Outcome;
use crate::workspace::Workspace;

/// Names the folder of both programs to the tests.
pub(crate) const VARIABLE: &str = "DFSN_AVALANCHE";
/// The Go module.
const MODULE: &str = "examples/fusionvm/avalanche-net";
const FILES: [&str; 3] = ["go.mod", "go.sum", "main.go"];
/// What is built, and under which name.
const PROGRAMS: [(&str, &str); 2] =
    [("avalanchego", "github.com/ava-labs/avalanchego/main"), ("avalanche-net", ".")];

/// Starts a network, prints its figures, and keeps it if that is wanted.
pub(crate) fn network(nodes: u8, keep: bool) -> Result<ExitCode, Error> {
    let workspace = Workspace::locate()?;
    let cache = Cache::locate()?;
    process::output(Command::new("go").arg("version"))?;
    let folder = folder(&workspace, &cache);
    build(&workspace, &folder)?;
    let mut cargo = workspace.cargo(["test", "--release", "--package", "fusionvm", "--test", "avalanche"]);
    cargo.args(["--", "by_hand", "--exact", "--nocapture"]);
    cargo.env(VARIABLE, &folder).env("DFSN_AVALANCHE_NODES", nodes.to_string());
    if keep {
        cargo.env("DFSN_AVALANCHE_KEEP", "1");
    }
    Ok(exit_code(status(&mut cargo)?))
}

/// Builds both programs unless they are there; gives their folder, if there is one in the end.
pub(crate) fn prepare(workspace: &Workspace, cache: &Cache) -> (Outcome, Option<PathBuf>) {
    let folder = folder(workspace, cache);
    if is_built(&folder) {
        return (Outcome::Passed, Some(folder));
    }
    if process::output(Command::new("go").arg("version")).is_err() {
        let reason = "go is missing: with Go 1.25 or newer, and a C compiler, FusionVM runs in real networks";
        return (Outcome::Skipped(reason.to_owned()), None);
    }
    match build(workspace, &folder) {
        Ok(()) => (Outcome::Passed, Some(folder)),
        Err(error) => (Outcome::Failed(vec![error.to_string()]), None),
    }
}

/// The folder of both programs, if they have been built.
pub(crate) fn built(workspace: &Workspace, cache: &Cache) -> Option<PathBuf> {
    let folder = folder(workspace, cache);
    is_built(&folder).then_some(folder)
}

/// A folder of its own for each version of the Go module.
fn folder(workspace: &Workspace, cache: &Cache) -> PathBuf {
    let mut hash = Sha256::new();
    for file in FILES {
        hash.update(fs::read(workspace.root().join(MODULE).join(file)).unwrap_or_default());
    }
    let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    cache.root().join(format!("avalanche-{digest}"))
}

fn is_built(folder: &Path) -> bool {
    PROGRAMS.iter().all(|(name, _)| folder.join(name).is_file())
}

fn build(workspace: &Workspace, folder: &Path) -> Result<(), ProcessError> {
    if is_built(folder) {
        return Ok(());
    }
    eprintln!("building AvalancheGo, once: 2 to 8 minutes, 1 GB of Go modules");
    let start = |source| ProcessError::Start { command: "go build".to_owned(), source };
    fs::create_dir_all(folder).map_err(start)?;
    for (name, package) in PROGRAMS {
        // Under another name until it is whole.
        let unfinished = folder.join(format!("{name}.new"));
        let mut go = Command::new("go");
        go.current_dir(workspace.root().join(MODULE));
        go.args(["build", "-mod=readonly", "-buildvcs=false", "-ldflags=-s -w", "-o"])
            .arg(&unfinished)
            .arg(package);
        go.env("CGO_ENABLED", "1").env("CGO_CFLAGS", flags("CGO_CFLAGS"));
        process::output(&mut go)?;
        fs::rename(&unfinished, folder.join(name)).map_err(start)?;
    }
    Ok(())
}

/// What AvalancheGo's own build sets: signatures that run on every processor of this kind.
fn flags(variable: &str) -> String {
    let own = env::var_os(variable);
    let own = own.as_deref().map(OsStr::to_string_lossy).unwrap_or_default();
    format!("-O2 -D__BLST_PORTABLE__ {own}").trim().to_owned()
}
