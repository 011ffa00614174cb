//! A job that a client follows.

use std::collections::VecDeque;
use std::time::Duration;

use dfsn_types::{Attempt, Event, FileHash, JobId, TransactionId};
use tokio::sync::broadcast::error::RecvError;

use crate::client::Client;
use crate::error::ClientError;
use crate::pace::Pace;
use crate::picture::{Download, Picture};
use crate::transport::{Notification, Subscription, Transport, TransportError};
use crate::view::JobInfo;

/// A request on its way. Its events come in order; [`Self::next_event`] waits for the next.
#[derive(Debug)]
pub struct PendingJob<T> {
    client: Client<T>,
    id: JobId,
    subscription: Subscription,
    waiting: VecDeque<JobEvent>,
    pace: Pace,
    /// Notifications were lost, and the follower has not been told.
    has_missed: bool,
    /// The last event was seen.
    is_over: bool,
}

/// What a follower is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEvent {
    /// Something happened on chain.
    Chain(Event),
    /// The worker has done a step.
    Progress {
        /// The attempt.
        attempt: Attempt,
        /// The image, from 0.
        image: u8,
        /// Steps done.
        step: u16,
        /// Steps of each image.
        steps: u16,
        /// The rest of the steps of all images at the pace seen so far; nothing at the first report.
        time_left: Option<Duration>,
    },
    /// There is a rough small picture of what the worker draws; [`PendingJob::fetch_preview`] fetches it.
    Preview {
        /// The attempt.
        attempt: Attempt,
        /// The image, from 0.
        image: u8,
        /// Steps done.
        step: u16,
        /// A PNG.
        file: FileHash,
    },
    /// The follower was too slow, or came later ([`Client::follow`]), and missed some events; the job's present state stands in for
    /// them. Events that it already includes may still follow.
    Missed(Box<JobInfo>),
}

impl<T: Transport> PendingJob<T> {
    pub(crate) const fn new(client: Client<T>, id: JobId, images: u8, subscription: Subscription) -> Self {
        Self {
            client,
            id,
            subscription,
            waiting: VecDeque::new(),
            pace: Pace::new(images),
            has_missed: false,
            is_over: false,
        }
    }

    /// As of now: what it has missed is told by the job's state.
    pub(crate) fn joined(mut self, info: JobInfo) -> Self {
        self.is_over = info.status.is_final();
        self.waiting.push_back(JobEvent::Missed(Box::new(info)));
        self
    }

    /// The job's name.
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Waits for the next event; nothing after the last one. An open job may be silent for as long as the windows of the protocol
    /// are; wrap the call in a timeout to wait less: a call that is dropped loses no event.
    ///
    /// # Errors
    /// [`ClientError`] when the node is gone or knows the job no more.
    pub async fn next_event(&mut self) -> Result<Option<JobEvent>, ClientError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            if self.is_over {
                return Ok(None);
            }
            if self.has_missed {
                let info = self.info().await?;
                self.has_missed = false;
                self.is_over = info.status.is_final();
                return Ok(Some(JobEvent::Missed(Box::new(info))));
            }
            match self.subscription.recv().await {
                Ok(notification) => self.sort(&notification),
                Err(RecvError::Lagged(_)) => self.has_missed = true,
                Err(RecvError::Closed) => return Err(TransportError::Closed.into()),
            }
        }
    }

    fn sort(&mut self, notification: &Notification) {
        match notification {
            Notification::Block { events, .. } => {
                for event in events.iter().filter(|event| event.job() == Some(self.id)) {
                    self.is_over |= is_last(event);
                    self.waiting.push_back(JobEvent::Chain(event.clone()));
                }
            }
            Notification::Progress { job, attempt, image, step, steps } if *job == self.id => {
                let (attempt, image, step, steps) = (*attempt, *image, *step, *steps);
                let time_left = self.pace.report(attempt, image, step, steps);
                self.waiting.push_back(JobEvent::Progress { attempt, image, step, steps, time_left });
            }
            Notification::Preview { job, attempt, image, step, file } if *job == self.id => {
                let (attempt, image, step, file) = (*attempt, *image, *step, *file);
                self.waiting.push_back(JobEvent::Preview { attempt, image, step, file });
            }
            Notification::Progress { .. } | Notification::Preview { .. } => {}
        }
    }

    /// Where the job stands now.
    ///
    /// # Errors
    /// [`ClientError`] when the node gives no answer or knows no such job.
    pub async fn info(&self) -> Result<JobInfo, ClientError> {
        self.client.job(self.id).await
    }

    /// Fetches the committed pictures and checks them as [`Client::fetch`] does.
    ///
    /// # Errors
    /// [`ClientError`] when there is no result, a file is missing, or a hash differs.
    pub async fn fetch(&self) -> Result<Vec<Picture>, ClientError> {
        self.client.fetch(&self.info().await?).await
    }

    /// As [`Self::fetch`], and tells how far it is, as [`Client::fetch_watched`] does.
    ///
    /// # Errors
    /// [`ClientError`] when there is no result, a file is missing, or a hash differs.
    pub async fn fetch_watched(
        &self,
        watch: impl FnMut(Download) + Send,
    ) -> Result<Vec<Picture>, ClientError> {
        self.client.fetch_watched(&self.info().await?, watch).await
    }

    /// Fetches a preview and checks that it is the file of this name, nothing else: nobody has committed to it.
    ///
    /// # Errors
    /// [`ClientError`] when it is gone, or another file comes.
    pub async fn fetch_preview(&self, file: FileHash) -> Result<Vec<u8>, ClientError> {
        self.client.fetch_preview(file).await
    }

    /// Says that the pictures are there, as [`Client::acknowledge`] does.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses it or it fails.
    pub async fn acknowledge(&self) -> Result<TransactionId, ClientError> {
        self.client.acknowledge(self.id).await
    }

    /// Takes the request back, as [`Client::cancel`] does.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses it or it fails.
    pub async fn cancel(&self) -> Result<TransactionId, ClientError> {
        self.client.cancel(self.id).await
    }

    /// Asks for another audit, as [`Client::request_audit`] does.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses it or it fails.
    pub async fn request_audit(&self) -> Result<TransactionId, ClientError> {
        self.client.request_audit(self.id).await
    }
}

/// Whether nothing happens to a job after the block of this event.
const fn is_last(event: &Event) -> bool {
    matches!(
        event,
        Event::JobSettled { .. }
            | Event::JobRefunded { .. }
            | Event::JuryHung { .. }
            | Event::TestFailed { .. }
    )
}
