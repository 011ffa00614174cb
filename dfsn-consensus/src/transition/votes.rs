//! Votes by Active stake.

use dfsn_types::{Address, Amount, BasisPoints};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::Validator;

impl Execution {
    /// The sender's validator, if it has a vote (rule GOV-01).
    pub(super) fn voter(&self, sender: &Address) -> Result<Address, TransactionFailure> {
        let stake_min = self.state.params.economics.stake_min;
        let validator = self.state.validator_of(sender).filter(|validator| validator.is_active(stake_min));
        validator.map(|validator| validator.address).ok_or(TransactionFailure::NoVote(*sender))
    }

    /// Whether those who support something hold at least this share of the Active stake (rule GOV-03).
    pub(super) fn has_share(&self, share: BasisPoints, supports: impl Fn(&Validator) -> bool) -> bool {
        let stake_min = self.state.params.economics.stake_min;
        let (mut all, mut supporting) = (Amount::ZERO, Amount::ZERO);
        for validator in self.state.validators.values().filter(|validator| validator.is_active(stake_min)) {
            let stake = validator.stake();
            all = all.checked_add(stake).unwrap_or(all);
            if supports(validator) {
                supporting = supporting.checked_add(stake).unwrap_or(supporting);
            }
        }
        // Both sides are below 2^107 * 10,000.
        let needed = all.base_units().checked_mul(u128::from(share.get()));
        let held = supporting.base_units().checked_mul(u128::from(BasisPoints::WHOLE.get()));
        !all.is_zero() && held.zip(needed).is_some_and(|(held, needed)| held >= needed)
    }

    /// Takes votes that have been counted out of every record that holds one.
    pub(super) fn forget_votes(&mut self, forget: impl Fn(&mut Validator)) {
        let voters = self.state.validators.values().filter(|validator| !validator.votes.is_empty());
        let voters: Vec<Address> = voters.map(|validator| validator.address).collect();
        for voter in voters {
            if let Some(validator) = self.state.validators.get_mut(&voter) {
                forget(validator);
            }
        }
    }
}
