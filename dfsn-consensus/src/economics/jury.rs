//! Float profiles: a jury decides, and juries can be outvoted.

use super::{Balance, Case, Fixed};

/// How a jury over the answer of an honest auditor ends when all who collude side with the worker (rules JUD-03, JUD-05, JUD-06).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The honest digest wins.
    Convicted,
    /// No digest has a majority: half of the price is paid, the rest is burned.
    Hung,
    /// The worker's digest wins.
    Acquitted,
}

impl Ending {
    fn of(honest: u64, colluding: u64) -> Self {
        // The contested auditor is the other honest answer.
        let honest = honest.saturating_add(1);
        if honest > colluding && honest >= 2 {
            Self::Convicted
        } else if colluding > honest {
            Self::Acquitted
        } else {
            Self::Hung
        }
    }
}

impl Case<'_> {
    /// What a contest over a fake costs the worker and its friends. Claims are public before answers are due, so that friends know
    /// how a vote will end: they side with the worker when that pays, and answer rightly when it does not.
    pub fn contest_loss(&self) -> Fixed {
        let (honest, colluding) = self.jurors();
        honest.mean_with(&colluding, |honest, colluding| {
            self.vote_loss(honest, colluding).min(self.betrayal_loss(honest, colluding))
        })
    }

    /// The same when friends must decide before they know the jury: the better of always siding and always answering rightly.
    pub fn blind_contest_loss(&self) -> Fixed {
        let (honest, colluding) = self.jurors();
        let vote = honest.mean_with(&colluding, |honest, colluding| self.vote_loss(honest, colluding));
        let betrayal =
            honest.mean_with(&colluding, |honest, colluding| self.betrayal_loss(honest, colluding));
        vote.min(betrayal)
    }

    /// A lost verdict: the first one in a while, without the ramp that starts again.
    fn verdict(&self) -> Fixed {
        Fixed::whole(self.params.penalties.float_verdict_prices)
    }

    /// Friends answer as the worker did.
    fn vote_loss(&self, honest: u64, colluding: u64) -> Fixed {
        let penalty = self.answer_penalty();
        match Ending::of(honest, colluding) {
            Ending::Convicted => {
                self.verdict().plus(self.part()).plus(penalty.times(Fixed::whole(colluding)))
            }
            Ending::Hung => self.part().minus(Fixed::ratio(1, 2)).max(Fixed::ZERO),
            Ending::Acquitted => {
                let wrong = Fixed::whole(honest.saturating_add(1)).times(penalty);
                let to_worker = wrong.times(self.params.penalties.answer_worker_share.into());
                let to_jurors = self.audit_fee().times(Fixed::whole(colluding));
                Fixed::ZERO.minus(to_worker.plus(to_jurors))
            }
        }
    }

    /// Friends answer rightly and share in the worker's penalty (rule PEN-01).
    fn betrayal_loss(&self, honest: u64, colluding: u64) -> Fixed {
        let right = honest.saturating_add(colluding).saturating_add(1);
        if right < 2 {
            return self.part().minus(Fixed::ratio(1, 2)).max(Fixed::ZERO);
        }
        let shared = self.verdict().times(self.params.penalties.right_answer_share.into());
        let back = shared.times(Fixed::ratio(u128::from(colluding), u128::from(right)));
        self.verdict().plus(self.part()).minus(back)
    }

    /// What a seat in a jury over a fake earns an honest juror who is drawn and claims it, when friends of the worker answer as is best
    /// for them: a share of the worker's penalty where the truth wins, the penalty of a wrong answer where it is outvoted.
    pub fn juror_profit(&self) -> Fixed {
        let (honest, colluding) = self.jurors();
        let shared = self.verdict().times(self.params.penalties.right_answer_share.into());
        let step = Fixed::ratio(u128::from(self.work.step), self.work.total());
        let pay = honest.mean_with(&colluding, |others, colluding| {
            let honest = others.saturating_add(1);
            if self.vote_loss(honest, colluding) < self.betrayal_loss(honest, colluding) {
                match Ending::of(honest, colluding) {
                    Ending::Convicted => shared.split(honest.saturating_add(1)),
                    Ending::Hung => Fixed::ZERO,
                    Ending::Acquitted => Fixed::ZERO.minus(self.answer_penalty()),
                }
            } else {
                shared.split(honest.saturating_add(colluding).saturating_add(1))
            }
        });
        pay.minus(self.assumptions.cost.times(step))
    }

    /// A colluding auditor answers an honest worker wrongly and hopes for its friends in the jury. Friends who see that they are too
    /// few answer rightly.
    pub fn framing(&self) -> Balance {
        let (honest, colluding) = self.jurors();
        let shared = self.verdict().times(self.params.penalties.right_answer_share.into());
        let won = honest.mean_with(&colluding, |honest, friends| {
            let wins = friends >= 1 && friends.saturating_add(1) > honest;
            if wins { Fixed::ONE } else { Fixed::ZERO }
        });
        let lost = honest.mean_with(&colluding, |honest, friends| {
            let loses = honest > friends.saturating_add(1);
            if loses { Fixed::ONE } else { Fixed::ZERO }
        });
        Balance { gain: won.times(shared), loss: lost.times(self.answer_penalty()) }
    }
}
