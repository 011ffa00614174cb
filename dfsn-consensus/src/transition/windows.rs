//! What happens when a window closes without the message it was open for (rules TIM-03, TIM-04).

use dfsn_types::{Address, Event, Fault, JobId, RefundReason};

use super::Execution;
use super::penalty::WorkerRewards;
use crate::state::{Coins, Job, Outcome, Stage, Window};

impl Execution {
    /// Closes the windows that are over, in order of (end, job), at most as many as a block allows (rule TIM-04).
    pub(super) fn close_windows(&mut self) {
        let (clock, height) = (self.parent_clock, self.state.tip.height);
        let chain = &self.state.params.chain;
        let is_over = |id: &JobId| {
            let window = self.state.jobs.get(id).and_then(Job::window);
            window.is_some_and(|window| window.is_over(clock, height, chain.window_blocks_min))
        };
        let due =
            self.state.windows.iter().take_while(|(closes_at, _)| *closes_at <= clock).map(|(_, id)| *id);
        let most = usize::try_from(chain.expiries_max).unwrap_or(usize::MAX);
        let due: Vec<JobId> = due.filter(is_over).take(most).collect();
        for id in due {
            if let Some(job) = self.take_job(&id) {
                self.window_closed(job);
            }
        }
    }

    /// Records of jobs that ended long ago leave the state (rule JOB-05).
    pub(super) fn drop_records(&mut self) {
        for _ in 0..self.state.params.chain.expiries_max {
            let Some((until, id)) = self.state.ended.first().copied() else { return };
            if until > self.state.tip.timestamp {
                return;
            }
            self.state.ended.remove(&(until, id));
            self.state.jobs.remove(&id);
        }
    }

    fn window_closed(&mut self, mut job: Job) {
        self.count_claims(&job);
        // Every arm below sets the stage anew.
        let stage =
            core::mem::replace(&mut job.stage, Stage::Ended(Outcome::Refunded(RefundReason::Expired)));
        match stage {
            Stage::Pending { .. } => self.take_back(job, RefundReason::Expired),
            Stage::Drawn { worker, window } => self.turn_missed(job, worker, window),
            Stage::Accepted { worker, lock, .. } => self.deadline_missed(job, worker, lock),
            Stage::Committed(committed) => self.audit_window_closed(job, committed),
            ended @ Stage::Ended(_) => {
                job.stage = ended;
                self.put_job(job);
            }
        }
    }

    /// Not accepting costs nothing; three turns missed in an hour pause the worker (rule ACC-03). A turn counts only once somebody
    /// else accepts the same attempt: else requests that nobody can accept would pause honest workers. With an initial image even
    /// that shows nothing, since its requester may have given it to one worker alone.
    fn turn_missed(&mut self, mut job: Job, worker: Address, window: Window) {
        let (stake_min, collateral) = (self.state.params.economics.stake_min, self.collateral(&job));
        let could_accept = self.state.validators.get(&worker).is_some_and(|validator| {
            validator.is_available(stake_min) && validator.free.amount() >= collateral
        });
        let had_time = window.closes_at <= job.expires_at;
        let had_inputs = job.params.init_image().is_none();
        if could_accept && had_time && had_inputs && !job.passed_over_by.contains(&worker) {
            job.passed_over_by.push(worker);
        }
        self.close_open_job(&job, &worker);
        self.event(Event::JobPassedOver { job: job.id, attempt: job.attempt, worker });
        self.wait_for_draw(job, RefundReason::Expired);
    }

    /// Somebody accepted: those who let their turn pass could have (rule ACC-03).
    pub(super) fn count_missed_turns(&mut self, job: &mut Job, accepted_by: &Address) {
        let (now, windows) = (self.state.tip.timestamp, &self.state.params.windows);
        let (within, most) = (windows.missed_turn_window_ms, windows.missed_turns_max);
        for worker in core::mem::take(&mut job.passed_over_by) {
            if let Some(validator) = self.state.validators.get_mut(&worker)
                && worker != *accepted_by
                && validator.missed_turns.record(now, within) >= most
            {
                validator.paused = true;
            }
        }
    }

    /// Accepted and not committed (rule PEN-02).
    fn deadline_missed(&mut self, job: Job, worker: Address, mut lock: Coins) {
        let penalty = self.deadline_penalty(&job, &worker);
        let rewards = WorkerRewards::default();
        self.slash_worker(&job, worker, &mut lock, penalty, Fault::MissedDeadline, &rewards);
        self.unlock_stake(&worker, lock);
        self.close_open_job(&job, &worker);
        self.restart_ramp(&job, &worker);
        self.fail_attempt(job, worker, Fault::MissedDeadline);
    }

    /// The worker has room for another job of this pair.
    pub(super) fn close_open_job(&mut self, job: &Job, worker: &Address) {
        if let Some(record) = self.pair_record(job, worker) {
            record.open_jobs = record.open_jobs.saturating_sub(1);
        }
    }
}
