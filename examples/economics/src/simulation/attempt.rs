//! One attempt: the worker's result, the auditors' answers, and what follows.

use std::collections::BTreeSet;

use dfsn_consensus::economics::{Assumptions, Case, Verdict};
use dfsn_consensus::sortition::{chance, draw_questions, is_selected};
use dfsn_types::{Amount, Ppm, VrfOutput};

use super::jury::Jury;
use super::{COMPUTE_MS, Ended, Simulation, Strategy};

/// One in so many accepted jobs of a careless worker is late.
const LATE: f64 = 0.05;

/// What an auditor says about a worker's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// What it computed.
    Right,
    /// What the worker committed to, without computing.
    AsWorker,
    /// Something else.
    Wrong,
    Missing,
}

/// An auditor that showed itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) auditor: usize,
    /// Its questions hit a fake.
    hits: bool,
    pub(super) answer: Answer,
}

impl Simulation<'_> {
    pub(super) fn attempt(&mut self, worker: usize, kind: usize, price: f64) -> Ended {
        let strategy = self.validators[worker].strategy;
        let collateral = price * self.params.penalties.collateral_prices as f64;
        let until = self.now + COMPUTE_MS + self.params.windows.challenge_ms.get();
        let late = match strategy {
            Strategy::Deadbeat => true,
            Strategy::Careless => self.random.happens(LATE),
            _ => false,
        };
        let spent = self.cost * price * strategy.effort(&self.kinds[kind].work);
        let validator = &mut self.validators[worker];
        validator.lock(until, collateral);
        validator.busy_until = self.now + COMPUTE_MS;
        validator.books.jobs += 1;
        validator.books.costs += spent;
        if late {
            self.missed_deadline(worker, price);
            return Ended::Attempt;
        }
        let claims = self.claims(worker, kind, price);
        self.judge(worker, kind, price, claims)
    }

    /// Rule PEN-02.
    fn missed_deadline(&mut self, worker: usize, price: f64) {
        let penalties = &self.params.penalties;
        let repeat = self.validators[worker].missed.record(self.now, penalties.deadline_repeat_ms.get());
        let doubled = penalties.deadline_prices.saturating_mul(1 << (repeat - 1).min(32));
        let prices = doubled.min(penalties.collateral_prices);
        self.burn_from(worker, price * prices as f64);
        self.validators[worker].clean_jobs = 0;
    }

    /// Who is chosen, shows itself, and what it answers.
    fn claims(&mut self, worker: usize, kind: usize, price: f64) -> Vec<Claim> {
        let rate = self.rate(worker, kind);
        let chosen = self.chosen(rate, &[worker]);
        self.count_claims(rate, worker, &chosen);
        let by = self.validators[worker].strategy;
        let steps = self.kinds[kind].work.steps;
        let mut claims = Vec::new();
        for (auditor, output) in chosen {
            let questions = draw_questions(&output, self.kinds[kind].shape, &BTreeSet::new());
            let hits = questions.boundaries.iter().any(|t| by.fakes_boundary(*t, steps));
            let answer = self.answer(auditor, worker);
            claims.push(Claim { auditor, hits, answer });
        }
        // Members of a ring see who else claims. Where the lie is found out anyway, they share in the penalty.
        let found = claims.iter().any(|claim| claim.hits && claim.answer == Answer::Right);
        let cost = self.cost * price * self.kinds[kind].audit_share;
        for claim in &mut claims {
            if found && self.friends(claim.auditor, worker) {
                claim.answer = Answer::Right;
            }
            let books = &mut self.validators[claim.auditor].books;
            books.audits += 1;
            books.costs += if claim.answer == Answer::Right { cost } else { 0.0 };
        }
        claims
    }

    /// Expected auditors, by the worker's record (rule AUD-03).
    fn rate(&self, worker: usize, kind: usize) -> Ppm {
        let clean_jobs = self.validators[worker].clean_jobs;
        let assumptions = Assumptions { clean_jobs, ..Assumptions::default() };
        Case { params: self.params, verdict: self.verdict, work: self.kinds[kind].work, assumptions }.rate()
    }

    /// Who serves, without some, and the sum of their stakes.
    fn electorate(&self, without: &[usize]) -> (Vec<usize>, Amount) {
        let may = |index: &usize| self.validators[*index].serves(self.now) && !without.contains(index);
        let electorate: Vec<usize> = (0..self.validators.len()).filter(may).collect();
        let stake = electorate.iter().map(|index| self.validators[*index].staked().base_units()).sum();
        (electorate, Amount::from_base_units(stake))
    }

    /// Sortition (rule AUD-09); those that never claim stay unseen.
    pub(super) fn chosen(&mut self, rate: Ppm, without: &[usize]) -> Vec<(usize, VrfOutput)> {
        let (electorate, stake) = self.electorate(without);
        let mut chosen = Vec::new();
        for index in electorate {
            let output = self.random.vrf_output();
            let validator = &self.validators[index];
            if is_selected(&output, rate, validator.staked(), stake) && validator.strategy != Strategy::Absent
            {
                chosen.push((index, output));
            }
        }
        chosen
    }

    /// The duty to claim (rule DTA-01).
    fn count_claims(&mut self, rate: Ppm, worker: usize, claimed: &[(usize, VrfOutput)]) {
        let (electorate, stake) = self.electorate(&[worker]);
        let window = self.params.sortition.duty_window;
        for index in electorate {
            let validator = &mut self.validators[index];
            let made = claimed.iter().any(|(claimant, _)| *claimant == index);
            validator.claims.record(chance(rate, validator.staked(), stake), made, window);
        }
    }

    pub(super) fn friends(&self, one: usize, other: usize) -> bool {
        [one, other].iter().all(|index| self.validators[*index].strategy == Strategy::Ring)
    }

    /// What a validator answers about a worker's result.
    pub(super) fn answer(&mut self, auditor: usize, worker: usize) -> Answer {
        let cheats = self.validators[worker].strategy.fakes(&self.kinds[0].work).is_some();
        match self.validators[auditor].strategy {
            Strategy::Inventor => Answer::Wrong,
            Strategy::Mute => Answer::Missing,
            // An honest worker shows a false answer now and then: it earns by it.
            Strategy::Trusting if !cheats && self.random.happens(self.traps) => Answer::Wrong,
            Strategy::Trusting => Answer::AsWorker,
            Strategy::Ring if self.friends(auditor, worker) => Answer::AsWorker,
            _ => Answer::Right,
        }
    }

    fn judge(&mut self, worker: usize, kind: usize, price: f64, mut claims: Vec<Claim>) -> Ended {
        let penalty = price * self.kinds[kind].fee * self.params.penalties.answer_fees as f64;
        let missing = claims.iter().filter(|claim| claim.answer == Answer::Missing);
        for auditor in missing.map(|claim| claim.auditor).collect::<Vec<_>>() {
            self.wrong_answer(auditor, penalty, None);
        }
        claims.retain(|claim| claim.answer != Answer::Missing);
        if self.validators[worker].strategy == Strategy::Silent && !claims.is_empty() {
            let prices = self.params.penalties.collateral_prices;
            self.convict(worker, price, prices, &claims, &Jury::none());
            self.validators[worker].jailed_until = self.now + self.params.windows.jail_ms.get();
            return Ended::Attempt;
        }
        // Answers that differ from the worker's are contested, one after the other.
        let found = |claim: &&Claim| claim.hits && claim.answer == Answer::Right;
        let contested: Vec<Claim> = claims
            .iter()
            .filter(found)
            .chain(claims.iter().filter(|claim| claim.answer == Answer::Wrong))
            .copied()
            .collect();
        for claim in contested {
            let fake = claim.answer == Answer::Right;
            if self.verdict == Verdict::Arithmetic {
                if fake {
                    self.convict(
                        worker,
                        price,
                        self.params.penalties.collateral_prices,
                        &claims,
                        &Jury::none(),
                    );
                    self.validators[worker].out = true;
                    return Ended::Attempt;
                }
                self.wrong_answer(claim.auditor, penalty, Some(worker));
            } else if let Some(ended) = self.hear(worker, kind, price, &claim, &claims) {
                return ended;
            }
            claims.retain(|other| other.auditor != claim.auditor);
        }
        self.settle(worker, kind, price, &claims);
        Ended::Job
    }

    /// A penalty of an answerer: a share for a worker who was right, the rest burned (rule PEN-05).
    pub(super) fn wrong_answer(&mut self, auditor: usize, penalty: f64, worker: Option<usize>) {
        let stake_min = self.stake_min();
        let taken = self.validators[auditor].pay(penalty, stake_min);
        let share = worker.map_or(0.0, |_| taken * bps(self.params.penalties.answer_worker_share));
        if let Some(worker) = worker {
            self.validators[worker].books.rewards += share;
        }
        self.totals.burned += taken - share;
    }

    /// A worker's penalty, shared by those who were right (rule PEN-01).
    pub(super) fn convict(&mut self, worker: usize, price: f64, prices: u64, claims: &[Claim], jury: &Jury) {
        let stake_min = self.stake_min();
        let taken = self.validators[worker].pay(price * prices as f64, stake_min);
        let right: Vec<usize> = claims
            .iter()
            .filter(|claim| claim.answer == Answer::Right)
            .map(|claim| claim.auditor)
            .chain(jury.members(Answer::Right))
            .collect();
        let shared =
            if right.is_empty() { 0.0 } else { taken * bps(self.params.penalties.right_answer_share) };
        for one in &right {
            self.validators[*one].books.rewards += shared / right.len() as f64;
        }
        self.totals.burned += taken - shared;
        self.validators[worker].clean_jobs = 0;
    }

    /// Rules SET-01 to SET-03.
    fn settle(&mut self, worker: usize, kind: usize, price: f64, confirmed: &[Claim]) {
        if self.validators[worker].strategy == Strategy::Withholder {
            self.totals.refunded += 1;
            return;
        }
        let economics = &self.params.economics;
        let part = price * bps(economics.worker_share);
        let in_ramp = self.validators[worker].clean_jobs < self.params.sortition.ramp_jobs;
        let most = if in_ramp { part } else { part * bps(economics.audit_share_max) };
        let each = (price * self.kinds[kind].fee).min(most / confirmed.len().max(1) as f64);
        for claim in confirmed {
            self.validators[claim.auditor].books.audit += each;
        }
        let builder = price * bps(economics.builder_share);
        self.totals.builders += builder;
        self.totals.burned += price - part - builder;
        let worker = &mut self.validators[worker];
        worker.books.work += part - each * confirmed.len() as f64;
        worker.clean_jobs = worker.clean_jobs.saturating_add(1);
        let cheats = worker.strategy.fakes(&self.kinds[kind].work).is_some();
        *(if cheats { &mut self.totals.wrong } else { &mut self.totals.right }) += 1;
    }

    fn burn_from(&mut self, validator: usize, penalty: f64) {
        let stake_min = self.stake_min();
        self.totals.burned += self.validators[validator].pay(penalty, stake_min);
    }

    pub(super) fn stake_min(&self) -> f64 {
        (self.params.economics.stake_min.base_units() / 1_000_000_000_000) as f64 / 1e6
    }
}

pub(super) fn bps(share: dfsn_types::BasisPoints) -> f64 {
    f64::from(share.get()) / 10_000.0
}
