//! What this node answers others.

use std::sync::Arc;

use dfsn_compute::service::duties::Validator;
use tokio::sync::Semaphore;

use super::messages::{Answer, Question, StateQuestion};
use super::{Peers, Refusal};
use crate::node::NodeHandle;

/// Questions of others that are worked on at a time.
const AT_WORK_MAX: usize = 16;

/// Answers from this node's pictures, and from its validators' traces.
#[derive(Debug)]
pub(in crate::plugin) struct Answers {
    node: NodeHandle,
    validators: Vec<Arc<Validator>>,
    at_work: Arc<Semaphore>,
}

impl Answers {
    pub(in crate::plugin) fn new(node: NodeHandle, validators: Vec<Arc<Validator>>) -> Self {
        Self { node, validators, at_work: Arc::new(Semaphore::new(AT_WORK_MAX)) }
    }

    /// Answers another node, in its own time.
    pub(in crate::plugin) fn answer(
        self: &Arc<Self>,
        peers: &Peers,
        node_id: Vec<u8>,
        request_id: u32,
        bytes: &[u8],
    ) {
        let (answers, peers) = (Arc::clone(self), peers.clone());
        let question = Question::decode(bytes);
        let place = Arc::clone(&self.at_work).try_acquire_owned();
        tokio::spawn(async move {
            let answer = match (question, &place) {
                (None, _) => Err(Refusal::NoQuestion),
                (_, Err(_)) => Err(Refusal::Busy),
                (Some(question), Ok(_)) => answers.find(question).await.ok_or(Refusal::NotHere),
            };
            peers.answer(node_id, request_id, answer.map(|answer| answer.encode())).await;
        });
    }

    async fn find(&self, question: Question) -> Option<Answer> {
        match question {
            Question::File { hash, from } => {
                let blobs = Arc::clone(self.node.blobs());
                let file = tokio::task::spawn_blocking(move || blobs.get(&hash)).await.ok()??;
                Answer::of_file(&file, from)
            }
            Question::State(question) => self.state(&question).await,
        }
    }

    async fn state(&self, question: &StateQuestion) -> Option<Answer> {
        let (wanted, state) = (question.wanted(), self.node.state());
        let asker = state.validators.get(&wanted.asker)?.registration.as_ref()?;
        if !question.is_by(&asker.duty_key, &state.chain) {
            return None;
        }
        let worker = self.validators.iter().find(|validator| validator.is(&wanted.worker))?;
        let served = worker.serve(wanted, &state).await;
        let served =
            served.inspect_err(|error| tracing::debug!(job = %wanted.job, %error, "a state was not served"));
        Answer::of_state(served.ok()?)
    }
}
