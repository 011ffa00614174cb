//! As much of Telegram's Bot API as the bot uses. It remembers what it was told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

pub(crate) struct MockTelegram {
    address: SocketAddr,
    talk: Arc<Mutex<Talk>>,
}

#[derive(Default)]
struct Talk {
    updates: Vec<Value>,
    calls: Vec<Call>,
}

/// What the bot called.
pub(crate) struct Call {
    method: String,
    body: String,
}

impl Call {
    pub(crate) fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.body.contains(part)
    }
}

impl MockTelegram {
    pub(crate) const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";

    pub(crate) async fn start() -> Self {
        let talk = Arc::new(Mutex::new(Talk::default()));
        let router = Router::new().fallback(serve).with_state(Arc::clone(&talk));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, talk }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Somebody writes to the bot.
    pub(crate) fn write(&self, from: i64, text: &str) {
        let mut talk = self.talk.lock().unwrap();
        let id = talk.updates.len() as i64 + 1;
        let message = json!({"message_id": id, "chat": {"id": -5}, "from": {"id": from}, "text": text});
        talk.updates.push(json!({"update_id": 100 + id, "message": message}));
    }

    /// Waits for what the bot should say.
    pub(crate) async fn until(&self, patience: Duration, is_said: impl Fn(&[Call]) -> bool) {
        let begun = Instant::now();
        while !is_said(&self.talk.lock().unwrap().calls) {
            assert!(begun.elapsed() < patience, "{}", self.heard());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn heard(&self) -> String {
        let talk = self.talk.lock().unwrap();
        let lines = talk.calls.iter().map(|call| format!("{}: {:.200}\n", call.method, call.body));
        lines.collect()
    }
}

async fn serve(State(talk): State<Arc<Mutex<Talk>>>, uri: Uri, body: Bytes) -> Response {
    let mut parts = uri.path().trim_start_matches('/').split('/');
    if parts.next() != Some(format!("bot{}", MockTelegram::TOKEN).as_str()) {
        let refusal = json!({"ok": false, "error_code": 401, "description": "Unauthorized"});
        return (StatusCode::UNAUTHORIZED, Json(refusal)).into_response();
    }
    let method = parts.next().unwrap_or_default().to_owned();
    let result = match method.as_str() {
        "getUpdates" => {
            let asked: Value = serde_json::from_slice(&body).unwrap();
            poll(&talk, asked["offset"].as_i64().unwrap()).await
        }
        _ => {
            let mut talk = talk.lock().unwrap();
            talk.calls.push(Call { method, body: String::from_utf8_lossy(&body).into_owned() });
            json!({"message_id": 1_000 + talk.calls.len(), "chat": {"id": -5}})
        }
    };
    Json(json!({"ok": true, "result": result})).into_response()
}

/// Holds the call for a while, as the real one does.
async fn poll(talk: &Mutex<Talk>, offset: i64) -> Value {
    for _ in 0..20 {
        let fresh: Vec<Value> = {
            let talk = talk.lock().unwrap();
            talk.updates
                .iter()
                .filter(|update| update["update_id"].as_i64() >= Some(offset))
                .cloned()
                .collect()
        };
        if !fresh.is_empty() {
            return fresh.into();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    json!([])
}
