//! Bounds of the protocol's numbers: outside them a network would lock money or judge nobody.

use dfsn_types::ConsensusParams;

use super::GenesisError;

/// Checks every number that the rules divide by, count down with, or wait for (rule GNS-04).
pub(super) fn check(params: &ConsensusParams) -> Result<(), GenesisError> {
    let (chain, windows) = (&params.chain, &params.windows);
    let (sortition, penalties, economics) = (&params.sortition, &params.penalties, &params.economics);
    let day = 86_400_000;
    let shares =
        u64::from(economics.worker_share.get()).saturating_add(u64::from(economics.builder_share.get()));
    let bounds: [(&'static str, u64, u64, u64); 33] = [
        ("clock_step_ms", chain.clock_step_ms.get(), 1, day),
        ("window_blocks_min", chain.window_blocks_min, 1, 1_000),
        ("heartbeat_ms", chain.heartbeat_ms.get(), 1, day),
        ("duty_lane_bytes", u64::from(chain.duty_lane_bytes), 262_144, 1 << 20),
        ("user_lane_bytes", u64::from(chain.user_lane_bytes), 16_384, 1_044_480),
        ("gas_limit", chain.gas_limit.get(), 500_000, 1 << 40),
        ("draws_max", u64::from(chain.draws_max), 1, 4_096),
        ("expiries_max", u64::from(chain.expiries_max), 1, 65_536),
        ("claims_max", u64::from(chain.claims_max), 1, 4_096),
        ("queue_max", u64::from(chain.queue_max), 1, 65_536),
        ("pending_per_account_max", u64::from(chain.pending_per_account_max), 1, 4_096),
        ("accept_ms", windows.accept_ms.get(), 1, day),
        ("deadline_ms", windows.deadline_ms.get(), 1, day),
        ("job_ms_max", windows.job_ms_max.get(), 1, day),
        ("attempts_max", u64::from(windows.attempts_max), 1, 16),
        ("claim_ms", windows.claim_ms.get(), 1, day),
        ("serve_ms", windows.serve_ms.get(), 1, day),
        ("answer_ms", windows.answer_ms.get(), 1, day),
        ("juror_ms", windows.juror_ms.get(), 1, day),
        ("receipt_ms", windows.receipt_ms.get(), 1, day),
        ("open_ms", windows.open_ms.get(), 1, day),
        ("rate_ramp", sortition.rate_ramp.get(), 1_000_000, 100_000_000),
        ("rate_floor", sortition.rate_floor.get(), 1, 100_000_000),
        ("float_factor", u64::from(sortition.float_factor), 1, 1_000),
        ("duty_window", sortition.duty_window.get(), 2_000_000, 1_000_000_000_000),
        ("juror_rate", sortition.juror_rate.get(), 1_000_000, 100_000_000),
        ("collateral_prices", penalties.collateral_prices, 1, 10_000),
        ("deadline_prices", penalties.deadline_prices, 1, penalties.collateral_prices),
        ("float_verdict_prices", penalties.float_verdict_prices, 1, penalties.collateral_prices),
        ("answer_fees", penalties.answer_fees, 1, 10_000),
        ("missing_answer_fees", penalties.missing_answer_fees, 0, penalties.answer_fees),
        ("test_deposit_fees", economics.test_deposit_fees, 1, 1_000),
        ("worker_share + builder_share", shares, 1, 10_000),
    ];
    match bounds.into_iter().find(|(_, value, min, max)| value < min || value > max) {
        Some((name, value, min, max)) => Err(GenesisError::Param { name, value, min, max }),
        None => Ok(()),
    }
}
