//! `test`: the tests, the exact profile on other machines, and the proof that default builds need no libtorch.

use crate::avalanche;
use crate::cache::Cache;
use crate::error::Error;
use crate::exact;
use crate::guides;
use crate::libtorch;
use crate::package;
use crate::process;
use crate::run::announce_first_build;
use crate::steps::{Outcome, Steps};
use crate::webapp;
use crate::workspace::{LIBRARIES, PROGRAMS, Workspace};
use std::ffi::OsString;
use std::process::{Command, ExitCode};

const TORCH_FEATURE: &str = "dfsn-compute/torch,generate/torch,compute-client/torch";
/// They need nothing that is not there, so they are always tested.
const FREE_FEATURES: &str = "dfsn-consensus/redb,dfsn-compute/service,dfsn-client/server,dfsn-client/webhook";

/// Runs everything; `args` go to `cargo test`.
pub(crate) fn test(no_torch: bool, args: &[OsString]) -> Result<ExitCode, Error> {
    let workspace = Workspace::locate()?;
    let libtorch = if no_torch { None } else { Some(libtorch::ensure(&Cache::locate()?, false)?.home) };
    if libtorch.is_some() {
        announce_first_build(&workspace)?;
    }
    let mut steps = Steps::default();
    let cache = Cache::locate()?;
    // A run of some packages takes what is there.
    let mut networks = avalanche::built(&workspace, &cache);
    if !names_packages(args) {
        steps.run("AvalancheGo and its networks' program", || {
            let (outcome, folder) = avalanche::prepare(&workspace, &cache);
            networks = folder;
            outcome
        });
    }
    let cargo = |args: &[OsString]| {
        let mut cargo = workspace.cargo(test_args(no_torch, args));
        cargo.envs(libtorch.iter().map(|home| ("LIBTORCH", home)));
        cargo.envs(networks.iter().map(|folder| (avalanche::VARIABLE, folder)));
        cargo
    };
    steps.command("tests", &mut cargo(args));
    steps.run("default builds need no libtorch", || torch_free(&workspace));
    if !names_packages(args) {
        exact::run(&mut steps, &workspace, cargo(&[]));
        webapp::run(&mut steps, &workspace);
        guides::run(&mut steps, &workspace);
        package::run(&mut steps, &workspace);
    }
    Ok(steps.finish())
}

/// Builds what the tests build, for what starts the programs without them.
pub(crate) fn programs(workspace: &Workspace) -> Result<Command, Error> {
    let libtorch = libtorch::ensure(&Cache::locate()?, false)?;
    let mut cargo = workspace.cargo(test_args(false, &["--no-run".into()]));
    cargo.env("LIBTORCH", libtorch.home);
    Ok(cargo)
}

fn test_args(no_torch: bool, args: &[OsString]) -> Vec<OsString> {
    let mut list: Vec<OsString> = vec!["test".into(), "--release".into()];
    // Without torch the workspace's default members are meant; with packages named, only those.
    if !names_packages(args) {
        // A long run tells everything that is wrong, not the first thing only.
        list.push("--no-fail-fast".into());
        if !no_torch {
            list.extend(["--workspace", "--features", TORCH_FEATURE].map(OsString::from));
        }
        list.extend(["--features", FREE_FEATURES].map(OsString::from));
    }
    list.extend(args.iter().cloned());
    list
}

fn names_packages(args: &[OsString]) -> bool {
    let own = args.iter().take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str());
    own.into_iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
}

fn torch_free(workspace: &Workspace) -> Outcome {
    let mut findings = Vec::new();
    let defaults = LIBRARIES.iter().chain(&PROGRAMS).map(|package| vec!["--package", package]);
    let service = vec!["--package", "dfsn-compute", "--features", "service"];
    for selection in defaults.chain([service]) {
        match torch_crates(workspace, &selection) {
            Ok(found) if found.is_empty() => {}
            Ok(found) => findings.push(format!("{} depends on {}", selection.join(" "), found.join(", "))),
            Err(error) => findings.push(error.to_string()),
        }
    }
    // The same question where the answer is known to be yes: a search that finds nothing proves nothing.
    match torch_crates(workspace, &["--package", "dfsn-compute", "--features", "torch"]) {
        Ok(found) if found.is_empty() => {
            findings
                .push("dfsn-compute with feature torch shows no torch-sys: this check is blind".to_owned());
        }
        Ok(_) => {}
        Err(error) => findings.push(error.to_string()),
    }
    Outcome::from_findings(findings)
}

fn torch_crates(workspace: &Workspace, selection: &[&str]) -> Result<Vec<String>, Error> {
    let mut cargo = workspace.cargo(["tree", "--edges", "normal,build", "--prefix", "none"]);
    Ok(find_torch(&process::output(cargo.args(selection))?))
}

fn find_torch(tree: &str) -> Vec<String> {
    let mut names: Vec<String> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| ["tch", "torch-sys"].contains(name))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(no_torch: bool, rest: &[&str]) -> String {
        let rest: Vec<OsString> = rest.iter().map(OsString::from).collect();
        let all = test_args(no_torch, &rest);
        all.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_whole_workspace_by_default() {
        let features = format!("--features {TORCH_FEATURE} --features {FREE_FEATURES}");
        let all = format!("test --release --no-fail-fast --workspace {features}");
        assert_eq!(args(false, &[]), all);
        let free = format!("test --release --no-fail-fast --features {FREE_FEATURES}");
        assert_eq!(args(true, &[]), free);
        assert_eq!(args(false, &["hash", "--", "-p"]), format!("{all} hash -- -p"));
    }

    #[test]
    fn named_packages_narrow_the_run() {
        for rest in [&["-p", "xtask"][..], &["-pxtask"], &["--package=xtask"], &["--package", "xtask"]] {
            assert_eq!(args(false, rest), format!("test --release {}", rest.join(" ")));
        }
    }

    #[test]
    fn torch_is_found_in_a_tree_and_nothing_like_it() {
        assert_eq!(
            find_torch("a v1\ntch v0.24.0\ntorch-sys v0.24.0\ntorch-sys v0.24.0 (*)"),
            ["tch", "torch-sys"]
        );
        assert!(find_torch("dfsn-types v0.1.0 (/torch-sys)\ntorchless v1\nstitch v1").is_empty());
    }
}
