//! What transactions cost in gas, and how the base fee moves (rules FEE-01, FEE-02).

use dfsn_types::{Amount, ChainParams, Gas, TransactionKind, VerifiedTransaction, codec};

/// Gas of a plain transfer, and the base of every other kind.
pub const TRANSFER_GAS: u64 = 21_000;
/// Gas of one byte of any kind but a transfer: of its native encoding, or of an Ethereum transaction's call data.
pub const BYTE_GAS: u64 = 16;
/// Gas of checking the three keys of a registration.
pub const REGISTRATION_GAS: u64 = 30_000;
/// Gas of opening a job, and of what looks at every validator.
pub const JOB_GAS: u64 = 50_000;

/// Gas that a native transaction uses, whether it succeeds or fails.
pub fn gas_of(kind: &TransactionKind) -> Gas {
    gas_with(kind, codec::encoded_len(kind))
}

/// Gas that an Ethereum transaction uses whose call data has so many bytes, whether it succeeds or fails.
pub fn gas_of_call(kind: &TransactionKind, data_len: usize) -> Gas {
    gas_with(kind, data_len)
}

/// Gas that a transaction uses, whether it succeeds or fails.
pub fn gas_needed(transaction: &VerifiedTransaction) -> Gas {
    let kind = &transaction.transaction().kind;
    transaction.call_data_len().map_or_else(|| gas_of(kind), |data_len| gas_of_call(kind, data_len))
}

fn gas_with(kind: &TransactionKind, bytes: usize) -> Gas {
    let extra = match kind {
        TransactionKind::Transfer { .. } => return Gas::new(TRANSFER_GAS),
        TransactionKind::RegisterCompute(_) => REGISTRATION_GAS,
        TransactionKind::GenerationRequest(_)
        | TransactionKind::TestHardware { .. }
        | TransactionKind::RegisterModel(_)
        | TransactionKind::RemoveModel { .. }
        | TransactionKind::PauseJobs { .. }
        | TransactionKind::ReleaseHolds { .. } => JOB_GAS,
        _ => 0,
    };
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    Gas::new(TRANSFER_GAS.saturating_add(extra).saturating_add(bytes.saturating_mul(BYTE_GAS)))
}

/// Base fee of the block after one that charged `base_fee` and used `gas_used`: moves by at most an eighth towards half-full
/// blocks, never under the floor.
pub fn next_base_fee(params: &ChainParams, base_fee: Amount, gas_used: Gas) -> Amount {
    let target = (params.gas_limit.get() / 2).max(1);
    let used = gas_used.get().min(params.gas_limit.get());
    let fee = base_fee.base_units();
    let distance = u128::from(used.abs_diff(target));
    let change = fee.saturating_mul(distance).checked_div(u128::from(target)).unwrap_or(0) / 8;
    let next = if used > target { fee.saturating_add(change.max(1)) } else { fee.saturating_sub(change) };
    Amount::from_base_units(next).max(params.base_fee_floor)
}
