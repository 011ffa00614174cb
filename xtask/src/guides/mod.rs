//! `guides`: documents that tell a reader what to type are run as they stand, each in a folder of its own.
//!
//! Their `cargo build`, `cargo install` and `cargo run` mean the programs that the tests have built, so that nothing is compiled
//! twice; everything else is the real thing.

mod document;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use self::document::{Action, Block, Document, missing};
use crate::error::Error;
use crate::node::Folder;
use crate::steps::{Outcome, Steps};
use crate::workspace::Workspace;

const GUIDES: &str = "docs/guides";
/// The templates, whose README is a tutorial.
const TUTORIALS: [&str; 4] = ["quickstart", "bot", "compute-client", "fusionvm"];
const PRELUDE: &str = include_str!("prelude.sh");
/// The longest that one document may take.
const DEADLINE: Duration = Duration::from_secs(600);

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
            Ok(document) => follow(workspace, path, &document.blocks),
            Err(error) => Outcome::Failed(vec![format!("{}: {error}", path.display())]),
        }
    });
}

/// Does what a document says.
fn follow(workspace: &Workspace, path: &Path, blocks: &[Block]) -> Outcome {
    let folder = Folder::new();
    let done = prepare(workspace, folder.path(), blocks)
        .and_then(|mut bash| wait(bash.spawn()?))
        .map_err(|error| vec![format!("{}: {error}", path.display())]);
    let output = folder.path().join("output");
    let printed = |line: usize| fs::read_to_string(output.join(line.to_string())).unwrap_or_default();
    match done {
        Err(findings) => Outcome::Failed(findings),
        Ok(status) if !status.success() => {
            let began = blocks.iter().rfind(|block| output.join(block.line.to_string()).exists());
            let line = began.map_or(0, |block| block.line);
            let mut findings = vec![format!("{}:{line}: {status}", path.display())];
            findings.extend(tail(&printed(line)));
            Outcome::Failed(findings)
        }
        Ok(_) => Outcome::from_findings(surprises(path, blocks, printed)),
    }
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
    std::os::unix::fs::symlink(workspace.root().join("models"), work.join("models"))?;
    let script = folder.join("script.sh");
    fs::write(&script, self::script(folder, blocks)?)?;
    let target = workspace.target_dir().map_err(io::Error::other)?;
    let mut bash = Command::new("bash");
    bash.arg(&script).current_dir(&work).stdin(Stdio::null());
    bash.env("PROGRAMS", target.join("release")).env("XTASK", env::current_exe()?).env("OUTPUT", &output);
    // Settings, keys and a password of the document's own.
    bash.env("HOME", folder).env("XDG_CONFIG_HOME", folder.join("config"));
    bash.env("CARGO_MANIFEST_DIR", workspace.root().join("xtask"));
    Ok(bash)
}

fn script(folder: &Path, blocks: &[Block]) -> io::Result<String> {
    let mut script = PRELUDE.to_owned();
    for Block { line, text, action } in blocks {
        let source = folder.join(line.to_string());
        fs::write(&source, text)?;
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

fn wait(mut bash: Child) -> io::Result<ExitStatus> {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = bash.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > end {
            // What the shell waits for ends, and with it the shell, which stops the rest.
            if Command::new("pkill").args(["-TERM", "-P", &bash.id().to_string()]).status().is_err() {
                bash.kill()?;
            }
            bash.wait()?;
            return Err(io::Error::other(format!("not done after {} s", DEADLINE.as_secs())));
        }
        thread::sleep(Duration::from_millis(50));
    }
}
