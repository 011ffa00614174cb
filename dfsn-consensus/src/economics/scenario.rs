//! Every way of not doing one's work that the design knows, by name, with what it gains and loses.

use super::{Assumptions, Balance, Case, Cheat, Fixed, Verdict};

/// Whose misbehaviour it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The worker of a job.
    Worker,
    /// An auditor with a claim.
    Auditor,
    /// A requester, alone or with others.
    Requester,
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// The expected loss is at least twice the gain.
    Twice,
    /// The expected loss is above the gain.
    Loses,
}

/// A named way of misbehaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What to call it.
    pub name: &'static str,
    /// Whose it is.
    pub role: Role,
    /// What it gains and loses on average, in prices of the job.
    pub balance: Balance,
    /// What must hold of it.
    pub demand: Demand,
}

impl Scenario {
    /// Whether what must hold does.
    pub fn holds(&self) -> bool {
        let Balance { gain, loss } = self.balance;
        match self.demand {
            Demand::Twice => loss >= gain.plus(gain),
            Demand::Loses => loss > gain,
        }
    }
}

impl Case<'_> {
    /// All scenarios of one job, cheats of workers first.
    pub fn scenarios(&self) -> Vec<Scenario> {
        let mut all = self.worker_scenarios();
        all.extend(self.auditor_scenarios());
        all.push(Scenario {
            name: "a job for oneself",
            role: Role::Requester,
            balance: Balance {
                gain: Fixed::ZERO,
                loss: self.self_made_job(self.params.economics.price_min, Fixed::ZERO),
            },
            demand: Demand::Loses,
        });
        all
    }

    fn worker_scenarios(&self) -> Vec<Scenario> {
        let of = |name, balance, demand| Scenario { name, role: Role::Worker, balance, demand };
        let cheats = Cheat::all(&self.work);
        let mut all: Vec<Scenario> =
            cheats.iter().map(|cheat| of(cheat.name, self.cheat(cheat), Demand::Twice)).collect();
        let loses = |name, loss| of(name, Balance { gain: Fixed::ZERO, loss }, Demand::Loses);
        let missed = Fixed::whole(self.params.penalties.deadline_prices);
        all.push(loses("accepted and not committed", missed));
        // Undelivered: the requester is refunded, unless friends among the witnesses have seen a picture that nobody else has.
        all.push(loses("picture withheld", self.forged_delivery().complement().times(self.part())));
        all.push(of("answer given away", self.answer_given_away(), Demand::Twice));
        if self.verdict == Verdict::Jury {
            let verdict = Fixed::whole(self.params.penalties.float_verdict_prices);
            all.push(loses("contest without grounds", verdict));
        }
        all
    }

    fn auditor_scenarios(&self) -> Vec<Scenario> {
        let of = |name, balance, demand| Scenario { name, role: Role::Auditor, balance, demand };
        let mut all = vec![
            of("invented answer", self.invented_answer(), Demand::Twice),
            of("copied answer", self.invented_answer(), Demand::Twice),
            of("claim without an answer", self.missing_answer(), Demand::Twice),
            of("answer asked of the worker", self.trusting_auditor(), Demand::Twice),
            of("audit not claimed", self.unclaimed_audit(), Demand::Loses),
        ];
        if self.verdict == Verdict::Jury {
            all.push(of("honest worker framed", self.framing(), Demand::Twice));
        }
        all
    }
}

impl Case<'_> {
    /// The largest share of colluding stake, in whole hundredths, up to which everything that must lose twice
    /// what it gains does.
    pub fn colluding_max(&self) -> Option<Fixed> {
        let holds = |hundredths: &u64| {
            let colluding = Fixed::whole(*hundredths).split(100);
            let case = Self { assumptions: Assumptions { colluding, ..self.assumptions }, ..*self };
            let mut scenarios = case.scenarios().into_iter().filter(|one| one.demand == Demand::Twice);
            scenarios.all(|one| one.holds())
        };
        (0..100).take_while(holds).last().map(|hundredths| Fixed::whole(hundredths).split(100))
    }
}

/// The shares of colluding stake of the design's table.
pub fn table_shares() -> [Fixed; 3] {
    [Fixed::ratio(1, 3), Fixed::ratio(1, 2), Fixed::ratio(2, 3)]
}
