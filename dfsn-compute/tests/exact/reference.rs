//! What the kernels are compared with: the definitions, one number at a time, in plain integers and floats.

use dfsn_compute::exact::simd::{Isa, Kernels, Threads};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Splitmix64: numbers for tests.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Integers of magnitude at most `limit`, with many small ones and some at the limit.
    pub(crate) fn integers(&mut self, len: usize, limit: i16) -> Vec<i16> {
        (0..len)
            .map(|_| match self.next() % 8 {
                0 => limit,
                1 => -limit,
                2 => 0,
                3 | 4 => (self.next() % 33) as i16 % (limit.saturating_add(1).max(1)) - (limit.min(16)),
                _ => ((self.next() % (2 * limit as u64 + 1)) as i64 - i64::from(limit)) as i16,
            })
            .map(|q: i16| q.clamp(-limit, limit))
            .collect()
    }

    /// Floats of both signs over several orders of magnitude, with zeros of both signs.
    pub(crate) fn floats(&mut self, len: usize, scale: f32) -> Vec<f32> {
        (0..len)
            .map(|_| match self.next() % 16 {
                0 => 0.0,
                1 => -0.0,
                2 => scale * 1e-6 * unit(self.next()),
                _ => scale * unit(self.next()),
            })
            .collect()
    }
}

fn unit(bits: u64) -> f32 {
    (bits >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// Every set of kernels that this machine has, by the caller alone and by two threads.
pub(crate) fn everywhere(mut check: impl FnMut(Kernels, Threads<'_>)) {
    let pool: ThreadPool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for isa in Isa::available() {
        let kernels = Kernels::new(isa).unwrap();
        check(kernels, Threads::Caller);
        check(kernels, Threads::Pool(&pool));
    }
}

pub(crate) fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// The exact sum of products.
pub(crate) fn dot(a: impl IntoIterator<Item = i16>, b: &[i16]) -> i64 {
    a.into_iter().zip(b).map(|(a, &b)| i64::from(a) * i64::from(b)).sum()
}

pub(crate) fn key(x: f32) -> i32 {
    let bits = x.to_bits() as i32;
    bits ^ ((bits >> 31) & 0x7fff_ffff)
}

/// rne(x) within i32.
pub(crate) fn rne(x: f32) -> i64 {
    f64::from(x).round_ties_even() as i64
}

/// r and s of Q(x; limit).
pub(crate) fn scales(x: &[f32], limit: f32) -> (f32, f32) {
    let max = x.iter().fold(2.0_f32.powi(-100), |max, x| if x.abs() > max { x.abs() } else { max });
    (limit / max, max / limit)
}

/// exp32 as the specification writes it.
#[allow(
    clippy::excessive_precision,
    clippy::inconsistent_digit_grouping,
    reason = "decimals of the specification"
)]
pub(crate) fn exp32(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let n = rne(x * std::f32::consts::LOG2_E) as f32;
    let r = (x - n * 0.693_359_375) - n * -2.121_944_40e-4;
    let mut p = 1.987_569_150_0e-4;
    for c in
        [1.398_199_950_7e-3, 8.333_451_907_3e-3, 4.166_579_589_4e-2, 1.666_666_545_9e-1, 5.000_000_120_1e-1]
    {
        let product: f32 = p * r;
        p = product + c;
    }
    let square = r * r;
    let p = (p * square + r) + 1.0;
    p * f32::from_bits(((n as i32 + 127) as u32) << 23)
}

pub(crate) fn silu(x: f32) -> f32 {
    x / (1.0 + exp32(-x))
}

#[allow(clippy::excessive_precision, reason = "decimals of the specification")]
pub(crate) fn gelu(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let inner = 1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429);
    let p = t * (0.254_829_592 + t * (-0.284_496_736 + t * inner));
    let w = (p * exp32(-(z * z))) * 0.5;
    if x >= 0.0 { x * (1.0 - w) } else { x * w }
}
