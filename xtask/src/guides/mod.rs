//! `guides`: documents that tell a reader what to type are run as they stand, each in a folder of its own.
//!
//! Their `cargo build`, `cargo install` and `cargo run` mean the programs that the tests have built, so that nothing is compiled
//! twice; everything else is the real thing.

mod bash;
mod document;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fs, io};

use self::document::{Action, Block, Document, missing};
use crate::error::Error;
use crate::node::Folder;
use crate::steps::{Outcome, Steps};
use crate::workspace::Workspace;

const GUIDES: &str = "docs/guides";
/// The examples whose README is a tutorial: the templates, and those that need nothing but the clone.
const TUTORIALS: [&str; 7] =
    ["quickstart", "bot", "compute-client", "fusionvm", "generate", "verify-image", "economics"];
/// What of the clone is there for a reader who stands in it.
#[cfg(unix)]
const LINKED: [&str; 2] = ["models", "dfsn-types"];
const PRELUDE: &str = include_str!("prelude.sh");
/// The longest that one block may take; longer than the prelude waits for another terminal.
const DEADLINE: Duration = Duration::from_secs(180);

/// Builds what the documents start, if that is wanted, and runs those whose path contains `only`.
pub(crate) fn guides(only: Option<&str>, build: bool) -> Result<ExitCode, Error> {
    let workspace = Workspace::locate()?;
    let mut steps = Steps::default();
    if build {
        steps.command("programs", &mut crate::test::programs(&workspace)?);
    }
    for document in documents(&workspace, only.unwrap_or_default()) {
        step(&mut steps, &workspace, &document);
    }
    Ok(steps.finish())
}

/// The steps of `cargo xtask test`, whose tests have built the programs.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) {
    for document in documents(workspace, "") {
        step(steps, workspace, &document);
    }
}

/// Paths from the workspace's root on.
fn documents(workspace: &Workspace, only: &str) -> Vec<PathBuf> {
    let tutorials = TUTORIALS.map(|name| Path::new("examples").join(name).join("README.md"));
    let guides = fs::read_dir(workspace.root().join(GUIDES)).into_iter().flatten().flatten();
    let mut guides: Vec<_> = guides.map(|file| Path::new(GUIDES).join(file.file_name())).collect();
    guides.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    guides.sort();
    tutorials.into_iter().chain(guides).filter(|path| path.to_string_lossy().contains(only)).collect()
}

fn step(steps: &mut Steps, workspace: &Workspace, path: &Path) {
    steps.run(&format!("{} as it is written", path.display()), || {
        let text = fs::read_to_string(workspace.root().join(path)).map_err(|error| error.to_string());
        match text.and_then(|text| Document::parse(&text)) {
            Ok(document) if document.blocks.is_empty() => Outcome::Passed,
            Ok(document) => match lacking(&document.blocks) {
                Some(reason) => Outcome::Skipped(reason),
                None => follow(workspace, path, &document.blocks, DEADLINE),
            },
            Err(error) => Outcome::Failed(vec![format!("{}: {error}", path.display())]),
        }
    });
}

/// What is not there of what a document needs.
fn lacking(blocks: &[Block]) -> Option<String> {
    if cfg!(not(unix)) {
        return Some("documents are followed on Unix only".to_owned());
    }
    let found = |program: &str| {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    let needs = blocks.iter().flat_map(|block| block.needs.iter().map(|need| (need.as_str(), block.line)));
    let mut needs = [("bash", 0)].into_iter().chain(needs);
    let (program, line) = needs.find(|(program, _)| !found(program))?;
    Some(format!("{program} was not found, which line {line} needs"))
}

/// Does what a document says.
fn follow(workspace: &Workspace, path: &Path, blocks: &[Block], limit: Duration) -> Outcome {
    let folder = Folder::new();
    let output = folder.path().join("output");
    let done = prepare(workspace, folder.path(), blocks).and_then(|bash| bash::run(bash, &output, limit));
    let printed = |line: usize| fs::read_to_string(output.join(line.to_string())).unwrap_or_default();
    let failed = match done {
        Ok(status) if status.success() => return Outcome::from_findings(surprises(path, blocks, printed)),
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    let began = blocks.iter().rfind(|block| output.join(block.line.to_string()).exists());
    let line = began.map_or(0, |block| block.line);
    let mut findings = vec![format!("{}:{line}: {failed}", path.display())];
    findings.extend(tail(&printed(line)));
    Outcome::Failed(findings)
}

/// Expected lines that were not printed.
fn surprises(path: &Path, blocks: &[Block], printed: impl Fn(usize) -> String) -> Vec<String> {
    let mut findings = Vec::new();
    let mut last = 0;
    for block in blocks {
        match block.action {
            Action::Expect => {
                let all = printed(last);
                if let Some(line) = missing(&block.text, &all) {
                    findings.push(format!("{}:{}: not printed: {line}", path.display(), block.line));
                    findings.extend(tail(&all));
                }
            }
            Action::Run | Action::Serve { .. } => last = block.line,
            Action::Write { .. } => {}
        }
    }
    findings
}

fn tail(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().map(|line| format!("  | {line}")).collect();
    lines[lines.len().saturating_sub(20)..].to_vec()
}

/// Writes the document's script, and the command that runs it.
fn prepare(workspace: &Workspace, folder: &Path, blocks: &[Block]) -> io::Result<Command> {
    let (work, output) = (folder.join("work"), folder.join("output"));
    fs::create_dir_all(&work)?;
    fs::create_dir_all(&output)?;
    #[cfg(unix)]
    for name in LINKED {
        std::os::unix::fs::symlink(workspace.root().join(name), work.join(name))?;
    }
    let script = folder.join("script.sh");
    fs::write(&script, self::script(folder, blocks)?)?;
    let target = workspace.target_dir().map_err(io::Error::other)?;
    let mut bash = Command::new("bash");
    bash.arg(&script).current_dir(&work);
    bash.env("PROGRAMS", target.join("release")).env("XTASK", env::current_exe()?).env("OUTPUT", &output);
    // Settings, keys and a password of the document's own.
    bash.env("HOME", folder).env("XDG_CONFIG_HOME", folder.join("config"));
    bash.env("CARGO_MANIFEST_DIR", workspace.root().join("xtask"));
    Ok(bash)
}

fn script(folder: &Path, blocks: &[Block]) -> io::Result<String> {
    let mut script = PRELUDE.to_owned();
    for Block { line, text, action, .. } in blocks {
        let source = folder.join(line.to_string());
        // Where bash names a line, it is the document's.
        let lines = if matches!(action, Action::Write { .. }) { 0 } else { *line };
        fs::write(&source, "\n".repeat(lines) + text)?;
        let source = source.display();
        let _ = match action {
            Action::Run => writeln!(script, "source '{source}' >\"$OUTPUT/{line}\" 2>&1"),
            Action::Serve { ready } => writeln!(
                script,
                "set -m\n( SERVING=1; source '{source}' ) >\"$OUTPUT/{line}\" 2>&1 &\nset +m\nready $! {line} '{ready}'"
            ),
            Action::Write { path } => writeln!(
                script,
                "mkdir -p \"$(dirname '{path}')\"\ncp '{source}' '{path}'",
                path = path.display()
            ),
            Action::Expect => Ok(()),
        };
    }
    Ok(script)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn followed(text: &str) -> Outcome {
        let blocks = Document::parse(text).unwrap().blocks;
        follow(&Workspace::locate().unwrap(), Path::new("a.md"), &blocks, Duration::from_secs(2))
    }

    /// Ended, although nobody may have asked how; what was killed takes a moment.
    fn is_gone(pid: &str) -> bool {
        let look = "for try in {1..100}; do
            kill -0 $0 2>/dev/null && ! grep -q '^State:.Z' /proc/$0/status || exit 0
            sleep 0.1
        done
        exit 1";
        Command::new("bash").args(["-c", look, pid.trim()]).status().unwrap().success()
    }

    #[test]
    fn what_is_typed_is_done_and_what_it_started_is_gone() {
        let dir = TempDir::new("guide");
        let path = dir.path().display();
        let text = format!(
            "```text file=a/name\nwho\n```\n```sh serve=\"here\"\nsleep 600 & echo $! > {path}/1\necho here; wait\n```\n\
             ```sh\nword=\"it is $(cat a/name)\"; sleep 600 &\necho $! > {path}/2\n```\n```sh\necho \"$word\"; cat\n```\n\
             ```text output\nit … who\n```\n"
        );
        assert_eq!(followed(&text), Outcome::Passed);
        for name in ["1", "2"] {
            assert!(is_gone(&fs::read_to_string(dir.path().join(name)).unwrap()), "{name}");
        }
    }

    #[test]
    fn failures_name_their_line_and_show_what_was_printed() {
        for (text, expected) in [
            (
                "```sh\necho a\n```\n\n```sh\necho b\nfalse\necho c\n```\n",
                ["a.md:5: exit status: 1", "| b", "failed: false"],
            ),
            ("```sh\nno-such-program-dfsn\n```\n", ["a.md:1: ", "line 2: ", "no-such-program-dfsn"]),
            ("```sh\necho a\n```\n```text output\nb\n```\n", ["a.md:4: ", "not printed: b", "| a"]),
            ("```sh serve=\"here\"\necho off\n```\n", ["a.md:1: ", "| off", "ended without \"here\""]),
            ("```sh\ncargo publish\n```\n", ["a.md:1: ", "cargo publish", "not known"]),
        ] {
            let Outcome::Failed(findings) = followed(text) else { panic!("{text} passed") };
            let findings = findings.join("\n");
            assert!(expected.iter().all(|part| findings.contains(part)), "{expected:?} in {findings}");
        }
    }

    #[test]
    fn what_hangs_is_ended() {
        let dir = TempDir::new("hangs");
        let path = dir.path().display();
        let text = format!(
            "```sh\ntrue\n```\n```sh\n(trap '' TERM; echo $BASHPID > {path}/1; sleep 600; sleep 600)\n```\n"
        );
        let Outcome::Failed(findings) = followed(&text) else { panic!("passed") };
        assert!(findings[0].starts_with("a.md:4: not done after 2 s"), "{findings:?}");
        assert!(is_gone(&fs::read_to_string(dir.path().join("1")).unwrap()));
    }

    #[test]
    fn what_is_missing_is_named() {
        let blocks = Document::parse("```sh needs=bash,no-such-program-dfsn\na\n```\n").unwrap().blocks;
        let reason = lacking(&blocks).unwrap();
        assert!(reason.contains("no-such-program-dfsn") && reason.contains("line 1"), "{reason}");
    }
}
