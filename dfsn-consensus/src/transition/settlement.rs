//! Settlement: worker, auditors and builder are paid (rules SET-01 to SET-04).

use dfsn_types::{Address, Amount, Event, PairStatus, RefundReason};

use super::Execution;
use crate::state::{Coins, Committed, Job, JobKind, Outcome, Phase, Stage, Window};

impl Execution {
    /// Pays for a job whose audit is over and whose pictures are delivered (rule SET-01). The collateral stays locked while the
    /// requester may ask for another audit (rule CHL-01).
    pub(super) fn settle(&mut self, mut job: Job) {
        let stage = core::mem::replace(&mut job.stage, Stage::Ended(Outcome::TestFailed));
        let Stage::Committed(mut committed) = stage else {
            job.stage = stage;
            return self.put_job(job);
        };
        let escrow = job.escrow.take_all();
        if job.kind == JobKind::Test {
            return self.finish_test(job, *committed, escrow);
        }
        self.pay_shares(&job, &committed, escrow);
        committed.paid = true;
        if committed.requested || self.state.tip.clock >= committed.challenge_until {
            return self.end_settled(job, *committed);
        }
        committed.phase = Phase::Standing;
        committed.window = Window { closes_at: committed.challenge_until, opened: self.state.tip.height };
        self.put_committed(job, committed);
    }

    /// Nobody can object any more: the collateral is free.
    pub(super) fn end_settled(&mut self, mut job: Job, committed: Committed) {
        let Committed { worker, lock, commitment, .. } = committed;
        self.unlock_stake(&worker, lock);
        job.stage = Stage::Ended(Outcome::Settled { worker, commitment });
        self.put_job(job);
    }

    /// The picture fails at a number, and auditors have found the same: they are paid out of the price, which goes back but for that
    /// and what a cancelled request costs. The worker gets nothing, so that nobody gains by a failure (rules SET-04, TST-08).
    pub(super) fn end_failed(&mut self, mut job: Job, committed: Committed) {
        let Committed { worker, lock, commitment, confirmed, .. } = committed;
        self.unlock_stake(&worker, lock);
        let mut escrow = job.escrow.take_all();
        let most = match job.kind {
            JobKind::Request => self.auditors_most(
                &job,
                &worker,
                self.state.params.economics.worker_share.of(escrow.amount()),
            ),
            JobKind::Test => escrow.amount(),
        };
        self.pay_auditors(&job, &confirmed, &mut escrow, most);
        if job.kind == JobKind::Request {
            let fee = escrow.take_up_to(self.state.params.economics.cancel_fee);
            self.burn(fee);
        }
        let (requester, amount, reason) = (job.requester, escrow.amount(), RefundReason::Failed);
        self.pay(requester, escrow);
        self.event(Event::JobRefunded { job: job.id, requester, amount, reason });
        job.stage = Stage::Ended(Outcome::Failed { worker, commitment });
        self.put_job(job);
    }

    /// What all auditors together get at most out of a worker's part (rule SET-03).
    fn auditors_most(&self, job: &Job, worker: &Address, part: Amount) -> Amount {
        let share = self.state.params.economics.audit_share_max;
        if self.in_ramp(job, worker) { part } else { share.of(part) }
    }

    /// Shares of the price (rules SET-02, DLV-03).
    fn pay_shares(&mut self, job: &Job, committed: &Committed, mut escrow: Coins) {
        let (worker, confirmed) = (committed.worker, &committed.confirmed);
        let economics = &self.state.params.economics;
        let (worker_share, builder_share) = (economics.worker_share, economics.builder_share);
        let witness_share = economics.witness_share;
        let price = escrow.amount();
        let mut earned = escrow.take_up_to(worker_share.of(price));
        let built = escrow.take_up_to(builder_share.of(price));
        let most = self.auditors_most(job, &worker, earned.amount());
        let auditors_paid = self.pay_auditors(job, confirmed, &mut earned, most);
        let worker_paid = earned.amount();
        self.pay_earnings(worker, earned);
        self.pay(self.fee_recipient, built);
        if let Phase::Witnessing(witnesses) = &committed.phase {
            for witness in &witnesses.stored {
                let share = escrow.take_up_to(witness_share.of(price));
                self.pay_earnings(*witness, share);
            }
        }
        self.burn(escrow);
        self.count_clean_job(job, &worker);
        self.event(Event::JobSettled {
            job: job.id,
            attempt: job.attempt,
            worker,
            worker_paid,
            auditors_paid,
        });
    }

    /// One audit fee for each right answer, all together at most `most`, scaled down equally above that (rule SET-03).
    pub(super) fn pay_auditors(
        &mut self,
        job: &Job,
        confirmed: &[Address],
        from: &mut Coins,
        most: Amount,
    ) -> Amount {
        let count = u64::try_from(confirmed.len()).unwrap_or(u64::MAX);
        let wanted = job.audit_fee.checked_mul(count).unwrap_or(most);
        let each = if wanted > most { most.split(count) } else { job.audit_fee };
        let before = from.amount();
        for auditor in confirmed {
            let fee = from.take_up_to(each);
            self.pay_earnings(*auditor, fee);
        }
        before.saturating_sub(from.amount())
    }

    fn in_ramp(&self, job: &Job, worker: &Address) -> bool {
        let validator = self.state.validators.get(worker);
        let record = validator.and_then(|validator| validator.pairs.get(&job.pair()));
        record.is_none_or(|record| record.clean_jobs < self.state.params.sortition.ramp_jobs)
    }

    /// The ramp of rule AUD-03 goes on.
    fn count_clean_job(&mut self, job: &Job, worker: &Address) {
        if job.unaudited {
            return;
        }
        if let Some(record) = self.pair_record(job, worker) {
            record.clean_jobs = record.clean_jobs.saturating_add(1);
        }
    }

    /// A test passes with two right answers (rule TST-05); what its auditors do not earn goes back.
    fn finish_test(&mut self, mut job: Job, committed: Committed, mut deposit: Coins) {
        let Committed { worker, lock, commitment, confirmed, .. } = committed;
        let passed = confirmed.len() >= 2;
        let most = deposit.amount();
        let auditors_paid = self.pay_auditors(&job, &confirmed, &mut deposit, most);
        let (requester, amount) = (job.requester, deposit.amount());
        self.pay(requester, deposit);
        self.unlock_stake(&worker, lock);
        if !passed {
            let reason = RefundReason::Untested;
            job.stage = Stage::Ended(Outcome::Refunded(reason));
            self.event(Event::JobRefunded { job: job.id, requester, amount, reason });
            return self.put_job(job);
        }
        if let Some(record) = self.pair_record(&job, &worker) {
            record.status = PairStatus::Active;
            self.event(Event::PairActivated { validator: worker, pair: job.pair() });
        }
        let (attempt, worker_paid) = (job.attempt, Amount::ZERO);
        self.event(Event::JobSettled { job: job.id, attempt, worker, worker_paid, auditors_paid });
        job.stage = Stage::Ended(Outcome::Settled { worker, commitment });
        self.put_job(job);
    }
}
