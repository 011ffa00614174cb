//! Thousands of jobs with a population of validators: who is drawn, what they do, who checks it, who pays.
//!
//! Sortition and questions are the rules' own functions; money is in floats, which is good enough for a picture of it.
//! Left out: time windows (nobody is late without meaning it), held penalties, unbonding, fees of transactions.

mod attempt;
mod jury;
mod outcome;
mod random;
mod strategy;
mod validator;

use std::collections::BTreeMap;

use dfsn_consensus::economics::{Assumptions, Case, Fixed, Verdict, Workload};
use dfsn_types::{ConsensusParams, GenerationParams, ImageSize, ModelId, ProfileId, TraceShape};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Args;
use crate::error::EconomicsError;
pub(crate) use outcome::{Line, Outcome};
use random::Random;
pub(crate) use strategy::Strategy;
use validator::Validator;

/// Points of each line of the plot.
const POINTS: u32 = 200;
/// A job comes this long after the one before.
const INTERVAL_MS: u64 = 15_000;
/// A worker is busy with one for so long.
const COMPUTE_MS: u64 = 30_000;
/// Average price of a job, in DFSN; prices lie between half of it and one and a half.
const PRICE: f64 = 0.1;
/// Stake of each validator, in least stakes: equal ones, so that balances differ by what is done and not by how often.
const STAKE: f64 = 5.0;
/// A tenth of the validators form the ring, half are honest, the rest is spread over the other strategies.
const RING_PART: usize = 10;
/// Clean jobs of a worker that is no newcomer: its rate is at the floor.
const VETERAN: u32 = 1_000_000;
/// If nobody took any of the first jobs, nobody ever will.
const TRIES: u32 = 100;

/// A number of the rules as a float.
pub(crate) fn number(fixed: Fixed) -> f64 {
    fixed.parts() as f64 / Fixed::ONE.parts() as f64
}

/// What becomes of a number of jobs.
///
/// # Errors
/// [`EconomicsError::NobodyWorks`] when no validator can lock what a job takes.
pub(crate) fn run(params: &ConsensusParams, args: &Args) -> Result<Outcome, EconomicsError> {
    let mut simulation = Simulation::new(params, args);
    let bar = ProgressBar::new(u64::from(args.jobs));
    if let Ok(style) = ProgressStyle::with_template("simulating {bar:30} job {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    let every = args.jobs.div_ceil(POINTS);
    let mut lines = BTreeMap::new();
    simulation.record(0, &mut lines);
    for job in 1..=args.jobs {
        simulation.play();
        if job == TRIES && simulation.totals.unserved == u64::from(TRIES) {
            return Err(EconomicsError::NobodyWorks(TRIES));
        }
        if job % every == 0 || job == args.jobs {
            simulation.record(job, &mut lines);
            bar.set_position(u64::from(job));
        }
    }
    bar.finish_and_clear();
    Ok(Outcome::new(simulation.validators, simulation.totals, lines, args))
}

/// What happened to jobs and to money that no validator has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) right: u64,
    pub(crate) wrong: u64,
    pub(crate) refunded: u64,
    pub(crate) hung: u64,
    pub(crate) unserved: u64,
    pub(crate) burned: f64,
    pub(crate) builders: f64,
}

/// One kind of job, with what the rules say about it.
struct Kind {
    work: Workload,
    shape: TraceShape,
    /// Pay of an audit, in prices.
    fee: f64,
    /// Work of an audit, as a share of the job's.
    audit_share: f64,
}

struct Simulation<'a> {
    params: &'a ConsensusParams,
    verdict: Verdict,
    random: Random,
    kinds: Vec<Kind>,
    validators: Vec<Validator>,
    totals: Totals,
    now: u64,
    /// What a job costs, in its price, and the share of false hints.
    cost: f64,
    traps: f64,
}

/// What ended an attempt.
enum Ended {
    /// The job is over: paid, or refunded for good.
    Job,
    /// The attempt does not count; another worker may try.
    Attempt,
}

impl<'a> Simulation<'a> {
    fn new(params: &'a ConsensusParams, args: &Args) -> Self {
        let random = Random::new(args.seed);
        let verdict = Verdict::from(args.profile);
        let assumptions = Assumptions::default();
        let kinds = args.steps.iter().map(|steps| Kind::new(params, verdict, *steps)).collect();
        let clean_jobs = if args.newcomers { 0 } else { VETERAN };
        let stake_min =
            number(Fixed::ratio(params.economics.stake_min.base_units(), 1_000_000_000_000_000_000));
        let validators = population(args.validators as usize)
            .map(|strategy| {
                Validator::new(strategy, stake_min * STAKE, clean_jobs, params.sortition.duty_window)
            })
            .collect();
        Self {
            params,
            verdict,
            random,
            kinds,
            validators,
            totals: Totals::default(),
            now: 0,
            cost: number(assumptions.cost),
            traps: number(assumptions.traps),
        }
    }

    /// One request, from its draw to its end.
    fn play(&mut self) {
        self.now += INTERVAL_MS;
        for validator in &mut self.validators {
            validator.release(self.now);
        }
        let kind = self.random.index(self.kinds.len());
        let price = PRICE * (0.5 + self.random.unit());
        let mut failed = Vec::new();
        while failed.len() < usize::from(self.params.windows.attempts_max) {
            let Some(worker) = self.draw(price, &failed) else { break };
            if let Ended::Job = self.attempt(worker, kind, price) {
                return;
            }
            failed.push(worker);
        }
        if failed.is_empty() {
            self.totals.unserved += 1;
        } else {
            self.totals.refunded += 1;
        }
    }

    /// A worker among those who can take the job and claim their audits, weighted by free stake (rules DRW-03, DRW-04, DTA-03).
    fn draw(&mut self, price: f64, failed: &[usize]) -> Option<usize> {
        let collateral = price * self.params.penalties.collateral_prices as f64;
        let eligible: Vec<(usize, f64)> = (0..)
            .zip(&self.validators)
            .filter(|(index, one)| {
                one.claims.is_kept()
                    && one.serves(self.now)
                    && one.busy_until <= self.now
                    && !failed.contains(index)
            })
            .map(|(index, one)| (index, one.free()))
            .filter(|(_, free)| *free >= collateral)
            .collect();
        let mut point = self.random.unit() * eligible.iter().map(|(_, free)| free).sum::<f64>();
        for (index, free) in &eligible {
            point -= free;
            if point < 0.0 {
                return Some(*index);
            }
        }
        eligible.last().map(|(index, _)| *index)
    }

    /// The average balance of each strategy at this job.
    fn record(&self, job: u32, lines: &mut BTreeMap<Strategy, Line>) {
        let mut sums: BTreeMap<Strategy, (f64, f64)> = BTreeMap::new();
        for validator in &self.validators {
            let (sum, count) = sums.entry(validator.strategy).or_default();
            *sum += validator.books.balance();
            *count += 1.0;
        }
        for (strategy, (sum, count)) in sums {
            lines.entry(strategy).or_default().push((job, sum / count));
        }
    }
}

impl Kind {
    fn new(params: &ConsensusParams, verdict: Verdict, steps: u16) -> Self {
        let work = Workload::stable_diffusion_15(steps);
        let case = Case { params, verdict, work, assumptions: Assumptions::default() };
        let ids = (ModelId::from_bytes([0; 32]), ProfileId::from_bytes([0; 32]));
        let size = ImageSize::new(512, 512).expect("512 is a multiple of 8 and below 2,048");
        let request = GenerationParams::builder(ids.0, ids.1, "", size).num_inference_steps(steps).build();
        let request = request.expect("the command line takes 1 to 150 steps, which is what a request takes");
        let (fee, audit_share) = (number(case.audit_fee()), number(work.audit_share()));
        Self { work, shape: TraceShape::of(&request), fee, audit_share }
    }
}

/// The strategies of a population.
fn population(validators: usize) -> impl Iterator<Item = Strategy> {
    let ring = (validators / RING_PART).max(2);
    let lone: Vec<Strategy> =
        Strategy::ALL.into_iter().filter(|one| ![Strategy::Honest, Strategy::Ring].contains(one)).collect();
    let each = ((validators / 2).saturating_sub(ring) / lone.len()).max(1);
    let others = lone.into_iter().flat_map(move |one| std::iter::repeat_n(one, each));
    let others: Vec<Strategy> = std::iter::repeat_n(Strategy::Ring, ring).chain(others).collect();
    let honest = validators.saturating_sub(others.len());
    std::iter::repeat_n(Strategy::Honest, honest).chain(others)
}

#[cfg(test)]
mod tests {
    use super::{Strategy, population};

    #[test]
    fn every_strategy_is_in_every_population() {
        for validators in [20, 21, 100, 2_000] {
            let all: Vec<Strategy> = population(validators).collect();
            assert_eq!(all.len(), validators);
            assert!(Strategy::ALL.iter().all(|one| all.contains(one)), "{validators}");
            let honest = all.iter().filter(|one| **one == Strategy::Honest).count();
            assert!(validators < 30 || honest * 2 >= validators, "{honest} of {validators}");
        }
    }
}
