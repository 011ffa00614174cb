//! One block on its way from its parent's state to its own.

use dfsn_types::{
    Address, Amount, BeaconProof, BlockHeight, BlockReceipts, ChainClock, Domain, DurationMs, Event, Gas,
    Hash, JobId, Timestamp, VrfOutput,
};

use crate::error::BlockRuleError;
use crate::gas;
use crate::state::{ChainState, Committed, Job, Outcome, Stage, Tip, Window};

/// What a block's header decides before anything runs.
#[derive(Clone, Copy, Debug)]
pub struct BlockContext {
    /// When it was built.
    pub timestamp: Timestamp,
    /// Who earns tips and the builder's shares.
    pub fee_recipient: Address,
    /// The builder's part in the beacon.
    pub beacon_proof: Option<BeaconProof>,
}

/// A block being executed. The builder and the verifier drive it alike: duties, posted data, transactions, then
/// [`Self::close`].
#[derive(Debug)]
pub struct Execution {
    pub(super) state: ChainState,
    pub(super) receipts: BlockReceipts,
    pub(super) fee_recipient: Address,
    pub(super) parent_clock: ChainClock,
    pub(super) used: Used,
    pub(super) call: Call,
}

/// Money of the running transaction, beside its fee.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Call {
    /// What it says that it moves, if it is an Ethereum one.
    pub(super) value: Option<Amount>,
    /// What it moves.
    pub(super) moved: Amount,
}

/// How much of the block is used up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub(super) gas: u64,
    pub(super) user_bytes: u64,
    pub(super) duty_bytes: u64,
    pub(super) data_bytes: u64,
    pub(super) claims: u32,
    pub(super) checks: u32,
    pub(super) transactions: u32,
}

/// A block's outcome.
#[derive(Debug)]
pub struct Executed {
    /// The state after the block; its tip has no hash yet.
    pub state: ChainState,
    /// What the block caused.
    pub receipts: BlockReceipts,
    /// Gas used by its transactions.
    pub gas_used: Gas,
}

impl Execution {
    /// Starts a block on a parent's state.
    ///
    /// # Errors
    /// [`BlockRuleError`] when the timestamp or the beacon proof breaks a rule (TIM-01, BEA-01, BEA-02).
    pub fn open(parent: &ChainState, context: &BlockContext) -> Result<Self, BlockRuleError> {
        let tip = parent.tip;
        let (actual, before) = (context.timestamp, tip.timestamp);
        if actual < before {
            return Err(BlockRuleError::Timestamp { actual, parent: before });
        }
        let height = tip.height.next();
        let output =
            context.beacon_proof.map(|proof| verify_beacon(parent, &proof, height, actual)).transpose()?;
        Ok(Self::start(parent, context, output.as_ref()))
    }

    /// Starts a block whose header breaks no rule, with the output of its beacon proof.
    pub(super) fn start(parent: &ChainState, context: &BlockContext, output: Option<&VrfOutput>) -> Self {
        let (tip, mut state) = (parent.tip, parent.clone());
        let height = tip.height.next();
        // The clock stands while jobs are paused (rule GOV-05).
        let since = tip.timestamp.max(state.paused_until.unwrap_or(tip.timestamp));
        let step = context.timestamp.since(since).min(state.params.chain.clock_step_ms);
        state.tip = Tip {
            hash: tip.hash,
            height,
            timestamp: context.timestamp,
            clock: tip.clock.after(step),
            beacon: next_beacon(&tip, height, output),
            parent_beacon: tip.beacon,
            base_fee_per_gas: tip.base_fee_per_gas,
        };
        Self {
            state,
            receipts: BlockReceipts::default(),
            fee_recipient: context.fee_recipient,
            parent_clock: tip.clock,
            used: Used::default(),
            call: Call::default(),
        }
    }

    /// Ends the block: windows close, unbonded stake and held penalties are paid out, validators change, old records go, workers
    /// are drawn, the base fee moves (rule BLK-04).
    pub fn close(mut self) -> Executed {
        self.close_windows();
        self.pay_unbonded();
        self.make_changes();
        self.pay_holds();
        self.drop_notes();
        self.drop_records();
        self.draw_workers();
        let gas_used = Gas::new(self.used.gas);
        let base_fee = self.state.tip.base_fee_per_gas;
        self.state.tip.base_fee_per_gas = gas::next_base_fee(&self.state.params.chain, base_fee, gas_used);
        Executed { state: self.state, receipts: self.receipts, gas_used }
    }

    /// The state so far.
    pub const fn state(&self) -> &ChainState {
        &self.state
    }

    pub(super) fn event(&mut self, event: Event) {
        self.receipts.events.push(event);
    }

    /// A window that opens in this block (rule TIM-03).
    pub(super) const fn window(&self, length: DurationMs) -> Window {
        Window { closes_at: self.state.tip.clock.after(length), opened: self.state.tip.height }
    }

    /// Takes an open job out of the state, to be changed and put back with [`Self::put_job`].
    pub(super) fn take_job(&mut self, id: &JobId) -> Option<Job> {
        let job = self.state.jobs.remove(id)?;
        if let Some(window) = job.window() {
            self.state.windows.remove(&(window.closes_at, job.id));
        }
        Some(job)
    }

    /// Takes a job out whose result is committed, and the result out of it: both go back with [`Self::put_committed`].
    pub(super) fn take_committed(&mut self, id: &JobId) -> Option<(Job, Box<Committed>)> {
        self.state.jobs.get(id)?.committed()?;
        let mut job = self.take_job(id)?;
        match core::mem::replace(&mut job.stage, Stage::Ended(Outcome::TestFailed)) {
            Stage::Committed(committed) => Some((job, committed)),
            stage => {
                job.stage = stage;
                self.put_job(job);
                None
            }
        }
    }

    /// Puts a job back, with its window in the index.
    pub(super) fn put_job(&mut self, job: Job) {
        match job.window() {
            Some(window) => {
                self.state.windows.insert((window.closes_at, job.id));
            }
            None => {
                let until = self.state.tip.timestamp.after(self.state.params.windows.job_record_ms);
                self.state.ended.insert((until, job.id));
            }
        }
        self.state.jobs.insert(job.id, job);
    }
}

/// Public input of the builder's VRF.
pub(crate) fn beacon_alpha(parent: &ChainState, height: BlockHeight) -> Hash {
    Domain::BeaconVrf.hash(&(parent.chain.genesis, parent.tip.beacon, height))
}

/// Checks a builder's part of the beacon.
pub(crate) fn verify_beacon(
    parent: &ChainState,
    proof: &BeaconProof,
    height: BlockHeight,
    now: Timestamp,
) -> Result<VrfOutput, BlockRuleError> {
    let unknown = BlockRuleError::BeaconKey(proof.validator);
    let Some(validator) = parent.validators.get(&proof.validator) else { return Err(unknown) };
    let Some(registration) = validator.registration.as_ref() else { return Err(unknown) };
    let warm = validator.vrf_since.after(parent.params.sortition.warmup_ms) <= now;
    if validator.vrf_since != Timestamp::ZERO && !warm {
        return Err(unknown);
    }
    let alpha = beacon_alpha(parent, height);
    registration.vrf_key.verify(alpha.as_bytes(), &proof.proof).map_err(BlockRuleError::BeaconProof)
}

fn next_beacon(tip: &Tip, height: BlockHeight, output: Option<&VrfOutput>) -> dfsn_types::Beacon {
    let output = output.map(|output| output.as_bytes().as_slice());
    Domain::Beacon.hash(&(tip.beacon, height, output.unwrap_or_default())).into()
}
