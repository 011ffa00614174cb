//! Stake and Unstake.

use dfsn_types::{Address, Amount};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::Validator;

impl Execution {
    /// Moves money into the sender's free stake; all of it together makes a validator (rules STK-01, STK-05).
    pub(super) fn stake(&mut self, sender: Address, amount: Amount) -> Result<(), TransactionFailure> {
        let old = self.state.validators.get(&sender).map(Validator::stake).unwrap_or_default();
        self.check_stake(old.checked_add(amount).unwrap_or(old))?;
        let coins = self.spend(&sender, amount)?;
        self.state.validators.entry(sender).or_insert_with(|| Validator::new(sender)).free.put(coins);
        Ok(())
    }

    /// The sender as a validator with enough stake to offer compute (rules STK-01, STK-03).
    pub(super) fn staked_validator(&self, sender: &Address) -> Result<&Validator, TransactionFailure> {
        let validator =
            self.state.validators.get(sender).ok_or(TransactionFailure::NotAValidator(*sender))?;
        self.check_stake(validator.stake())?;
        Ok(validator)
    }

    fn check_stake(&self, stake: Amount) -> Result<(), TransactionFailure> {
        let min = self.state.params.economics.stake_min;
        if stake < min { Err(TransactionFailure::StakeMin { stake, min }) } else { Ok(()) }
    }

    /// Takes free stake out; it is paid after the unbonding time (rules STK-02, STK-04). An empty entry goes (rule STK-05).
    pub(super) fn unstake(&mut self, sender: Address, amount: Amount) -> Result<(), TransactionFailure> {
        if amount.is_zero() {
            return Err(TransactionFailure::Zero);
        }
        let validator =
            self.state.validators.get_mut(&sender).ok_or(TransactionFailure::NotAValidator(sender))?;
        let free = validator.free.amount();
        let coins = validator.free.take(amount).ok_or(TransactionFailure::FreeStake { amount, free })?;
        if validator.stake().is_zero() {
            self.state.validators.remove(&sender);
        }
        let due = self.state.tip.timestamp.after(self.state.params.windows.unbonding_ms);
        let serial = self.state.unbonding_serial;
        self.state.unbonding_serial = serial.saturating_add(1);
        self.state.unbonding.insert((due, serial), (sender, coins));
        Ok(())
    }
}
