//! Giving answers away: who shows an answer before it is due rids a worker of the auditors who were asked for it.

use super::{Assumptions, Balance, Case, Fakes, Fixed};

impl Case<'_> {
    /// What a worker loses once an honest claim has hit a fake, if it does the best for itself. It can be found out, which costs
    /// `found`. Or it gives an answer to a friend, who shows it and is paid for that (rules EVD-01 to EVD-04): claims on it are void,
    /// the answer is asked for no more, and another round of claims opens at the rate of the ramp, in which nobody honest may hit.
    pub(super) fn least_loss(&self, found: Fixed, hit: Fixed, fakes: &Fakes) -> Fixed {
        let lock = self.params.penalties.collateral_prices;
        let leak = self.params.penalties.early_opening_prices.min(lock);
        if leak == 0 {
            return Fixed::ZERO;
        }
        let hit_again =
            if fakes.in_one_place() { Fixed::ZERO } else { self.next_round().honest_claims(hit).any() };
        // From the last answer that the lock can pay for, with which the attempt ends, to the first one.
        let answers = lock.div_ceil(leak);
        let mut loss = self
            .leak_cost(lock.saturating_sub(leak.saturating_mul(answers.saturating_sub(1))))
            .plus(self.part());
        for given in (0..answers.saturating_sub(1)).rev() {
            let left = Fixed::whole(lock.saturating_sub(leak.saturating_mul(given)));
            let next = self.leak_cost(leak).plus(hit_again.times(loss));
            loss = next.min(left.plus(self.part()));
        }
        loss.min(found)
    }

    /// What an answer costs the worker and its friend together.
    fn leak_cost(&self, prices: u64) -> Fixed {
        let share = Fixed::from(self.params.penalties.evidence_share);
        Fixed::whole(prices).times(share.complement())
    }

    fn next_round(&self) -> Self {
        Self { assumptions: Assumptions { clean_jobs: 0, ..self.assumptions }, ..*self }
    }

    /// An answer given to an auditor, who saves its work by it, or earns more by showing it.
    pub fn answer_given_away(&self) -> Balance {
        Balance { gain: self.audit_cost(), loss: Fixed::whole(self.params.penalties.early_opening_prices) }
    }

    /// What an auditor earns who shows an answer that was given to it.
    pub fn leak_reward(&self) -> Fixed {
        let prices = self.params.penalties.early_opening_prices.min(self.params.penalties.collateral_prices);
        Fixed::whole(prices).times(self.params.penalties.evidence_share.into())
    }
}
