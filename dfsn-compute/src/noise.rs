//! Gaussian noise equal to `torch.randn` with a CPU generator.
//!
//! From 16 numbers on torch fills blocks of 16 by Box-Muller in f32: that is [`dfsn_consensus::exact::noise`], with the
//! same bits on every machine; torch's own differ from them by at most a few units in the last place. Below that it draws
//! pairs in f64.

use std::f64::consts::PI;

use dfsn_consensus::exact::noise::{MersenneTwister, NOISE_BLOCK, normals};

pub use dfsn_consensus::exact::noise::step_seed;

/// The first `count` numbers of `torch.randn(count, generator=torch.Generator().manual_seed(seed))`.
pub fn randn(seed: u32, count: usize) -> Vec<f32> {
    Generator::new(seed).randn(count)
}

/// The noise that step `step`, counted from 1, of an image with this seed adds (rule GEN-08).
///
/// Each step has a generator of its own, so that whoever executes a step alone need not draw the noise of the steps
/// before it. In diffusers: `generator.manual_seed(step_seed(seed, step))` before each step.
pub fn step_noise(seed: u32, step: u32, count: usize) -> Vec<f32> {
    randn(step_seed(seed, step), count)
}

/// A mixture of two noises of unit variance that has unit variance again: a point on the arc between them
/// (Shoemake 1985), `share` of the way from `first` to `second`. Noises that point the same way are mixed straight.
pub fn slerp(first: &[f32], second: &[f32], share: f32) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let norms = libm::sqrt(dot(first, first) * dot(second, second));
    let share = f64::from(share);
    let cosine = if norms > 0.0 { dot(first, second) / norms } else { 1.0 };
    let (left, right) = if cosine.abs() > 0.9995 {
        (1.0 - share, share)
    } else {
        let angle = libm::acos(cosine);
        let sine = libm::sin(angle);
        (libm::sin((1.0 - share) * angle) / sine, libm::sin(share * angle) / sine)
    };
    let mix = |(a, b): (&f32, &f32)| (left * f64::from(*a) + right * f64::from(*b)) as f32;
    first.iter().zip(second).map(mix).collect()
}

/// A torch CPU generator. Successive draws continue its stream as in torch.
#[derive(Clone, Debug)]
pub struct Generator {
    engine: MersenneTwister,
    /// The second number of the last pair drawn in f64.
    cached: Option<f64>,
}

impl Generator {
    /// A generator after `manual_seed(seed)`.
    pub fn new(seed: u32) -> Self {
        Self { engine: MersenneTwister::new(seed), cached: None }
    }

    /// `count` numbers from the standard normal distribution.
    pub fn randn(&mut self, count: usize) -> Vec<f32> {
        if count < NOISE_BLOCK {
            // The cast is the rounding that torch does.
            return (0..count).map(|_| self.normal_f64() as f32).collect();
        }
        normals(&mut self.engine, count)
    }

    /// 53 random bits as a fraction.
    fn uniform_f64(&mut self) -> f64 {
        let high = u64::from(self.engine.next_u32());
        let bits = (high << 32) | u64::from(self.engine.next_u32());
        (bits & ((1 << 53) - 1)) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    fn normal_f64(&mut self) -> f64 {
        if let Some(number) = self.cached.take() {
            return number;
        }
        let (u1, u2) = (self.uniform_f64(), self.uniform_f64());
        let radius = libm::sqrt(-2.0 * libm::log1p(-u2));
        let theta = 2.0 * PI * u1;
        self.cached = Some(radius * libm::sin(theta));
        radius * libm::cos(theta)
    }
}
