//! `fuzz`: every target for a while, on nightly.

use crate::error::Error;
use crate::process;
use crate::steps::{Outcome, Steps};
use crate::workspace::Workspace;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

/// More memory than this is a finding: the largest input has a few MiB.
const MEMORY_MB: u32 = 512;
/// So is one input that takes longer, in seconds.
const INPUT_SECONDS: u32 = 5;

/// Runs one target, or all of them, each for `seconds`.
pub(crate) fn fuzz(seconds: u32, only: Option<&str>) -> Result<ExitCode, Error> {
    let workspace = Workspace::locate()?;
    let mut steps = Steps::default();
    let targets = targets(workspace.root());
    let chosen: Vec<&String> = targets.iter().filter(|name| only.is_none_or(|only| *name == only)).collect();
    match missing() {
        Some(remedy) => steps.run("nightly and cargo-fuzz", || Outcome::Failed(vec![remedy])),
        None if chosen.is_empty() => steps.run("targets", || {
            Outcome::Failed(vec![format!(
                "no target {}: there are {}",
                only.unwrap_or_default(),
                targets.join(", ")
            )])
        }),
        None => {
            for name in chosen {
                steps.command(name, &mut target(workspace.root(), name, seconds));
            }
        }
    }
    Ok(steps.finish())
}

/// The targets by name, in order.
fn targets(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root.join("fuzz/fuzz_targets")) else { return Vec::new() };
    let stems = entries.flatten().map(|entry| entry.path());
    let stems = stems.filter(|path| path.extension().is_some_and(|ext| ext == "rs"));
    let mut names: Vec<String> =
        stems.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}

/// What must be installed first, and how.
fn missing() -> Option<String> {
    let nightly = |args: &[&str]| process::output(nightly().args(args)).is_ok();
    if !nightly(&["rustc", "--version"]) {
        return Some("no nightly compiler: `rustup toolchain install nightly --profile minimal`".to_owned());
    }
    let remedy = "no cargo-fuzz: `cargo install cargo-fuzz --locked`";
    (!nightly(&["cargo", "fuzz", "--version"])).then(|| remedy.to_owned())
}

fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly"]);
    command
}

/// New inputs go to `corpus`, which is not committed; `seeds` are only read.
fn target(root: &Path, name: &str, seconds: u32) -> Command {
    let mut command = nightly();
    // The crates forbid unsafe code: an address sanitizer would only slow them down.
    command.args(["cargo", "fuzz", "run", "--sanitizer", "none", name]);
    let (corpus, seeds) = (format!("fuzz/corpus/{name}"), format!("fuzz/seeds/{name}"));
    // A folder that cannot be made shows itself in the run.
    let _ = fs::create_dir_all(root.join(&corpus));
    command.args([corpus, seeds]).arg("--");
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-rss_limit_mb={MEMORY_MB}")).arg(format!("-timeout={INPUT_SECONDS}"));
    command.current_dir(root);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn targets_are_the_files_of_their_folder() {
        let dir = TempDir::new("fuzz-targets");
        assert!(targets(dir.path()).is_empty());
        dir.write("fuzz/fuzz_targets/b.rs", "");
        dir.write("fuzz/fuzz_targets/a.rs", "");
        dir.write("fuzz/fuzz_targets/notes.md", "");
        assert_eq!(targets(dir.path()), ["a", "b"]);
    }

    #[test]
    fn a_run_is_bounded_in_time_and_memory() {
        let dir = TempDir::new("fuzz-run");
        let line = process::describe(&target(dir.path(), "a", 60));
        assert!(line.contains("fuzz/corpus/a fuzz/seeds/a -- -max_total_time=60"), "{line}");
        assert!(line.contains("-rss_limit_mb=512") && line.contains("-timeout=5"), "{line}");
    }
}
