//! A job that a client follows.

use std::sync::Arc;

use dfsn_types::{Attempt, Event, JobId};
use tokio::sync::broadcast::error::RecvError;

use crate::client::Client;
use crate::error::ClientError;
use crate::picture::Picture;
use crate::transport::{Notification, Subscription, Transport, TransportError};
use crate::view::JobInfo;

/// A request on its way. Its events come in order; [`Self::next_event`] waits for the next.
#[derive(Debug)]
pub struct PendingJob<T> {
    client: Client<T>,
    id: JobId,
    subscription: Subscription,
    waiting: std::collections::VecDeque<JobEvent>,
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
        /// Steps in all.
        steps: u16,
    },
    /// The follower was too slow and missed some events; the job's present state stands in for them.
    Missed(Box<JobInfo>),
}

impl<T: Transport> PendingJob<T> {
    pub(crate) const fn new(client: Client<T>, id: JobId, subscription: Subscription) -> Self {
        Self { client, id, subscription, waiting: std::collections::VecDeque::new() }
    }

    /// The job's name.
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// [`ClientError`] when the node is gone or knows the job no more.
    pub async fn next_event(&mut self) -> Result<JobEvent, ClientError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            match self.subscription.recv().await {
                Ok(notification) => self.sort(&notification),
                Err(RecvError::Lagged(_)) => return Ok(JobEvent::Missed(Box::new(self.info().await?))),
                Err(RecvError::Closed) => return Err(TransportError::Closed.into()),
            }
        }
    }

    fn sort(&mut self, notification: &Arc<Notification>) {
        match notification.as_ref() {
            Notification::Block { events, .. } => {
                let mine = events.iter().filter(|event| event.job() == Some(self.id));
                self.waiting.extend(mine.cloned().map(JobEvent::Chain));
            }
            Notification::Progress { job, attempt, image, step, steps } if *job == self.id => {
                let (attempt, image, step, steps) = (*attempt, *image, *step, *steps);
                self.waiting.push_back(JobEvent::Progress { attempt, image, step, steps });
            }
            Notification::Progress { .. } => {}
        }
    }

    /// Where the job stands now.
    ///
    /// # Errors
    /// [`ClientError`] when the node gives no answer or knows no such job.
    pub async fn info(&self) -> Result<JobInfo, ClientError> {
        self.client.job(self.id).await
    }

    /// Fetches the committed pictures and checks their hashes.
    ///
    /// # Errors
    /// [`ClientError`] when there is no result, a file is missing, or a hash differs.
    pub async fn fetch(&self) -> Result<Vec<Picture>, ClientError> {
        self.client.fetch(&self.info().await?).await
    }
}
