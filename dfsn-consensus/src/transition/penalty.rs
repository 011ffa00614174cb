//! Penalties, each from the job's own lock (rules PEN-01 to PEN-07).

use dfsn_types::{Address, Amount, Fault};

use super::Execution;
use crate::state::{Coins, Job, Payee};

impl Execution {
    /// Takes `amount` from a worker's lock: the requester's loss first, then a share of the rest for those whose answers were
    /// right; what is left is burned (rule PEN-01).
    pub(super) fn slash_worker(
        &mut self,
        job: &Job,
        worker: Address,
        lock: &mut Coins,
        amount: Amount,
        fault: Fault,
        rewards: &WorkerRewards<'_>,
    ) {
        let taken = self.forfeit(&worker, lock, amount);
        let rest = taken.amount().saturating_sub(rewards.requester);
        let share = self.state.params.penalties.right_answer_share.of(rest);
        let each = share.split(u64::try_from(rewards.right.len()).unwrap_or(u64::MAX));
        let mut payees = Vec::new();
        if !rewards.requester.is_zero() {
            payees.push((Payee::Account(job.requester), rewards.requester));
        }
        payees.extend(rewards.right.iter().map(|answerer| (Payee::Validator(*answerer), each)));
        self.hold(job, worker, fault, taken, payees);
    }

    /// Takes the penalty of a wrong or missing answer from a claim's lock (rules PEN-05, PEN-07). A worker who was right is paid
    /// its share out of it, who judged rightly one audit fee each; the rest is burned.
    pub(super) fn slash_answerer(
        &mut self,
        job: &Job,
        answerer: Address,
        mut lock: Coins,
        fault: Fault,
        rewards: &AnswerRewards<'_>,
    ) {
        let penalties = &self.state.params.penalties;
        let amount = job.audit_fee.checked_mul(penalties.answer_fees).unwrap_or(lock.amount());
        let worker_share = penalties.answer_worker_share;
        let taken = self.forfeit(&answerer, &mut lock, amount);
        self.unlock_stake(&answerer, lock);
        let to_worker = worker_share.of(taken.amount());
        let mut payees: Vec<(Payee, Amount)> =
            rewards.worker.iter().map(|worker| (Payee::Validator(*worker), to_worker)).collect();
        payees.extend(rewards.jurors.iter().map(|juror| (Payee::Validator(*juror), job.audit_fee)));
        self.hold(job, answerer, fault, taken, payees);
    }

    /// After a fault the worker's jobs of this pair are audited as in the beginning (rule AUD-03).
    pub(super) fn restart_ramp(&mut self, job: &Job, worker: &Address) {
        if let Some(record) = self.pair_record(job, worker) {
            record.clean_jobs = 0;
        }
    }

    /// Counts a verdict that a worker lost, or dodged by giving the answer away; whether it costs the whole lock (rules PEN-03,
    /// EVD-04).
    pub(super) fn lost_once_more(&mut self, worker: &Address) -> bool {
        let penalties = &self.state.params.penalties;
        let (most, within) = (penalties.float_verdicts_max, penalties.float_verdict_repeat_ms);
        let now = self.state.tip.timestamp;
        let validator = self.state.validators.get_mut(worker);
        validator.map_or(1, |validator| validator.lost_verdicts.record(now, within)) >= most
    }

    /// Penalty of a deadline missed after acceptance: doubles with each repeat, up to the whole lock (rule PEN-02).
    pub(super) fn deadline_penalty(&mut self, job: &Job, worker: &Address) -> Amount {
        let penalties = &self.state.params.penalties;
        let (prices, most, within) =
            (penalties.deadline_prices, penalties.collateral_prices, penalties.deadline_repeat_ms);
        let now = self.state.tip.timestamp;
        let validator = self.state.validators.get_mut(worker);
        let repeat = validator.map_or(1, |validator| validator.missed_deadlines.record(now, within));
        let doubled = prices.saturating_mul(1 << repeat.saturating_sub(1).min(32));
        job.price.checked_mul(doubled.min(most)).unwrap_or_default()
    }
}

/// Who shares in the penalty of a worker.
#[derive(Debug, Default)]
pub(super) struct WorkerRewards<'a> {
    /// What the requester has lost: the price, once it has been paid out.
    pub(super) requester: Amount,
    /// Whose answers were right.
    pub(super) right: &'a [Address],
}

/// Who shares in the penalty of an answerer.
#[derive(Debug, Default)]
pub(super) struct AnswerRewards<'a> {
    /// A worker who opened truthfully.
    pub(super) worker: Option<Address>,
    /// Jurors who judged rightly.
    pub(super) jurors: &'a [Address],
}
