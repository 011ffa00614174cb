//! Holds: penalties wait before they are paid out, so that a fault of software burns nobody (rules HLD-01 to HLD-03).

use dfsn_types::{Address, Amount, Event, Fault, Timestamp};

use super::Execution;
use crate::state::{Coins, Hold, Job, Payee};

impl Execution {
    /// Holds a penalty for `hold_ms`; then its payees are paid in order and the rest is burned (rule HLD-01).
    pub(super) fn hold(
        &mut self,
        job: &Job,
        validator: Address,
        fault: Fault,
        coins: Coins,
        payees: Vec<(Payee, Amount)>,
    ) {
        let (since, amount) = (self.state.tip.timestamp, coins.amount());
        self.event(Event::Slashed { job: job.id, attempt: job.attempt, validator, fault, amount });
        if amount.is_zero() {
            return;
        }
        let due = since.after(self.state.params.windows.hold_ms);
        let serial = self.state.hold_serial;
        self.state.hold_serial = serial.saturating_add(1);
        let hold = Hold { validator, fault, job: job.id, since, coins, payees };
        self.state.holds.insert((due, serial), hold);
    }

    /// Pays out the holds that are due, at most as many as a block allows (rule HLD-02).
    pub(super) fn pay_holds(&mut self) {
        for _ in 0..self.state.params.chain.expiries_max {
            match self.state.holds.first() {
                Some(((due, _), _)) if *due <= self.state.tip.timestamp => {}
                _ => return,
            }
            let Some((_, hold)) = self.state.holds.pop_first() else { return };
            let Hold { validator, fault, job, mut coins, payees, .. } = hold;
            let before = coins.amount();
            for (payee, amount) in payees {
                let part = coins.take_up_to(amount);
                match payee {
                    Payee::Account(account) => self.pay(account, part),
                    Payee::Validator(validator) => self.pay_earnings(validator, part),
                }
            }
            let burned = coins.amount();
            self.burn(coins);
            let paid = before.saturating_sub(burned);
            self.event(Event::HoldPaid { job, validator, fault, paid, burned });
        }
    }

    /// Gives the held penalties for one fault, imposed between two times, back to their validators (rule HLD-03).
    pub(super) fn release_holds(&mut self, fault: Fault, from: Timestamp, to: Timestamp) {
        let is_released = |hold: &Hold| hold.fault == fault && hold.since >= from && hold.since <= to;
        let released = self.state.holds.iter().filter(|(_, hold)| is_released(hold)).map(|(key, _)| *key);
        let released: Vec<_> = released.collect();
        for key in released {
            let Some(hold) = self.state.holds.remove(&key) else { continue };
            let Hold { validator, fault, job, coins, .. } = hold;
            let amount = coins.amount();
            self.return_to_stake(&validator, coins);
            if fault == Fault::Contradiction
                && let Some(record) = self.state.validators.get_mut(&validator)
            {
                // A fault of software shall bar nobody, either (rule HLD-03).
                record.tombstoned = false;
            }
            self.event(Event::HoldReleased { job, validator, fault, amount });
        }
    }

    /// Gives money back to a validator's free stake, or to its account when it has left.
    pub(super) fn return_to_stake(&mut self, validator: &Address, coins: Coins) {
        match self.state.validators.get_mut(validator) {
            Some(record) => record.free.put(coins),
            None => self.pay(*validator, coins),
        }
        self.stake_changed(validator);
    }
}
