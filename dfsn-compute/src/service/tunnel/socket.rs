//! A WebSocket of either library, as messages in and out.

use std::pin::Pin;

use axum::extract::ws;
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt, future};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// What the other end sent.
#[derive(Debug)]
pub(in crate::service) enum Incoming {
    /// A frame's bytes.
    Data(Bytes),
    /// Only that it is there.
    Alive,
}

/// What this end sends.
#[derive(Debug)]
pub(in crate::service) enum Outgoing {
    /// A frame's bytes.
    Data(Bytes),
    /// That it is there.
    Ping,
    /// That nothing will follow.
    Close,
}

type In = Pin<Box<dyn Stream<Item = Result<Incoming, String>> + Send>>;
type Out = Pin<Box<dyn Sink<Outgoing, Error = String> + Send>>;

/// Both directions of an open WebSocket.
pub(in crate::service) struct Socket {
    pub(in crate::service) incoming: In,
    pub(in crate::service) outgoing: Out,
}

impl Socket {
    /// One that was accepted.
    pub(in crate::service) fn accepted(socket: ws::WebSocket) -> Self {
        let (outgoing, incoming) = socket.split();
        let incoming = incoming.map(|message| match message {
            Ok(ws::Message::Binary(bytes)) => Ok(Incoming::Data(bytes)),
            Ok(ws::Message::Close(_)) => Err("closed by the other end".to_owned()),
            Ok(ws::Message::Text(_)) => Err("a text message".to_owned()),
            Ok(_) => Ok(Incoming::Alive),
            Err(error) => Err(error.to_string()),
        });
        let outgoing = outgoing.sink_map_err(|error| error.to_string()).with(|item| {
            future::ready(Ok::<_, String>(match item {
                Outgoing::Data(bytes) => ws::Message::Binary(bytes),
                Outgoing::Ping => ws::Message::Ping(Bytes::new()),
                Outgoing::Close => ws::Message::Close(None),
            }))
        });
        Self { incoming: Box::pin(incoming), outgoing: Box::pin(outgoing) }
    }

    /// One that was dialled.
    pub(in crate::service) fn dialled<S>(socket: WebSocketStream<S>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (outgoing, incoming) = socket.split();
        let incoming = incoming.map(|message| match message {
            Ok(Message::Binary(bytes)) => Ok(Incoming::Data(bytes)),
            Ok(Message::Close(_)) => Err("closed by the other end".to_owned()),
            Ok(Message::Text(_)) => Err("a text message".to_owned()),
            Ok(_) => Ok(Incoming::Alive),
            Err(error) => Err(error.to_string()),
        });
        let outgoing = outgoing.sink_map_err(|error| error.to_string()).with(|item| {
            future::ready(Ok::<_, String>(match item {
                Outgoing::Data(bytes) => Message::Binary(bytes),
                Outgoing::Ping => Message::Ping(Bytes::new()),
                Outgoing::Close => Message::Close(None),
            }))
        });
        Self { incoming: Box::pin(incoming), outgoing: Box::pin(outgoing) }
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}
