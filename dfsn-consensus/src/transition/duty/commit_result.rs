//! CommitResult: the result is fixed before anybody asks about it.

use std::collections::{BTreeMap, BTreeSet};

use dfsn_types::{Duty, Event, ResultCommitment};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Coins, Committed, Phase, Stage};

impl Execution {
    /// Takes the first result of an attempt (rules CMT-01, CMT-02) and opens the claims.
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
}
