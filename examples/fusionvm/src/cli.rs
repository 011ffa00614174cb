//! The command line.

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use dfsn_types::{Address, Amount, ChainId, NodeId};
use fusionvm::Compute;

/// The node of a DFSN network.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, after_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Environment:
  FUSIONVM_PASSWORD  opens the keystore; otherwise it is asked for
  FUSIONVM_SECRET    the secret itself, 64 hexadecimal digits, instead of a keystore
  RUST_LOG           what is logged, for example debug or fusionvm=debug";

const REGISTER_HELP: &str = "\
The node runs, and its ComputeClient is there: it signs, too, and tells what it serves. Each key proves \
that it is held, for this owner on this network and nobody else. There is no secret in what is printed.

Examples:
  fusionvm register --owner 0x000000000000000000000000000000000000dEaD > registration.json
  fusionvm register --config configs/chains/CHAIN/config.json --relay HEX --json
  fusionvm register --keystore keystore.json --compute KEY --owner 0x00…dEaD";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a node.
    #[command(
        after_help = "Examples:\n  fusionvm run --dev\n  fusionvm run --dev --model models/emoji-64 --web\n  \
        fusionvm run --dev --keystore keystore.json --owner 0x… --compute KEY\n  \
        fusionvm run --config node/fusionvm.toml"
    )]
    Run(RunArgs),
    /// Make the secret of a node, in a file that a password opens, and print its public keys as JSON.
    #[command(after_help = "Example:\n  fusionvm keygen keystore.json > public.json")]
    Keygen {
        /// The file to write; one that exists is left as it is.
        keystore: PathBuf,
    },
    /// Make a genesis, and print it as JSON.
    #[command(
        after_help = "Example:\n  fusionvm genesis --chain-id 4242 --sealer public.json --validator public.json \
        --model models/emoji-64 --allocate dfsn1…=1000000 > genesis.json"
    )]
    Genesis(GenesisArgs),
    /// Print the public keys of a keystore again, or those of the node of every development network.
    #[command(after_help = "Examples:\n  fusionvm keys keystore.json\n  fusionvm keys --dev")]
    Keys {
        /// The keystore.
        #[arg(required_unless_present = "dev")]
        keystore: Option<PathBuf>,
        /// Of `run --dev`.
        #[arg(long, conflicts_with = "keystore")]
        dev: bool,
    },
    /// Print a registration of the node's keys and its ComputeClient as JSON, for the owner of a stake to sign.
    #[command(after_help = REGISTER_HELP)]
    Register(RegisterArgs),
    /// Print name, version and plugin protocol as JSON, for tools of AvalancheGo.
    VersionJson,
    /// Print a commented configuration file.
    Config,
}

/// Where `cargo xtask webapp` puts the page.
const WEB: &str = "examples/webapp/dist";

/// How to run.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A network of its own with coins for everybody: instant blocks, a faucet, four validators, known keys.
    #[arg(long, conflicts_with = "config", required_unless_present = "config")]
    pub(crate) dev: bool,
    /// The configuration of a real network's node.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where chain and pictures of the development network are kept.
    #[arg(long, value_name = "DIR", default_value = "fusionvm-dev", conflicts_with = "config")]
    pub(crate) data_dir: PathBuf,
    /// The model of the development network, a diffusers folder; without one nothing is drawn.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub(crate) model: Option<PathBuf>,
    /// A fifth validator of the development network, of a secret of your own; ComputeClients obey its key.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) keystore: Option<PathBuf>,
    /// The account that stakes for it; by default the secret's own.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "config", requires = "keystore")]
    pub(crate) owner: Option<Address>,
    /// Where the API listens; port 0 lets the system choose. By default 127.0.0.1:9750, or what the configuration says.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Serve a web page at /: what `cargo xtask webapp` has built, or another folder.
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, require_equals = true, default_missing_value = WEB)]
    pub(crate) web: Option<PathBuf>,
    /// A ComputeClient: its public key, and its URL unless it calls this node; again for more of them.
    #[arg(long, value_name = "KEY[=URL]", value_parser = compute)]
    pub(crate) compute: Vec<Compute>,
    /// Log a JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is registered.
#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// The account that stakes, and signs the registration; by default the owner in the configuration.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) owner: Option<Address>,
    /// The node's configuration: fusionvm.toml, or config.json of the chain at a node of AvalancheGo. By default fusionvm.toml in this
    /// folder, or none with --keystore.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The secret whose keys are registered; by default the one that the configuration names.
    #[arg(long, value_name = "FILE")]
    pub(crate) keystore: Option<PathBuf>,
    /// The ComputeClient: its public key, and its URL unless it calls the node; by default the one in the configuration.
    #[arg(long, value_name = "KEY[=URL]", value_parser = compute)]
    pub(crate) compute: Option<Compute>,
    /// Where the node answers; by default at its configured address on this machine.
    #[arg(long, value_name = "URL")]
    pub(crate) node: Option<String>,
    /// Coins for a unit of work, at the least; a picture of 64 x 64 pixels in 20 steps has 175,080 units.
    #[arg(long, value_name = "COINS", default_value = "0.0000003", value_parser = Amount::parse_dfsn)]
    pub(crate) price: Amount,
    /// Jobs at a time, of each model.
    #[arg(long, value_name = "JOBS", default_value = "1")]
    pub(crate) capacity: NonZeroU8,
    /// Where earnings go; by default to the owner.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) payout: Option<Address>,
    /// The node of AvalancheGo that others ask for pictures and states first: its ID as 40 hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub(crate) relay: Option<NodeId>,
    /// Print one line, and nothing beside it.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a genesis is made of.
#[derive(Debug, Args)]
pub(crate) struct GenesisArgs {
    /// The network's number, another one for each network.
    #[arg(long)]
    pub(crate) chain_id: u64,
    /// Public keys of the node that seals blocks where no consensus engine does, as `keygen` prints them.
    #[arg(long, value_name = "FILE")]
    pub(crate) sealer: PathBuf,
    /// Public keys of a validator; again for more of them.
    #[arg(long = "validator", value_name = "FILE")]
    pub(crate) validators: Vec<PathBuf>,
    /// Coins that each validator stakes.
    #[arg(long, value_name = "COINS", default_value = "10000", value_parser = Amount::parse_dfsn)]
    pub(crate) stake: Amount,
    /// A model that all validators serve, a diffusers folder; again for more of them.
    #[arg(long = "model", value_name = "DIR")]
    pub(crate) models: Vec<PathBuf>,
    /// An account and its coins; again for more of them.
    #[arg(long = "allocate", value_name = "ADDRESS=COINS", value_parser = allocation)]
    pub(crate) allocations: Vec<(Address, Amount)>,
}

impl GenesisArgs {
    pub(crate) fn chain_id(&self) -> Result<ChainId, String> {
        ChainId::new(self.chain_id).map_err(|error| error.to_string())
    }
}

fn compute(text: &str) -> Result<Compute, String> {
    let (key, url) = text.split_once('=').map_or((text, None), |(key, url)| (key, Some(url.to_owned())));
    Ok(Compute { key: key.parse().map_err(|_| "not a public key of 64 hexadecimal digits")?, url })
}

fn allocation(text: &str) -> Result<(Address, Amount), String> {
    let (address, amount) = text.split_once('=').ok_or("not ADDRESS=COINS")?;
    let address = address.parse::<Address>().map_err(|error| error.to_string())?;
    Ok((address, Amount::parse_dfsn(amount).map_err(|error| error.to_string())?))
}

/// What the user asks for; prints help or what is wrong, and ends, when it is nothing.
pub(crate) fn parse() -> Command {
    Cli::parse().command
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn either_dev_or_a_configuration() {
        let parse = |text: &str| Cli::try_parse_from(text.split(' ')).map(|cli| cli.command);
        assert!(matches!(parse("fusionvm run --dev").unwrap(), Command::Run(RunArgs { dev: true, .. })));
        for text in [
            "fusionvm run",
            "fusionvm run --dev --config x",
            "fusionvm run --config x --model y",
            "fusionvm run --dev --owner 0x00",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let Command::Register(args) = parse("fusionvm register").unwrap() else { panic!("another command") };
        assert_eq!((args.price, args.capacity.get()), (fusionvm::MIN_PRICE, 1));
        for text in ["--owner 0x12", "--capacity 0", "--price -1", "--relay NodeID-x", "--compute x"] {
            assert!(parse(&format!("fusionvm register {text}")).is_err(), "{text}");
        }
        assert!(parse("fusionvm genesis --chain-id 1 --sealer x --allocate nobody=1").is_err());
    }
}
