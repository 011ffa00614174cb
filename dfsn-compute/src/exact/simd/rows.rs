//! Operations on rows, each with a scale of its own: the inputs of linear layers.

use super::activation::{geglu_row, round_to_i32};
use super::dispatch::for_each_isa;
use super::error::{expect_len, expect_range};
use super::norm::Moments;
use super::quantise::{Quantiser, STATISTICS_LIMIT, max_bits_slice, quantise_slice};
use super::shared::Shared;
use super::{Kernels, SimdError, Threads};

/// Where quantised rows go.
#[derive(Debug)]
pub struct QuantisedRows<'a> {
    /// `[row][k]`
    pub q: &'a mut [i16],
    /// The largest magnitude of each row, as bits.
    pub max: &'a mut [u32],
    /// The largest |q|.
    pub limit: u16,
}

/// Quantises each row of `x[row][k]`.
///
/// # Errors
/// If the shapes do not fit, an element is not finite, or a thread's floating-point environment is not the default.
pub fn quantise_rows(
    kernels: Kernels,
    x: &[f32],
    k: usize,
    out: QuantisedRows<'_>,
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    for_each_row(x, k, k, out, threads, |x, _, q, limit| quantise_row(kernels, x, limit, q))
}

/// LayerNorm of each row of `x[row][gamma.len()]`, quantised.
///
/// # Errors
/// As [`quantise_rows`].
#[allow(clippy::too_many_arguments, reason = "a fused operation with all that it reads")]
pub fn layer_norm_rows(
    kernels: Kernels,
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    eps: f64,
    out: QuantisedRows<'_>,
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    let k = gamma.len();
    expect_len("beta", beta.len(), k)?;
    for_each_row(x, k, k, out, threads, |x, y, q, limit| {
        let Moments { mean, rstd } = row_moments(kernels, x, eps)?;
        affine_row(kernels, x, mean, rstd, gamma, beta, y);
        quantise_row(kernels, y, limit, q)
    })
}

/// GEGLU of each row of `x[row][2 * k]`, the values first and then their gates, quantised.
///
/// # Errors
/// As [`quantise_rows`].
pub fn geglu_rows(
    kernels: Kernels,
    x: &[f32],
    k: usize,
    out: QuantisedRows<'_>,
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    for_each_row(x, 2 * k, k, out, threads, |x, y, q, limit| {
        let (value, gate) = x.split_at(k);
        geglu_row(kernels, value, gate, y);
        quantise_row(kernels, y, limit, q)
    })
}

for_each_isa! {
    fn row_sums(x: &[f32], r: f32) -> (i64, i64) {
        let (mut s1, mut s2) = (0_i64, 0_i64);
        for &x in x {
            let q = i64::from(round_to_i32(x * r));
            s1 = s1.wrapping_add(q);
            s2 = s2.wrapping_add(q.wrapping_mul(q));
        }
        (s1, s2)
    }
}

for_each_isa! {
    fn affine_row(x: &[f32], mean: f32, rstd: f32, gamma: &[f32], beta: &[f32], out: &mut [f32]) {
        for (((y, &x), &gamma), &beta) in out.iter_mut().zip(x).zip(gamma).zip(beta) {
            *y = (x - mean) * (rstd * gamma) + beta;
        }
    }
}

/// What a row has wrong, as an index in it.
struct Bad(usize);

fn row_moments(kernels: Kernels, x: &[f32], eps: f64) -> Result<Moments, Bad> {
    let scale = quantiser(x, max_bits_slice(kernels, x), STATISTICS_LIMIT)?;
    let (s1, s2) = row_sums(kernels, x, scale.r);
    // Rows are bounded to 2^20.
    Ok(Moments::new(s1, s2, x.len() as u32, scale.s, eps))
}

fn quantise_row(kernels: Kernels, x: &[f32], limit: u16, q: &mut [i16]) -> Result<u32, Bad> {
    let max = max_bits_slice(kernels, x);
    let scale = quantiser(x, max, u32::from(limit))?;
    quantise_slice(kernels, x, scale.r, q);
    Ok(max)
}

fn quantiser(x: &[f32], max: u32, limit: u32) -> Result<Quantiser, Bad> {
    Quantiser::new(max, limit).ok_or_else(|| Bad(x.iter().position(|x| !x.is_finite()).unwrap_or(0)))
}

/// `row(x, scratch, q, limit)` for each; it returns the row's largest magnitude.
fn for_each_row(
    x: &[f32],
    from: usize,
    k: usize,
    out: QuantisedRows<'_>,
    threads: Threads<'_>,
    row: impl Fn(&[f32], &mut [f32], &mut [i16], u16) -> Result<u32, Bad> + Sync,
) -> Result<(), SimdError> {
    expect_range("the length of a row", k, 1, 1 << 20)?;
    expect_range("the limit", usize::from(out.limit), 1, i16::MAX as usize)?;
    let rows = out.max.len();
    expect_len("the input", x.len(), rows * from)?;
    expect_len("the output", out.q.len(), rows * k)?;
    let (q, max, limit) = (Shared::new(out.q), Shared::new(out.max), out.limit);
    threads.run_rows(rows, from, |rows| {
        let mut scratch = vec![0.0; k];
        for index in rows {
            #[allow(unsafe_code, reason = "disjoint parts of the outputs")]
            // SAFETY: each row is written once.
            let (q, max) = unsafe { (q.part(index * k, k), max.part(index, 1)) };
            let x = &x[index * from..][..from];
            max[0] = row(x, &mut scratch, q, limit)
                .map_err(|Bad(at)| SimdError::NotFinite { element: index * from + at })?;
        }
        Ok(())
    })
}
