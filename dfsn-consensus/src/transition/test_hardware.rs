//! TestHardware: a job with a prompt that nobody can know beforehand.

use dfsn_types::{
    Address, Amount, Event, GenerationParams, GenerationRequest, Pair, PairStatus, Prompt, TransactionId,
};

use super::Execution;
use crate::error::TransactionFailure;
use crate::math;
use crate::state::{Job, JobKind};

impl Execution {
    /// Opens a test of one of the sender's pairs (rules TST-01 to TST-03). The deposit pays its auditors.
    pub(super) fn test_hardware(
        &mut self,
        sender: Address,
        pair: Pair,
        transaction: TransactionId,
        index: u32,
    ) -> Result<(), TransactionFailure> {
        self.check_not_paused()?;
        let validator = self.staked_validator(&sender)?;
        if validator.is_jailed() {
            return Err(TransactionFailure::Jailed(validator.address));
        }
        let record = validator.pairs.get(&pair).filter(|record| record.status == PairStatus::Trial);
        let min_price = record.ok_or(TransactionFailure::NotOnTrial(pair))?.min_price;
        let same = |job: &&Job| job.kind == JobKind::Test && job.requester == sender && job.pair() == pair;
        if let Some(running) = self.open_jobs().find(same) {
            return Err(TransactionFailure::TestRunning(running.id));
        }
        let request = GenerationRequest {
            params: self.test_params(pair, Prompt::default(), 0)?,
            price_per_unit: min_price,
            expires_ms: self.state.params.windows.job_ms_max,
            unaudited: false,
        };
        let mut job = self.new_job(transaction.job_id(), sender, &request, index)?;
        job.kind = JobKind::Test;
        self.price_test(&mut job)?;
        let pushed_out = self.room_in_queue(&job)?;
        let deposit = job.audit_fee.checked_mul(self.state.params.economics.test_deposit_fees);
        job.escrow = self.spend(&sender, deposit.ok_or(TransactionFailure::PriceOverflow)?)?;
        if let Some(cheapest) = pushed_out {
            self.push_out(cheapest);
        }
        self.event(Event::JobRequested { job: job.id, requester: sender, pair, price: job.escrow.amount() });
        self.enqueue(job);
        Ok(())
    }

    /// A test costs at least the lowest price of a job, whatever its worker asks (rule TST-03).
    fn price_test(&self, job: &mut Job) -> Result<(), TransactionFailure> {
        let min = self.state.params.economics.price_min;
        if job.price >= min {
            return Ok(());
        }
        // The auditors' share of the price as if the worker had asked for the minimum.
        let share = job
            .audit_fee
            .base_units()
            .checked_mul(1_000_000)
            .and_then(|fee| fee.checked_div(job.price.base_units()));
        let ppm = u64::try_from(share.unwrap_or(100_000)).unwrap_or(100_000);
        let fee = math::mul_div(min.base_units(), ppm, 1_000_000).ok_or(TransactionFailure::PriceOverflow)?;
        job.audit_fee = Amount::from_base_units(fee);
        job.price = min;
        Ok(())
    }

    /// What a test of a pair asks for.
    pub(super) fn test_params(
        &self,
        pair: Pair,
        prompt: Prompt,
        seed: u32,
    ) -> Result<GenerationParams, TransactionFailure> {
        let model = self.state.models.get(&pair.model).ok_or(TransactionFailure::UnknownModel(pair.model))?;
        GenerationParams::builder(pair.model, pair.profile, prompt.as_str(), model.test_size)
            .seed(seed)
            .num_inference_steps(self.state.params.economics.test_steps)
            .build()
            .map_err(TransactionFailure::TestParams)
    }
}
