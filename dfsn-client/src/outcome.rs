//! From a request to its pictures in one call, or to what became of the money.

use std::time::Duration;

use dfsn_types::{Amount, Event};

use crate::error::ClientError;
use crate::job::{JobEvent, PendingJob};
use crate::picture::Picture;
use crate::transport::Transport;
use crate::view::{JobInfo, JobStatus};

/// Tries to fetch files that have not reached the node yet.
const TRIES: u32 = 20;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(500);

impl<T: Transport> PendingJob<T> {
    /// Waits for the pictures, fetches and checks them, and says that they are there, so that the worker is paid once its audit is
    /// over. Who wants to know what happens meanwhile calls [`Self::next_event`] instead. May be called again after an error that
    /// passes.
    ///
    /// # Errors
    /// [`ClientError::Refunded`] or [`ClientError::PictureFailed`] where there are none and the price comes back, another
    /// [`ClientError`] when the node is gone, or a file is missing or not the committed one.
    pub async fn pictures(&mut self) -> Result<Vec<Picture>, ClientError> {
        let mut back = None;
        loop {
            let info = self.info().await?;
            if let Some(end) = end(&info, back) {
                return Err(end);
            }
            if info.commitment.is_some() {
                let pictures = self.fetch_patiently().await?;
                if info.delivered || info.status.is_final() {
                    return Ok(pictures);
                }
                return match self.acknowledge().await {
                    // Witnesses were quicker, or the job is over.
                    Err(ClientError::Failed { .. }) => Ok(pictures),
                    sent => sent.map(|_| pictures),
                };
            }
            back = self.until_it_changes().await?.or(back);
        }
    }

    /// Waits for something that changes where the job stands; what came back, if that is the end.
    async fn until_it_changes(&mut self) -> Result<Option<Amount>, ClientError> {
        while let Some(event) = self.next_event().await? {
            match event {
                JobEvent::Chain(Event::JobRefunded { amount, .. }) => return Ok(Some(amount)),
                JobEvent::Chain(Event::JobCommitted { .. } | Event::TestFailed { .. })
                | JobEvent::Missed(_) => {
                    return Ok(None);
                }
                _ => {}
            }
        }
        Ok(None)
    }

    async fn fetch_patiently(&self) -> Result<Vec<Picture>, ClientError> {
        for _ in 1..TRIES {
            match self.fetch().await {
                Err(ClientError::FileMissing(_)) => tokio::time::sleep(PAUSE).await,
                result => return result,
            }
        }
        self.fetch().await
    }
}

/// How a job ended without pictures, if it did.
fn end(info: &JobInfo, back: Option<Amount>) -> Option<ClientError> {
    let (job, price) = (info.id, info.price);
    match info.status {
        JobStatus::Refunded(_) if info.commitment.is_some() => None,
        JobStatus::Refunded(reason) => Some(ClientError::Refunded { job, reason, price, back }),
        JobStatus::TestFailed => Some(ClientError::NoResult(job)),
        _ => None,
    }
}
