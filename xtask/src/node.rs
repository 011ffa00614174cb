//! `demo --node`: the same job through a node and a ComputeClient, each a process of its own.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use crate::error::Error;
use crate::process::{ProcessError, describe, exit_code, output, status};
use crate::workspace::Workspace;

/// The flag; followed by a URL it means a node that runs already.
const FLAG: &str = "--node";

/// Where among the demo's arguments a node is asked for without saying which.
pub(crate) fn asks_for_one(args: &[OsString]) -> Option<usize> {
    let at = args.iter().position(|arg| arg == FLAG)?;
    let is_url = |arg: &OsStr| arg.to_string_lossy().starts_with("http");
    (!args.get(at + 1).is_some_and(|next| is_url(next))).then_some(at)
}

/// Builds and starts both, and runs the demo against the node.
pub(crate) fn demo(args: &[OsString], at: usize) -> Result<ExitCode, Error> {
    let workspace = Workspace::locate()?;
    let mut build =
        workspace.cargo(["build", "--release", "--package", "fusionvm", "--package", "compute-client"]);
    let built = status(&mut build)?;
    if !built.success() {
        return Ok(exit_code(built));
    }
    let programs = workspace.target_dir()?.join("release");
    let folder = Folder::new();
    let network = Network::start(&programs, folder.path(), &workspace.root().join("models/emoji-64"), &[])?;
    let mut args = args.to_vec();
    args.insert(at + 1, OsString::from(&network.url));
    crate::run::package("quickstart", &args)
}

/// A folder that goes with this value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(env::temp_dir().join(format!("dfsn-xtask-{}-{n}", std::process::id())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Both processes; they end with this value.
pub(crate) struct Network {
    pub(crate) url: String,
    _client: Running,
    node: Running,
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Network {
    /// The ComputeClient's key is made first, since the node wants to know it; then the node says where to call it.
    /// `more` are arguments of the node.
    pub(crate) fn start(
        programs: &Path,
        folder: &Path,
        model: &Path,
        more: &[OsString],
    ) -> Result<Self, Error> {
        let program = |name: &str| {
            let mut command = Command::new(programs.join(name).with_extension(env::consts::EXE_EXTENSION));
            command.stdin(Stdio::null()).env("RUST_LOG", "warn");
            command
        };
        let config = folder.join("compute-client.toml");
        let client = || {
            let mut command = program("compute-client");
            command.arg("--config").arg(&config);
            command
        };
        let node_key = said(&mut program("fusionvm"), &["keys", "--dev"], "node")?;
        let init = |more: &[&str]| {
            let mut command = client();
            command.args(["init", "--json", "--node", &node_key, "--model"]).arg(model);
            said(&mut command, more, "public_key")
        };
        let key = init(&[])?;
        let mut node = program("fusionvm");
        node.args(["run", "--dev", "--listen", "127.0.0.1:0", "--compute", &key, "--model"]).arg(model);
        node.arg("--data-dir").arg(folder.join("node")).args(more).stdout(Stdio::piped());
        let (node, url) = listening(&mut node)?;
        // Written again, now with the way to the node; the key stays.
        let failed = |source| ProcessError::Start { command: describe(&client()), source };
        fs::remove_file(&config).map_err(failed)?;
        init(&["--dial", &url.replacen("http", "ws", 1)])?;
        let text = fs::read_to_string(&config).map_err(failed)?;
        // Any port for its figures: the usual one may be taken.
        fs::write(&config, text.replace("127.0.0.1:9464", "127.0.0.1:0")).map_err(failed)?;
        let mut run = client();
        run.args(["run", "--plain"]);
        let client = Running(run.spawn().map_err(failed)?);
        Ok(Self { url, _client: client, node })
    }

    /// Waits until the node ends by itself, or by Ctrl-C.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus, ProcessError> {
        self.node.0.wait().map_err(|source| ProcessError::Start { command: "fusionvm".to_owned(), source })
    }
}

/// A field of what a program prints as JSON.
fn said(command: &mut Command, args: &[&str], field: &str) -> Result<String, ProcessError> {
    let printed = output(command.args(args))?;
    read_field(&printed, field).ok_or_else(|| misfit(command, &printed))
}

/// Starts a node and reads where it listens.
fn listening(command: &mut Command) -> Result<(Running, String), ProcessError> {
    let name = describe(command);
    let failed = |source| ProcessError::Start { command: name.clone(), source };
    let mut node = Running(command.spawn().map_err(failed)?);
    let mut line = String::new();
    if let Some(stdout) = node.0.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(failed)?;
    }
    let url = read_field(&line, "url").ok_or_else(|| misfit(command, &line))?;
    Ok((node, url))
}

fn read_field(json: &str, field: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    Some(value.get(field)?.as_str()?.to_owned())
}

fn misfit(command: &Command, printed: &str) -> ProcessError {
    let source = io::Error::other(format!("it printed {printed:?}"));
    ProcessError::Start { command: describe(command), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_node_and_nothing_asks_for_one() {
        let at = |text: &str| {
            let args: Vec<OsString> = text.split(' ').map(OsString::from).collect();
            asks_for_one(&args)
        };
        assert_eq!(at("pizza --node --json"), Some(1));
        assert_eq!(at("pizza --node"), Some(1));
        assert_eq!(at("--node http://127.0.0.1:9750 pizza"), None);
        assert_eq!(at("pizza"), None);
    }
}
