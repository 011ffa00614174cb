//! Telegram's Bot API (<https://core.telegram.org/bots/api>): long polls, and five methods.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use dfsn_client::Picture;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::{Chat, Incoming, Note};
use crate::error::{BotError, ChatError};

/// How long the server holds a poll that has nothing to tell.
const POLL_SECONDS: u64 = 25;
/// Between two tries while the server is away.
const AGAIN: Duration = Duration::from_secs(2);
/// The most bytes of an answer: a hundred messages of 4,096 characters each.
const MAX_ANSWER_BYTES: usize = 8 << 20;

pub(crate) struct Telegram {
    http: Client,
    server: String,
    token: Zeroizing<String>,
    inbox: Mutex<Inbox>,
}

/// What came and was not taken yet.
#[derive(Default)]
struct Inbox {
    /// The first update that has not come.
    offset: i64,
    messages: VecDeque<Incoming>,
}

#[derive(Deserialize)]
struct Answer<R> {
    ok: bool,
    result: Option<R>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Update {
    update_id: i64,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    message_id: i64,
    chat: Id,
    from: Option<Id>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Id {
    id: i64,
}

impl Telegram {
    /// With the token of the environment variable `TELEGRAM_TOKEN`.
    pub(crate) fn from_env(server: &str) -> Result<Self, BotError> {
        let token = std::env::var("TELEGRAM_TOKEN").map(Zeroizing::new).map_err(|_| BotError::NoToken)?;
        // Another part of the program may have chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().timeout(Duration::from_secs(POLL_SECONDS + 15)).build();
        let http = http.map_err(|error| ChatError::Unreachable(without_url(error)))?;
        let server = server.trim_end_matches('/').to_owned();
        Ok(Self { http, server, token, inbox: Mutex::default() })
    }

    fn post(&self, method: &str) -> RequestBuilder {
        self.http.post(format!("{}/bot{}/{method}", self.server, self.token.as_str()))
    }

    async fn call<R: DeserializeOwned>(
        &self,
        method: &'static str,
        call: RequestBuilder,
    ) -> Result<R, ChatError> {
        let unreachable = |error| ChatError::Unreachable(without_url(error));
        let mut response = call.send().await.map_err(unreachable)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                let description = format!("an answer of more than {MAX_ANSWER_BYTES} bytes");
                return Err(ChatError::Refused { method, description });
            }
            body.extend_from_slice(&chunk);
        }
        let answer: Answer<R> = serde_json::from_slice(&body).map_err(|error| {
            let status = response.status();
            ChatError::Unreachable(format!(
                "it answers {method} with status {status} and no JSON of its API: {error}"
            ))
        })?;
        match answer {
            Answer { ok: true, result: Some(result), .. } => Ok(result),
            Answer { description, .. } => {
                Err(ChatError::Refused { method, description: description.unwrap_or_default() })
            }
        }
    }

    async fn poll(&self, inbox: &mut Inbox) -> Result<(), ChatError> {
        let body = json!({"offset": inbox.offset, "timeout": POLL_SECONDS, "allowed_updates": ["message"]});
        let updates: Vec<Update> = self.call("getUpdates", self.post("getUpdates").json(&body)).await?;
        for update in updates {
            inbox.offset = inbox.offset.max(update.update_id + 1);
            let Some(Message { message_id: id, chat, from, text: Some(text) }) = update.message else {
                continue;
            };
            let from = from.map_or(chat.id, |from| from.id);
            inbox.messages.push_back(Incoming { room: chat.id, from, id, text });
        }
        Ok(())
    }
}

#[async_trait]
impl Chat for Telegram {
    async fn next(&self) -> Result<Option<Incoming>, ChatError> {
        let mut inbox = self.inbox.lock().await;
        loop {
            if let Some(message) = inbox.messages.pop_front() {
                return Ok(Some(message));
            }
            match self.poll(&mut inbox).await {
                Err(ChatError::Unreachable(why)) => {
                    eprintln!("the chat server is not to be reached, trying again: {why}");
                    tokio::time::sleep(AGAIN).await;
                }
                polled => polled?,
            }
        }
    }

    async fn say(&self, to: &Incoming, text: &str) -> Result<Note, ChatError> {
        let body = json!({"chat_id": to.room, "text": text, "reply_parameters": {"message_id": to.id}});
        let message: Message = self.call("sendMessage", self.post("sendMessage").json(&body)).await?;
        Ok(Note { room: to.room, id: message.message_id })
    }

    async fn rewrite(&self, note: &Note, text: &str) -> Result<(), ChatError> {
        let body = json!({"chat_id": note.room, "message_id": note.id, "text": text});
        self.call::<Value>("editMessageText", self.post("editMessageText").json(&body)).await.map(drop)
    }

    async fn show(&self, to: &Incoming, picture: &Picture, caption: &str) -> Result<(), ChatError> {
        // As a document: sendPhoto would compress it, and its hash is the point.
        let file = Part::bytes(picture.file.clone()).file_name("picture.png");
        let form = Form::new()
            .text("chat_id", to.room.to_string())
            .text("caption", caption.to_owned())
            .part("document", file);
        self.call::<Value>("sendDocument", self.post("sendDocument").multipart(form)).await.map(drop)
    }

    fn pause(&self) -> Duration {
        Duration::from_secs(2)
    }
}

/// The URL holds the token.
fn without_url(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
