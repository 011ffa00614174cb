//! The noise schedule that a model was trained on, in binary32 as torch makes it.

use super::super::ieee::{Double, Ieee, Single};
use super::super::math::cos;
use super::settings::Settings;
use super::{Ask, BetaSchedule, FinalSigmas, SchedulerError, integer, number};

const TWO_TO_MINUS_24: u32 = 0x3380_0000;

/// The share of the signal's variance that is left at each trained timestep: numbers of binary32.
#[derive(Clone, Debug)]
pub(super) struct Trained<D> {
    alphas_cumprod: Vec<D>,
}

impl<D: Double> Trained<D> {
    pub(super) fn new(settings: &Settings) -> Self {
        let one = D::Single::from_i32(1);
        let mut alphas = cumprod(betas::<D>(settings).into_iter().map(|beta| one - beta));
        if settings.rescale_betas_zero_snr {
            let betas = zero_terminal_snr(&alphas);
            alphas = cumprod(betas.into_iter().map(|beta| one - beta));
        }
        Self { alphas_cumprod: alphas.into_iter().map(Single::widen).collect() }
    }

    /// The share at a trained timestep.
    pub(super) fn alpha(&self, ask: &Ask, timestep: u32) -> Result<D, SchedulerError> {
        self.alphas_cumprod.get(timestep as usize).copied().ok_or(SchedulerError::TimestepOutOfRange {
            steps: ask.steps,
            steps_offset: ask.settings.steps_offset,
            timestep,
        })
    }

    /// The share past the last step.
    pub(super) fn final_alpha(&self, ask: &Ask) -> Result<D, SchedulerError> {
        if ask.settings.set_alpha_to_one { Ok(number(1.0)) } else { self.alpha(ask, 0) }
    }

    /// The standard deviation of the noise at each trained timestep, for a signal of unit scale: numbers of binary32.
    pub(super) fn sigmas(&self, settings: &Settings) -> Sigmas<D> {
        let last = self.alphas_cumprod.len().saturating_sub(1);
        let one = D::Single::from_i32(1);
        let sigma = |(timestep, alpha): (usize, &D)| {
            // Pure noise has no finite level; diffusers takes the least share that half precision tells from zero.
            let is_pure = settings.rescale_betas_zero_snr && timestep == last;
            let alpha = if is_pure { D::Single::from_bits(TWO_TO_MINUS_24) } else { alpha.narrow() };
            ((one - alpha) / alpha).sqrt().widen()
        };
        Sigmas { levels: self.alphas_cumprod.iter().enumerate().map(sigma).collect() }
    }
}

/// Noise levels of the trained timesteps.
#[derive(Clone, Debug)]
pub(super) struct Sigmas<D> {
    levels: Vec<D>,
}

impl<D: Double> Sigmas<D> {
    pub(super) fn levels(&self) -> &[D] {
        &self.levels
    }

    /// The level of the first trained timestep, the least.
    pub(super) fn least(&self) -> D {
        self.levels.first().copied().unwrap_or(number(0.0))
    }

    /// The level of the last trained timestep, the greatest.
    pub(super) fn greatest(&self) -> D {
        self.levels.last().copied().unwrap_or(number(0.0))
    }

    /// The level after the last step.
    pub(super) fn last(&self, settings: &Settings) -> D {
        match settings.final_sigmas_type {
            FinalSigmas::Zero => number(0.0),
            FinalSigmas::SigmaMin => self.least(),
        }
    }

    /// The level at a timestep that may lie between two, as numpy's `interp`.
    pub(super) fn at(&self, timestep: D) -> D {
        let nearest = timestep.round_to_i64();
        let below =
            if timestep.is_less_than(D::from_i64(nearest)) { nearest.saturating_sub(1) } else { nearest };
        let place = usize::try_from(below).unwrap_or(0);
        let low = self.levels.get(place).copied().unwrap_or(self.greatest());
        match self.levels.get(place.saturating_add(1)) {
            Some(high) => (*high - low) * (timestep - D::from_i64(below)) + low,
            None => low,
        }
    }
}

/// torch's `cumprod` keeps its running product in f64 and rounds each entry.
fn cumprod<F: Single>(factors: impl Iterator<Item = F>) -> Vec<F> {
    factors
        .scan(number::<F::Double>(1.0), |product, factor| {
            *product = *product * factor.widen();
            Some(product.narrow())
        })
        .collect()
}

/// Lin et al. 2023, algorithm 1: betas whose last timestep is pure noise, from the shares of the signal.
fn zero_terminal_snr<F: Single>(alphas_cumprod: &[F]) -> Vec<F> {
    let one = F::from_i32(1);
    let roots: Vec<F> = alphas_cumprod.iter().map(|alpha| alpha.sqrt()).collect();
    let (first, last) = (roots.first().copied().unwrap_or(one), roots.last().copied().unwrap_or(one));
    let scale = first / (first - last);
    let share = |root: F| {
        let root = (root - last) * scale;
        root * root
    };
    let shares: Vec<F> = roots.into_iter().map(share).collect();
    let pairs = shares.iter().zip(shares.iter().skip(1));
    let start = shares.first().map(|share| one - *share);
    start.into_iter().chain(pairs.map(|(before, after)| one - *after / *before)).collect()
}

fn betas<D: Double>(settings: &Settings) -> Vec<D::Single> {
    let count = settings.num_train_timesteps;
    let (start, end) = (D::from_bits(settings.beta_start), D::from_bits(settings.beta_end));
    match settings.beta_schedule {
        BetaSchedule::Linear => torch_linspace(start.narrow(), end.narrow(), count),
        BetaSchedule::ScaledLinear => torch_linspace(start.sqrt().narrow(), end.sqrt().narrow(), count)
            .into_iter()
            .map(|root: D::Single| root * root)
            .collect(),
        BetaSchedule::SquaredcosCapV2 => {
            let total: D = integer(count);
            let most = number::<D>(0.999);
            let share = |i: u32| alpha_bar(integer::<D>(i) / total);
            let beta = |i: u32| number::<D>(1.0) - share(i.saturating_add(1)) / share(i);
            let bounded = |beta: D| if most.is_less_than(beta) { most } else { beta };
            (0..count).map(|i| bounded(beta(i)).narrow()).collect()
        }
    }
}

/// A squared cosine, of a time from 0 to 1.
fn alpha_bar<D: Double>(t: D) -> D {
    let pi = number(core::f64::consts::PI);
    let cosine = cos((t + number(0.008)) / number(1.008) * pi / number(2.0));
    cosine * cosine
}

/// torch's f32 `linspace`: from the nearer end.
fn torch_linspace<F: Single>(start: F, end: F, count: u32) -> Vec<F> {
    let Some(last) = count.checked_sub(1).filter(|last| *last > 0) else { return vec![start] };
    // At most 10,000.
    let whole = |value: u32| F::from_i32(value.cast_signed());
    let step = (end - start) / whole(last);
    let is_early = |i: u32| i < count.div_euclid(2);
    (0..count)
        .map(
            |i| {
                if is_early(i) { start + step * whole(i) } else { end - step * whole(last.saturating_sub(i)) }
            },
        )
        .collect()
}
