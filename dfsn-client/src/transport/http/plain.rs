//! What is no JSON-RPC: files by their hashes, and the faucet.

use std::time::Duration;

use dfsn_types::{Address, FileHash, TransactionId};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;

use super::{HttpsClient, https_client, with_sources};
use crate::transport::TransportError;

/// The longest that an answer may take.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The most bytes of a message in words, and of the faucet's answer.
const MAX_TEXT_BYTES: usize = 4_096;

/// Plain HTTP to a node.
#[derive(Debug)]
pub(super) struct Plain {
    base: String,
    client: HttpsClient,
}

impl Plain {
    pub(super) fn new(base: &str) -> Result<Self, String> {
        let client = https_client().map_err(|error| error.to_string())?;
        Ok(Self { base: base.to_owned(), client })
    }

    /// A file of at most so many bytes; no more are read. `came` is told whenever some have come.
    pub(super) async fn file(
        &self,
        hash: FileHash,
        bytes_max: u32,
        came: &(dyn Fn(u32) + Sync),
    ) -> Result<Option<Vec<u8>>, TransportError> {
        within(async {
            let request = Request::get(format!("{}/blobs/{hash}", self.base)).body(Full::default());
            let response = self.send(request).await?;
            if response.status() == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            let response = succeeded(response).await?;
            let most = usize::try_from(bytes_max).unwrap_or(usize::MAX);
            let (mut body, mut file) = (Limited::new(response.into_body(), most), Vec::new());
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => file.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                    Err(error) if error.is::<LengthLimitError>() => {
                        return Err(TransportError::FileTooLong { file: hash, bytes_max });
                    }
                    Err(error) => return Err(TransportError::Unreachable(with_sources(&*error))),
                }
                came(u32::try_from(file.len()).unwrap_or(u32::MAX));
            }
            Ok(Some(file))
        })
        .await
    }

    /// Coins from the node's faucet.
    pub(super) async fn faucet(&self, address: Address) -> Result<TransactionId, TransportError> {
        #[derive(Deserialize)]
        struct Sent {
            transaction: TransactionId,
        }
        within(async {
            let body = format!("{{\"address\":\"{address}\"}}");
            let request = Request::post(format!("{}/faucet", self.base))
                .header(CONTENT_TYPE, "application/json")
                .body(Full::from(body));
            let response = succeeded(self.send(request).await?).await?;
            let body = Limited::new(response.into_body(), MAX_TEXT_BYTES).collect().await;
            let body = body.map_err(|error| TransportError::Unreachable(with_sources(&*error)))?.to_bytes();
            let sent: Result<Sent, _> = serde_json::from_slice(&body);
            Ok(sent.map_err(|error| TransportError::Misfit(error.to_string()))?.transaction)
        })
        .await
    }

    async fn send(
        &self,
        request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    ) -> Result<Response<Incoming>, TransportError> {
        let request = request.map_err(|error| TransportError::Misfit(error.to_string()))?;
        let sent = self.client.request(request).await;
        sent.map_err(|error| TransportError::Unreachable(with_sources(&error)))
    }
}

async fn within<R>(answer: impl Future<Output = Result<R, TransportError>>) -> Result<R, TransportError> {
    let late = || Err(TransportError::Unreachable(format!("no answer for {TIMEOUT:?}")));
    tokio::time::timeout(TIMEOUT, answer).await.unwrap_or_else(|_| late())
}

/// A response that is no failure, or what the node says about it.
async fn succeeded(response: Response<Incoming>) -> Result<Response<Incoming>, TransportError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = Limited::new(response.into_body(), MAX_TEXT_BYTES).collect().await;
    let text =
        body.map(|body| String::from_utf8_lossy(&body.to_bytes()).trim().to_owned()).unwrap_or_default();
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => TransportError::Busy(text),
        status if status.is_server_error() => TransportError::Unreachable(format!("{status}: {text}")),
        StatusCode::NOT_FOUND => TransportError::Unsupported(text),
        status => TransportError::Refused(format!("{status}: {text}")),
    })
}
