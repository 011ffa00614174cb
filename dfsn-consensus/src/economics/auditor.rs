//! Auditors that do not do their work, and what it takes to buy one.

use super::{Balance, Case, Fixed};

/// What a bribe must beat, in prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bribe {
    /// What each of the claimants who find a fake would earn by saying so alone.
    pub price_of_each: Fixed,
    /// The most that the worker gains by buying all of them.
    pub worth: Fixed,
}

impl Bribe {
    /// How many claimants a worker can buy and not lose by it.
    pub fn affordable(&self) -> u64 {
        self.worth.over(self.price_of_each).map_or(u64::MAX, Fixed::floor)
    }
}

impl Case<'_> {
    /// An auditor that claims and answers without computing, anything or another's answer: every answer is keyed by its giver, so
    /// that it is wrong, and a worker can only contest it.
    pub fn invented_answer(&self) -> Balance {
        Balance { gain: self.audit_cost(), loss: self.answer_penalty().plus(self.audit_fee()) }
    }

    /// An auditor that claims and does not answer (rule PEN-07).
    pub fn missing_answer(&self) -> Balance {
        self.invented_answer()
    }

    /// An auditor that asks the worker what to answer. The worker gains by a false hint, and gives one in `traps` of all cases.
    pub fn trusting_auditor(&self) -> Balance {
        let traps = self.assumptions.traps;
        let Balance { gain, loss } = self.invented_answer();
        Balance { gain, loss: traps.times(loss) }
    }

    /// The share of false hints from which on asking the worker loses money.
    pub fn traps_needed(&self) -> Fixed {
        let Balance { gain, loss } = self.invented_answer();
        gain.over(loss).unwrap_or(Fixed::ZERO)
    }

    /// What a worker gains by a false hint to an auditor who believes it (rule PEN-05).
    pub fn trap_reward(&self) -> Fixed {
        self.answer_penalty().times(self.params.penalties.answer_worker_share.into())
    }

    /// A validator that does not show that it was drawn: it saves the audit and forgoes its pay.
    pub fn unclaimed_audit(&self) -> Balance {
        Balance { gain: self.audit_cost(), loss: self.audit_pay() }
    }

    /// What buying claimants costs a worker of an exact profile, who would lose its lock and its pay. A claimant that is the only
    /// one to tell gets all of the share for right answers; the requester's price is taken first.
    pub fn bribe(&self) -> Bribe {
        let lock = Fixed::whole(self.params.penalties.collateral_prices);
        let shared = lock.minus(Fixed::ONE).times(self.params.penalties.right_answer_share.into());
        Bribe { price_of_each: shared.plus(self.audit_fee()), worth: lock.plus(self.part()) }
    }

    /// What one right answer earns on average, with other claims on the same job (rule SET-03).
    pub fn audit_pay(&self) -> Fixed {
        let (fee, most) = (self.audit_fee(), self.audit_pay_max());
        self.all_claims().mean(|others| fee.min(most.split(others.saturating_add(1))))
    }

    /// What all right answers of an honest job earn together on average.
    pub fn audit_pay_in_all(&self) -> Fixed {
        let (fee, most) = (self.audit_fee(), self.audit_pay_max());
        self.all_claims().mean(|claims| fee.times(Fixed::whole(claims)).min(most))
    }
}
