//! Stake and Unstake.

use dfsn_types::{Address, Amount};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::Validator;

impl Execution {
    /// Moves money into the free stake of the sender's validator; all of it together makes one (rules STK-01, STK-05, VAL-03,
    /// VAL-05).
    pub(super) fn stake(&mut self, sender: Address, amount: Amount) -> Result<(), TransactionFailure> {
        let address = self.name_to_stake(sender)?;
        let old = self.state.validators.get(&address).map(Validator::stake).unwrap_or_default();
        self.check_stake(old.checked_add(amount).unwrap_or(old))?;
        let coins = self.spend(&sender, amount)?;
        let (now, warmup) = (self.state.tip.timestamp, self.state.params.sortition.warmup_ms);
        self.state.owners.insert(sender, address);
        let window = self.state.params.sortition.duty_window;
        let new = || Validator::new(address, window);
        let validator = self.state.validators.get_or_insert_with(address, new);
        validator.free.put(coins);
        validator.fresh.add(amount, now, warmup);
        self.stake_changed(&address);
        Ok(())
    }

    /// The validator that the sender's stake goes to: its own, or a new one of its name.
    fn name_to_stake(&self, sender: Address) -> Result<Address, TransactionFailure> {
        match self.state.validator_of(&sender) {
            Some(validator) if validator.tombstoned => Err(TransactionFailure::Tombstoned(validator.address)),
            Some(validator) => Ok(validator.address),
            None => match self.state.validators.get(&sender) {
                Some(other) => Err(TransactionFailure::NameTaken { name: sender, owner: other.owner }),
                None => Ok(sender),
            },
        }
    }

    /// The sender's validator (rule STK-01).
    pub(super) fn own_validator(&self, sender: &Address) -> Result<&Validator, TransactionFailure> {
        self.state.validator_of(sender).ok_or(TransactionFailure::NotAValidator(*sender))
    }

    /// The sender's validator, with enough stake to offer compute (rules STK-01, STK-03, VAL-03).
    pub(super) fn staked_validator(&self, sender: &Address) -> Result<&Validator, TransactionFailure> {
        let validator = self.own_validator(sender)?;
        if validator.tombstoned {
            return Err(TransactionFailure::Tombstoned(validator.address));
        }
        self.check_stake(validator.stake())?;
        Ok(validator)
    }

    fn check_stake(&self, stake: Amount) -> Result<(), TransactionFailure> {
        let min = self.state.params.economics.stake_min;
        if stake < min { Err(TransactionFailure::StakeMin { stake, min }) } else { Ok(()) }
    }

    /// Takes free stake out; it is paid after the unbonding time (rules STK-02, STK-04). With less than the minimum left the
    /// validator leaves (rule VAL-02).
    pub(super) fn unstake(&mut self, sender: Address, amount: Amount) -> Result<(), TransactionFailure> {
        if amount.is_zero() {
            return Err(TransactionFailure::Zero);
        }
        let address = self.own_validator(&sender)?.address;
        let Some(validator) = self.state.validators.get_mut(&address) else {
            return Err(TransactionFailure::NotAValidator(sender));
        };
        let free = validator.free.amount();
        let coins = validator.free.take(amount).ok_or(TransactionFailure::FreeStake { amount, free })?;
        validator.unbonding = validator.unbonding.checked_add(amount).unwrap_or(validator.unbonding);
        if validator.stake() < self.state.params.economics.stake_min {
            self.leave(&address);
        }
        let due = self.state.tip.timestamp.after(self.state.params.windows.unbonding_ms);
        let serial = self.state.unbonding_serial;
        self.state.unbonding_serial = serial.saturating_add(1);
        self.state.unbonding.insert((due, serial), (address, coins));
        Ok(())
    }
}
