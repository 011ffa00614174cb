//! Where messages come from. Another network of chats is another file here.

mod console;
mod telegram;

pub(crate) use console::Console;
pub(crate) use telegram::Telegram;

use std::time::Duration;

use async_trait::async_trait;
use dfsn_client::Picture;

use crate::error::ChatError;

/// A message to the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    /// The room to answer in.
    pub(crate) room: i64,
    /// Who wrote it.
    pub(crate) from: i64,
    /// Its number in the room.
    pub(crate) id: i64,
    /// At most what the server lets through.
    pub(crate) text: String,
}

/// A message of the bot's that it can rewrite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) room: i64,
    pub(crate) id: i64,
}

/// A place where people write.
#[async_trait]
pub(crate) trait Chat: Send + Sync {
    /// Waits for the next message; nothing when no more can come. A call that is dropped loses no message.
    async fn next(&self) -> Result<Option<Incoming>, ChatError>;

    /// Answers a message.
    async fn say(&self, to: &Incoming, text: &str) -> Result<Note, ChatError>;

    /// Replaces what a note says.
    async fn rewrite(&self, note: &Note, text: &str) -> Result<(), ChatError>;

    /// Answers with a picture.
    async fn show(&self, to: &Incoming, picture: &Picture, caption: &str) -> Result<(), ChatError>;

    /// How long to leave a note as it is while steps go by.
    fn pause(&self) -> Duration;
}
