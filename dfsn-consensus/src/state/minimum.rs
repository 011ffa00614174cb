//! Stake and its minimum.

use dfsn_types::{Address, Timestamp};

use super::{ChainState, Change};

impl ChainState {
    /// After stake has come or gone at `now` other than by `Unstake`: who has enough stays, who has not is given some time (rules
    /// VAL-02, VAL-06).
    pub(crate) fn stake_changed(&mut self, validator: &Address, now: Timestamp) {
        let params = &self.params;
        let Some(record) = self.validators.get_mut(validator) else { return };
        if record.stake() >= params.economics.stake_min {
            record.exiting = false;
            record.under_minimum_since = None;
            return;
        }
        if record.under_minimum_since.is_none() && !record.exiting {
            record.under_minimum_since = Some(now);
            let at = now.after(params.windows.under_minimum_ms);
            self.changes.insert((at, *validator, Change::UnderMinimum));
        }
        if record.stake().is_zero() {
            let at = now.after(params.windows.unbonding_ms);
            self.changes.insert((at, *validator, Change::Exit));
        }
    }

    /// The same for everybody, after the minimum has moved.
    pub(crate) fn minimum_changed(&mut self, now: Timestamp) {
        let all: Vec<Address> = self.validators.keys().copied().collect();
        for validator in all {
            self.stake_changed(&validator, now);
        }
    }
}
