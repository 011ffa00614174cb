//! What happens when a window closes without the message it was open for (rules TIM-03, TIM-04).

use dfsn_types::{Address, Event, Fault, JobId, RefundReason};

use super::Execution;
use super::penalty::AnswerRewards;
use crate::state::{Coins, Committed, Job, JuryStage, Outcome, Phase, Stage, Window};

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
            Stage::Pending { .. } => self.refund(job, RefundReason::Expired),
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
        self.slash_worker(&job, worker, &mut lock, penalty, Fault::MissedDeadline, &[]);
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

    /// What follows when claims, answers, an opening, a jury or a receipt are due (rules JOB-01, AUD-04, AUD-10, JUD-01, SET-01).
    fn audit_window_closed(&mut self, mut job: Job, mut committed: Box<Committed>) {
        match &mut committed.phase {
            Phase::Claiming => {
                self.after_claims(&mut committed);
                job.stage = Stage::Committed(committed);
                self.audit_may_be_over(job);
            }
            Phase::Answering => {
                let answered = committed.claims.values().filter(|claim| claim.answers.is_some()).count();
                if answered.saturating_mul(2) < committed.claims.len() {
                    return self.not_answered(job, *committed);
                }
                self.drop_unanswered(&job, &mut committed);
                self.await_opening(&mut committed);
                job.stage = Stage::Committed(committed);
                self.audit_may_be_over(job);
            }
            Phase::Opening => self.silence(job, *committed),
            Phase::Judging(judgement) => match judgement.stage {
                JuryStage::Claiming if judgement.jurors.values().any(|juror| juror.answer.is_none()) => {
                    judgement.stage = JuryStage::Answering;
                    committed.window = self.window(self.state.params.windows.juror_ms);
                    self.put_committed(job, committed);
                }
                JuryStage::Claiming | JuryStage::Answering => {
                    judgement.stage = JuryStage::Revealing;
                    committed.window = self.window(self.state.params.windows.open_ms);
                    self.put_committed(job, committed);
                }
                JuryStage::Revealing => self.verdict(job, committed),
            },
            Phase::Delivering => {
                let Committed { worker, lock, .. } = *committed;
                self.unlock_stake(&worker, lock);
                self.refund(job, RefundReason::Undelivered);
            }
        }
    }

    pub(super) fn put_committed(&mut self, mut job: Job, committed: Box<Committed>) {
        job.stage = Stage::Committed(committed);
        self.put_job(job);
    }

    /// Claims are over: wait for answers that are missing, else for the worker (rule AUD-04).
    fn after_claims(&self, committed: &mut Committed) {
        if committed.claims.values().all(|claim| claim.answers.is_some()) {
            return self.await_opening(committed);
        }
        let windows = &self.state.params.windows;
        committed.phase = Phase::Answering;
        committed.window = self.window(windows.serve_ms.saturating_add(windows.answer_ms));
    }

    /// Answers are in: the worker opens, or nothing is left to open.
    pub(super) fn await_opening(&self, committed: &mut Committed) {
        let windows = &self.state.params.windows;
        if committed.claims.is_empty() {
            committed.phase = Phase::Delivering;
            committed.window = self.window(windows.receipt_ms);
        } else {
            committed.phase = Phase::Opening;
            committed.window = self.window(windows.open_ms);
        }
    }

    /// Puts a committed job back, or settles it when the audit is over and the pictures are there (rule SET-01).
    pub(super) fn audit_may_be_over(&mut self, job: Job) {
        let over = job.committed().is_some_and(|committed| committed.phase == Phase::Delivering);
        if over && (job.delivered || job.kind == crate::state::JobKind::Test) {
            self.settle(job)
        } else {
            self.put_job(job)
        }
    }

    /// A claim without an answer costs a fee (rule PEN-07): its auditor may not have got the inputs.
    fn drop_unanswered(&mut self, job: &Job, committed: &mut Committed) {
        let silent: Vec<Address> = committed
            .claims
            .iter()
            .filter(|(_, claim)| claim.answers.is_none())
            .map(|(auditor, _)| *auditor)
            .collect();
        for auditor in silent {
            if let Some(claim) = committed.claims.remove(&auditor) {
                self.slash_answerer(
                    job,
                    auditor,
                    claim.lock,
                    Fault::MissingAnswer,
                    &AnswerRewards::default(),
                );
            }
        }
    }

    /// Fewer than half of those who claimed answered: the worker may have withheld the inputs, they may have been lazy. The attempt
    /// does not count, its worker is not drawn for this job again, and nobody is slashed beyond a fee (rule AUD-10).
    pub(super) fn not_answered(&mut self, job: Job, mut committed: Committed) {
        self.drop_unanswered(&job, &mut committed);
        let Committed { worker, lock, claims, phase, .. } = committed;
        for (auditor, claim) in claims {
            self.unlock_stake(&auditor, claim.lock);
        }
        if let Phase::Judging(judgement) = phase {
            self.dismiss_answered(&job, judgement.jurors);
        }
        self.unlock_stake(&worker, lock);
        self.restart_ramp(&job, &worker);
        self.fail_attempt(job, worker, Fault::Unanswered);
    }

    /// Silence is the lie: the whole lock, and jail (rule PEN-04). The answers that were given count as right.
    pub(super) fn silence(&mut self, job: Job, committed: Committed) {
        let Committed { worker, mut lock, claims, phase, .. } = committed;
        let mut answerers: Vec<Address> =
            claims.iter().filter(|(_, claim)| claim.answers.is_some()).map(|(auditor, _)| *auditor).collect();
        for (auditor, claim) in claims {
            self.unlock_stake(&auditor, claim.lock);
        }
        if let Phase::Judging(judgement) = phase {
            answerers.extend(self.dismiss_answered(&job, judgement.jurors));
            answerers.sort_unstable();
            answerers.dedup();
        }
        let whole = lock.amount();
        self.slash_worker(&job, worker, &mut lock, whole, Fault::Silence, &answerers);
        self.unlock_stake(&worker, lock);
        self.jail(worker);
        self.restart_ramp(&job, &worker);
        self.fail_attempt(job, worker, Fault::Silence);
    }
}
