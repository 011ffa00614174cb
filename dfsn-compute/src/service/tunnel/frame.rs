//! One message of a tunnel: length of the head, head in JSON, body.

use bytes::{BufMut, Bytes, BytesMut};
use dfsn_types::Signature;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::service::auth::CallHeader;

/// Version of the form.
const VERSION: u16 = 1;
/// Longest head.
pub(super) const MAX_HEAD_BYTES: usize = 4_096;

/// A request or a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// From the node.
    Call {
        /// Chosen by the node; the reply has the same.
        id: u64,
        /// As in HTTP.
        method: String,
        /// Path and query, from `/v1/` on.
        path: String,
        /// Signs it.
        header: CallHeader,
        /// The body.
        body: Bytes,
    },
    /// From the worker.
    Reply {
        /// Of the request.
        id: u64,
        /// As in HTTP.
        status: u16,
        /// By the worker, except for requests of strangers.
        signature: Option<Signature>,
        /// The body.
        body: Bytes,
    },
}

/// Bytes that are no frame.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Cut short, or a head over its limit.
    #[error("a message of {0} bytes with a head that does not fit")]
    Length(usize),
    /// Another head than version 1 has.
    #[error("not a head of version 1: {0}")]
    Head(String),
}

#[derive(Serialize, Deserialize)]
struct Head {
    v: u16,
    id: u64,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    Call { method: String, path: String, header: String },
    Reply { status: u16, signature: Option<Signature> },
}

impl Frame {
    /// As one message.
    pub fn to_bytes(&self) -> Bytes {
        let (id, kind, body) = match self {
            Self::Call { id, method, path, header, body } => {
                let (method, path, header) = (method.clone(), path.clone(), header.to_string());
                (*id, Kind::Call { method, path, header }, body)
            }
            Self::Reply { id, status, signature, body } => {
                (*id, Kind::Reply { status: *status, signature: *signature }, body)
            }
        };
        // Text and numbers always have a JSON form.
        let head = serde_json::to_vec(&Head { v: VERSION, id, kind }).unwrap_or_default();
        let mut bytes = BytesMut::with_capacity(4 + head.len() + body.len());
        bytes.put_u32_le(u32::try_from(head.len()).unwrap_or(u32::MAX));
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(body);
        bytes.freeze()
    }

    /// Reads one message; its body shares the message's memory.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn parse(message: &Bytes) -> Result<Self, FrameError> {
        let too_short = || FrameError::Length(message.len());
        let length: [u8; 4] =
            message.get(..4).and_then(|bytes| bytes.try_into().ok()).ok_or_else(too_short)?;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > MAX_HEAD_BYTES {
            return Err(too_short());
        }
        let head = message.get(4..4 + length).ok_or_else(too_short)?;
        let body = message.slice(4 + length..);
        let Head { v, id, kind } =
            serde_json::from_slice(head).map_err(|error| FrameError::Head(error.to_string()))?;
        if v != VERSION {
            return Err(FrameError::Head(format!("version {v}")));
        }
        match kind {
            Kind::Call { method, path, header } => {
                let header = header.parse().map_err(|_| FrameError::Head("no signature".to_owned()))?;
                Ok(Self::Call { id, method, path, header, body })
            }
            Kind::Reply { status, signature } => Ok(Self::Reply { id, status, signature, body }),
        }
    }
}
