//! GenerationRequest: a price goes into escrow and a job opens.

use dfsn_types::{
    Address, Amount, Attempt, Event, GenerationRequest, JobId, Pair, RefundReason, TraceShape, TransactionId,
};

use super::Execution;
use crate::error::TransactionFailure;
use crate::math;
use crate::sortition;
use crate::state::{Coins, Job, JobKind, QueueKey, Stage};

impl Execution {
    /// Opens a job (rules REQ-01 to REQ-06, GOV-05).
    pub(super) fn generation_request(
        &mut self,
        sender: Address,
        request: &GenerationRequest,
        transaction: TransactionId,
        index: u32,
    ) -> Result<(), TransactionFailure> {
        self.check_not_paused()?;
        let id = transaction.job_id();
        let mut job = self.new_job(id, sender, request, index)?;
        let min = self.state.params.economics.price_min;
        if job.price < min {
            return Err(TransactionFailure::PriceMin { price: job.price, min });
        }
        if !request.unaudited && !self.any_audited_worker(&job.pair()) {
            return Err(TransactionFailure::NotAudited);
        }
        let open = self.open_jobs().filter(|job| job.requester == sender && !job.is_paid()).count();
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        if open >= self.state.params.chain.pending_per_account_max {
            return Err(TransactionFailure::TooManyOpen(open));
        }
        let pushed_out = self.room_in_queue(&job)?;
        job.escrow = self.spend(&sender, job.price)?;
        if let Some(cheapest) = pushed_out {
            self.push_out(cheapest);
        }
        self.event(Event::JobRequested { job: id, requester: sender, pair: job.pair(), price: job.price });
        self.enqueue(job);
        Ok(())
    }

    /// A job of a request, without its money (rules REG-01, REQ-02, JOB-02, JOB-03).
    pub(super) fn new_job(
        &self,
        id: JobId,
        requester: Address,
        request: &GenerationRequest,
        index: u32,
    ) -> Result<Job, TransactionFailure> {
        let params = &request.params;
        let model =
            self.state.models.get(&params.model()).ok_or(TransactionFailure::UnknownModel(params.model()))?;
        if !self.state.profiles.contains_key(&params.profile()) {
            return Err(TransactionFailure::UnknownProfile(params.profile()));
        }
        if !model.accepts(params.size()) {
            return Err(TransactionFailure::Size(params.size()));
        }
        let work_units = model.work_units(params);
        let price =
            request.price_per_unit.checked_mul(work_units.get()).ok_or(TransactionFailure::PriceOverflow)?;
        let audit_units = model.audit_units(params, sortition::steps_asked(TraceShape::of(params)));
        let worker_part = self.state.params.economics.worker_share.of(price);
        let audit_fee =
            math::mul_div(worker_part.base_units(), audit_units.get(), work_units.get()).unwrap_or(0);
        let tip = &self.state.tip;
        let longest = self.state.params.windows.job_ms_max;
        let window = self.window(request.expires_ms.min(longest));
        Ok(Job {
            id,
            requester,
            kind: JobKind::Request,
            params: params.clone(),
            price_per_unit: request.price_per_unit,
            price,
            work_units,
            audit_fee: Amount::from_base_units(audit_fee),
            escrow: Coins::NONE,
            unaudited: request.unaudited,
            included_at: tip.timestamp,
            expires_at: window.closes_at,
            attempt: Attempt::FIRST,
            tries: 0,
            failed_workers: Vec::new(),
            passed_over_by: Vec::new(),
            queue_key: QueueKey::new(request.price_per_unit, tip.height, index, id),
            delivered: false,
            stage: Stage::Pending { draw_from: tip.height.next().next(), window },
        })
    }

    /// Jobs that are not over: each has a window.
    pub(super) fn open_jobs(&self) -> impl Iterator<Item = &Job> {
        self.state.windows.iter().filter_map(|(_, id)| self.state.jobs.get(id))
    }

    /// Puts a pending job into its pair's queue and into the state.
    pub(super) fn enqueue(&mut self, job: Job) {
        self.state.queues.get_or_default(job.pair()).insert(job.queue_key);
        self.put_job(job);
    }

    fn any_audited_worker(&self, pair: &Pair) -> bool {
        let stake_min = self.state.params.economics.stake_min;
        let service = self.state.service(pair);
        let mut workers = self.state.validators.values().filter(|worker| worker.serves(pair, stake_min));
        workers.any(|worker| service.audits(&self.state.params.sortition, worker.stake()))
    }

    /// The cheapest waiting job, when the queue is full and this one pays more (rule REQ-06).
    pub(super) fn room_in_queue(&self, job: &Job) -> Result<Option<JobId>, TransactionFailure> {
        let Some(queue) = self.state.queues.get(&job.pair()) else { return Ok(None) };
        let max = usize::try_from(self.state.params.chain.queue_max).unwrap_or(usize::MAX);
        match queue.last() {
            Some(last) if queue.len() >= max => {
                if job.queue_key < *last {
                    Ok(Some(last.job()))
                } else {
                    Err(TransactionFailure::QueueFull)
                }
            }
            _ => Ok(None),
        }
    }

    pub(super) fn push_out(&mut self, id: JobId) {
        if let Some(job) = self.take_job(&id) {
            self.refund(job, RefundReason::PushedOut);
        }
    }
}
