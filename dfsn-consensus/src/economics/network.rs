//! Requesters who want something else than a picture: floods, stuffed blocks, jobs for oneself.

use dfsn_types::{Amount, ConsensusParams, Gas};

use super::{Assumptions, Case, Counts, Fixed};
use crate::gas;

/// Bytes of a small request as it is encoded; more bytes cost more.
const REQUEST_BYTES: u64 = 200;

/// The deposit of a demand, in prices of the state's bytes as gas.
const DEPOSIT_TIMES: u64 = 2;

/// A ramp longer than this is not followed to its end.
const RAMP_JOBS_MAX: u32 = 100_000;

/// Gas of the smallest request worth sending.
const fn request_gas() -> u64 {
    gas::TRANSFER_GAS + gas::JOB_GAS + REQUEST_BYTES * gas::BYTE_GAS
}

/// What fills a pair's queue with requests that no worker takes, so that nothing but fees is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flood {
    /// Burned for one request that waits until it expires: its fee, and that of taking it back (rule CAN-02).
    pub slot: Amount,
    /// Burned for a whole queue, kept full for an hour.
    pub queue_hour: Amount,
    /// Accounts that a whole queue needs.
    pub accounts: u64,
}

/// Such a flood at the lowest base fee. It keeps nobody out who pays more per unit: a full queue pushes its cheapest request out
/// (rule REQ-06), and no worker takes what is under its own price.
pub fn flood(params: &ConsensusParams) -> Flood {
    let fee = params.chain.base_fee_floor.checked_mul(request_gas()).unwrap_or(Amount::ZERO);
    let slot = fee.checked_add(params.economics.cancel_fee).unwrap_or(fee);
    let queue = u64::from(params.chain.queue_max);
    let rounds = 3_600_000u64.checked_div(params.windows.job_ms_max.get()).unwrap_or(0).max(1);
    let queue_hour = slot.checked_mul(queue).and_then(|all| all.checked_mul(rounds)).unwrap_or(slot);
    let accounts = queue.div_ceil(u64::from(params.chain.pending_per_account_max).max(1));
    Flood { slot, queue_hour, accounts }
}

/// What it costs to keep other users out of this many blocks in a row: full blocks at a base fee that rises with each. Duties have
/// a lane of their own, so that no window of a job runs out by it.
pub fn stuffed_blocks(params: &ConsensusParams, blocks: u32) -> Amount {
    let chain = &params.chain;
    let (mut fee, mut cost) = (chain.base_fee_floor, Amount::ZERO);
    for _ in 0..blocks {
        let block = fee.checked_mul(chain.gas_limit.get()).unwrap_or(cost);
        cost = cost.checked_add(block).unwrap_or(cost);
        fee = gas::next_base_fee(chain, fee, Gas::new(chain.gas_limit.get()));
    }
    cost
}

/// What an auditor pays for each state that its worker shows on chain only, and the worker is paid for showing it (rules DAT-03,
/// DAT-04), at the lowest base fee.
pub fn demanded_state(params: &ConsensusParams, bytes: u64) -> Amount {
    let gas = bytes.saturating_mul(gas::BYTE_GAS).saturating_mul(DEPOSIT_TIMES);
    params.chain.base_fee_floor.checked_mul(gas).unwrap_or(Amount::ZERO)
}

impl Case<'_> {
    /// The chance that an honest worker's pictures count as undelivered when its requester sends no receipt and the colluding part
    /// of the witnesses keeps silent: too few speak in each of two draws (rules DLV-01 to DLV-04), in a large network.
    pub fn denied_delivery(&self) -> Fixed {
        let honest = self.assumptions.colluding.complement();
        let once = self.too_few(honest);
        once.times(once)
    }

    /// The chance that friends among the witnesses say of a picture that its worker kept that it is stored.
    pub fn forged_delivery(&self) -> Fixed {
        let once = self.too_few(self.assumptions.colluding);
        once.times(once).complement()
    }

    /// The chance that fewer witnesses than needed are of a kind that has this share.
    fn too_few(&self, share: Fixed) -> Fixed {
        let economics = &self.params.economics;
        let needed = u64::from(economics.witnesses_needed);
        let speaking = Counts::binomial(u64::from(economics.witnesses), share);
        speaking.mean(|count| if count < needed { Fixed::ONE } else { Fixed::ZERO })
    }

    /// What a job costs somebody who is its requester, its worker and some of its auditors, in prices, without the costs of drawing
    /// the picture: what is burned, the builder's share where others build, the pay of honest auditors, and the fee of the request at
    /// a price of `price`. Nothing is minted for a job, so that all of it is lost; what is gained is a clean job in the worker's ramp.
    pub fn self_made_job(&self, price: Amount, builds: Fixed) -> Fixed {
        let builder = Fixed::from(self.params.economics.builder_share);
        let burned = Fixed::ONE.minus(self.part()).minus(builder);
        let to_builders = builder.times(builds.complement());
        let to_auditors = self.audit_pay_in_all().times(self.assumptions.colluding.complement());
        let fee = self.params.chain.base_fee_floor.checked_mul(request_gas()).unwrap_or(price);
        let fee = Fixed::ratio(fee.base_units(), price.base_units());
        Fixed::sum([burned, to_builders, to_auditors, fee])
    }

    /// What it costs to bring a new worker's rate down to its floor with jobs for oneself, in prices of `price` each, the work of these
    /// jobs not counted; and how many they are. The ramp counts jobs, not what they are worth.
    pub fn self_made_ramp(&self, price: Amount, builds: Fixed) -> (Fixed, u32) {
        let floor =
            Self { assumptions: Assumptions { clean_jobs: u32::MAX, ..self.assumptions }, ..*self }.rate();
        let (mut cost, mut jobs) = (Fixed::ZERO, 0);
        while jobs < RAMP_JOBS_MAX {
            let case = Self { assumptions: Assumptions { clean_jobs: jobs, ..self.assumptions }, ..*self };
            if case.rate() == floor && jobs >= self.params.sortition.ramp_jobs {
                break;
            }
            cost = cost.plus(case.self_made_job(price, builds));
            jobs = jobs.saturating_add(1);
        }
        (cost, jobs)
    }
}
