//! What the commands do.

mod genesis;
mod run;

use std::io::Write;
use std::path::Path;

use fusionvm::keystore::{NodeSecret, password};
use fusionvm::{DevNetwork, NodeError};

use crate::cli::Command;

/// Does what was asked for.
pub(crate) fn dispatch(command: Command) -> Result<(), NodeError> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Keygen { keystore } => keygen(&keystore),
        Command::Genesis(args) => genesis::genesis(&args),
        Command::Keys { keystore, .. } => keys(keystore.as_deref()),
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
