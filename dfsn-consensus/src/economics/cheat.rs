//! A worker that leaves work out: what it saves, and what it loses on average.

use super::{Case, Counts, Fakes, Fixed, Place, Verdict, Workload, detection};

/// A way of cheating as a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cheat {
    /// What to call it.
    pub name: &'static str,
    /// What is wrong in the result.
    pub fakes: Fakes,
    /// Share of the request's work that it saves.
    pub saved: Fixed,
    /// The worker neither opens nor contests (rule PEN-04). In an exact profile that costs what a wrong result costs.
    pub silent: bool,
}

/// What a cheat gains and loses on average, in prices, against doing the same job honestly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What it saves or takes.
    pub gain: Fixed,
    /// What it loses.
    pub loss: Fixed,
}

impl Balance {
    /// Expected loss over gain; `None` where nothing is gained.
    pub fn margin(&self) -> Option<Fixed> {
        if self.gain.is_positive() { self.loss.over(self.gain) } else { None }
    }
}

impl Cheat {
    /// The cheats of the design's table and their relatives, for one request.
    pub fn all(work: &Workload) -> Vec<Self> {
        let n = work.steps;
        let none =
            Fakes { images: work.images, initial: false, steps: 0, place: Place::Best, decoder: false };
        let steps = |steps| Fakes { steps, ..none };
        let everything = Fakes { steps: n, decoder: true, ..none };
        let of = |name, fakes: Fakes| Self { name, fakes, saved: work.saved_by(&fakes), silent: false };
        let mut all = vec![
            Self { saved: Fixed::ONE, ..of("garbage", everything) },
            Self { saved: Fixed::ONE, silent: true, ..of("garbage, then silence", everything) },
            Self { saved: Fixed::ONE, ..of("replayed result", Fakes { initial: true, ..everything }) },
            // A model of a quarter of the size, behind the same decoder.
            Self { saved: work.saved_by(&steps(n)).times(Fixed::ratio(3, 4)), ..of("other model", steps(n)) },
            Self { saved: Fixed::ratio(1, 2), ..of("lower precision", everything) },
            of("half of the steps", steps(n.div_ceil(2))),
            of("a tenth of the steps", steps(n.div_ceil(10))),
            of("one step", steps(1)),
            of("the last step", Fakes { place: Place::Last, ..steps(1) }),
            of("decoder only", Fakes { decoder: true, ..none }),
        ];
        if work.images > 1 {
            all.push(of("garbage in one picture", Fakes { images: 1, ..everything }));
        }
        all
    }
}

impl Case<'_> {
    /// What a cheat gains and loses (the inequality of the design, chapter 9 of PROTOCOL).
    pub fn cheat(&self, cheat: &Cheat) -> Balance {
        let hit = detection(&self.work, &cheat.fakes);
        let gain = self.assumptions.cost.times(cheat.saved);
        let honest = self.honest_claims(hit);
        let loss = match self.verdict {
            Verdict::Jury if !cheat.silent => self.contest_loss(),
            _ => self.lock_loss(&honest),
        };
        Balance { gain, loss: honest.any().times(self.least_loss(loss, hit, &cheat.fakes)) }
    }

    /// The whole lock and the pay, less what friends get back on average who claimed too and answered rightly, where an honest claim
    /// hits (rules PEN-01, PEN-04).
    fn lock_loss(&self, honest: &Counts) -> Fixed {
        let lock = Fixed::whole(self.params.penalties.collateral_prices);
        let shared = lock.times(self.params.penalties.right_answer_share.into());
        let friends = self.colluding_claims().mean_with(honest, |friends, honest| match honest {
            0 => Fixed::ZERO,
            honest => Fixed::whole(friends).split(friends.saturating_add(honest)),
        });
        let friends = friends.over(honest.any()).unwrap_or(Fixed::ZERO);
        lock.plus(self.part()).minus(shared.times(friends))
    }
}
