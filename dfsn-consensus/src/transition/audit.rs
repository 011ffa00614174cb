//! An audit from its claims to its end: what is awaited next, and what happens when it does not come.

use dfsn_types::{Address, Amount, Fault};

use super::Execution;
use super::penalty::{AnswerRewards, WorkerRewards};
use crate::state::{Committed, DemandTime, Job, JobKind, JuryStage, Phase, Stage, Window, Witnesses};

impl Execution {
    /// What follows when claims, answers, an opening, a jury, a receipt or witnesses are due (rules JOB-01, AUD-04, JUD-01, DLV-01,
    /// SET-01).
    pub(super) fn audit_window_closed(&mut self, mut job: Job, mut committed: Box<Committed>) {
        if is_withheld(&committed) {
            return self.silence(job, *committed);
        }
        match &mut committed.phase {
            Phase::Claiming => {
                self.after_claims(&mut committed);
                job.stage = Stage::Committed(committed);
                self.audit_may_be_over(job);
            }
            Phase::Answering(_) => {
                self.drop_unanswered(&job, &mut committed);
                self.await_opening(&mut committed);
                job.stage = Stage::Committed(committed);
                self.audit_may_be_over(job);
            }
            Phase::Opening => self.silence(job, *committed),
            Phase::Judging(judgement) => match judgement.stage {
                JuryStage::Claiming if judgement.jurors.values().any(|juror| juror.answer.is_none()) => {
                    judgement.stage = JuryStage::Answering(self.demand_time());
                    committed.window = self.window(self.state.params.windows.juror_ms);
                    self.put_committed(job, committed);
                }
                JuryStage::Claiming | JuryStage::Answering(_) => {
                    self.await_reveals(&mut committed);
                    self.put_committed(job, committed);
                }
                JuryStage::Revealing => self.verdict(job, committed),
            },
            Phase::Disputing(_) => self.dispute_window_closed(job, committed),
            Phase::Delivering => self.ask_witnesses(job, committed, 1),
            Phase::Witnessing(Witnesses { draw, .. }) => {
                let next = draw.saturating_add(1);
                self.ask_witnesses(job, committed, next);
            }
            Phase::Standing => self.end_settled(job, *committed),
        }
    }

    pub(super) fn put_committed(&mut self, mut job: Job, committed: Box<Committed>) {
        job.stage = Stage::Committed(committed);
        self.put_job(job);
    }

    /// When answerers may demand what the worker does not serve, from now on (rule DAT-02).
    fn demand_time(&self) -> DemandTime {
        let (clock, windows) = (self.state.tip.clock, &self.state.params.windows);
        let from = clock.after(windows.serve_ms);
        DemandTime { from, until: from.after(windows.answer_ms) }
    }

    /// Claims are over: wait for answers that are missing, else for the worker (rule AUD-04).
    fn after_claims(&mut self, committed: &mut Committed) {
        if committed.claims.values().all(|claim| claim.answers.is_some()) {
            return self.await_opening(committed);
        }
        let windows = &self.state.params.windows;
        let length = windows.serve_ms.saturating_add(windows.answer_ms);
        committed.phase = Phase::Answering(self.demand_time());
        committed.window = self.window(length);
    }

    /// Answers are in: the worker opens, or nothing is left to open.
    pub(super) fn await_opening(&mut self, committed: &mut Committed) {
        self.drop_demands(committed);
        let windows = &self.state.params.windows;
        let (phase, window) = if !committed.claims.is_empty() {
            (Phase::Opening, self.window(windows.open_ms))
        } else if committed.paid {
            let closes_at = committed.challenge_until;
            (Phase::Standing, Window { closes_at, opened: self.state.tip.height })
        } else {
            (Phase::Delivering, self.window(windows.receipt_ms))
        };
        committed.phase = phase;
        committed.window = window;
    }

    /// Jurors have answered: everybody shows what it answered with.
    pub(super) fn await_reveals(&mut self, committed: &mut Committed) {
        self.drop_demands(committed);
        if let Phase::Judging(judgement) = &mut committed.phase {
            judgement.stage = JuryStage::Revealing;
        }
        committed.window = self.window(self.state.params.windows.open_ms);
    }

    /// Puts a committed job back; where its audit is over, the deposit of the requester goes back, and the job settles when the
    /// pictures are there (rules SET-01, CHL-04), or ends at once without pictures (rule SET-04).
    pub(super) fn audit_may_be_over(&mut self, mut job: Job) {
        let Stage::Committed(mut committed) =
            core::mem::replace(&mut job.stage, Stage::Ended(crate::state::Outcome::TestFailed))
        else {
            return;
        };
        let over = matches!(committed.phase, Phase::Delivering | Phase::Standing);
        if over {
            self.return_deposit(&job, &mut committed.deposit);
        }
        if over && committed.commitment.failed().is_some() {
            return self.end_failed(job, *committed);
        }
        if over && committed.paid {
            return self.end_settled(job, *committed);
        }
        job.stage = Stage::Committed(committed);
        if over && (job.delivered || job.kind == JobKind::Test) {
            self.settle(job)
        } else {
            self.put_job(job)
        }
    }

    /// A claim without an answer costs what a wrong one costs: its inputs could have been demanded (rule PEN-07).
    fn drop_unanswered(&mut self, job: &Job, committed: &mut Committed) {
        let silent: Vec<Address> = committed
            .claims
            .iter()
            .filter(|(_, claim)| claim.answers.is_none())
            .map(|(auditor, _)| *auditor)
            .collect();
        for auditor in silent {
            if let Some(claim) = committed.claims.remove(&auditor) {
                let nobody = AnswerRewards::default();
                self.slash_answerer(job, auditor, claim.lock, Fault::MissingAnswer, &nobody);
            }
        }
    }

    /// Silence is the lie: the whole lock, and jail (rule PEN-04). The answers that were given count as right; those that a worker
    /// kept from being given are forgiven.
    pub(super) fn silence(&mut self, job: Job, mut committed: Committed) {
        let withheld = is_withheld(&committed);
        self.drop_demands(&mut committed);
        let Committed { worker, mut lock, claims, phase, paid, mut deposit, .. } = committed;
        let mut answerers: Vec<Address> =
            claims.iter().filter(|(_, claim)| claim.answers.is_some()).map(|(auditor, _)| *auditor).collect();
        for (auditor, claim) in claims {
            self.unlock_stake(&auditor, claim.lock);
        }
        if let Phase::Judging(judgement) = phase {
            answerers.extend(self.dismiss_answered(&job, judgement.jurors, withheld));
            answerers.sort_unstable();
            answerers.dedup();
        }
        let whole = lock.amount();
        let rewards = WorkerRewards { requester: self.price_lost(&job, paid), right: &answerers };
        self.slash_worker(&job, worker, &mut lock, whole, Fault::Silence, &rewards);
        self.unlock_stake(&worker, lock);
        self.jail(worker);
        self.restart_ramp(&job, &worker);
        self.return_deposit(&job, &mut deposit);
        self.result_is_void(job, worker, Fault::Silence, paid);
    }

    /// What a false result has cost its requester: the price, once it was paid out (rule CHL-05).
    pub(super) fn price_lost(&self, job: &Job, paid: bool) -> Amount {
        if paid { job.price } else { Amount::ZERO }
    }

    /// The deposit of an audit that the requester asked for goes back, as far as auditors did not earn it (rule CHL-04).
    pub(super) fn return_deposit(&mut self, job: &Job, deposit: &mut crate::state::Coins) {
        let coins = deposit.take_all();
        self.pay(job.requester, coins);
    }

    /// A result was found false: another attempt while the price is there, else the price comes back out of the lock.
    pub(super) fn result_is_void(&mut self, job: Job, worker: Address, fault: Fault, paid: bool) {
        if paid {
            self.overturn(job, worker, fault);
        } else {
            self.fail_attempt(job, worker, fault);
        }
    }
}

/// Whether the worker still owes a state that was demanded.
fn is_withheld(committed: &Committed) -> bool {
    let answering = match &committed.phase {
        Phase::Answering(_) => true,
        Phase::Judging(judgement) => matches!(judgement.stage, JuryStage::Answering(_)),
        _ => false,
    };
    answering && committed.demands.values().any(|demand| !demand.complete)
}
