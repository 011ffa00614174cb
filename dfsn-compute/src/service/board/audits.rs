//! Questions of audits and disputes, and their answers for a while.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dfsn_types::{Boundary, FailedAt, FileHash, GenerationParams, Hash, PostedTensor, TensorPart};

use super::Board;
use crate::service::refusal::Refusal;
use crate::service::wire::{AuditCall, AuditReply, DisputeReply, Message};

/// Questions that may wait.
const CAPACITY: usize = 16;
/// Answers that are remembered.
const ANSWERS_KEPT: usize = 256;
/// Those of disputes among them, which take up to half a megabyte each.
const DISPUTES_KEPT: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Audits {
    waiting: VecDeque<Question>,
    /// With its estimate.
    running: Option<(FileHash, Duration)>,
    answers: VecDeque<(FileHash, Answer)>,
}

/// One question, with the bytes that its answer is computed from.
#[derive(Clone, Debug)]
pub(in crate::service) struct Question {
    pub(in crate::service) id: FileHash,
    /// Number of its model.
    pub(in crate::service) model: usize,
    pub(in crate::service) deadline: Instant,
    pub(in crate::service) estimate: Duration,
    pub(in crate::service) asked: Asked,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(in crate::service) enum Asked {
    /// The digest of a state.
    Audit {
        call: AuditCall,
        input: Option<Bytes>,
        /// The file of the picture that the job starts from.
        init: Option<Bytes>,
    },
    /// A part in a dispute.
    Dispute {
        params: GenerationParams,
        boundary: Boundary,
        /// Empty for the first state.
        before: Bytes,
        init: Option<Bytes>,
        part: Part,
    },
}

/// A part in a dispute, with its bytes.
#[derive(Clone, Debug)]
pub(in crate::service) enum Part {
    Given,
    Roots { after: Bytes },
    Show { after: Bytes, tensor: u32, wanted: TensorPart },
    Next { roots: Vec<Hash>, failed: Option<FailedAt>, shown: Vec<PostedTensor>, weights_root: Hash },
}

/// Where a question stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::service) enum Answer {
    Pending,
    Audit(AuditReply),
    Dispute(DisputeReply),
}

impl Asked {
    /// The answer where none can be computed.
    pub(in crate::service) const fn failed(&self) -> fn(Message) -> Answer {
        match self {
            Self::Audit { .. } => |message| Answer::Audit(AuditReply::Failed { message }),
            Self::Dispute { .. } => |message| Answer::Dispute(DisputeReply::Failed { message }),
        }
    }
}

impl Audits {
    pub(super) fn next(&mut self, now: Instant) -> Option<Question> {
        while let Some(question) = self.waiting.pop_front() {
            if now <= question.deadline {
                self.running = Some((question.id, question.estimate));
                return Some(question);
            }
        }
        None
    }

    /// How long the questions that run and wait will take.
    pub(super) fn ahead(&self) -> Duration {
        let running = self.running.map_or(Duration::ZERO, |(_, estimate)| estimate);
        running + self.waiting.iter().map(|question| question.estimate).sum::<Duration>()
    }

    fn answer(&self, id: FileHash) -> Option<Answer> {
        let is_running = self.running.is_some_and(|(running, _)| running == id);
        if is_running || self.waiting.iter().any(|question| question.id == id) {
            return Some(Answer::Pending);
        }
        self.answers.iter().rev().find(|(known, _)| *known == id).map(|(_, answer)| answer.clone())
    }

    fn keep(&mut self, id: FileHash, answer: Answer) {
        if matches!(answer, Answer::Dispute(_)) {
            let is_dispute = |(_, answer): &(FileHash, Answer)| matches!(answer, Answer::Dispute(_));
            if self.answers.iter().filter(|kept| is_dispute(kept)).count() >= DISPUTES_KEPT
                && let Some(oldest) = self.answers.iter().position(is_dispute)
            {
                self.answers.remove(oldest);
            }
        }
        if self.answers.len() >= ANSWERS_KEPT {
            self.answers.pop_front();
        }
        self.answers.push_back((id, answer));
    }
}

impl Board {
    /// The answer to a question, if it is known or on its way.
    pub(in crate::service) fn answer(&self, id: FileHash) -> Option<Answer> {
        self.lock().audits.answer(id)
    }

    /// Queues a question.
    pub(in crate::service) fn ask(&self, question: Question) -> Result<(), Refusal> {
        let mut state = self.lock();
        if state.is_draining {
            return Err(Refusal::Draining);
        }
        if state.audits.answer(question.id) == Some(Answer::Pending) {
            return Ok(());
        }
        if state.audits.waiting.len() >= CAPACITY {
            return Err(Refusal::QueueFull { capacity: CAPACITY as u32, retry_after_ms: 1_000 });
        }
        state.audits.answers.retain(|(id, _)| *id != question.id);
        state.audits.waiting.push_back(question);
        drop(state);
        self.wake();
        Ok(())
    }

    /// The question that ran has its answer.
    pub(in crate::service) fn answered(&self, id: FileHash, answer: Answer) {
        let mut state = self.lock();
        state.audits.running = None;
        state.audits.keep(id, answer);
        drop(state);
        self.tell();
    }
}
