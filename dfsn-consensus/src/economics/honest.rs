//! What those earn who do as they should: the other half of every margin.

use super::{Assumptions, Case, Fixed};

/// Jobs after which a worker that has not recovered what its first jobs cost is taken never to.
const JOBS_MAX: u32 = 1_000_000;

impl Case<'_> {
    /// A job done honestly: the worker's part, less the auditors' pay, less its costs.
    pub fn worker_profit(&self) -> Fixed {
        self.part().minus(self.audit_pay_in_all()).minus(self.assumptions.cost)
    }

    /// An audit done honestly: the expected pay, less the costs.
    pub fn auditor_profit(&self) -> Fixed {
        self.audit_pay().minus(self.audit_cost())
    }

    /// What a worker has to lay out before audits become rare: the deepest point of its balance over its first jobs.
    pub fn entry_cost(&self) -> Fixed {
        self.balance().0
    }

    /// Jobs until a worker has earned back what it laid out, 0 when nothing; `None` when it does not within a million.
    pub fn jobs_to_break_even(&self) -> Option<u64> {
        self.balance().1
    }

    /// How often a worker may miss a deadline it accepted and not lose by it, with no two misses within the time in which they add up.
    pub fn misses_affordable(&self) -> Fixed {
        let miss = Fixed::whole(self.params.penalties.deadline_prices).plus(self.part());
        self.worker_profit().max(Fixed::ZERO).over(miss).unwrap_or(Fixed::ZERO)
    }

    /// The largest cost of a job, in its price, at which a worker at this point of its ramp does not lose.
    pub fn worker_breaks_even_at(&self) -> Fixed {
        self.part().minus(self.audit_pay_in_all())
    }

    /// The same for an auditor, whose costs are those of a part of the job.
    pub fn auditor_breaks_even_at(&self) -> Fixed {
        self.audit_pay().over(self.work.audit_share()).unwrap_or(Fixed::ZERO)
    }

    fn at(&self, clean_jobs: u32) -> Self {
        Self { assumptions: Assumptions { clean_jobs, ..self.assumptions }, ..*self }
    }

    /// The deepest point of the balance over clean jobs, and where it is back at zero.
    fn balance(&self) -> (Fixed, Option<u64>) {
        let (mut balance, mut deepest) = (Fixed::ZERO, Fixed::ZERO);
        let floor = self.at(u32::MAX).rate();
        for jobs in 0..JOBS_MAX {
            let case = self.at(jobs);
            let profit = case.worker_profit();
            if case.rate() == floor && jobs >= self.params.sortition.ramp_jobs {
                // From here on every job earns the same; a loss now is one for ever.
                let even = if deepest < Fixed::ZERO { rest(balance, profit, jobs) } else { Some(0) };
                return (deepest, even);
            }
            balance = balance.plus(profit);
            deepest = deepest.min(balance);
            if deepest < Fixed::ZERO && balance >= Fixed::ZERO {
                return (deepest, Some(u64::from(jobs).saturating_add(1)));
            }
        }
        (deepest, None)
    }
}

/// Jobs until a balance is back at zero when every further job earns the same.
fn rest(balance: Fixed, profit: Fixed, jobs: u32) -> Option<u64> {
    let jobs = u64::from(jobs);
    if !profit.is_positive() {
        return None;
    }
    let further = Fixed::ZERO.minus(balance).over(profit)?.floor().saturating_add(1);
    Some(jobs.saturating_add(further)).filter(|all| *all <= u64::from(JOBS_MAX))
}
