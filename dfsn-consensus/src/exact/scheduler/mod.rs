//! Schedulers as data: for each call of the UNet its timestep, and the expressions that make the next state of it.
//!
//! Each file holds one class of diffusers (spec chapter 14, EXA-20 and the following). Scalars are computed in binary64, one operation after
//! the other, and rounded once to binary32 where they meet tensors (`constant`); the trained noise schedule, noise
//! levels and timesteps are tables of binary32, as in diffusers.
//!
//! A *step* ends at the next noise level and is what a trace has a boundary for. It takes one *evaluation* of the
//! UNet, or several: PNDM corrects its first step, or begins with steps of Runge-Kutta.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "operators act on floats and terms; integers use named operations"
)]

mod ddim;
mod ddpm;
mod dpm_solver;
mod error;
mod euler;
mod euler_ancestral;
mod lcm;
mod level;
mod pndm;
mod settings;
mod shape;
mod sigma_spacing;
mod timesteps;
mod trained;
mod unipc;

use std::ops::Range;

use SchedulerKind::{
    Ddim, Ddpm, Dpmpp2m, Dpmpp2mKarras, Euler, EulerAncestral, EulerKarras, Lcm, Pndm, Unipc, UnipcKarras,
};
use dfsn_types::SchedulerKind;

use super::evaluate::canonical;
use super::expression::{Expression, ExpressionError, Term, constant};
use super::ieee::{Double, Ieee, Single};
use level::Level;
use settings::Settings;

pub use error::SchedulerError;
pub use shape::{BetaSchedule, FinalSigmas, PredictionType, SchedulerShape, SolverType, TimestepSpacing};

/// A scheduler set to a number of inference steps.
///
/// Whatever an evaluation reads of its past is in the state before it: the latents, and a history of tensors of the
/// latents' shape. Evaluations and steps count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    evaluations: Vec<Evaluation>,
    /// For each step, the evaluation behind its last one.
    ends: Vec<usize>,
    init_noise_sigma: u32,
    begin: Expression,
    sigmas: Vec<u32>,
}

/// One call of the UNet, and what the scheduler makes of its output. Floats are bit patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The timestep that the UNet is given.
    pub timestep: u32,
    /// Entries of the history before it.
    pub history_length: usize,
    /// The UNet's input, of the latents.
    pub model_input: Expression,
    /// The next latents: of the latents, the UNet's output, each entry of the history from the oldest, and, where noise
    /// is added, noise of unit variance.
    pub latents: Expression,
    /// The next history, of the same inputs.
    pub history: Vec<Expression>,
    /// The standard deviation of the noise that is added, as it stands in `latents`.
    pub noise: Option<u32>,
    /// A picture at the noise level before this evaluation, of the picture and noise of unit variance.
    pub add_noise: Expression,
}

impl Schedule {
    /// The schedule of a kind for a model's settings, without its first `start` evaluations, which img2img leaves out.
    /// The bits do not depend on `D`.
    ///
    /// # Errors
    /// [`SchedulerError`] for a number of steps that the schedule cannot give, and for settings that are not supported.
    pub fn new<D: Double>(
        kind: SchedulerKind,
        shape: &SchedulerShape,
        steps: u32,
        start: u32,
    ) -> Result<Self, SchedulerError> {
        if start >= steps.max(1) {
            return Err(SchedulerError::Start { start, steps });
        }
        let settings = Settings::of(kind, shape)?;
        let ask = Ask { settings, steps, start: start as usize };
        match kind {
            Ddim => ddim::schedule::<D>(&ask),
            Ddpm => ddpm::schedule::<D>(&ask),
            Lcm => lcm::schedule::<D>(&ask),
            Pndm => pndm::schedule::<D>(&ask),
            Euler | EulerKarras => euler::schedule::<D>(&ask),
            EulerAncestral => euler_ancestral::schedule::<D>(&ask),
            Dpmpp2m | Dpmpp2mKarras => dpm_solver::schedule::<D>(&ask),
            Unipc | UnipcKarras => unipc::schedule::<D>(&ask),
            other => Err(SchedulerError::Unsupported(other)),
        }
    }

    /// All evaluations.
    pub fn evaluations(&self) -> &[Evaluation] {
        &self.evaluations
    }

    /// Steps there are.
    pub const fn num_steps(&self) -> usize {
        self.ends.len()
    }

    /// The evaluations of a step; none of one that is not there.
    pub fn step(&self, step: usize) -> Range<usize> {
        let start = step.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        match (start, self.ends.get(step)) {
            (Some(start), Some(end)) => start..*end,
            _ => 0..0,
        }
    }

    /// Entries of the history in the state after `steps_done` steps: those that the next step reads.
    pub fn history_length(&self, steps_done: usize) -> usize {
        self.evaluations
            .get(self.step(steps_done))
            .and_then(<[_]>::first)
            .map_or(0, |next| next.history_length)
    }

    /// The standard deviation of the latents that a picture begins with, bits of an f32.
    pub const fn init_noise_sigma(&self) -> u32 {
        self.init_noise_sigma
    }

    /// Noise levels before each evaluation and after the last, bits of f32; empty for classes that think in timesteps.
    pub fn sigmas(&self) -> &[u32] {
        &self.sigmas
    }

    /// The latents that a picture begins with, of noise of unit variance.
    pub const fn begin(&self) -> &Expression {
        &self.begin
    }

    /// From what the classes give: `ends` as in the field, noise levels as numbers of binary32.
    fn assemble<D: Double>(
        lines: impl IntoIterator<Item = Line<D>>,
        ends: Vec<usize>,
        init_noise_sigma: D,
        sigmas: &[D],
    ) -> Result<Self, SchedulerError> {
        let mut history_length = 0;
        let mut evaluations = Vec::new();
        for line in lines {
            let evaluation = line.write(history_length)?;
            history_length = evaluation.history.len();
            evaluations.push(evaluation);
        }
        let bits = |number: &D| canonical(number.narrow().to_bits());
        Ok(Self {
            evaluations,
            ends,
            init_noise_sigma: bits(&init_noise_sigma),
            begin: (Term::Input(0) * constant(init_noise_sigma)).write()?,
            sigmas: sigmas.iter().map(bits).collect(),
        })
    }
}

/// Classifier-free guidance: of the prediction for the negative prompt and that for the prompt, from the one towards
/// the other. `scale` is bits of an f32.
///
/// # Errors
/// None in practice: it is four nodes.
pub fn guidance(scale: u32) -> Result<Expression, ExpressionError> {
    let (negative, prompt) = (Term::Input(0), Term::Input(1));
    let difference = prompt - negative.clone();
    (negative + Term::Constant(canonical(scale)) * difference).write()
}

/// What a schedule is asked for.
#[derive(Clone, Copy, Debug)]
struct Ask {
    settings: Settings,
    steps: u32,
    /// Evaluations left out at the beginning.
    start: usize,
}

/// The sample that an evaluation is given.
const LATENTS: Term = Term::Input(0);
/// The UNet's output.
const OUTPUT: Term = Term::Input(1);

/// An entry of the history.
fn history(place: usize) -> Term {
    Term::Input(u8::try_from(place.saturating_add(2)).unwrap_or(u8::MAX))
}

/// An evaluation as its class writes it down.
#[derive(Clone, Debug)]
struct Line<D: Double> {
    timestep: D::Single,
    model_input: Term,
    /// Without noise.
    latents: Term,
    history: Vec<Term>,
    /// Standard deviation of the noise that is added.
    noise: D,
    add_noise: Term,
}

impl<D: Double> Line<D> {
    /// Of a class whose input is the latents, without history and noise.
    fn new(timestep: D::Single, level: Level<D>, latents: Term) -> Self {
        let (history, noise) = (Vec::new(), number(0.0));
        Self { timestep, model_input: LATENTS, latents, history, noise, add_noise: level.add_noise() }
    }

    fn write(self, history_length: usize) -> Result<Evaluation, SchedulerError> {
        let noise = self.noise.narrow();
        let is_added = D::Single::from_i32(0).is_less_than(noise);
        let latents = match is_added {
            true => self.latents + constant(self.noise) * history(history_length),
            false => self.latents,
        };
        Ok(Evaluation {
            timestep: canonical(self.timestep.to_bits()),
            history_length,
            model_input: self.model_input.write()?,
            latents: latents.write()?,
            history: self.history.iter().map(Term::write).collect::<Result<_, _>>()?,
            noise: is_added.then(|| noise.to_bits()),
            add_noise: self.add_noise.write()?,
        })
    }
}

/// Ends of steps of one evaluation each.
fn single_steps(count: usize) -> Vec<usize> {
    (1..=count).collect()
}

/// A constant of a formula.
fn number<D: Double>(value: f64) -> D {
    D::from_bits(value.to_bits())
}

fn integer<D: Double>(value: u32) -> D {
    D::from_i64(value.into())
}
