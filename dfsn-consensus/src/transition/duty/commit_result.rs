//! CommitResult: the result is fixed before anybody asks about it.

use std::collections::{BTreeMap, BTreeSet};

use dfsn_types::{Boundary, Duty, Event, ProfileRecord, ResultCommitment, TraceShape};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Coins, Committed, Job, Phase, Stage};

impl Execution {
    /// Takes the first result of an attempt (rules CMT-01 to CMT-03) and opens the claims.
    pub(super) fn commit_result(
        &mut self,
        duty: &Duty,
        commitment: &ResultCommitment,
    ) -> Result<(), DutyError> {
        let (job, worker) = (self.duty_job(duty)?, duty.validator);
        if !matches!(&job.stage, Stage::Accepted { worker: accepted, .. } if *accepted == worker) {
            return Err(not_awaited(duty));
        }
        let (actual, expected) = (commitment.images.len(), job.params.num_images());
        if actual != usize::from(expected) {
            return Err(DutyError::ImageCount { actual, expected });
        }
        self.check_failures(job, commitment)?;
        let mut job = self.take_duty_job(duty)?;
        self.close_open_job(&job, &worker);
        let lock = match &mut job.stage {
            Stage::Accepted { lock, .. } => core::mem::take(lock),
            _ => Coins::NONE,
        };
        let commitment = commitment.clone();
        self.event(Event::JobCommitted {
            job: job.id,
            attempt: job.attempt,
            worker,
            commitment: commitment.clone(),
        });
        let (tip_clock, windows) = (self.state.tip.clock, &self.state.params.windows);
        let window = self.window(windows.claim_ms);
        let claims = BTreeMap::new();
        job.stage = Stage::Committed(Box::new(Committed {
            worker,
            lock,
            commitment,
            claims,
            challenge_until: tip_clock.after(windows.challenge_ms),
            round: 1,
            requested: false,
            confirmed: Vec::new(),
            denied: BTreeSet::new(),
            opened: BTreeSet::new(),
            served: BTreeSet::new(),
            demands: BTreeMap::new(),
            deposit: Coins::NONE,
            paid: false,
            phase: Phase::Claiming,
            window,
        }));
        self.put_job(job);
        Ok(())
    }

    /// An image fails at a boundary that it has, and only where everybody computes the same numbers (rule CMT-03).
    fn check_failures(&self, job: &Job, commitment: &ResultCommitment) -> Result<(), DutyError> {
        let is_exact =
            matches!(self.state.profiles.get(&job.pair().profile), Some(ProfileRecord::Exact { .. }));
        let decoded = TraceShape::of(&job.params).decoded();
        for (image, result) in (0..).zip(commitment.images.iter()) {
            if let Some(t) = result.failed()
                && (!is_exact || t > decoded)
            {
                return Err(DutyError::Failure(Boundary { image, t }));
            }
        }
        Ok(())
    }
}
