//! Private sortition: who audits, who judges, and what is asked (rules AUD-01 to AUD-05, AUD-09).
//!
//! Every validator computes its VRF over public bytes; it is chosen when the output falls under its share. Nobody else can
//! know before it shows itself, so nobody can choose, bribe or attack auditors beforehand.

use std::collections::BTreeSet;

use dfsn_types::{
    Amount, Boundary, Domain, Hash, Ppm, ProfileRecord, ResultCommitment, SortitionParams, TraceShape,
    VrfOutput,
};

use crate::math;
use crate::state::Questions;

/// A rate of one: chosen for certain.
const CERTAIN: u128 = 1_000_000;

/// Expected number of auditors of a job whose worker has `clean_jobs` behind it (rule AUD-03).
pub fn audit_rate(params: &SortitionParams, profile: &ProfileRecord, clean_jobs: u32) -> Ppm {
    let rate = faded_rate(params, clean_jobs);
    match profile {
        ProfileRecord::Float { .. } => float_rate(params, rate),
        _ => rate,
    }
}

/// The rate before a profile counts: from the ramp down to the floor (rule AUD-03).
pub(crate) fn faded_rate(params: &SortitionParams, clean_jobs: u32) -> Ppm {
    let ramp = params.rate_ramp.get();
    if clean_jobs < params.ramp_jobs {
        return params.rate_ramp;
    }
    let jobs = u64::from(clean_jobs.max(1));
    let faded = ramp.saturating_mul(u64::from(params.ramp_jobs)).checked_div(jobs).unwrap_or(ramp);
    Ppm::new(faded.max(params.rate_floor.get()))
}

/// What a float profile makes of a rate (rule AUD-03).
pub(crate) fn float_rate(params: &SortitionParams, rate: Ppm) -> Ppm {
    Ppm::new(rate.get().saturating_mul(u64::from(params.float_factor)).min(params.rate_ramp.get()))
}

/// Whether an output chooses a validator with `stake` of `stake_eligible` at an expected number of `rate` (rule AUD-09).
pub fn is_selected(output: &VrfOutput, rate: Ppm, stake: Amount, stake_eligible: Amount) -> bool {
    let share = u128::from(chance(rate, stake, stake_eligible).get());
    share >= CERTAIN || output.first_u128() < (u128::MAX / CERTAIN).saturating_mul(share)
}

/// The chance of a validator with `stake` of `stake_eligible` at an expected number of `rate`, in millionths (rule AUD-09).
pub fn chance(rate: Ppm, stake: Amount, stake_eligible: Amount) -> Ppm {
    let share = stake
        .base_units()
        .checked_mul(u128::from(rate.get()))
        .and_then(|share| share.checked_div(stake_eligible.base_units()));
    Ppm::new(u64::try_from(share.unwrap_or(0).min(CERTAIN)).unwrap_or(0))
}

/// What an auditor asks of a result, drawn from its own output (rules AUD-05, AUD-12): of an image that failed the boundary where
/// it did, and earlier ones.
pub fn draw_questions_of(
    output: &VrfOutput,
    shape: TraceShape,
    commitment: &ResultCommitment,
    opened: &BTreeSet<Boundary>,
) -> Questions {
    draw(output, shape, |image| commitment.failed_at(image), opened)
}

/// What an auditor asks where all images were drawn (rule AUD-05): one image; the initial state; the decoder, or in a quarter of the
/// draws the last step; and two steps (one below ten) that are adjacent neither to each other nor to the last step where that is
/// asked, since the input of a step is the answer of the one before. What the chain has seen opened is not asked (rule AUD-11).
pub fn draw_questions(output: &VrfOutput, shape: TraceShape, opened: &BTreeSet<Boundary>) -> Questions {
    draw(output, shape, |_| None, opened)
}

fn draw(
    output: &VrfOutput,
    shape: TraceShape,
    failed_at: impl Fn(u8) -> Option<u16>,
    opened: &BTreeSet<Boundary>,
) -> Questions {
    let mut random = Random::new(output);
    let image = u8::try_from(random.below(u64::from(shape.images()))).unwrap_or(0);
    let failed = failed_at(image);
    let steps = failed.unwrap_or(shape.steps());
    let asks_decoder = random.below(4) != 0;
    let last = if asks_decoder && failed.is_none() { shape.decoded() } else { steps };
    let mut candidates: Vec<u16> = (1..steps).filter(|t| last != steps || t.abs_diff(last) > 1).collect();
    let mut boundaries = vec![0];
    for _ in 0..if steps < 10 { 1 } else { 2 } {
        let Some(chosen) = candidates.get(random.index(candidates.len())).copied() else { break };
        boundaries.push(chosen);
        candidates.retain(|t| t.abs_diff(chosen) > 1);
    }
    boundaries.sort_unstable();
    boundaries.push(last);
    boundaries.dedup();
    boundaries.retain(|t| !opened.contains(&Boundary { image, t: *t }));
    Questions { image, boundaries }
}

/// Steps that one auditor is asked about: what its fee is computed from.
pub const fn steps_asked(shape: TraceShape) -> u64 {
    if shape.steps() < 10 { 1 } else { 2 }
}

/// A stream of numbers from one output.
struct Random {
    seed: Hash,
    counter: u64,
}

impl Random {
    fn new(output: &VrfOutput) -> Self {
        Self { seed: Domain::Questions.hash_bytes(output.as_bytes()), counter: 0 }
    }

    /// A number below `bound`, 0 for a bound of 0; its bias is under 2^-64.
    fn below(&mut self, bound: u64) -> u64 {
        let digest = Domain::Questions.hash(&(self.seed, self.counter));
        self.counter = self.counter.saturating_add(1);
        math::rem_256(digest.as_bytes(), u128::from(bound))
            .and_then(|number| u64::try_from(number).ok())
            .unwrap_or(0)
    }

    fn index(&mut self, len: usize) -> usize {
        let bound = u64::try_from(len).unwrap_or(u64::MAX);
        usize::try_from(self.below(bound)).unwrap_or(0)
    }
}
