//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use dfsn_types::Amount;

/// A chat bot that draws pictures on a DFSN network
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where people write to the bot
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = Place::Console)]
    pub(crate) chat: Place,
    /// The node to ask
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9750")]
    pub(crate) node: String,
    /// File of the key that pays, made if it does not exist
    #[arg(long, value_name = "FILE", default_value = "bot.key")]
    pub(crate) key: PathBuf,
    /// Most that one request may cost, in DFSN
    #[arg(long, value_name = "DFSN", default_value = "1", value_parser = Amount::parse_dfsn)]
    pub(crate) price_max: Amount,
    /// Ask the node's faucet when coins run out, on networks for trying things
    #[arg(long)]
    pub(crate) faucet: bool,
    /// Console: folder for pictures, made if it does not exist
    #[arg(long, value_name = "DIR", default_value = "pictures")]
    pub(crate) out: PathBuf,
    /// Telegram: server of the Bot API; its token is read from TELEGRAM_TOKEN
    #[arg(long, value_name = "URL", default_value = "https://api.telegram.org")]
    pub(crate) telegram: String,
}

/// Where messages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Place {
    /// This terminal
    Console,
    /// Telegram's Bot API
    Telegram,
}

const EXAMPLES: &str = "\
Examples:
  fusionvm run --dev --model models/emoji-64          # a network, in another terminal
  bot --faucet                                        # then type: /imagine a red fox --seed 7
  TELEGRAM_TOKEN=... bot --chat telegram --price-max 0.2";
