//! How attempts end without a result: again, or back with the money.

use dfsn_types::{Address, Event, Fault, RefundReason};

use super::Execution;
use crate::state::{Job, JobKind, Outcome, Stage};

impl Execution {
    /// Ends an attempt whose locks are already dealt with. A new one follows while attempts and time are left, else the
    /// requester is refunded, never both (rule JOB-04). The deposit of a failed test is burned (rule TST-06).
    pub(super) fn fail_attempt(&mut self, mut job: Job, worker: Address, fault: Fault) {
        self.event(Event::AttemptFailed { job: job.id, attempt: job.attempt, worker, fault });
        if job.kind == JobKind::Test {
            let deposit = job.escrow.take_all();
            let burned = deposit.amount();
            self.burn(deposit);
            self.event(Event::TestFailed { job: job.id, validator: worker, burned });
            job.stage = Stage::Ended(Outcome::TestFailed);
            return self.put_job(job);
        }
        if job.attempt.get() >= self.state.params.windows.attempts_max {
            return self.refund(job, RefundReason::AttemptsFailed);
        }
        job.failed_workers.push(worker);
        job.attempt = job.attempt.next();
        job.tries = 0;
        job.passed_over_by.clear();
        job.delivered = false;
        self.wait_for_draw(job, RefundReason::AttemptsFailed);
    }

    /// Back into the queue, two beacons before the next draw (rule DRW-02); with no time left, the money goes back instead.
    pub(super) fn wait_for_draw(&mut self, mut job: Job, otherwise: RefundReason) {
        let tip = &self.state.tip;
        if tip.clock >= job.expires_at {
            return match otherwise {
                RefundReason::Expired => self.take_back(job, otherwise),
                _ => self.refund(job, otherwise),
            };
        }
        let window = crate::state::Window { closes_at: job.expires_at, opened: tip.height };
        job.stage = Stage::Pending { draw_from: tip.height.next().next(), window };
        self.enqueue(job);
    }

    /// A request that nobody accepted ends; where somebody could have, it has used a place in the queue, which costs a fee
    /// (rule CAN-02).
    pub(super) fn take_back(&mut self, mut job: Job, reason: RefundReason) {
        let pair = job.pair();
        let economics = &self.state.params.economics;
        let (stake_min, cancel_fee) = (economics.stake_min, economics.cancel_fee);
        if self.state.validators.values().any(|validator| validator.serves(&pair, stake_min)) {
            let fee = job.escrow.take_up_to(cancel_fee);
            self.burn(fee);
        }
        self.refund(job, reason);
    }

    /// A result that was paid for is found false: its price is among the held penalty's payees, and the job is over (rule CHL-05).
    pub(super) fn overturn(&mut self, mut job: Job, worker: Address, fault: Fault) {
        let reason = RefundReason::Overturned;
        self.event(Event::AttemptFailed { job: job.id, attempt: job.attempt, worker, fault });
        let (requester, amount) = (job.requester, job.price);
        self.event(Event::JobRefunded { job: job.id, requester, amount, reason });
        job.stage = Stage::Ended(Outcome::Refunded(reason));
        self.put_job(job);
    }

    /// Gives the escrow back and ends the job.
    pub(super) fn refund(&mut self, mut job: Job, reason: RefundReason) {
        self.leave_queue(&job);
        let coins = job.escrow.take_all();
        let (requester, amount) = (job.requester, coins.amount());
        self.pay(requester, coins);
        self.event(Event::JobRefunded { job: job.id, requester, amount, reason });
        job.stage = Stage::Ended(Outcome::Refunded(reason));
        self.put_job(job);
    }
}
