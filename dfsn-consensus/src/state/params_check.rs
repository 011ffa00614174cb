//! Bounds of the protocol's numbers: outside them a network would lock money or judge nobody.

use core::ops::RangeInclusive;

use dfsn_types::{
    Amount, ChainParams, ConsensusParams, DurationMs, EconomicParams, GovernanceParams, PenaltyParams,
    SortitionParams, WindowParams,
};
use thiserror::Error;

/// A number of the protocol out of bounds (rule GNS-04).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{name} is {value}, not between {min} and {max}")]
pub struct ParamError {
    /// Which.
    pub name: &'static str,
    /// Its value, an amount in base units.
    pub value: u128,
    /// The smallest allowed.
    pub min: u128,
    /// The largest allowed.
    pub max: u128,
}

/// A field, its value, and what it may be.
type Bound = (&'static str, u128, RangeInclusive<u128>);

const DAY: u128 = 86_400_000;
/// For what runs on timestamps and takes days.
const YEAR: u128 = 365 * DAY;
/// Most money that a rule may ask for: a hundredth of the largest supply.
const AMOUNT_MAX: Amount = Amount::from_dfsn(100_000_000);

/// Checks every number that the rules divide by, count down with, wait for or multiply.
///
/// # Errors
/// [`ParamError`] names the first one out of bounds.
pub(crate) fn check(params: &ConsensusParams) -> Result<(), ParamError> {
    let bounds = chain(&params.chain)
        .into_iter()
        .chain(windows(&params.windows))
        .chain(sortition(&params.sortition))
        .chain(penalties(&params.penalties))
        .chain(economics(&params.economics))
        .chain(governance(&params.governance));
    for (name, value, range) in bounds {
        if !range.contains(&value) {
            return Err(ParamError { name, value, min: *range.start(), max: *range.end() });
        }
    }
    Ok(())
}

fn chain(params: &ChainParams) -> Vec<Bound> {
    vec![
        ("clock_step_ms", ms(params.clock_step_ms), 1..=DAY),
        ("window_blocks_min", params.window_blocks_min.into(), 1..=1_000),
        ("heartbeat_ms", ms(params.heartbeat_ms), 1..=DAY),
        ("duty_lane_bytes", params.duty_lane_bytes.into(), 262_144..=1 << 20),
        ("data_lane_bytes", params.data_lane_bytes.into(), 266_240..=1 << 20),
        ("user_lane_bytes", params.user_lane_bytes.into(), 16_384..=1_044_480),
        ("gas_limit", params.gas_limit.get().into(), 500_000..=1 << 40),
        ("base_fee_floor", params.base_fee_floor.base_units(), 0..=1_000_000_000_000_000_000),
        ("draws_max", params.draws_max.into(), 1..=4_096),
        ("expiries_max", params.expiries_max.into(), 1..=65_536),
        ("claims_max", params.claims_max.into(), 1..=4_096),
        ("queue_max", params.queue_max.into(), 1..=65_536),
        ("pending_per_account_max", params.pending_per_account_max.into(), 1..=4_096),
    ]
}

fn windows(params: &WindowParams) -> Vec<Bound> {
    vec![
        ("accept_ms", ms(params.accept_ms), 1..=DAY),
        ("deadline_ms", ms(params.deadline_ms), 1..=DAY),
        ("job_ms_max", ms(params.job_ms_max), 1..=DAY),
        ("attempts_max", params.attempts_max.into(), 1..=16),
        ("claim_ms", ms(params.claim_ms), 1..=DAY),
        ("serve_ms", ms(params.serve_ms), 1..=DAY),
        ("answer_ms", ms(params.answer_ms), 1..=DAY),
        ("open_ms", ms(params.open_ms), 1..=DAY),
        ("juror_ms", ms(params.juror_ms), 1..=DAY),
        ("data_ms", ms(params.data_ms), 1..=DAY),
        ("data_queue_ms", ms(params.data_queue_ms), 0..=DAY),
        ("witness_ms", ms(params.witness_ms), 1..=DAY),
        ("challenge_ms", ms(params.challenge_ms), 0..=DAY),
        ("hold_ms", ms(params.hold_ms), 0..=YEAR),
        ("receipt_ms", ms(params.receipt_ms), 1..=DAY),
        ("missed_turn_window_ms", ms(params.missed_turn_window_ms), 1..=YEAR),
        ("missed_turns_max", params.missed_turns_max.into(), 1..=1_000_000),
        ("job_record_ms", ms(params.job_record_ms), 1..=YEAR),
        ("jail_ms", ms(params.jail_ms), 1..=YEAR),
        ("unbonding_ms", ms(params.unbonding_ms), 1..=YEAR),
        ("owner_change_ms", ms(params.owner_change_ms), 1..=YEAR),
        ("under_minimum_ms", ms(params.under_minimum_ms), 1..=YEAR),
    ]
}

fn sortition(params: &SortitionParams) -> Vec<Bound> {
    vec![
        ("rate_ramp", params.rate_ramp.get().into(), 1_000_000..=100_000_000),
        ("rate_floor", params.rate_floor.get().into(), 1..=100_000_000),
        ("float_factor", params.float_factor.into(), 1..=1_000),
        ("warmup_ms", ms(params.warmup_ms), 0..=30 * DAY),
        ("juror_rate", params.juror_rate.get().into(), 1_000_000..=100_000_000),
        ("auditors_min", params.auditors_min.into(), 0..=1_000),
        ("validators_min", params.validators_min.into(), 0..=1_000),
        ("duty_window", params.duty_window.get().into(), 2_000_000..=1_000_000_000_000),
    ]
}

fn penalties(params: &PenaltyParams) -> Vec<Bound> {
    let collateral = params.collateral_prices.into();
    vec![
        ("collateral_prices", collateral, 1..=10_000),
        ("deadline_prices", params.deadline_prices.into(), 1..=collateral),
        ("deadline_repeat_ms", ms(params.deadline_repeat_ms), 1..=YEAR),
        ("float_verdict_prices", params.float_verdict_prices.into(), 1..=collateral),
        ("float_verdicts_max", params.float_verdicts_max.into(), 1..=1_000_000),
        ("float_verdict_repeat_ms", ms(params.float_verdict_repeat_ms), 1..=YEAR),
        ("answer_fees", params.answer_fees.into(), 1..=10_000),
        ("early_opening_prices", params.early_opening_prices.into(), 0..=collateral),
        ("evidence_note_blocks", params.evidence_note_blocks.into(), 1..=1_000),
    ]
}

fn economics(params: &EconomicParams) -> Vec<Bound> {
    let shares = u128::from(params.worker_share.get()).saturating_add(params.builder_share.get().into());
    let amount_max = AMOUNT_MAX.base_units();
    vec![
        ("stake_min", params.stake_min.base_units(), 1..=amount_max),
        ("price_min", params.price_min.base_units(), 1..=amount_max),
        ("worker_share + builder_share", shares, 1..=10_000),
        ("witness_share", params.witness_share.get().into(), 0..=10_000),
        ("witnesses", params.witnesses.into(), 1..=16),
        ("witnesses_needed", params.witnesses_needed.into(), 1..=params.witnesses.into()),
        ("cancel_fee", params.cancel_fee.base_units(), 0..=amount_max),
        ("audit_request_fees", params.audit_request_fees.into(), 1..=1_000),
        ("test_deposit_fees", params.test_deposit_fees.into(), 1..=1_000),
        ("model_deposit", params.model_deposit.base_units(), 1..=amount_max),
    ]
}

fn governance(params: &GovernanceParams) -> Vec<Bound> {
    vec![
        ("vote_ms", ms(params.vote_ms), 1..=30 * DAY),
        ("pause_ms_max", ms(params.pause_ms_max), 1..=DAY),
        ("pause_share", params.pause_share.get().into(), 5_000..=10_000),
        ("release_share", params.release_share.get().into(), 5_000..=10_000),
    ]
}

fn ms(duration: DurationMs) -> u128 {
    duration.get().into()
}
