//! GroupNorm over an image, in pieces: extremes of channels, sums of groups, statistics, the normalised image.

use dfsn_consensus::exact::norm::SILU_BELOW_ZERO;
use dfsn_consensus::exact::{Affine, JOINED_BLOCKS, LIMIT_RAW, LIMIT_ROW, LIMIT_STATISTICS, block_rows};

use super::activation::silu;
use super::array::{Array, Integer};
use super::norm::{normalise, statistics};
use super::number::{SHORTS, Scale, magnitudes, quantise, refuse_infinite, sort_keys};
use super::{At, Fault, Result};

const INFINITY: i32 = 0x7f80_0000;

impl At<'_> {
    pub(super) fn min_max_part(&self) -> Result<Array<i32>> {
        let spec = self.spec(0)?;
        let (pixels, channels) = (spec.rows(), spec.width());
        let block = block_rows(channels);
        let keys = sort_keys(&self.float_rows(0)?.bits()?)?;
        // The last pixel once more changes no extreme.
        let keys = keys.padded(0, block, &keys.narrow(0, pixels.saturating_sub(1), 1)?)?;
        let keys = keys.reshape(&[pixels.div_ceil(block), block, channels])?;
        Ok(Array::concat(&[&keys.least(1)?, &keys.greatest(1)?], 1)?.permute(&[2, 0, 1])?)
    }

    pub(super) fn min_max_join(&self) -> Result<Array<i32>> {
        let (scopes, blocks) = self.blocks()?;
        let parts = self.ints(0)?;
        let parts = joined(parts, scopes, blocks, &parts.narrow(1, blocks.saturating_sub(1), 1)?)?;
        let (least, greatest) = (parts.narrow(3, 0, 1)?.least(2)?, parts.narrow(3, 1, 1)?.greatest(2)?);
        Ok(Array::concat(&[&least, &greatest], 3)?)
    }

    pub(super) fn sum_join(&self) -> Result<Array<i64>> {
        let (scopes, blocks) = self.blocks()?;
        let parts = self.longs(0)?;
        joined(parts, scopes, blocks, &parts.constant(0_i64)?.reshape(&[1, 1, 1])?)?
            .sum(2)
            .map_err(Into::into)
    }

    /// Scopes and blocks of a reduction `[scope][block][2]`.
    fn blocks(&self) -> Result<(usize, usize)> {
        match self.spec(0)?.dims.as_slice() {
            &[scopes, blocks, _] => Ok((scopes, blocks)),
            _ => Err(Fault::Missing("blocks")),
        }
    }

    pub(super) fn min_max(&self) -> Result<Array<i32>> {
        let parts = self.ints(0)?;
        let (least, greatest) = (parts.narrow(2, 0, 1)?.least(1)?, parts.narrow(2, 1, 1)?.greatest(1)?);
        Ok(Array::concat(&[&least, &greatest], 2)?)
    }

    pub(super) fn image_max(&self) -> Result<Array<f32>> {
        channels_max(self.ints(0)?, 1)?.floats().map_err(Into::into)
    }

    pub(super) fn quant_image(&self) -> Result<Array<i16>> {
        let scale = Scale::of(self.floats(1)?, LIMIT_RAW)?;
        Ok(quantise(self.floats(0)?, &scale.r, SHORTS)?.to_shorts()?)
    }

    pub(super) fn sum_part(&self, groups: usize) -> Result<Array<i64>> {
        let spec = self.spec(0)?;
        let (pixels, channels) = (spec.rows(), spec.width());
        let size = channels / groups.max(1);
        let max = channels_max(self.ints(1)?, groups)?.floats()?;
        let x = self.floats(0)?.reshape(&[pixels, groups, size])?;
        let r = Scale::of(&max, LIMIT_STATISTICS)?.r;
        let q = quantise(&x, &r, [-LIMIT_STATISTICS, LIMIT_STATISTICS])?.to_longs()?;
        let block = block_rows(channels);
        let sums = |values: &Array<i64>| -> Result<Array<i64>> {
            // Of a pixel's group first, then of the pixels of a block.
            let sums = values.sum(2)?.reshape(&[pixels, groups])?;
            let sums = sums.padded(0, block, &sums.constant(0_i64)?.reshape(&[1, 1])?)?;
            Ok(sums.reshape(&[pixels.div_ceil(block), block, groups])?.sum(1)?)
        };
        Ok(Array::concat(&[&sums(&q)?, &sums(&q.mul(&q)?)?], 1)?.permute(&[2, 0, 1])?)
    }

    pub(super) fn group_stats(&self, count: usize, eps: u64) -> Result<Array<f32>> {
        let (groups, _) = self.blocks()?;
        let sums = self.longs(0)?.sum(1)?.reshape(&[groups, 2])?;
        let max = channels_max(self.ints(1)?, groups)?.floats()?;
        let both = statistics(count, &sums.narrow(1, 0, 1)?, &sums.narrow(1, 1, 1)?, &max, eps)?;
        Ok(Array::concat(&both.each_ref(), 1)?)
    }

    /// Every channel's mean, factor and addend, `[channels]`; the statistics are input 1.
    pub(super) fn channel_norm(&self, affine: Affine, channels: usize) -> Result<[Array<f32>; 3]> {
        let groups = self.spec(1)?.rows();
        let stats = self.floats(1)?.reshape(&[groups, 2])?;
        let gamma = self.plain(affine.gamma)?.reshape(&[groups, channels / groups.max(1)])?;
        let (mean, rstd) = (stats.narrow(1, 0, 1)?, stats.narrow(1, 1, 1)?);
        let factor = rstd.mul(&gamma)?.reshape(&[channels])?;
        let group: Vec<i64> = (0..channels).map(|channel| (channel / (channels / groups)) as i64).collect();
        let mean = mean.rows(&mean.beside(&group, &[channels])?)?.reshape(&[channels])?;
        Ok([mean, factor, self.plain(affine.beta)?.reshape(&[channels])?])
    }

    /// The largest bound of a channel: its ends' values if they are above 0, and what is never below it.
    pub(super) fn norm_bound(&self, affine: Affine) -> Result<Array<f32>> {
        let channels = self.spec(0)?.rows();
        let [mean, factor, addend] = self.channel_norm(affine, channels)?;
        let ends = sort_keys(self.ints(0)?)?.floats()?.reshape(&[channels, 2])?.permute(&[1, 0])?;
        let y = normalise(&ends, &mean, &factor, &addend)?;
        let (bits, magnitudes) = (y.bits()?, magnitudes(&y)?);
        let least = bits.constant(SILU_BELOW_ZERO.cast_signed())?;
        let above = bits.less(&bits.constant(0_i32)?)?.choose(&least, &magnitudes)?;
        let infinity = bits.constant(INFINITY)?;
        // The pattern of a NaN is above that of infinity, which is not finite either.
        let bound = magnitudes.less(&infinity)?.choose(&above, &infinity)?.reshape(&[2 * channels])?;
        let bound = Array::concat(&[&bound, &least], 0)?.greatest(0)?;
        refuse_infinite(&bound)?;
        Ok(bound.floats()?)
    }

    pub(super) fn norm_quant_image(&self, affine: Affine) -> Result<Array<i16>> {
        let [mean, factor, addend] = self.channel_norm(affine, self.output_spec()?.width())?;
        let y = silu(&normalise(self.floats(0)?, &mean, &factor, &addend)?)?;
        let scale = Scale::of(self.floats(2)?, LIMIT_ROW)?;
        // The bound holds down to y = -4e37 only.
        Ok(quantise(&y, &scale.r, [-LIMIT_ROW, LIMIT_ROW])?.to_shorts()?)
    }
}

/// `[scopes][joined][blocks of each][2]`.
fn joined<T: Integer>(parts: &Array<T>, scopes: usize, blocks: usize, fill: &Array<T>) -> Result<Array<T>> {
    let parts = parts.padded(1, JOINED_BLOCKS, fill)?;
    Ok(parts.reshape(&[scopes, blocks.div_ceil(JOINED_BLOCKS), JOINED_BLOCKS, 2])?)
}

/// The largest magnitude of each group of channels, from their extremes, `[groups][1]`.
fn channels_max(extremes: &Array<i32>, groups: usize) -> Result<Array<i32>> {
    let magnitudes = sort_keys(extremes)?.and(&extremes.constant(i32::MAX)?)?;
    let max = magnitudes.reshape(&[groups, extremes.len() / groups.max(1)])?.greatest(1)?;
    refuse_infinite(&max)?;
    Ok(max)
}
