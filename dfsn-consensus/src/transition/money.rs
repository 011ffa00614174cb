//! How money moves: every path ends at an account, a stake or the burn.

use dfsn_types::{Address, Amount};

use super::Execution;
use crate::state::Coins;

impl Execution {
    /// Pays into an account's balance.
    pub(super) fn pay(&mut self, to: Address, coins: Coins) {
        // Nothing makes no account.
        if !coins.amount().is_zero() {
            self.state.accounts.get_or_default(to).balance.put(coins);
        }
    }

    /// Pays a validator's earnings: to its payout account, or its owner without one.
    pub(super) fn pay_earnings(&mut self, validator: Address, coins: Coins) {
        let payout = self.state.validators.get(&validator).map_or(validator, |validator| {
            validator.registration.as_ref().map_or(validator.owner, |registration| registration.payout)
        });
        self.pay(payout, coins);
    }

    /// Ends money for ever.
    pub(super) fn burn(&mut self, coins: Coins) {
        self.state.burned.put(coins);
    }

    /// Takes from an account's balance exactly `amount`.
    pub(super) fn withdraw(&mut self, from: &Address, amount: Amount) -> Option<Coins> {
        self.state.accounts.get_mut(from)?.balance.take(amount)
    }

    /// Moves free stake into a lock.
    pub(super) fn lock_stake(&mut self, validator: &Address, amount: Amount) -> Option<Coins> {
        let validator = self.state.validators.get_mut(validator)?;
        let locked = validator.locked.checked_add(amount)?;
        let coins = validator.free.take(amount)?;
        validator.locked = locked;
        Some(coins)
    }

    /// Gives a lock back to its validator's free stake.
    pub(super) fn unlock_stake(&mut self, address: &Address, coins: Coins) {
        match self.state.validators.get_mut(address) {
            Some(validator) => {
                validator.locked = validator.locked.saturating_sub(coins.amount());
                validator.free.put(coins);
            }
            // A validator with a lock is never removed; if it were, the account that it is named by would get the money.
            None => self.pay(*address, coins),
        }
    }

    /// Takes up to `amount` out of a lock for good.
    pub(super) fn forfeit(&mut self, address: &Address, lock: &mut Coins, amount: Amount) -> Coins {
        let coins = lock.take_up_to(amount);
        if let Some(validator) = self.state.validators.get_mut(address) {
            validator.locked = validator.locked.saturating_sub(coins.amount());
        }
        self.stake_changed(address);
        coins
    }

    /// Pays stake whose unbonding time is over to who owns the validator now (rule STK-04).
    pub(super) fn pay_unbonded(&mut self) {
        for _ in 0..self.state.params.chain.expiries_max {
            match self.state.unbonding.first() {
                Some(((due, _), _)) if *due <= self.state.tip.timestamp => {}
                _ => return,
            }
            let Some((_, (address, coins))) = self.state.unbonding.pop_first() else { return };
            let amount = coins.amount();
            let mut owner = address;
            if let Some(validator) = self.state.validators.get_mut(&address) {
                validator.unbonding = validator.unbonding.saturating_sub(amount);
                owner = validator.owner;
            }
            self.pay(owner, coins);
            self.event(dfsn_types::Event::Unbonded { owner, amount });
            self.forget(&address);
        }
    }
}
