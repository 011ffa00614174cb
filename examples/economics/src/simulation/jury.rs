//! Float profiles: jurors are drawn and vote (rules JUD-03 to JUD-06).

use super::attempt::{Answer, Claim};
use super::{Ended, Simulation};

/// Who sits in judgement, and what each says.
#[derive(Debug)]
pub(super) struct Jury(Vec<(usize, Answer)>);

impl Jury {
    /// Where arithmetic decides.
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Those who gave one kind of answer.
    pub(super) fn members(&self, answer: Answer) -> impl Iterator<Item = usize> {
        self.0.iter().filter(move |(_, given)| *given == answer).map(|(index, _)| *index)
    }

    fn count(&self, answer: Answer) -> usize {
        self.members(answer).count()
    }
}

impl Simulation<'_> {
    /// A jury over one contested answer: `None` when the audit goes on without it.
    pub(super) fn hear(
        &mut self,
        worker: usize,
        kind: usize,
        price: f64,
        contested: &Claim,
        claims: &[Claim],
    ) -> Option<Ended> {
        let jury = self.call(worker, kind, price, contested.auditor);
        let fee = price * self.kinds[kind].fee;
        let penalty = fee * self.params.penalties.answer_fees as f64;
        for juror in jury.members(Answer::Missing).collect::<Vec<_>>() {
            self.wrong_answer(juror, penalty, None);
        }
        let seats = jury.0.len() + 1;
        let fake = contested.answer == Answer::Right;
        // Over an honest result, the truth is what the worker committed to.
        let truth = jury.count(Answer::Right) + usize::from(fake);
        let worker_votes = jury.count(Answer::AsWorker) + if fake { 0 } else { truth };
        let wins = |votes: usize| votes * 2 > seats && votes >= 2;
        if fake && wins(truth) {
            for juror in jury.members(Answer::AsWorker).chain(jury.members(Answer::Wrong)).collect::<Vec<_>>()
            {
                self.wrong_answer(juror, penalty, None);
            }
            self.lost_verdict(worker, price, claims, &jury);
            return Some(Ended::Attempt);
        }
        if !wins(worker_votes) {
            return Some(self.hung(worker, price));
        }
        let lost: Vec<usize> = match fake {
            true => jury.members(Answer::Right).chain(jury.members(Answer::Wrong)).collect(),
            false => jury.members(Answer::Wrong).collect(),
        };
        for one in lost.into_iter().chain([contested.auditor]) {
            self.wrong_answer(one, penalty, Some(worker));
        }
        let agreed = jury.members(Answer::AsWorker).chain(jury.members(Answer::Right).filter(|_| !fake));
        for juror in agreed.collect::<Vec<_>>() {
            self.validators[juror].books.audit += fee;
            self.totals.burned -= fee;
        }
        None
    }

    /// Draws jurors; members of a ring side with their worker when they are the majority.
    fn call(&mut self, worker: usize, kind: usize, price: f64, auditor: usize) -> Jury {
        let drawn = self.chosen(self.params.sortition.juror_rate, &[worker, auditor]);
        let mut jury: Vec<(usize, Answer)> =
            drawn.into_iter().map(|(index, _)| (index, self.answer(index, worker))).collect();
        let ring = jury.iter().filter(|(index, _)| self.friends(*index, worker)).count();
        let outvoted = ring * 2 <= jury.len() + 1;
        let work = &self.kinds[kind].work;
        let cost = self.cost * price * work.step as f64 / work.total() as f64;
        for (index, answer) in &mut jury {
            if outvoted && self.friends(*index, worker) {
                *answer = Answer::Right;
            }
            let books = &mut self.validators[*index].books;
            books.audits += 1;
            books.costs += if *answer == Answer::Right { cost } else { 0.0 };
        }
        Jury(jury)
    }

    /// Rule PEN-03.
    fn lost_verdict(&mut self, worker: usize, price: f64, claims: &[Claim], jury: &Jury) {
        let penalties = &self.params.penalties;
        let count =
            self.validators[worker].verdicts.record(self.now, penalties.float_verdict_repeat_ms.get());
        let last = count >= penalties.float_verdicts_max;
        let prices = if last { penalties.collateral_prices } else { penalties.float_verdict_prices };
        self.convict(worker, price, prices, claims, jury);
        if last {
            self.validators[worker].jailed_until = self.now + self.params.windows.jail_ms.get();
        }
    }

    /// Rule JUD-05.
    fn hung(&mut self, worker: usize, price: f64) -> Ended {
        self.validators[worker].books.work += price / 2.0;
        self.totals.burned += price / 2.0;
        self.totals.hung += 1;
        Ended::Job
    }
}
