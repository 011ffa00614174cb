//! A WebSocket of either library, as messages in and out.

use std::pin::Pin;

use axum::extract::ws;
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt, future};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Frame, SILENCE};

/// What the other end sent.
#[derive(Debug)]
enum Incoming {
    /// A frame's bytes.
    Data(Bytes),
    /// Only that it is there.
    Alive,
}

/// What this end sends.
#[derive(Debug)]
enum Outgoing {
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
    incoming: In,
    outgoing: Out,
    /// When the other end last sent anything.
    heard: Instant,
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
        Self::new(Box::pin(incoming), Box::pin(outgoing))
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
        Self::new(Box::pin(incoming), Box::pin(outgoing))
    }

    fn new(incoming: In, outgoing: Out) -> Self {
        Self { incoming, outgoing, heard: Instant::now() }
    }

    /// The next frame; when none will come any more, why. Nothing is lost when the wait is broken off.
    pub(super) async fn next_frame(&mut self) -> Result<Frame, String> {
        loop {
            let incoming = self.incoming.next().await;
            self.heard = Instant::now();
            match incoming {
                Some(Ok(Incoming::Alive)) => {}
                Some(Ok(Incoming::Data(bytes))) => {
                    return Frame::parse(&bytes).map_err(|error| error.to_string());
                }
                Some(Err(reason)) => return Err(reason),
                None => return Err("closed by the other end".to_owned()),
            }
        }
    }

    /// Sends a frame's bytes; when they cannot be sent, why.
    pub(super) async fn send(&mut self, frame: Bytes) -> Result<(), String> {
        self.outgoing.send(Outgoing::Data(frame)).await
    }

    /// Shows that this end is there, unless the other end has been silent for too long.
    pub(super) async fn ping(&mut self) -> Result<(), String> {
        if self.heard.elapsed() > SILENCE {
            return Err(format!("nothing was heard for {} s", SILENCE.as_secs()));
        }
        self.outgoing.send(Outgoing::Ping).await
    }

    /// Tells that nothing will follow.
    pub(super) async fn close(&mut self) {
        // An end that is gone needs no telling.
        let _ = self.outgoing.send(Outgoing::Close).await;
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}
