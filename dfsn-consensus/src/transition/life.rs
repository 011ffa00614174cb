//! How a validator's standing changes: jail, tombstone, leaving, and the end of its record.

use dfsn_types::{Address, DurationMs, Event};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::Change;

impl Execution {
    /// Ends the jail of the sender's validator when its time is over (rule VAL-01).
    pub(super) fn unjail(&mut self, sender: Address) -> Result<(), TransactionFailure> {
        let (address, until) = {
            let validator = self.own_validator(&sender)?;
            (validator.address, validator.jailed_until)
        };
        let until = until.ok_or(TransactionFailure::NotJailed(address))?;
        let now = self.state.tip.timestamp;
        if now < until {
            return Err(TransactionFailure::JailedUntil { validator: address, until, now });
        }
        if let Some(validator) = self.state.validators.get_mut(&address) {
            validator.jailed_until = None;
            self.event(Event::Unjailed { validator: address });
        }
        Ok(())
    }

    /// Jails a validator from now on (rule PEN-06).
    pub(super) fn jail(&mut self, validator: Address) {
        let until = self.state.tip.timestamp.after(self.state.params.windows.jail_ms);
        if let Some(record) = self.state.validators.get_mut(&validator) {
            record.jailed_until = Some(until);
            self.event(Event::Jailed { validator });
        }
    }

    /// Takes a validator out of service for ever: arithmetic proved it wrong (rule VAL-03). What it accepted it may finish, what is
    /// free it may take out; it starts anew only when this record is gone.
    pub fn tombstone(&mut self, validator: Address) {
        if let Some(record) = self.state.validators.get_mut(&validator)
            && !record.tombstoned
        {
            record.tombstoned = true;
            self.event(Event::Tombstoned { validator });
        }
    }

    /// A validator leaves (rule VAL-02).
    pub(super) fn leave(&mut self, validator: &Address) {
        if let Some(record) = self.state.validators.get_mut(validator)
            && !record.exiting
        {
            record.leave();
            self.event(Event::Exiting { validator: *validator });
        }
    }

    /// After stake has come or gone other than by `Unstake` (rules VAL-02, VAL-06).
    pub(super) fn stake_changed(&mut self, validator: &Address) {
        let now = self.state.tip.timestamp;
        self.state.stake_changed(validator, now);
    }

    /// Makes the changes that are due, at most as many as a block allows (rules VAL-02, VAL-04, VAL-06).
    pub(super) fn make_changes(&mut self) {
        for _ in 0..self.state.params.chain.expiries_max {
            let Some((at, validator, change)) = self.state.changes.first().copied() else { return };
            if at > self.state.tip.timestamp {
                return;
            }
            self.state.changes.remove(&(at, validator, change));
            match change {
                Change::Owner => self.change_owner_now(&validator),
                Change::UnderMinimum => self.under_minimum_for_long(&validator),
                Change::Exit => self.forget(&validator),
            }
        }
    }

    /// The time to add stake is over, unless it was enough in between.
    fn under_minimum_for_long(&mut self, validator: &Address) {
        let length = self.state.params.windows.under_minimum_ms;
        let since = self.state.validators.get(validator).and_then(|record| record.under_minimum_since);
        if since.is_some_and(|since| since.after(length) <= self.state.tip.timestamp) {
            self.leave(validator);
        }
    }

    /// Drops the record of a validator without any money, once its jail is over too: leaving forgets no jail (rule VAL-06).
    pub(super) fn forget(&mut self, validator: &Address) {
        let Some(record) = self.state.validators.get(validator) else { return };
        if !record.stake().is_zero() || !record.unbonding.is_zero() {
            return;
        }
        if let Some(until) = record.jailed_until.filter(|until| *until > self.state.tip.timestamp) {
            self.state.changes.insert((until, *validator, Change::Exit));
            return;
        }
        let held = self.state.holds.iter().filter(|(_, hold)| hold.validator == *validator);
        if let Some(due) = held.map(|((due, _), _)| *due).max() {
            // A penalty that may come back needs a record to come back to.
            let later = due.max(self.state.tip.timestamp.after(DurationMs::new(1)));
            self.state.changes.insert((later, *validator, Change::Exit));
            return;
        }
        let owner = record.owner;
        self.state.owners.remove(&owner);
        self.state.validators.remove(validator);
        self.event(Event::Exited { validator: *validator });
    }
}
