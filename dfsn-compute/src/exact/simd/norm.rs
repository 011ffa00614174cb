//! GroupNorm: statistics from integers, the affine map on the floats, and the quantised image after it.

use super::activation::{round_to_i32, silu};
use super::dispatch::for_each_isa;
use super::error::{expect_len, expect_range};
use super::quantise::Haloed;
use super::shared::Shared;
use super::{Kernels, SimdError, Threads};
use std::sync::atomic::{AtomicI64, Ordering};

/// The largest |SiLU(y)| for y < 0, rounded up.
const SILU_DEPTH: f32 = f32::from_bits(0x3e8e_978d);

/// Mean and reciprocal deviation of a scope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// RN32(S1 / N * s)
    pub mean: f32,
    /// RN32(1 / sqrt(var + eps))
    pub rstd: f32,
}

impl Moments {
    /// From S1 and S2, the sums of q and q^2 over `n` numbers (1 to 2^23) of scale `s`, |q| < 2^19.
    #[must_use]
    pub fn new(s1: i64, s2: i64, n: u32, s: f32, eps: f64) -> Self {
        let n = i64::from(n);
        let m = s1.div_euclid(n);
        let d = s1.wrapping_sub(n.wrapping_mul(m));
        let centred =
            s2.wrapping_sub((2 * m).wrapping_mul(s1)).wrapping_add(n.wrapping_mul(m.wrapping_mul(m)));
        let (n, s, d) = (n as f64, f64::from(s), d as f64);
        let variance = (centred as f64 - d * d / n) / n;
        let variance = variance * s * s;
        Self { mean: (s1 as f64 / n * s) as f32, rstd: (1.0 / (variance + eps).sqrt()) as f32 }
    }
}

/// The affine map of each channel: `y = RN32(RN32(RN32(x - mean) * factor) + beta)`.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// Of the channel's group.
    pub mean: &'a [f32],
    /// RN32(rstd * gamma)
    pub factor: &'a [f32],
    /// What is added.
    pub beta: &'a [f32],
}

impl Affine<'_> {
    fn check(&self, channels: usize) -> Result<(), SimdError> {
        expect_len("means", self.mean.len(), channels)?;
        expect_len("factors", self.factor.len(), channels)?;
        expect_len("beta", self.beta.len(), channels)
    }

    /// The bits of M for the quantised SiLU of this map, from the least and largest keys of each channel.
    ///
    /// # Errors
    /// If the lengths differ.
    pub fn silu_bound(&self, min: &[i32], max: &[i32]) -> Result<u32, SimdError> {
        self.check(min.len())?;
        expect_len("largest keys", max.len(), min.len())?;
        let mut bound = SILU_DEPTH;
        for (channel, (&min, &max)) in min.iter().zip(max).enumerate() {
            for key in [min, max] {
                let x = f32::from_bits((key ^ ((key >> 31) & 0x7fff_ffff)) as u32);
                let y = (x - self.mean[channel]) * self.factor[channel] + self.beta[channel];
                if !y.is_finite() {
                    return Ok(f32::INFINITY.to_bits());
                }
                bound = if y > bound { y } else { bound };
            }
        }
        Ok(bound.to_bits())
    }
}

for_each_isa! {
    /// Adds q and q^2 of whole pixels to each channel's sums; at most 2^12 pixels.
    fn channel_sums(x: &[f32], r: &[f32], s1: &mut [i32], s2: &mut [i64]) {
        let channels = r.len();
        let (s1, s2) = (&mut s1[..channels], &mut s2[..channels]);
        for x in x.chunks_exact(channels) {
            for (((&x, &r), s1), s2) in x.iter().zip(r).zip(s1.iter_mut()).zip(s2.iter_mut()) {
                let q = round_to_i32(x * r);
                *s1 = s1.wrapping_add(q);
                *s2 = s2.wrapping_add(i64::from(q).wrapping_mul(i64::from(q)));
            }
        }
    }
}

/// S1 and S2 of each group of `x[pixel][channel]`, for one image; `r[channel]` is its group's.
///
/// # Errors
/// If the shapes do not fit, or a thread's floating-point environment is not the default.
pub fn group_sums(
    kernels: Kernels,
    x: &[f32],
    r: &[f32],
    groups: usize,
    threads: Threads<'_>,
) -> Result<Vec<(i64, i64)>, SimdError> {
    let channels = r.len();
    expect_range("channels", channels, 1, 1 << 16)?;
    expect_range("groups", groups, 1, channels)?;
    expect_len("channels of whole groups", channels, channels / groups * groups)?;
    expect_len("whole pixels", x.len(), x.len() / channels * channels)?;
    expect_range("numbers in a group", x.len() / groups, 1, 1 << 23)?;
    let sums: Vec<[AtomicI64; 2]> = (0..groups).map(|_| Default::default()).collect();
    threads.run_rows(x.len() / channels, channels, |pixels| {
        let (mut s1, mut s2) = (vec![0; channels], vec![0; channels]);
        let mut totals = vec![[0_i64; 2]; groups];
        for pixels in x[pixels.start * channels..pixels.end * channels].chunks(channels << 12) {
            s1.fill(0);
            s2.fill(0);
            channel_sums(kernels, pixels, r, &mut s1, &mut s2);
            let each = s1.iter().zip(&s2).enumerate();
            for (channel, (&s1, &s2)) in each {
                let total = &mut totals[channel / (channels / groups)];
                total[0] += i64::from(s1);
                total[1] += s2;
            }
        }
        for (sum, total) in sums.iter().zip(totals) {
            sum[0].fetch_add(total[0], Ordering::Relaxed);
            sum[1].fetch_add(total[1], Ordering::Relaxed);
        }
        Ok(())
    })?;
    Ok(sums.into_iter().map(|[s1, s2]| (s1.into_inner(), s2.into_inner())).collect())
}

for_each_isa! {
    fn silu_pixels(x: &[f32], mean: &[f32], factor: &[f32], beta: &[f32], r: f32, limit: i32, out: &mut [i16]) {
        let channels = mean.len();
        for (x, out) in x.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
            for ((((q, &x), &mean), &factor), &beta) in out.iter_mut().zip(x).zip(mean).zip(factor).zip(beta) {
                let y = (x - mean) * factor + beta;
                *q = round_to_i32(silu(y) * r).max(-limit).min(limit) as i16;
            }
        }
    }
}

for_each_isa! {
    fn affine_pixels(x: &[f32], mean: &[f32], factor: &[f32], beta: &[f32], out: &mut [f32]) {
        let channels = mean.len();
        for (x, out) in x.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
            for ((((y, &x), &mean), &factor), &beta) in out.iter_mut().zip(x).zip(mean).zip(factor).zip(beta) {
                *y = (x - mean) * factor + beta;
            }
        }
    }
}

/// The affine map, SiLU and quantisation of one image in one pass: q = rne(RN32(SiLU(y) * r)), taken into ±`limit`,
/// into an image with a border, which is left as it is.
///
/// # Errors
/// If the shapes do not fit, or a thread's floating-point environment is not the default.
#[allow(clippy::too_many_arguments, reason = "one fused pass over everything that it reads")]
pub fn silu_image(
    kernels: Kernels,
    x: &[f32],
    image: &Haloed,
    affine: &Affine<'_>,
    r: f32,
    limit: i16,
    out: &mut [i16],
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    image.check(x.len(), out.len())?;
    affine.check(image.channels)?;
    let out = Shared::new(out);
    let row = image.width * image.channels;
    threads.run_rows(image.height, row, |rows| {
        for y in rows {
            #[allow(unsafe_code, reason = "disjoint parts of the output")]
            // SAFETY: each row is written once.
            let out = unsafe { out.part(image.row_start(y), row) };
            let Affine { mean, factor, beta } = *affine;
            silu_pixels(kernels, &x[y * row..][..row], mean, factor, beta, r, i32::from(limit), out);
        }
        Ok(())
    })
}

/// The affine map alone, as a transformer's input needs it, over `x[pixel][channel]`.
///
/// # Errors
/// If the shapes do not fit, or a thread's floating-point environment is not the default.
pub fn affine(
    kernels: Kernels,
    x: &[f32],
    affine: &Affine<'_>,
    out: &mut [f32],
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    let channels = affine.mean.len();
    expect_range("channels", channels, 1, 1 << 16)?;
    affine.check(channels)?;
    expect_len("whole pixels", x.len(), x.len() / channels * channels)?;
    expect_len("the output", out.len(), x.len())?;
    let out = Shared::new(out);
    threads.run_rows(x.len() / channels, channels, |pixels| {
        let x = &x[pixels.start * channels..pixels.end * channels];
        #[allow(unsafe_code, reason = "disjoint parts of the output")]
        // SAFETY: each task writes its own part.
        let out = unsafe { out.part(pixels.start * channels, x.len()) };
        affine_pixels(kernels, x, affine.mean, affine.factor, affine.beta, out);
        Ok(())
    })
}
