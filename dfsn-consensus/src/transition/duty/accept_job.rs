//! AcceptJob: liability begins.

use dfsn_types::{Amount, Duty, Event};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Job, JobKind, Stage};

impl Execution {
    /// Locks the collateral and starts the deadline (rules ACC-01, ACC-02, ACC-04, ACC-05). A test has no collateral: its deposit is at stake.
    pub(super) fn accept_job(&mut self, duty: &Duty, draw: u32) -> Result<(), DutyError> {
        let (job, worker) = (self.duty_job(duty)?, duty.validator);
        if !matches!(&job.stage, Stage::Drawn { worker: drawn, .. } if *drawn == worker) {
            return Err(not_awaited(duty));
        }
        if draw != job.tries {
            return Err(DutyError::OldDraw { actual: draw, expected: job.tries });
        }
        if self.state.tip.clock >= job.expires_at {
            return Err(DutyError::Expired(job.id));
        }
        let validator = self.state.validators.get(&worker);
        if !validator.is_some_and(|worker| worker.is_available(self.state.params.economics.stake_min)) {
            return Err(DutyError::Unavailable(worker));
        }
        let collateral = self.collateral(job);
        let lock = self.lock_stake(&worker, collateral).ok_or(DutyError::Collateral(worker))?;
        let mut job = self.take_duty_job(duty)?;
        self.count_missed_turns(&mut job, &worker);
        let window = self.window(self.state.params.windows.deadline_ms);
        self.event(Event::JobAccepted {
            job: job.id,
            attempt: job.attempt,
            worker,
            collateral,
            deadline: window.closes_at,
        });
        job.stage = Stage::Accepted { worker, lock, window };
        self.put_job(job);
        Ok(())
    }

    /// What a worker locks for a job.
    pub(in crate::transition) fn collateral(&self, job: &Job) -> Amount {
        let prices = match job.kind {
            JobKind::Request => self.state.params.penalties.collateral_prices,
            JobKind::Test => 0,
        };
        job.price.checked_mul(prices).unwrap_or(Amount::from_base_units(u128::MAX))
    }
}
