//! Gaussian noise as a torch CPU generator draws it from 16 numbers on (EXA-29): the 32-bit Mersenne Twister of
//! Matsumoto and Nishimura, and Box-Muller on blocks of 16 numbers.
#![allow(clippy::arithmetic_side_effects, reason = "operators act on floats; integers use named operations")]

use dfsn_types::Domain;

use super::ieee::{Double, Single};
use super::math::{cos, ln, sin};

/// Numbers that are made together, and the fewest that are made this way.
pub const NOISE_BLOCK: usize = 16;

/// 2^-24.
const FRACTION: u32 = 0x3380_0000;
const TWO_PI: u32 = 0x40c9_0fdb; // 6.2831855

/// What the generator of the noise that step `step`, from 1, of an image adds is seeded with (GEN-08).
///
/// Each step has a generator of its own, so that whoever executes a step alone need not draw the noise of the steps
/// before it.
pub fn step_seed(seed: u32, step: u32) -> u32 {
    let [a, b, c, d, ..] = *Domain::StepNoise.hash(&(seed, step)).as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// How many numbers of the generator `count` numbers of noise take.
pub const fn draws(count: usize) -> usize {
    if count.is_multiple_of(NOISE_BLOCK) { count } else { count.saturating_add(NOISE_BLOCK) }
}

/// The next `count` numbers of noise, at least [`NOISE_BLOCK`]; of fewer, none.
pub fn normals<F: Single>(generator: &mut MersenneTwister, count: usize) -> Vec<F> {
    let block = |generator: &mut MersenneTwister| {
        let uniforms: [u32; NOISE_BLOCK] = core::array::from_fn(|_| generator.next_u32());
        let (left, right) = uniforms.split_at(NOISE_BLOCK / 2);
        let pairs = left.iter().zip(right).map(|(a, b)| box_muller::<F>(*a, *b));
        let (cosines, sines): (Vec<F>, Vec<F>) = pairs.unzip();
        [cosines, sines].concat()
    };
    let whole = count.div_euclid(NOISE_BLOCK);
    let mut all: Vec<F> = (0..whole).flat_map(|_| block(generator)).collect();
    let rest = count.rem_euclid(NOISE_BLOCK);
    if rest > 0 && whole > 0 {
        // The numbers behind the last whole block are drawn, and then the last 16 in place of what they were.
        generator.skip(rest);
        all.truncate(count.saturating_sub(NOISE_BLOCK));
        all.extend(block(generator));
    }
    all
}

/// Number `index` of `count` numbers of noise that a generator with this seed gives after `offset` numbers of its own.
/// `None` if there is no such number, or if there are fewer than [`NOISE_BLOCK`].
pub fn normal<F: Single>(seed: u32, offset: usize, count: usize, index: usize) -> Option<F> {
    let tail = count.checked_sub(NOISE_BLOCK)?;
    let (block, place) = match index.checked_sub(tail) {
        Some(place) if !count.is_multiple_of(NOISE_BLOCK) => (count, place),
        _ => (index.checked_sub(index.rem_euclid(NOISE_BLOCK))?, index.rem_euclid(NOISE_BLOCK)),
    };
    if index >= count {
        return None;
    }
    let mut generator = MersenneTwister::new(seed);
    let half = NOISE_BLOCK / 2;
    generator.skip(offset.checked_add(block)?.checked_add(place.rem_euclid(half))?);
    let a = generator.next_u32();
    generator.skip(half.saturating_sub(1));
    let (cosine, sine) = box_muller(a, generator.next_u32());
    Some(if place < half { cosine } else { sine })
}

/// Two independent normal numbers of two numbers of the generator, of which 24 bits count.
fn box_muller<F: Single>(a: u32, b: u32) -> (F, F) {
    let fraction = |bits: u32| F::from_i32((bits & 0x00ff_ffff).cast_signed()) * F::from_bits(FRACTION);
    let logarithm: F = ln((F::from_i32(1) - fraction(a)).widen()).narrow();
    let radius = (F::from_i32(-2) * logarithm).sqrt();
    let angle = (F::from_bits(TWO_PI) * fraction(b)).widen();
    let (cosine, sine): (F, F) = (cos(angle).narrow(), sin(angle).narrow());
    (radius * cosine, radius * sine)
}

/// MT19937, seeded as `manual_seed` of torch does.
#[derive(Clone, Debug)]
pub struct MersenneTwister {
    state: Vec<u32>,
    next: usize,
}

impl MersenneTwister {
    const LENGTH: usize = 624;
    const SHIFT: usize = 397;

    /// A generator after `manual_seed(seed)`.
    pub fn new(seed: u32) -> Self {
        let mut state = Vec::with_capacity(Self::LENGTH);
        let mut value = seed;
        for index in 1..=Self::LENGTH {
            state.push(value);
            // Below 2^32 by far.
            value = 1_812_433_253_u32.wrapping_mul(value ^ (value >> 30)).wrapping_add(index as u32);
        }
        Self { state, next: Self::LENGTH }
    }

    /// The next number.
    pub fn next_u32(&mut self) -> u32 {
        if self.next >= Self::LENGTH {
            self.refill();
        }
        let mut y = self.state.get(self.next).copied().unwrap_or_default();
        self.next = self.next.saturating_add(1);
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// Leaves `count` numbers out.
    pub fn skip(&mut self, count: usize) {
        let mut left = count;
        loop {
            let held = Self::LENGTH.saturating_sub(self.next);
            if left < held || left == 0 {
                self.next = self.next.saturating_add(left);
                return;
            }
            left = left.saturating_sub(held);
            self.refill();
        }
    }

    fn refill(&mut self) {
        let mut next: Vec<u32> = Vec::with_capacity(Self::LENGTH);
        for index in 0..Self::LENGTH {
            let at = |place: usize| {
                let found = match place.checked_sub(Self::LENGTH) {
                    None => self.state.get(place),
                    Some(place) => next.get(place),
                };
                found.copied().unwrap_or_default()
            };
            let mixed = (at(index) & 0x8000_0000) | (at(index.saturating_add(1)) & 0x7fff_ffff);
            let twist = if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
            next.push(at(index.saturating_add(Self::SHIFT)) ^ (mixed >> 1) ^ twist);
        }
        (self.state, self.next) = (next, 0);
    }
}
