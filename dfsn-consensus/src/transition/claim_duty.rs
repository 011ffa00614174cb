//! Whether those whom a sortition could choose claim as often as chance expects.

use dfsn_types::{Address, Ppm};

use super::Execution;
use crate::sortition;
use crate::state::{Committed, Job, Phase};

impl Execution {
    /// As the first claims of an audit close, notes of everybody who could claim what chance expected of it, and who did (rule DTA-01).
    pub(super) fn count_claims(&mut self, job: &Job) {
        let is_first = |committed: &&Committed| committed.phase == Phase::Claiming && committed.round == 1;
        let Some(committed) = job.committed().filter(is_first) else { return };
        let Some(open) = self.state.sortition(job).filter(|_| !job.unaudited) else { return };
        let lock = self.claim_lock(job);
        let mut chances: Vec<(Address, Ppm, bool)> = Vec::new();
        for (address, validator) in self.state.electorate(job) {
            let claimed = committed.claims.contains_key(address);
            // Whoever lacks the free stake for a claim cannot make one.
            if claimed || validator.free.amount() >= lock {
                let stake = self.state.sortition_stake(job, validator);
                chances.push((*address, sortition::chance(open.rate, stake, open.stake_eligible), claimed));
            }
        }
        let window = self.state.params.sortition.duty_window;
        for (address, chance, claimed) in chances {
            if let Some(validator) = self.state.validators.get_mut(&address) {
                validator.claims.record(chance, claimed, window);
            }
        }
    }
}
