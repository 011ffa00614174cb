//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use dfsn_types::PublicKey;

use crate::profile::Profile;

const EXAMPLES: &str = "\
Examples:
  compute-client init --node 3b6a27bc… --model ~/models/sd-1.5 --dial wss://node.example.org
  compute-client check --price 0.05
  compute-client run
  compute-client --config /etc/dfsn/compute-client.toml run --json";

/// Draw pictures for a DFSN node on this machine.
#[derive(Debug, Parser)]
#[command(name = "compute-client", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Configuration file [default: dfsn/compute-client.toml in your configuration folder]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented configuration and make a key.
    #[command(after_help = "Examples:\n  compute-client init --node 3b6a27bc… --model ~/models/sd-1.5 \
        --dial wss://node.example.org\n  compute-client init --node 3b6a27bc… --listen 0.0.0.0:7733")]
    Init(InitArgs),
    /// Load the models, measure them, and say what this machine could earn.
    #[command(after_help = "Examples:\n  compute-client check\n  compute-client check --price 0.05 --json")]
    Check(CheckArgs),
    /// Serve the node until Ctrl-C or SIGTERM.
    #[command(after_help = "Examples:\n  compute-client run\n  compute-client run --json 2> worker.log\n\n\
        RUST_LOG=debug shows more. A second Ctrl-C ends at once; what was committed is kept.")]
    Run(RunArgs),
}

/// What `init` writes into the configuration.
#[derive(Debug, ClapArgs)]
pub(crate) struct InitArgs {
    /// Public key of your node, 64 hexadecimal digits
    #[arg(long, value_name = "KEY")]
    pub(crate) node: Option<PublicKey>,
    /// Model folder in the diffusers layout; more than one may be named
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Vec<PathBuf>,
    /// Which bits their pictures have: exact-v1, the same on every machine, or float, those of libtorch on this one
    #[arg(long, value_name = "NAME", default_value_t = Profile::ExactV1)]
    pub(crate) profile: Profile,
    /// Call this node and stay connected; no port needs to be open
    #[arg(long, value_name = "URL")]
    pub(crate) dial: Option<String>,
    /// Wait for the node on this address
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// How `check` reports.
#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    /// DFSN that a picture of 20 steps is paid with
    #[arg(long, value_name = "DFSN", default_value_t = 0.05)]
    pub(crate) price: f64,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// How `run` reports.
#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// Log in JSON, a line an event; no live view
    #[arg(long)]
    pub(crate) json: bool,
    /// Plain logs in a terminal, too
    #[arg(long)]
    pub(crate) plain: bool,
}

impl Args {
    /// The file named, or the usual place.
    pub(crate) fn config_path(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| config_home().join("dfsn/compute-client.toml"))
    }
}

/// Where a user's programs keep their configuration.
fn config_home() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config"))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_sound() {
        Args::command().debug_assert();
    }
}
