//! The node's end: sends requests and gives each its reply.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::{Frame, MAX_IN_FLIGHT, Socket, heartbeat};
use crate::service::node::{LinkError, LinkReply, LinkRequest};

type Reply = oneshot::Sender<Result<LinkReply, LinkError>>;

/// Longest that a reply may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Sends into an open tunnel. Clones share it.
#[derive(Clone, Debug)]
pub(in crate::service) struct Tunnel {
    requests: mpsc::Sender<(LinkRequest, Reply)>,
}

impl Tunnel {
    /// Carries requests over a socket until it breaks or nobody holds the tunnel any more.
    pub(in crate::service) fn open(socket: Socket) -> Self {
        // What waits here and what waits for its reply are together as many as the worker allows.
        let (requests, queue) = mpsc::channel(MAX_IN_FLIGHT);
        tokio::spawn(carry(socket, queue));
        Self { requests }
    }

    /// Whether it has broken.
    pub(in crate::service) fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Sends a request and waits for its reply.
    pub(in crate::service) async fn exchange(&self, request: LinkRequest) -> Result<LinkReply, LinkError> {
        let (reply, replied) = oneshot::channel();
        let gone = || LinkError::Unreachable("the connection has ended".to_owned());
        self.requests.send((request, reply)).await.map_err(|_| gone())?;
        match tokio::time::timeout(TIMEOUT, replied).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Err(LinkError::Broken("the connection has ended".to_owned())),
            Err(_) => Err(LinkError::Timeout(TIMEOUT.as_secs())),
        }
    }
}

async fn carry(mut socket: Socket, mut queue: mpsc::Receiver<(LinkRequest, Reply)>) {
    let mut waiting: HashMap<u64, Reply> = HashMap::new();
    let reason = run(&mut socket, &mut queue, &mut waiting).await;
    queue.close();
    for (_, reply) in waiting {
        // Whoever waited may have given up.
        let _ = reply.send(Err(LinkError::Broken(reason.clone())));
    }
}

async fn run(
    socket: &mut Socket,
    queue: &mut mpsc::Receiver<(LinkRequest, Reply)>,
    waiting: &mut HashMap<u64, Reply>,
) -> String {
    let mut next_id = 0;
    let mut ping = heartbeat();
    loop {
        let sent = tokio::select! {
            frame = socket.next_frame() => match frame {
                Ok(Frame::Reply { id, status, signature, body }) => {
                    if let Some(reply) = waiting.remove(&id) {
                        // Whoever waited may have given up.
                        let _ = reply.send(Ok(LinkReply { status, signature, body }));
                    }
                    Ok(())
                }
                Ok(Frame::Call { .. }) => return "a request where replies are awaited".to_owned(),
                Err(reason) => return reason,
            },
            request = queue.recv(), if waiting.len() < MAX_IN_FLIGHT => {
                let Some((LinkRequest { method, path, header, body }, reply)) = request else {
                    socket.close().await;
                    return "nobody asks any more".to_owned();
                };
                let id = next_id;
                next_id += 1;
                waiting.insert(id, reply);
                socket.send(Frame::Call { id, method, path, header, body }.to_bytes()).await
            }
            _ = ping.tick() => socket.ping().await,
        };
        if let Err(reason) = sent {
            return reason;
        }
    }
}
