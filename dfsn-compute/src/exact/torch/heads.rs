//! Attention: heads quantised each by its own scale, scores as integers, weights as integers.

use std::ops::Range;

use dfsn_consensus::exact::activation::weight_offset;
use dfsn_consensus::exact::{LIMIT_QUERY, LIMIT_VALUE, block_rows, score_kappa, score_shift};

use super::activation::attention_weights;
use super::array::Array;
use super::number::{SHORTS, Scale, magnitudes, quantise, refuse_infinite};
use super::{At, Fault, Result};

/// Scores that are held at a time.
const PIECE: usize = 1 << 24;

/// Sizes of one attention.
#[derive(Clone, Copy)]
struct Sizes {
    heads: usize,
    rows: usize,
    tokens: usize,
    depth: usize,
}

impl Sizes {
    /// Rows whose scores are held together.
    fn pieces(self) -> impl Iterator<Item = Range<usize>> {
        let piece = (PIECE / (self.heads * self.tokens).max(1)).max(1);
        (0..self.rows).step_by(piece).map(move |first| first..self.rows.min(first + piece))
    }
}

impl At<'_> {
    pub(super) fn head_max_part(&self, heads: usize) -> Result<Array<f32>> {
        let spec = self.spec(0)?;
        let (rows, width) = (spec.rows(), spec.width());
        let block = block_rows(width);
        let max = magnitudes(&self.floats(0)?.reshape(&[rows, heads, width / heads.max(1)])?)?.greatest(2)?;
        let max = max.reshape(&[rows, heads])?;
        let max = max.padded(0, block, &max.constant(0_i32)?.reshape(&[1, 1])?)?;
        let max = max.reshape(&[rows.div_ceil(block), block, heads])?.greatest(1)?;
        Ok(max.reshape(&[rows.div_ceil(block), heads])?.permute(&[1, 0])?.floats()?)
    }

    pub(super) fn head_max(&self) -> Result<Array<f32>> {
        let max = magnitudes(&self.float_rows(0)?)?.greatest(1)?;
        refuse_infinite(&max)?;
        Ok(max.floats()?)
    }

    pub(super) fn head_quant(&self, heads: usize, limit: i32, transposed: bool) -> Result<Array<i16>> {
        let spec = self.spec(0)?;
        let (rows, width) = (spec.rows(), spec.width());
        let x = self.floats(0)?.reshape(&[rows, heads, width / heads.max(1)])?;
        let scale = Scale::of(&self.floats(1)?.reshape(&[heads, 1])?, limit)?;
        let q = quantise(&x, &scale.r, SHORTS)?.to_shorts()?;
        Ok(q.permute(if transposed { &[1, 2, 0] } else { &[1, 0, 2] })?)
    }

    pub(super) fn attention(&self, causal: bool) -> Result<Array<f32>> {
        let sizes = self.sizes(0, 2)?;
        let factor = self.factor(1, 3, sizes)?;
        let keys = self.shorts(2)?.to_doubles()?.permute(&[0, 2, 1])?;
        let pieces = sizes.pieces().map(|rows| {
            let scores = self.scores_of(&keys, rows.clone(), sizes)?;
            self.means(&scores, &factor, 4, causal.then_some(rows), sizes)
        });
        joined(pieces.collect::<Result<Vec<_>>>()?)
    }

    pub(super) fn scores(&self) -> Result<Array<i32>> {
        let sizes = self.sizes(0, 1)?;
        let keys = self.shorts(1)?.to_doubles()?.permute(&[0, 2, 1])?;
        let pieces = sizes.pieces().map(|rows| Ok(self.scores_of(&keys, rows, sizes)?.to_ints()?));
        let pieces = pieces.collect::<Result<Vec<_>>>()?;
        Ok(Array::concat(&pieces.iter().collect::<Vec<_>>(), 1)?)
    }

    pub(super) fn attend(&self) -> Result<Array<f32>> {
        let (&[heads, rows, tokens], &[_, depth, _]) =
            (self.spec(0)?.dims.as_slice(), self.spec(3)?.dims.as_slice())
        else {
            return Err(Fault::Missing("scores"));
        };
        let sizes = Sizes { heads, rows, tokens, depth };
        let factor = self.factor(1, 2, sizes)?;
        let pieces = sizes.pieces().map(|rows| {
            let scores = self.ints(0)?.narrow(1, rows.start, rows.len())?.to_longs()?;
            self.means(&scores, &factor, 3, None, sizes)
        });
        joined(pieces.collect::<Result<Vec<_>>>()?)
    }

    fn sizes(&self, queries: usize, keys: usize) -> Result<Sizes> {
        match (self.spec(queries)?.dims.as_slice(), self.spec(keys)?.dims.as_slice()) {
            (&[heads, rows, depth], &[_, tokens, _]) => Ok(Sizes { heads, rows, tokens, depth }),
            _ => Err(Fault::Missing("heads")),
        }
    }

    /// Scores of some rows of the queries, input 0, with keys `[heads][depth][tokens]`; below 2^31 by the choice of the
    /// shift.
    fn scores_of(&self, keys: &Array<f64>, rows: Range<usize>, sizes: Sizes) -> Result<Array<i64>> {
        let queries = self.shorts(0)?.narrow(1, rows.start, rows.len())?.to_doubles()?;
        let sums = queries.product_of_integers(keys)?.to_longs()?;
        Ok(sums.shift_right(&sums.constant(i64::from(score_shift(sizes.depth)))?)?)
    }

    /// What a unit of the halved differences of scores counts in powers of two, `[heads][1][1]`; from the inputs with
    /// the largest magnitudes.
    fn factor(&self, queries: usize, keys: usize, sizes: Sizes) -> Result<Array<f32>> {
        let scale = |position| -> Result<Array<f64>> {
            Ok(Scale::of(self.floats(position)?, LIMIT_QUERY)?.s.to_doubles()?)
        };
        let product = scale(queries)?.mul(&scale(keys)?)?;
        let kappa = product.constant(score_kappa::<f64>(sizes.depth))?;
        let factor = product.mul(&kappa)?.to_singles()?;
        refuse_infinite(&magnitudes(&factor)?)?;
        Ok(factor.reshape(&[sizes.heads, 1, 1])?)
    }

    /// The values' means, weighed by scores `[heads][rows][tokens]`: `[heads][rows][depth]`. The values are input
    /// `values`, their largest magnitudes the next one. With a causal mask, `causal` says which rows these are.
    fn means(
        &self,
        scores: &Array<i64>,
        factor: &Array<f32>,
        values: usize,
        causal: Option<Range<usize>>,
        sizes: Sizes,
    ) -> Result<Array<f32>> {
        let Sizes { heads, tokens, .. } = sizes;
        let hidden = match causal {
            None => None,
            Some(rows) => {
                let row: Vec<i64> = rows.map(|row| row as i64).collect();
                let key: Vec<i64> = (0..tokens as i64).collect();
                let row = scores.beside(&row, &[1, row.len(), 1])?;
                Some(row.less(&scores.beside(&key, &[1, 1, tokens])?)?)
            }
        };
        let seen = match &hidden {
            None => scores.greatest(2)?,
            Some(hidden) => hidden.choose(&scores.constant(i64::MIN)?, scores)?.greatest(2)?,
        };
        // The weight of a hidden key is computed, too, and then left out.
        let distance = seen.sub(scores)?.and(&scores.constant(i64::from(u32::MAX))?)?;
        let offsets: Vec<i32> = (0..tokens as u32).map(weight_offset).collect();
        let weights = attention_weights(&distance, factor, &scores.beside(&offsets, &[1, 1, tokens])?)?;
        let weights = match &hidden {
            None => weights,
            Some(hidden) => hidden.choose(&weights.constant(0_i32)?, &weights)?,
        };
        // At most 131,072 products below 2^26.
        let values_of = self.shorts(values)?.to_doubles()?.permute(&[0, 2, 1])?;
        let sums = weights.to_doubles()?.product_of_integers(&values_of)?;
        let max = self.floats(values + 1)?.reshape(&[heads, 1, 1])?;
        let scale = Scale::of(&max, LIMIT_VALUE)?.s.to_doubles()?;
        Ok(sums.div(&weights.sum(2)?.to_doubles()?)?.mul(&scale)?.to_singles()?)
    }
}

/// From pieces `[heads][rows][depth]` to `[rows][heads][depth]`.
fn joined(pieces: Vec<Array<f32>>) -> Result<Array<f32>> {
    let all = Array::concat(&pieces.iter().collect::<Vec<_>>(), 1)?;
    Ok(all.permute(&[1, 0, 2])?)
}
