//! Tells a web server what happens to a job: one signed POST for each event, in order.
//!
//! The form is that of [Standard Webhooks](https://www.standardwebhooks.com): headers `webhook-id`, `webhook-timestamp` and
//! `webhook-signature` (HMAC-SHA256 over the three), and a JSON body, which is a [`Told`]. A message that is tried again keeps its id, so
//! that a receiver can tell it from another.
//!
//! ```no_run
//! # async fn example(mut job: dfsn_client::PendingJob<dfsn_client::transport::Http>) -> Result<(), Box<dyn std::error::Error>> {
//! use dfsn_client::webhook::Webhook;
//!
//! let secret = std::env::var("WEBHOOK_SECRET")?;
//! let webhook = Webhook::new("https://shop.example.org/pictures", &secret)?;
//! webhook.follow(&mut job).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The receiver checks a message before it reads it:
//!
//! ```
//! # fn example(secret: &str, headers: &hyper::HeaderMap, body: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let told = dfsn_client::webhook::read(secret, headers, body)?;
//! println!("{} {:?}", told.job, told.what);
//! # Ok(())
//! # }
//! ```

use core::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dfsn_types::{Event, FileHash, JobId};
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Request, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};
use thiserror::Error;

use crate::error::ClientError;
use crate::job::{JobEvent, PendingJob};
use crate::transport::http::{HttpsClient, https_client, with_sources};
use crate::transport::{RetryPolicy, Transport};
use crate::view::JobStatus;

/// The longest wait for a receiver's answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The most bytes of a message that [`read`] takes.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// The fewest bytes of a secret, before base64.
const SECRET_BYTES_MIN: usize = 24;

/// What a receiver is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The job.
    pub job: JobId,
    /// What happened to it.
    pub what: What,
}

/// Something that happened to a job. Steps are not told: there are too many of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// On chain.
    Event(Event),
    /// Some events were missed; the job stands here.
    Status(JobStatus),
}

/// Why a receiver was not told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// Not usable as an address.
    #[error("{url:?} is no address of a web server: {reason}; for example https://shop.example.org/pictures")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Too short, or not base64.
    #[error("a secret is whsec_ and at least {SECRET_BYTES_MIN} random bytes in base64")]
    Secret,
    /// The receiver does not take it, and would not later.
    #[error("{url} refuses the message: {status}")]
    Refused {
        /// The receiver.
        url: String,
        /// Its answer.
        status: StatusCode,
    },
    /// The receiver is away or too busy.
    #[error("{url} did not take the message in {tries} tries: {last}")]
    Unreachable {
        /// The receiver.
        url: String,
        /// How often it was tried.
        tries: u32,
        /// What became of the last try.
        last: String,
    },
    /// The node is gone, or knows the job no more.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The certificates of this machine cannot be read.
    #[error("the system's root certificates: {0}")]
    Certificates(std::io::Error),
}

/// Why a message is not to be believed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Longer than any message.
    #[error("{0} bytes, at most {MESSAGE_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// No secret to check it with: too short, or not base64.
    #[error("a secret is whsec_ and at least {SECRET_BYTES_MIN} random bytes in base64")]
    Secret,
    /// Not signed with the secret, or more than five minutes ago.
    #[error("the signature: {0}")]
    Signature(standardwebhooks::WebhookError),
    /// Signed, but of another form.
    #[error("the body: {0}")]
    Body(serde_json::Error),
}

/// A receiver.
pub struct Webhook {
    url: String,
    signer: standardwebhooks::Webhook,
    policy: RetryPolicy,
    client: HttpsClient,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Webhook {
    /// A receiver at `url`, which shares `secret`: `whsec_` and at least 24 random bytes in base64.
    ///
    /// # Errors
    /// [`WebhookError::Url`], [`WebhookError::Secret`] or [`WebhookError::Certificates`].
    pub fn new(url: &str, secret: &str) -> Result<Self, WebhookError> {
        let wrong = |reason: &str| WebhookError::Url { url: url.to_owned(), reason: reason.to_owned() };
        let uri: Uri = url.parse().map_err(|_| wrong("it is no URL"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("it begins with neither http:// nor https://"));
        }
        let signer = signer(secret).ok_or(WebhookError::Secret)?;
        let client = https_client().map_err(WebhookError::Certificates)?;
        Ok(Self { url: url.to_owned(), signer, policy: RetryPolicy::default(), client })
    }

    /// How often a message is sent again, and with what pauses; [`RetryPolicy::give_up`] has no meaning here.
    #[must_use]
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Tells all that happens to a job until it is over. Events wait while the receiver is away; of a long absence it is told by
    /// [`What::Status`].
    ///
    /// # Errors
    /// [`WebhookError`] when the receiver or the node is gone for good. The event that was not taken is lost to the caller:
    /// [`Client::follow`](crate::Client::follow) begins again with the job's state.
    pub async fn follow<T: Transport>(&self, job: &mut PendingJob<T>) -> Result<(), WebhookError> {
        while let Some(event) = job.next_event().await? {
            let what = match event {
                JobEvent::Chain(event) => What::Event(event),
                JobEvent::Missed(info) => What::Status(info.status),
                JobEvent::Progress { .. } | JobEvent::Preview { .. } => continue,
            };
            self.tell(&Told { job: job.id(), what }).await?;
        }
        Ok(())
    }

    /// Sends one message, again while the receiver is away. The same message has the same id whenever it is sent.
    ///
    /// # Errors
    /// [`WebhookError::Refused`] or [`WebhookError::Unreachable`].
    pub async fn tell(&self, told: &Told) -> Result<(), WebhookError> {
        let body = serde_json::to_string(told).map_err(|error| self.unreachable(0, error.to_string()))?;
        let id = format!("msg_{}", FileHash::of(body.as_bytes()));
        let mut tries = 0;
        loop {
            let last = match tokio::time::timeout(TIMEOUT, self.send(&id, &body)).await {
                Ok(Ok(status)) if status.is_success() => return Ok(()),
                Ok(Ok(status)) if !passes(status) => {
                    return Err(WebhookError::Refused { url: self.url.clone(), status });
                }
                Ok(Ok(status)) => status.to_string(),
                Ok(Err(reason)) => reason,
                Err(_) => format!("no answer for {TIMEOUT:?}"),
            };
            tries += 1;
            if tries >= self.policy.tries {
                return Err(self.unreachable(tries, last));
            }
            tokio::time::sleep(self.policy.pause(tries - 1)).await;
        }
    }

    async fn send(&self, id: &str, body: &str) -> Result<StatusCode, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs();
        let now = i64::try_from(now).map_err(|error| error.to_string())?;
        let signature = self.signer.sign(id, now, body.as_bytes()).map_err(|error| error.to_string())?;
        let request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, now)
            .header(HEADER_WEBHOOK_SIGNATURE, signature)
            .body(Full::from(body.to_owned()))
            .map_err(|error| error.to_string())?;
        // The answer's body is of no interest, and is not read.
        let response = self.client.request(request).await.map_err(|error| with_sources(&error))?;
        Ok(response.status())
    }

    fn unreachable(&self, tries: u32, last: String) -> WebhookError {
        WebhookError::Unreachable { url: self.url.clone(), tries, last }
    }
}

/// Checks who sent a message and when, and reads it.
///
/// # Errors
/// [`ReadError`]: answer with status 400 and do nothing.
pub fn read(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<Told, ReadError> {
    if body.len() > MESSAGE_BYTES_MAX {
        return Err(ReadError::TooLong(body.len()));
    }
    let signer = signer(secret).ok_or(ReadError::Secret)?;
    signer.verify(body, headers).map_err(ReadError::Signature)?;
    serde_json::from_slice(body).map_err(ReadError::Body)
}

/// Nothing where the secret is none.
fn signer(secret: &str) -> Option<standardwebhooks::Webhook> {
    let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
    let is_long = encoded.len() >= SECRET_BYTES_MIN.div_ceil(3) * 4;
    standardwebhooks::Webhook::new(secret).ok().filter(|_| is_long)
}

/// Whether a failure may pass: the receiver is too busy, or broken for the moment.
fn passes(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        )
}
