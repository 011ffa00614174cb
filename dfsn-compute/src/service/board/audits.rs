//! Questions of audits, and their answers for a while.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dfsn_types::FileHash;

use super::Board;
use crate::service::refusal::Refusal;
use crate::service::wire::{AuditCall, AuditReply};

/// Questions that may wait.
const CAPACITY: usize = 16;
/// Answers that are remembered.
const ANSWERS_KEPT: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Audits {
    waiting: VecDeque<AuditTask>,
    /// With its estimate.
    running: Option<(FileHash, Duration)>,
    answers: VecDeque<(FileHash, AuditReply)>,
}

/// One question, with the bytes that its answer is computed from.
#[derive(Clone, Debug)]
pub(in crate::service) struct AuditTask {
    pub(in crate::service) id: FileHash,
    pub(in crate::service) call: AuditCall,
    pub(in crate::service) input: Option<Bytes>,
    /// The file of the picture that the job starts from.
    pub(in crate::service) init: Option<Bytes>,
    pub(in crate::service) model: usize,
    pub(in crate::service) deadline: Instant,
    pub(in crate::service) estimate: Duration,
}

impl Audits {
    pub(super) fn next(&mut self, now: Instant) -> Option<AuditTask> {
        while let Some(task) = self.waiting.pop_front() {
            if now <= task.deadline {
                self.running = Some((task.id, task.estimate));
                return Some(task);
            }
        }
        None
    }

    /// How long the questions that run and wait will take.
    pub(super) fn ahead(&self) -> Duration {
        let running = self.running.map_or(Duration::ZERO, |(_, estimate)| estimate);
        running + self.waiting.iter().map(|task| task.estimate).sum::<Duration>()
    }

    fn reply(&self, id: FileHash) -> Option<AuditReply> {
        if self.running.is_some_and(|(running, _)| running == id)
            || self.waiting.iter().any(|task| task.id == id)
        {
            return Some(AuditReply::Pending);
        }
        self.answers.iter().rev().find(|(known, _)| *known == id).map(|(_, reply)| reply.clone())
    }
}

impl Board {
    /// The answer to a question, if it is known or on its way.
    pub(in crate::service) fn audit_reply(&self, id: FileHash) -> Option<AuditReply> {
        self.lock().audits.reply(id)
    }

    /// Queues a question.
    pub(in crate::service) fn ask(&self, task: AuditTask) -> Result<(), Refusal> {
        let mut state = self.lock();
        if state.is_draining {
            return Err(Refusal::Draining);
        }
        if state.audits.reply(task.id) == Some(AuditReply::Pending) {
            return Ok(());
        }
        if state.audits.waiting.len() >= CAPACITY {
            return Err(Refusal::QueueFull { capacity: CAPACITY as u32, retry_after_ms: 1_000 });
        }
        state.audits.answers.retain(|(id, _)| *id != task.id);
        state.audits.waiting.push_back(task);
        drop(state);
        self.wake();
        Ok(())
    }

    /// The question that ran has its answer.
    pub(in crate::service) fn answered(&self, id: FileHash, reply: AuditReply) {
        let mut state = self.lock();
        state.audits.running = None;
        if state.audits.answers.len() >= ANSWERS_KEPT {
            state.audits.answers.pop_front();
        }
        state.audits.answers.push_back((id, reply));
        drop(state);
        self.tell();
    }
}
