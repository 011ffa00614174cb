//! The last events, by number.

use std::collections::VecDeque;

use crate::service::wire::{EVENTS_PER_PAGE, EventKind, EventPage, JobEvent, JobKey};

/// Events that are remembered: those of about seven jobs of 150 steps and four pictures.
const KEPT: usize = 4_096;

#[derive(Debug)]
pub(super) struct Events {
    boot: u64,
    last: u64,
    kept: VecDeque<JobEvent>,
}

impl Events {
    pub(super) const fn new(boot: u64) -> Self {
        Self { boot, last: 0, kept: VecDeque::new() }
    }

    pub(super) fn push(&mut self, key: JobKey, kind: EventKind) {
        self.last += 1;
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(JobEvent { seq: self.last, job: key.job, attempt: key.attempt, kind });
    }

    pub(super) fn page(&self, boot: Option<u64>, after: u64) -> EventPage {
        let is_other_run = boot.is_some_and(|boot| boot != self.boot) || after > self.last;
        let after = if is_other_run { 0 } else { after };
        let first = self.last + 1 - self.kept.len() as u64;
        let skip = usize::try_from((after + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        let events: Vec<JobEvent> = self.kept.iter().skip(skip).take(EVENTS_PER_PAGE).cloned().collect();
        let next = events.last().map_or(after, |event| event.seq);
        EventPage { boot: self.boot, next, gap: is_other_run || after + 1 < first, events }
    }
}
