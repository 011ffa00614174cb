//! This terminal: a line is a message, pictures are files.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dfsn_client::Picture;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin};
use tokio::sync::Mutex;

use super::{Chat, Incoming, Note};
use crate::error::{BotError, ChatError};

pub(crate) struct Console {
    lines: Mutex<Lines<BufReader<Stdin>>>,
    folder: PathBuf,
    last: AtomicI64,
}

impl Console {
    pub(crate) fn new(folder: PathBuf) -> Result<Self, BotError> {
        std::fs::create_dir_all(&folder).map_err(BotError::io(&folder))?;
        let lines = Mutex::new(BufReader::new(stdin()).lines());
        Ok(Self { lines, folder, last: AtomicI64::new(0) })
    }
}

#[async_trait]
impl Chat for Console {
    async fn next(&self) -> Result<Option<Incoming>, ChatError> {
        let Some(text) = self.lines.lock().await.next_line().await? else { return Ok(None) };
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        // Whoever sits here may ask again before the first picture is there: each line is somebody.
        Ok(Some(Incoming { room: 0, from: id, id, text }))
    }

    async fn say(&self, to: &Incoming, text: &str) -> Result<Note, ChatError> {
        println!("[{}] {text}", to.id);
        Ok(Note { room: 0, id: to.id })
    }

    async fn rewrite(&self, note: &Note, text: &str) -> Result<(), ChatError> {
        println!("[{}] {text}", note.id);
        Ok(())
    }

    async fn show(&self, to: &Incoming, picture: &Picture, caption: &str) -> Result<(), ChatError> {
        let path = self.folder.join(format!("{}.png", &picture.file_hash.to_string()[..12]));
        tokio::fs::write(&path, &picture.file).await?;
        println!("[{}] {} {caption}", to.id, path.display());
        Ok(())
    }

    fn pause(&self) -> Duration {
        Duration::from_secs(1)
    }
}
