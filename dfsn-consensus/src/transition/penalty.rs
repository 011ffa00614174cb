//! Penalties, each from the job's own lock (rules PEN-01 to PEN-07).

use dfsn_types::{Address, Amount, Event, Fault};

use super::Execution;
use crate::state::{Coins, Job};

impl Execution {
    /// Takes `amount` from a worker's lock: a share for those whose answers were right, the rest burned (rule PEN-01). The
    /// requester's loss comes first; it is nothing while the price is still in escrow.
    pub(super) fn slash_worker(
        &mut self,
        job: &Job,
        worker: Address,
        lock: &mut Coins,
        amount: Amount,
        fault: Fault,
        right: &[Address],
    ) {
        let mut taken = self.forfeit(&worker, lock, amount);
        let whole = taken.amount();
        let share = self.state.params.penalties.right_answer_share.of(whole);
        let each = share.split(u64::try_from(right.len()).unwrap_or(u64::MAX));
        for answerer in right {
            let reward = taken.take_up_to(each);
            self.pay_earnings(*answerer, reward);
        }
        let burned = taken.amount();
        self.burn(taken);
        self.event(Event::Slashed {
            job: job.id,
            attempt: job.attempt,
            validator: worker,
            fault,
            amount: whole,
            burned,
        });
    }

    /// Takes the penalty of a wrong or missing answer from a claim's lock (rules PEN-05, PEN-07). Who judged rightly is paid one
    /// audit fee each out of it, a worker who was right its share; the rest is burned.
    pub(super) fn slash_answerer(
        &mut self,
        job: &Job,
        answerer: Address,
        mut lock: Coins,
        fault: Fault,
        reward: &AnswerRewards<'_>,
    ) {
        let penalties = &self.state.params.penalties;
        let fees =
            if fault == Fault::MissingAnswer { penalties.missing_answer_fees } else { penalties.answer_fees };
        let amount = job.audit_fee.checked_mul(fees).unwrap_or(lock.amount());
        let worker_share = penalties.answer_worker_share;
        let mut taken = self.forfeit(&answerer, &mut lock, amount);
        self.unlock_stake(&answerer, lock);
        let whole = taken.amount();
        if let Some(worker) = reward.worker {
            let share = taken.take_up_to(worker_share.of(whole));
            self.pay_earnings(worker, share);
        }
        for juror in reward.jurors {
            let fee = taken.take_up_to(job.audit_fee);
            self.pay_earnings(*juror, fee);
        }
        let burned = taken.amount();
        self.burn(taken);
        self.event(Event::Slashed {
            job: job.id,
            attempt: job.attempt,
            validator: answerer,
            fault,
            amount: whole,
            burned,
        });
    }

    /// After a fault the worker's jobs of this pair are audited as in the beginning (rule AUD-03).
    pub(super) fn restart_ramp(&mut self, job: &Job, worker: &Address) {
        if let Some(record) = self.pair_record(job, worker) {
            record.clean_jobs = 0;
        }
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

/// Who shares in the penalty of an answerer.
#[derive(Debug, Default)]
pub(super) struct AnswerRewards<'a> {
    /// A worker who opened truthfully.
    pub(super) worker: Option<Address>,
    /// Jurors who judged rightly.
    pub(super) jurors: &'a [Address],
}
