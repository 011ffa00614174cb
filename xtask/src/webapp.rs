//! `webapp` builds the web page and what it checks pictures with; `demo --web` shows it; the tests drive it in Chromium.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use crate::error::Error;
use crate::exact;
use crate::node::{Folder, Network};
use crate::process::{self, exit_code};
use crate::steps::{Outcome, Steps};
use crate::workspace::Workspace;

/// The flag of `demo`.
const FLAG: &str = "--web";
const PAGE: &str = "examples/webapp";
/// The oldest Node that Vite runs on.
const NODE: (u32, u32) = (20, 19);
/// Where Chromium is looked for, unless the environment names one.
const CHROMIUM: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const CHROMIUM_VARIABLE: &str = "CHROMIUM";

/// Builds everything, checks its size, and with `tests` drives it.
pub(crate) fn webapp(tests: bool) -> Result<ExitCode, Error> {
    let workspace = Workspace::locate()?;
    let mut steps = Steps::default();
    steps.run("web page", || build(&workspace));
    if tests {
        steps.command("programs", &mut programs(&workspace));
        steps.run("web page in Chromium", || drive(&workspace));
    }
    Ok(steps.finish())
}

/// The steps of `cargo xtask test`, whose tests have built node and ComputeClient.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) {
    steps.run("web page", || build(workspace));
    steps.run("web page in Chromium", || match workspace.root().join(PAGE).join("dist").is_dir() {
        true => drive(workspace),
        false => Outcome::Skipped("the page was not built".to_owned()),
    });
}

/// Whether `demo` is to show the page.
pub(crate) fn is_asked_for(args: &[OsString]) -> bool {
    args.iter().any(|arg| arg == FLAG)
}

/// Starts node, ComputeClient and page, and says where, until Ctrl-C.
pub(crate) fn demo() -> Result<ExitCode, Error> {
    let workspace = Workspace::locate()?;
    let page = workspace.root().join(PAGE).join("dist");
    if !page.join("index.html").is_file() {
        let mut steps = Steps::default();
        steps.run("web page", || build(&workspace));
        if !page.join("index.html").is_file() {
            return Ok(steps.finish());
        }
    }
    let built = process::status(&mut programs(&workspace))?;
    if !built.success() {
        return Ok(exit_code(built));
    }
    let folder = Folder::new();
    let programs = workspace.target_dir()?.join("release");
    let web = OsString::from(format!("{FLAG}={}", page.display()));
    let model = workspace.root().join("models/emoji-64");
    let mut network = Network::start(&programs, folder.path(), &model, &[web])?;
    println!("{}", network.url);
    eprintln!("open it in a browser; Ctrl-C ends the network, whose chain is in {}", folder.path().display());
    Ok(exit_code(network.wait()?))
}

fn programs(workspace: &Workspace) -> Command {
    workspace.cargo(["build", "--release", "--package", "fusionvm", "--package", "compute-client"])
}

fn build(workspace: &Workspace) -> Outcome {
    if let Err(outcome) = node() {
        return outcome;
    }
    let page = workspace.root().join(PAGE);
    let program = match exact::page_program(workspace) {
        Ok(program) => program,
        Err(outcome) => return outcome,
    };
    let kept = page.join("public/wasm/exact_wasm.wasm");
    let copied = fs::create_dir_all(page.join("public/wasm")).and_then(|()| fs::copy(&program, &kept));
    if let Err(error) = copied {
        return Outcome::Failed(vec![format!(
            "cannot copy {} to {}: {error}",
            program.display(),
            kept.display()
        )]);
    }
    for args in [&["ci", "--no-audit", "--no-fund"][..], &["run", "build"], &["test"]] {
        let outcome = Outcome::of(npm(&page).args(args));
        if outcome != Outcome::Passed {
            return outcome;
        }
    }
    Outcome::Passed
}

fn drive(workspace: &Workspace) -> Outcome {
    if let Err(outcome) = node() {
        return outcome;
    }
    let chromium = match chromium() {
        Ok(chromium) => chromium,
        Err(reason) => return Outcome::Skipped(reason),
    };
    let target = match workspace.target_dir() {
        Ok(target) => target,
        Err(error) => return Outcome::Failed(vec![error.to_string()]),
    };
    let mut tests = npm(&workspace.root().join(PAGE));
    tests.args(["run", "e2e"]).env(CHROMIUM_VARIABLE, chromium).env("CARGO_TARGET_DIR", target);
    Outcome::of(&mut tests)
}

fn npm(page: &Path) -> Command {
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(page);
    npm
}

/// Whether Node and npm are there, and new enough.
fn node() -> Result<(), Outcome> {
    let missing = |reason: String| Err(Outcome::Skipped(format!("{reason} (https://nodejs.org)")));
    let Ok(text) = process::output(Command::new("node").arg("--version")) else {
        return missing("node was not found".to_owned());
    };
    match version(&text) {
        Some(found) if found >= NODE => {}
        _ => return missing(format!("Node {} is older than {}.{}", text.trim(), NODE.0, NODE.1)),
    }
    if process::output(npm(Path::new(".")).arg("--version")).is_err() {
        return missing("npm was not found".to_owned());
    }
    Ok(())
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// Finds Chromium, or installs it where that may be done without asking anybody.
fn chromium() -> Result<PathBuf, String> {
    if let Some(path) = env::var_os(CHROMIUM_VARIABLE) {
        return Ok(path.into());
    }
    let find = || CHROMIUM.into_iter().map(PathBuf::from).find(|path| path.is_file());
    if let Some(path) = find() {
        return Ok(path);
    }
    let is_root = process::output(Command::new("id").arg("-u")).is_ok_and(|user| user.trim() == "0");
    let by_hand = "apt-get install chromium, or name one by CHROMIUM";
    if !is_root {
        return Err(format!("Chromium was not found: {by_hand}"));
    }
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    apt.args(["install", "-q", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"]);
    let installed = process::status(&mut apt).is_ok_and(|status| status.success());
    find().filter(|_| installed).ok_or_else(|| format!("Chromium could not be installed: {by_hand}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_compared_by_their_numbers() {
        assert_eq!(version("v20.20.2\n"), Some((20, 20)));
        assert!(version("v18.20.4").is_some_and(|old| old < NODE));
        assert!(version("v22.0.0").is_some_and(|new| new >= NODE));
        assert_eq!(version("nonsense"), None);
    }
}
