//! ChangeOwner: a validator gets another owner, slowly enough for the old one to notice.

use dfsn_types::{Address, Event};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::{Change, OwnerChange};

impl Execution {
    /// Announces another owner, or takes that back (rule VAL-04).
    pub(super) fn change_owner(&mut self, sender: Address, to: Address) -> Result<(), TransactionFailure> {
        let address = self.own_validator(&sender)?.address;
        if to != sender
            && let Some(other) = self.state.owners.get(&to)
        {
            return Err(TransactionFailure::OwnsAnother { account: to, validator: *other });
        }
        let at = self.state.tip.timestamp.after(self.state.params.windows.owner_change_ms);
        let change = (to != sender).then_some(OwnerChange { to, at });
        let Some(validator) = self.state.validators.get_mut(&address) else {
            return Err(TransactionFailure::NotAValidator(sender));
        };
        let old = core::mem::replace(&mut validator.owner_change, change);
        if let Some(old) = old {
            self.state.changes.remove(&(old.at, address, Change::Owner));
        }
        if change.is_some() {
            self.state.changes.insert((at, address, Change::Owner));
        }
        self.event(Event::OwnerChanging { validator: address, to, at });
        Ok(())
    }

    /// Makes an announced change; it lapses when the new owner has got a validator of its own meanwhile (rule VAL-04).
    pub(super) fn change_owner_now(&mut self, address: &Address) {
        let Some(validator) = self.state.validators.get_mut(address) else { return };
        let Some(OwnerChange { to, .. }) = validator.owner_change.take() else { return };
        if self.state.owners.contains_key(&to) {
            return;
        }
        let old = core::mem::replace(&mut validator.owner, to);
        self.state.owners.remove(&old);
        self.state.owners.insert(to, *address);
        self.event(Event::OwnerChanged { validator: *address, owner: to });
    }
}
