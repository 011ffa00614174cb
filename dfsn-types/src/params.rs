//! The numbers of the protocol (docs/spec, chapter 10).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::unit::{Amount, BasisPoints, DurationMs, Gas, Ppm};

/// Every number that the rules depend on; part of the genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsensusParams {
    /// Clock, blocks and fees.
    pub chain: ChainParams,
    /// Windows of a job.
    pub windows: WindowParams,
    /// Sortition of auditors and jurors.
    pub sortition: SortitionParams,
    /// Locks and penalties.
    pub penalties: PenaltyParams,
    /// Stakes, prices and shares.
    pub economics: EconomicParams,
    /// Votes and brakes.
    pub governance: GovernanceParams,
}

/// Clock, block space and fees.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainParams {
    /// The most that one block moves the chain clock.
    pub clock_step_ms: DurationMs,
    /// A window stays open for at least so many blocks.
    pub window_blocks_min: u64,
    /// With unsettled jobs, a block is wanted after so long.
    pub heartbeat_ms: DurationMs,
    /// Bytes of the duty lane of a block.
    pub duty_lane_bytes: u32,
    /// Bytes of the data lane of a block.
    pub data_lane_bytes: u32,
    /// Bytes of the user lane of a block.
    pub user_lane_bytes: u32,
    /// Gas of the user lane of a block; the target of the base fee is half of it.
    pub gas_limit: Gas,
    /// The lowest base fee of one unit of gas.
    pub base_fee_floor: Amount,
    /// Draws of workers a block.
    pub draws_max: u32,
    /// Windows closed a block.
    pub expiries_max: u32,
    /// Claims of audits a block.
    pub claims_max: u32,
    /// Requests waiting in the queue of one pair.
    pub queue_max: u32,
    /// Unsettled requests of one account.
    pub pending_per_account_max: u32,
}

/// How long each part of a job's life may take, on the chain clock.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowParams {
    /// A drawn worker accepts.
    pub accept_ms: DurationMs,
    /// An accepted job is committed.
    pub deadline_ms: DurationMs,
    /// From inclusion to the start of the last attempt.
    pub job_ms_max: DurationMs,
    /// Attempts of a job.
    pub attempts_max: u8,
    /// Auditors and jurors claim.
    pub claim_ms: DurationMs,
    /// Auditors get their inputs before they may demand them.
    pub serve_ms: DurationMs,
    /// Auditors answer, after the inputs' arrival.
    pub answer_ms: DurationMs,
    /// The worker opens or contests; everybody reveals.
    pub open_ms: DurationMs,
    /// Jurors answer.
    pub juror_ms: DurationMs,
    /// The worker posts demanded states.
    pub data_ms: DurationMs,
    /// The worker gets so much longer for each piece that others demanded before and that is not posted.
    pub data_queue_ms: DurationMs,
    /// The requester sends its receipt, after the audit.
    pub receipt_ms: DurationMs,
    /// Witnesses fetch the pictures, after the requester's time.
    pub witness_ms: DurationMs,
    /// After the commitment the requester may ask for another audit, and the collateral stays locked.
    pub challenge_ms: DurationMs,
    /// Penalties are held (on timestamps).
    pub hold_ms: DurationMs,
    /// Missed turns are counted over so long (on timestamps).
    pub missed_turn_window_ms: DurationMs,
    /// Missed turns that pause a worker.
    pub missed_turns_max: u32,
    /// Records of ended jobs stay in the state (on timestamps).
    pub job_record_ms: DurationMs,
    /// A jailed validator stays jailed (on timestamps).
    pub jail_ms: DurationMs,
    /// Unstaked money is held back (on timestamps).
    pub unbonding_ms: DurationMs,
    /// A change of a validator's owner waits so long (on timestamps).
    pub owner_change_ms: DurationMs,
    /// Stake under the minimum because of penalties for so long means to leave (on timestamps).
    pub under_minimum_ms: DurationMs,
}

/// Who audits and who judges.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SortitionParams {
    /// Expected auditors of each of a worker's first jobs in a pair.
    pub rate_ramp: Ppm,
    /// Jobs without fault in the ramp.
    pub ramp_jobs: u32,
    /// Expected auditors in the long run.
    pub rate_floor: Ppm,
    /// After the ramp, float profiles are audited so many times more, up to the rate of the ramp.
    pub float_factor: u32,
    /// A VRF key and stake count for jobs that are so much younger (on timestamps).
    pub warmup_ms: DurationMs,
    /// Expected jurors.
    pub juror_rate: Ppm,
    /// Other Active validators that a pair needs to be audited.
    pub auditors_min: u32,
    /// Share of the Active stake that they need.
    pub auditors_stake_min: BasisPoints,
    /// Active validators that a network needs for audited paid jobs.
    pub validators_min: u32,
    /// Claims that chance expects of a validator while its account of them is full; half of them are then forgotten.
    pub duty_window: Ppm,
}

/// What faults cost.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PenaltyParams {
    /// Collateral of a job, in prices.
    pub collateral_prices: u64,
    /// A missed deadline, in prices; doubles with each repeat, up to the collateral.
    pub deadline_prices: u64,
    /// Repeats are counted over so long (on timestamps).
    pub deadline_repeat_ms: DurationMs,
    /// A lost verdict in a float profile, in prices.
    pub float_verdict_prices: u64,
    /// Lost verdicts that cost the whole lock.
    pub float_verdicts_max: u32,
    /// Lost verdicts are counted over so long (on timestamps).
    pub float_verdict_repeat_ms: DurationMs,
    /// A wrong or missing answer, in audit fees; what a claim locks.
    pub answer_fees: u64,
    /// Giving an answer away before it is due, in prices.
    pub early_opening_prices: u64,
    /// Share of that for who shows it.
    pub evidence_share: BasisPoints,
    /// Evidence is paid for when it was announced so many blocks before.
    pub evidence_note_blocks: u64,
    /// Share of a wrong answer's penalty for a worker who opened truthfully.
    pub answer_worker_share: BasisPoints,
    /// Share of a worker's penalty for those who answered rightly.
    pub right_answer_share: BasisPoints,
}

/// Stakes, prices and shares.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EconomicParams {
    /// The stake that makes a validator.
    pub stake_min: Amount,
    /// The lowest price of a job.
    pub price_min: Amount,
    /// The worker's share of a price, auditors included.
    pub worker_share: BasisPoints,
    /// The builder's share; the rest is burned.
    pub builder_share: BasisPoints,
    /// Each witness's share of the price, out of what would be burned.
    pub witness_share: BasisPoints,
    /// Witnesses drawn at a time.
    pub witnesses: u8,
    /// Witnesses whose word is a delivery.
    pub witnesses_needed: u8,
    /// Burned when a request is taken back or nobody accepts it.
    pub cancel_fee: Amount,
    /// Deposit of an audit that a requester asks for, in audit fees.
    pub audit_request_fees: u64,
    /// The most of the worker's part that goes to auditors after the ramp.
    pub audit_share_max: BasisPoints,
    /// Deposit of a hardware test, in audit fees at the pair's own price.
    pub test_deposit_fees: u64,
    /// Denoising steps of a hardware test.
    pub test_steps: u16,
    /// Deposit of a registered model.
    pub model_deposit: Amount,
}

/// What Active stake may decide by votes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GovernanceParams {
    /// A vote counts so long (on timestamps).
    pub vote_ms: DurationMs,
    /// The longest pause of jobs (on timestamps).
    pub pause_ms_max: DurationMs,
    /// Share of the Active stake that pauses jobs.
    pub pause_share: BasisPoints,
    /// Share of the Active stake that gives held penalties back.
    pub release_share: BasisPoints,
}

const fn share(value: u16) -> BasisPoints {
    match BasisPoints::new(value) {
        Ok(share) => share,
        Err(_) => BasisPoints::WHOLE,
    }
}

impl Default for ChainParams {
    fn default() -> Self {
        Self {
            clock_step_ms: DurationMs::new(10_000),
            window_blocks_min: 6,
            heartbeat_ms: DurationMs::new(5_000),
            duty_lane_bytes: 262_144,
            data_lane_bytes: 266_240,
            user_lane_bytes: 1_044_480,
            gas_limit: Gas::new(15_000_000),
            base_fee_floor: Amount::from_base_units(25_000_000_000),
            draws_max: 64,
            expiries_max: 256,
            claims_max: 256,
            queue_max: 1024,
            pending_per_account_max: 32,
        }
    }
}

impl Default for WindowParams {
    fn default() -> Self {
        Self {
            accept_ms: DurationMs::new(30_000),
            deadline_ms: DurationMs::new(300_000),
            job_ms_max: DurationMs::new(900_000),
            attempts_max: 3,
            claim_ms: DurationMs::new(30_000),
            serve_ms: DurationMs::new(60_000),
            answer_ms: DurationMs::new(120_000),
            open_ms: DurationMs::new(900_000),
            juror_ms: DurationMs::new(300_000),
            data_ms: DurationMs::new(300_000),
            data_queue_ms: DurationMs::new(10_000),
            receipt_ms: DurationMs::new(60_000),
            witness_ms: DurationMs::new(120_000),
            challenge_ms: DurationMs::new(600_000),
            hold_ms: DurationMs::new(604_800_000),
            missed_turn_window_ms: DurationMs::new(3_600_000),
            missed_turns_max: 3,
            job_record_ms: DurationMs::new(604_800_000),
            jail_ms: DurationMs::new(604_800_000),
            unbonding_ms: DurationMs::new(604_800_000),
            owner_change_ms: DurationMs::new(604_800_000),
            under_minimum_ms: DurationMs::new(259_200_000),
        }
    }
}

impl Default for SortitionParams {
    fn default() -> Self {
        Self {
            rate_ramp: Ppm::new(3_000_000),
            ramp_jobs: 20,
            rate_floor: Ppm::new(100_000),
            float_factor: 10,
            warmup_ms: DurationMs::new(3_600_000),
            juror_rate: Ppm::new(8_000_000),
            auditors_min: 3,
            auditors_stake_min: share(2_000),
            validators_min: 4,
            duty_window: Ppm::new(50_000_000),
        }
    }
}

impl Default for PenaltyParams {
    fn default() -> Self {
        Self {
            collateral_prices: 100,
            deadline_prices: 10,
            deadline_repeat_ms: DurationMs::new(86_400_000),
            float_verdict_prices: 10,
            float_verdicts_max: 3,
            float_verdict_repeat_ms: DurationMs::new(604_800_000),
            answer_fees: 100,
            early_opening_prices: 100,
            evidence_share: share(300),
            evidence_note_blocks: 2,
            answer_worker_share: share(3_000),
            right_answer_share: share(5_000),
        }
    }
}

impl Default for EconomicParams {
    fn default() -> Self {
        Self {
            stake_min: Amount::from_dfsn(1_000),
            price_min: Amount::from_base_units(10_000_000_000_000_000),
            worker_share: share(9_000),
            builder_share: share(500),
            witness_share: share(50),
            witnesses: 3,
            witnesses_needed: 2,
            cancel_fee: Amount::from_base_units(2_000_000_000_000_000),
            audit_request_fees: 3,
            audit_share_max: share(5_000),
            test_deposit_fees: 8,
            test_steps: 20,
            model_deposit: Amount::from_dfsn(100),
        }
    }
}

impl Default for GovernanceParams {
    fn default() -> Self {
        Self {
            vote_ms: DurationMs::new(86_400_000),
            pause_ms_max: DurationMs::new(86_400_000),
            pause_share: share(5_000),
            release_share: share(6_700),
        }
    }
}
