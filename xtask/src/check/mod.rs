//! `check`: everything that must hold before a commit.

mod decoders;
mod deny;
mod files;
mod length;
mod links;
mod purity;
mod rule_ids;

use crate::cache::Cache;
use crate::error::Error;
use crate::libtorch;
use crate::run::announce_first_build;
use crate::steps::{Outcome, Steps};
use crate::workspace::{LIBRARIES, PROGRAMS, Workspace};
use std::process::ExitCode;

/// Runs every check; with `advisories`, the one that needs the network too.
pub(crate) fn check(advisories: bool) -> Result<ExitCode, Error> {
    let (cache, workspace) = (Cache::locate()?, Workspace::locate()?);
    let libtorch = libtorch::ensure(&cache, false)?.home;
    announce_first_build(&workspace)?;
    let mut steps = Steps::default();
    // Cheap ones first: they fail in seconds.
    steps.command("format", &mut workspace.cargo(["fmt", "--all", "--check"]));
    house_rules(&mut steps, &workspace);
    steps.run("licences, bans, sources (cargo deny)", || deny::check(&cache, &workspace, advisories));
    steps.command(
        "lints",
        workspace.cargo(lint(&["--workspace", "--all-features"])).env("LIBTORCH", &libtorch),
    );
    let libraries: Vec<&str> = LIBRARIES.iter().flat_map(|name| ["--package", name]).collect();
    steps.command("lints without libtorch", &mut workspace.cargo(lint(&libraries)));
    // With them the service is linted without libtorch, too.
    let programs: Vec<&str> = PROGRAMS.iter().flat_map(|name| ["--package", name]).collect();
    let service = [&["--package", "dfsn-compute"], programs.as_slice()].concat();
    steps.command("lints of the examples without libtorch", &mut workspace.cargo(lint(&service)));
    let doc = ["doc", "--release", "--workspace", "--no-deps", "--all-features"];
    let mut doc = workspace.cargo(doc);
    steps.command("documentation", doc.env("LIBTORCH", &libtorch).env("RUSTDOCFLAGS", "-Dwarnings"));
    Ok(steps.finish())
}

/// Clippy in the release profile, so that libtorch's wrapper is not compiled a second time.
fn lint<'a>(selection: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["clippy", "--release", "--all-targets"];
    args.extend(selection);
    args.extend(["--", "-D", "warnings"]);
    args
}

fn house_rules(steps: &mut Steps, workspace: &Workspace) {
    let root = workspace.root();
    let listed = |result: std::io::Result<Vec<String>>| match result {
        Ok(findings) => Outcome::from_findings(findings),
        Err(error) => Outcome::Failed(vec![format!("cannot read {}: {error}", root.display())]),
    };
    steps.run("links between documents", || listed(links::check(root)));
    steps.run("rule ids stand in docs/spec", || listed(rule_ids::check(root)));
    steps.run("readers of outside bytes are fuzzed", || listed(decoders::check(root)));
    steps.run("file length", || listed(length::check(root)));
    steps.run("no panics in the lower crates, no clocks in the rules", || listed(purity::check(root)));
}
