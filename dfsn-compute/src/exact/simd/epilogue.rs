//! From exact sums to what the operation returns.

use super::SimdError;
use super::dispatch::for_each_isa;
use super::error::{expect_len, expect_range};
use std::sync::atomic::{AtomicI32, Ordering};

/// The scale of the activations.
#[derive(Clone, Copy, Debug)]
pub enum Scale<'a> {
    /// One for all rows.
    One(f32),
    /// One for each row.
    Rows(&'a [f32]),
}

/// What follows the exact sum v: `y = RN32(RN64(f64(v) * f64(weights[n])) * f64(activations))`, then bias, `temb` and
/// residual, each added and rounded once, in this order.
#[derive(Debug)]
pub struct Epilogue<'a> {
    /// Scale of each column.
    pub weights: &'a [f32],
    /// Scale of the rows.
    pub activations: Scale<'a>,
    /// One for each column.
    pub bias: Option<&'a [f32]>,
    /// `[image][column]`: the time embedding.
    pub temb: Option<&'a [f32]>,
    /// `[row][column]`.
    pub residual: Option<&'a [f32]>,
    /// Filled with the range of each image and column of the result.
    pub bounds: Option<&'a ChannelBounds>,
    /// Consecutive rows that belong to one image.
    pub rows_per_image: usize,
}

impl<'a> Epilogue<'a> {
    /// Scales alone, for one image.
    #[must_use]
    pub fn new(weights: &'a [f32], activations: Scale<'a>, rows: usize) -> Self {
        Self {
            weights,
            activations,
            bias: None,
            temb: None,
            residual: None,
            bounds: None,
            rows_per_image: rows,
        }
    }

    pub(crate) fn check(&self, rows: usize, columns: usize) -> Result<(), SimdError> {
        expect_range("rows of an image", self.rows_per_image, 1, rows)?;
        let images = rows.div_ceil(self.rows_per_image);
        expect_len("the weights' scales", self.weights.len(), columns)?;
        if let Scale::Rows(scales) = self.activations {
            expect_len("the activations' scales", scales.len(), rows)?;
        }
        if let Some(bias) = self.bias {
            expect_len("bias", bias.len(), columns)?;
        }
        if let Some(temb) = self.temb {
            expect_len("temb", temb.len(), images * columns)?;
        }
        if let Some(residual) = self.residual {
            expect_len("residual", residual.len(), rows * columns)?;
        }
        if let Some(bounds) = self.bounds {
            expect_len("channel bounds", bounds.min.len(), images * columns)?;
        }
        Ok(())
    }
}

/// The least and the largest sort key of each image and channel, filled by kernels from any thread.
///
/// A key is `bits ^ ((bits >> 31) & 0x7fffffff)` as i32: it orders floats as numbers do, with -0 below 0.
#[derive(Debug)]
pub struct ChannelBounds {
    min: Vec<AtomicI32>,
    max: Vec<AtomicI32>,
}

impl ChannelBounds {
    /// Of nothing yet: each minimum is `i32::MAX` and each maximum `i32::MIN`.
    #[must_use]
    pub fn new(images: usize, channels: usize) -> Self {
        let filled = |key| (0..images * channels).map(|_| AtomicI32::new(key)).collect();
        Self { min: filled(i32::MAX), max: filled(i32::MIN) }
    }

    /// The least keys and the largest, `[image][channel]` each.
    #[must_use]
    pub fn into_keys(self) -> (Vec<i32>, Vec<i32>) {
        let plain = |keys: Vec<AtomicI32>| keys.into_iter().map(AtomicI32::into_inner).collect();
        (plain(self.min), plain(self.max))
    }

    pub(crate) fn len(&self) -> usize {
        self.min.len()
    }

    /// Takes in the bounds of some of the channels.
    pub(crate) fn merge(&self, first: usize, min: &[i32], max: &[i32]) {
        for (cell, &key) in self.min[first..].iter().zip(min) {
            cell.fetch_min(key, Ordering::Relaxed);
        }
        for (cell, &key) in self.max[first..].iter().zip(max) {
            cell.fetch_max(key, Ordering::Relaxed);
        }
    }
}

/// The sort key of a float.
#[inline(always)]
pub(crate) fn key(x: f32) -> i32 {
    let bits = x.to_bits() as i32;
    bits ^ ((bits >> 31) & 0x7fff_ffff)
}

for_each_isa! {
    /// The scaled row of a tile.
    pub(crate) fn scale_row(
        high: &[i32],
        low: &[i32],
        weights: &[f32],
        activations: f32,
        out: &mut [f32],
    ) {
        let scale = f64::from(activations);
        for (((y, &high), &low), &weight) in out.iter_mut().zip(high).zip(low).zip(weights) {
            let sum = f64::from(high) * 65536.0 + f64::from(low);
            *y = (sum * f64::from(weight) * scale) as f32;
        }
    }
}

for_each_isa! {
    /// One more term of a row.
    pub(crate) fn add_row(out: &mut [f32], term: &[f32]) {
        for (y, &term) in out.iter_mut().zip(term) {
            *y += term;
        }
    }
}

for_each_isa! {
    /// The keys of a row into the range of its columns.
    pub(crate) fn bound_row(row: &[f32], min: &mut [i32], max: &mut [i32]) {
        for ((&y, min), max) in row.iter().zip(min).zip(max) {
            let key = key(y);
            *min = (*min).min(key);
            *max = (*max).max(key);
        }
    }
}

for_each_isa! {
    /// Sums shifted right, as scores are kept. They fit i32.
    pub(crate) fn score_row(high: &[i32], low: &[i32], shift: u32, out: &mut [i32]) {
        for ((score, &high), &low) in out.iter_mut().zip(high).zip(low) {
            // The low half may hold a whole chunk: its own high bits first join the others.
            let high = high.wrapping_add(low >> 16);
            *score = high.wrapping_shl(16 - shift).wrapping_add((low & 0xffff) >> shift);
        }
    }
}

for_each_isa! {
    /// Sums as they are, exact in f64.
    pub(crate) fn sum_row(high: &[i32], low: &[i32], out: &mut [f64]) {
        for ((sum, &high), &low) in out.iter_mut().zip(high).zip(low) {
            *sum = f64::from(high) * 65536.0 + f64::from(low);
        }
    }
}
