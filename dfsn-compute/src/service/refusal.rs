//! Why a worker does not do what it was asked for.

use dfsn_types::{FileHash, PublicKey};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::wire::{Message, message};

/// Why a request was refused. Nothing was changed by it.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// No signature, or not that of this worker's node for this worker.
    #[error(
        "not signed by this worker's node; check `node` in the worker's configuration and the worker's key in the node's"
    )]
    Unauthorized,
    /// Signed too long ago, or ahead of the worker's clock, or before what a restart must not take again.
    #[error(
        "signed outside the window from {earliest_ms} to {latest_ms} (Unix milliseconds); sign again with a time in it"
    )]
    Stale {
        /// Earliest time that is taken.
        earliest_ms: u64,
        /// Latest time that is taken.
        latest_ms: u64,
    },
    /// This very request was taken before.
    #[error("this request was taken before; sign a new one")]
    Replayed,
    /// More requests in a short time than the worker remembers.
    #[error("too many requests at once; ask again after {retry_after_ms} ms")]
    Busy {
        /// When to try again.
        retry_after_ms: u64,
    },
    /// A body or blob over its limit.
    #[error("over the limit of {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// Not a message of this version.
    #[error("not a message of version 1: {reason}")]
    Malformed {
        /// What was found.
        reason: Message,
    },
    /// No such path.
    #[error("there is no such path or method in version 1")]
    UnknownPath,
    /// The worker does not serve this model in this profile.
    #[error("this model is not served in this profile; `info` lists what is")]
    NotServed,
    /// The request cannot be drawn by the model.
    #[error("cannot be drawn: {reason}")]
    Undrawable {
        /// Which bound is broken.
        reason: Message,
    },
    /// The result would come after the deadline.
    #[error(
        "the result would take {estimate_ms} ms with what waits before it, the deadline is in {deadline_ms} ms"
    )]
    TooSlow {
        /// As measured.
        estimate_ms: u64,
        /// As asked for.
        deadline_ms: u64,
    },
    /// As many jobs wait as may wait.
    #[error("{capacity} jobs wait already; ask again after {retry_after_ms} ms")]
    QueueFull {
        /// Jobs that may wait.
        capacity: u32,
        /// When a place should be free.
        retry_after_ms: u64,
    },
    /// The disk space for results is used up by results whose audits are not over.
    #[error("no space for {needed_bytes} bytes of trace; release old results or raise `store.max_gib`")]
    StoreFull {
        /// Bytes of the new trace.
        needed_bytes: u64,
    },
    /// The worker shuts down.
    #[error("the worker shuts down and takes nothing new")]
    Draining,
    /// Another job of the same name.
    #[error("this attempt is known with other content")]
    Conflict,
    /// No job of this name, or its result was released.
    #[error("no such job; it was never taken, or its result is no longer kept")]
    UnknownJob,
    /// The job has no result yet.
    #[error("the job has no result")]
    NoResult,
    /// No such state in the trace.
    #[error("there is no such state in this trace")]
    UnknownState,
    /// No blob of this name.
    #[error("blob {blob} is not here; hand it over first")]
    UnknownBlob {
        /// Its name.
        blob: FileHash,
    },
    /// A blob that does not have the hash in its path.
    #[error("the blob has another hash than its path says")]
    WrongHash,
    /// A registration with another compute key.
    #[error("the registration names compute key {named}, which is not this worker's")]
    OtherKey {
        /// The key in it.
        named: PublicKey,
    },
    /// A worker called a node that waits for none.
    #[error("this node waits for no worker; {remedy}")]
    NoWorker {
        /// How it is made to wait.
        remedy: Message,
    },
    /// The node that was asked does not reach its worker.
    #[error("{reason}")]
    Away {
        /// Why.
        reason: Message,
    },
    /// The worker's own trouble.
    #[error("internal trouble of the worker: {reason}")]
    Internal {
        /// For its owner.
        reason: Message,
    },
}

impl Refusal {
    /// Bytes that are no message.
    pub(super) fn malformed(error: &impl std::fmt::Display) -> Self {
        Self::Malformed { reason: message(&error.to_string()) }
    }

    /// The worker's own trouble.
    pub(super) fn internal(error: &impl std::fmt::Display) -> Self {
        Self::Internal { reason: message(&error.to_string()) }
    }

    /// Its name, as on the wire.
    pub fn code(&self) -> String {
        // An enum with a tag of that name.
        let value = serde_json::to_value(self).unwrap_or_default();
        value.get("code").and_then(|code| code.as_str()).unwrap_or_default().to_owned()
    }

    /// Status of the HTTP reply.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized | Self::Stale { .. } | Self::Replayed => StatusCode::UNAUTHORIZED,
            Self::Busy { .. } | Self::QueueFull { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed { .. } | Self::WrongHash => StatusCode::BAD_REQUEST,
            Self::UnknownPath
            | Self::UnknownJob
            | Self::UnknownState
            | Self::UnknownBlob { .. }
            | Self::NoWorker { .. } => StatusCode::NOT_FOUND,
            Self::NotServed | Self::Undrawable { .. } | Self::TooSlow { .. } | Self::OtherKey { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Conflict | Self::NoResult => StatusCode::CONFLICT,
            Self::StoreFull { .. } => StatusCode::INSUFFICIENT_STORAGE,
            Self::Draining | Self::Away { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the same request may be taken later.
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. }
                | Self::TooSlow { .. }
                | Self::QueueFull { .. }
                | Self::StoreFull { .. }
                | Self::Draining
                | Self::Away { .. }
        )
    }
}
