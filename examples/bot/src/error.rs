//! What ends the bot.

use std::path::{Path, PathBuf};

use dfsn_client::ClientError;
use thiserror::Error;

/// Why the bot stops. What goes wrong with one request is told to who asked.
#[derive(Debug, Error)]
pub(crate) enum BotError {
    /// The node is not there.
    #[error(transparent)]
    Node(#[from] ClientError),
    /// A file or the terminal.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others could read the key.
    #[error("{0} can be read by others; run: chmod 600 {0}")]
    OpenKey(PathBuf),
    /// Not a key.
    #[error("{0} holds no key: 64 hexadecimal digits")]
    BadKey(PathBuf),
    /// The system has no random numbers.
    #[error("no random numbers from the system: {0}")]
    Random(getrandom::Error),
    /// The chat server's token.
    #[error("set TELEGRAM_TOKEN to the token that @BotFather gave you")]
    NoToken,
    /// The chat server refuses or is gone for good.
    #[error("the chat server: {0}")]
    Chat(#[from] ChatError),
}

impl BotError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// Why a message did not get through. No variant shows an address: Telegram's hold the token.
#[derive(Debug, Error)]
pub(crate) enum ChatError {
    /// The server is not reached.
    #[error("it is not to be reached: {0}")]
    Unreachable(String),
    /// The server answers, and refuses.
    #[error("it refuses {method}: {description}")]
    Refused {
        /// The call.
        method: &'static str,
        /// The server's words.
        description: String,
    },
    /// A file or the terminal.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}
