//! Requests and replies over one WebSocket, whoever dialled it (ADR 0047).
//!
//! The node's end asks ([`requester`]), the worker's end answers ([`responder`]). A message of the WebSocket is one
//! [`Frame`]: a request as it would be sent over HTTP, with the same signature, or the reply to one.

mod frame;
pub(super) mod requester;
pub(super) mod responder;
mod socket;

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

pub use frame::{Frame, FrameError};
pub(super) use socket::Socket;

/// Largest message: the largest reply and its head.
pub(super) const MAX_FRAME_BYTES: usize = super::wire::MAX_REPLY_BYTES + frame::MAX_HEAD_BYTES + 4;
/// Requests on their way at a time.
pub(super) const MAX_IN_FLIGHT: usize = 64;
/// How often each end shows that it is there.
const PING: Duration = Duration::from_secs(20);
/// Silence after which the other end is gone.
const SILENCE: Duration = Duration::from_secs(60);

/// Ticks whenever [`Socket::ping`] is due.
fn heartbeat() -> Interval {
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping
}
