//! What the commands do.

mod genesis;
mod register;
mod run;

use std::io::Write;
use std::path::Path;

use fusionvm::keystore::{NodeSecret, password};
use fusionvm::{DevNetwork, NodeError};

use fusionvm::plugin::{self, PROTOCOL};
use tracing_subscriber::EnvFilter;

use crate::cli::Command;

/// `fusionvm` padded with zeros to 32 bytes, in AvalancheGo's text form: a plugin's file is named so.
const VM_ID: &str = "n8AzjcdC5RQA1ZHdM7yJZFbqtwWPwKcr2RqscwAZbBXi3sWde";

/// Does what was asked for.
pub(crate) fn dispatch(command: Command) -> Result<(), NodeError> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Keygen { keystore } => keygen(&keystore),
        Command::Genesis(args) => genesis::genesis(&args),
        Command::Register(args) => register::register(&args),
        Command::Keys { keystore, .. } => keys(keystore.as_deref()),
        Command::VersionJson => print(&version()),
        Command::Config => write(include_str!("fusionvm.toml")),
    }
}

fn keygen(path: &Path) -> Result<(), NodeError> {
    let secret = NodeSecret::generate()?;
    secret.write(path, &password(true)?)?;
    print(&serde_json::json!(secret.public_keys()))
}

fn keys(path: Option<&Path>) -> Result<(), NodeError> {
    let secret = path.map_or_else(|| Ok(DevNetwork::sealer()), NodeSecret::find)?;
    print(&serde_json::json!(secret.public_keys()))
}

fn version() -> serde_json::Value {
    let version = env!("CARGO_PKG_VERSION");
    serde_json::json!({ "name": "fusionvm", "vmid": VM_ID, "version": version, "rpcchainvm": PROTOCOL })
}

/// Runs as the plugin of the node that has started this process.
pub(crate) fn serve_plugin() -> Result<(), NodeError> {
    log(false);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| NodeError::Io { path: "tokio".into(), source })?;
    let ended = runtime.block_on(plugin::run());
    // The chain's thread may wait for the node's database, which is gone.
    runtime.shutdown_background();
    ended
}

fn print(value: &serde_json::Value) -> Result<(), NodeError> {
    write(&format!("{value:#}\n"))
}

/// Writes to the output stream; whoever closed it has read enough.
fn write(text: &str) -> Result<(), NodeError> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(NodeError::Io { path: "output".into(), source: error })
        }
        _ => Ok(()),
    }
}

/// Logs to the error stream by RUST_LOG, else from `info` on.
fn log(as_json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_ansi(false);
    let builder = builder.with_writer(std::io::stderr);
    if as_json { builder.json().init() } else { builder.init() }
}
