//! What is assumed, and what follows from it for audits of one job.

use dfsn_types::{ConsensusParams, Ppm};

use super::{Counts, Fixed, Workload};
use crate::sortition;

/// How a contested answer is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Exact profiles: arithmetic decides, and a wrong result costs the whole lock.
    Arithmetic,
    /// Float profiles: a jury decides, and a wrong result costs a few prices; audits are more frequent.
    Jury,
}

/// Who may audit, besides the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Electorate {
    /// So many that nobody's stake counts by itself. For a given share of honest stake it is the worst case.
    Many,
    /// This many validators of equal stake, the worker included.
    Equal(u32),
}

/// What is assumed about a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// Share of the electorate's stake that does what the cheat wants, under any number of names: rho.
    pub colluding: Fixed,
    /// Who may audit.
    pub electorate: Electorate,
    /// What an honest worker spends on a job, in its price.
    pub cost: Fixed,
    /// Clean jobs of the worker; `u32::MAX` for a rate at its floor.
    pub clean_jobs: u32,
    /// Share of its answers that a worker shows falsely to an auditor who asks for them.
    pub traps: Fixed,
}

impl Default for Assumptions {
    /// Two thirds collude, any number of validators, a job costs three quarters of its price (a profit of a fifth on what a worker
    /// is paid), the rate at its floor, and one answer in fifty is a trap.
    fn default() -> Self {
        Self {
            colluding: Fixed::ratio(2, 3),
            electorate: Electorate::Many,
            cost: Fixed::ratio(3, 4),
            clean_jobs: u32::MAX,
            traps: Fixed::ratio(2, 100),
        }
    }
}

/// One job of a worker under parameters and assumptions. Sums of money are in prices of this job.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The network's numbers.
    pub params: &'a ConsensusParams,
    /// How a contest ends.
    pub verdict: Verdict,
    /// What the job consists of.
    pub work: Workload,
    /// Everything else.
    pub assumptions: Assumptions,
}

impl Case<'_> {
    /// Expected number of auditors (rule AUD-03).
    pub fn rate(&self) -> Ppm {
        let sortition = &self.params.sortition;
        let rate = sortition::faded_rate(sortition, self.assumptions.clean_jobs);
        match self.verdict {
            Verdict::Arithmetic => rate,
            Verdict::Jury => sortition::float_rate(sortition, rate),
        }
    }

    /// The worker's part of the price, auditors included (rule SET-02).
    pub fn part(&self) -> Fixed {
        self.params.economics.worker_share.into()
    }

    /// Pay of one right answer before any cut (rule JOB-03).
    pub fn audit_fee(&self) -> Fixed {
        self.part().times(self.work.audit_share())
    }

    /// What an honest auditor spends on one answer, at the worker's costs.
    pub fn audit_cost(&self) -> Fixed {
        self.assumptions.cost.times(self.work.audit_share())
    }

    /// Penalty of a wrong or missing answer (rules PEN-05, PEN-07).
    pub fn answer_penalty(&self) -> Fixed {
        Fixed::whole(self.params.penalties.answer_fees).times(self.audit_fee())
    }

    /// The most of the worker's part that auditors get together (rule SET-03).
    pub fn audit_pay_max(&self) -> Fixed {
        if self.assumptions.clean_jobs < self.params.sortition.ramp_jobs {
            return self.part();
        }
        Fixed::from(self.params.economics.audit_share_max).times(self.part())
    }

    /// Audits a job gets on average, in work of this job: what verification costs the network.
    pub fn audit_work(&self) -> Fixed {
        ppm(self.rate()).times(self.work.audit_share())
    }

    /// Honest claimants whose questions hit, when each hits with chance `hit`.
    pub fn honest_claims(&self, hit: Fixed) -> Counts {
        self.chosen(self.rate(), Side::Honest, 0).thinned(hit)
    }

    /// Claimants of either kind on an honest job, besides an auditor who is one already.
    pub fn all_claims(&self) -> Counts {
        self.chosen(self.rate(), Side::Honest, 0).thinned(Fixed::ONE).with(&self.colluding_claims())
    }

    /// Claimants that collude.
    pub fn colluding_claims(&self) -> Counts {
        self.chosen(self.rate(), Side::Colluding, 0).thinned(Fixed::ONE)
    }

    /// Honest and colluding jurors over the answer of an honest auditor, who is not among them.
    pub fn jurors(&self) -> (Counts, Counts) {
        let rate = self.params.sortition.juror_rate;
        let of = |side| self.chosen(rate, side, 1).thinned(Fixed::ONE);
        (of(Side::Honest), of(Side::Colluding))
    }

    fn chosen(&self, rate: Ppm, side: Side, honest_left_out: u32) -> Chosen {
        let colluding = self.assumptions.colluding;
        match self.assumptions.electorate {
            Electorate::Many => Chosen::Many(ppm(rate).times(match side {
                Side::Honest => colluding.complement(),
                Side::Colluding => colluding,
            })),
            Electorate::Equal(validators) => {
                let others = u64::from(validators.saturating_sub(1));
                let friends = colluding.times(Fixed::whole(others)).floor();
                let electorate = others.saturating_sub(u64::from(honest_left_out));
                let share = rate.get().checked_div(electorate).unwrap_or(0).min(1_000_000);
                let members = match side {
                    Side::Honest => electorate.saturating_sub(friends),
                    Side::Colluding => friends.min(electorate),
                };
                Chosen::Equal(members, Fixed::ratio(u128::from(share), 1_000_000))
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Honest,
    Colluding,
}

/// Who a sortition chooses from one side.
enum Chosen {
    Many(Fixed),
    Equal(u64, Fixed),
}

impl Chosen {
    fn thinned(&self, hit: Fixed) -> Counts {
        match self {
            Self::Many(mean) => Counts::poisson(mean.times(hit)),
            Self::Equal(members, chance) => Counts::binomial(*members, chance.times(hit)),
        }
    }
}

fn ppm(rate: Ppm) -> Fixed {
    Fixed::ratio(u128::from(rate.get()), 1_000_000)
}
