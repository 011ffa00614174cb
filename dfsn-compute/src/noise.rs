//! Gaussian noise equal to `torch.randn` with a CPU generator.
//!
//! The generator is the 32-bit Mersenne Twister; from 16 numbers on torch fills blocks of 16 by Box-Muller in
//! f32, below that it draws pairs in f64. Transcendental functions come from `libm`, so that every machine gets
//! the same bits; torch's own differ from them by at most a few units in the last place.

use std::f64::consts::PI;

use dfsn_types::Domain;

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

/// What the generator of a step's noise is seeded with.
pub fn step_seed(seed: u32, step: u32) -> u32 {
    let [a, b, c, d, ..] = *Domain::StepNoise.hash(&(seed, step)).as_bytes();
    u32::from_le_bytes([a, b, c, d])
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

/// Numbers that are made together.
const BLOCK: usize = 16;

impl Generator {
    /// A generator after `manual_seed(seed)`.
    pub fn new(seed: u32) -> Self {
        Self { engine: MersenneTwister::new(seed), cached: None }
    }

    /// `count` numbers from the standard normal distribution.
    pub fn randn(&mut self, count: usize) -> Vec<f32> {
        if count < BLOCK {
            // The cast is the rounding that torch does.
            return (0..count).map(|_| self.normal_f64() as f32).collect();
        }
        let mut data: Vec<f32> = (0..count).map(|_| self.uniform_f32()).collect();
        for block in data.chunks_exact_mut(BLOCK) {
            box_muller(block);
        }
        if !count.is_multiple_of(BLOCK) {
            let tail = &mut data[count - BLOCK..];
            tail.fill_with(|| self.uniform_f32());
            box_muller(tail);
        }
        data
    }

    /// 24 random bits as a fraction.
    fn uniform_f32(&mut self) -> f32 {
        (self.engine.next_u32() & 0x00ff_ffff) as f32 * (1.0 / 16_777_216.0)
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

/// Turns 16 uniform numbers into normal ones: pairs lie 8 apart.
fn box_muller(block: &mut [f32]) {
    const TWO_PI: f32 = (2.0 * PI) as f32;
    let (left, right) = block.split_at_mut(BLOCK / 2);
    for (a, b) in left.iter_mut().zip(right) {
        let u1 = 1.0 - *a;
        let radius = (-2.0 * libm::log(f64::from(u1)) as f32).sqrt();
        let theta = f64::from(TWO_PI * *b);
        *a = radius * libm::cos(theta) as f32;
        *b = radius * libm::sin(theta) as f32;
    }
}

/// MT19937 of Matsumoto and Nishimura.
#[derive(Clone, Debug)]
struct MersenneTwister {
    state: [u32; Self::LENGTH],
    next: usize,
}

impl MersenneTwister {
    const LENGTH: usize = 624;
    const SHIFT: usize = 397;

    fn new(seed: u32) -> Self {
        let mut state = [seed; Self::LENGTH];
        for index in 1..Self::LENGTH {
            let previous = state[index - 1];
            // index is below 624.
            state[index] =
                1_812_433_253_u32.wrapping_mul(previous ^ (previous >> 30)).wrapping_add(index as u32);
        }
        Self { state, next: Self::LENGTH }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == Self::LENGTH {
            self.refill();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn refill(&mut self) {
        for index in 0..Self::LENGTH {
            let following = self.state[(index + 1) % Self::LENGTH];
            let mixed = (self.state[index] & 0x8000_0000) | (following & 0x7fff_ffff);
            let twist = if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[index] = self.state[(index + Self::SHIFT) % Self::LENGTH] ^ (mixed >> 1) ^ twist;
        }
        self.next = 0;
    }
}
