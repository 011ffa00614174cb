//! Attention: splitting rows into heads, and each head by itself.

use dfsn_consensus::exact::{LIMIT_VALUE, Op, OpKind, TensorId, score_factor};

use super::{Executor, Held, not_finite, quantiser};
use crate::exact::ExactError;
use crate::exact::simd::activation::round_to_i32;
use crate::exact::simd::{Attention, Head, HeadPlace, Shared, Threads, attend};

/// Rows that one task looks through.
const BLOCK_ROWS: usize = 256;

impl Executor<'_> {
    /// All rows at once.
    pub(super) fn head_max(&mut self, op: &Op) -> Result<(), ExactError> {
        let part = self.writer(self.input(op, 0)?)?;
        let OpKind::HeadMaxPart { heads } = part.kind else { return Err(self.missing("heads")) };
        let id = self.input(part, 0)?;
        let (x, spec) = (self.floats(id)?, self.spec(id)?);
        let (rows, width) = (spec.rows(), spec.width());
        let blocks = rows.div_ceil(BLOCK_ROWS);
        let parts = self.threads.map(self.images * blocks, |index| {
            let (image, block) = (index / blocks, index % blocks);
            let first = image * rows + block * BLOCK_ROWS;
            let last = (image + 1) * rows;
            let mut max = vec![0_u32; heads];
            for row in x[first * width..last.min(first + BLOCK_ROWS) * width].chunks_exact(width) {
                for (values, max) in row.chunks_exact(width / heads).zip(&mut max) {
                    *max = values.iter().fold(*max, |max, value| max.max(value.to_bits() & 0x7fff_ffff));
                }
            }
            Ok(max)
        })?;
        let joined = parts.chunks_exact(blocks).flat_map(|parts| {
            (0..heads).map(move |head| parts.iter().map(|max| max[head]).max().unwrap_or(0))
        });
        let max: Vec<u32> = joined.collect();
        if max.iter().any(|max| *max >= f32::INFINITY.to_bits()) {
            return Err(not_finite());
        }
        self.put(op, 0, Held::Max(max))
    }

    pub(super) fn head_quant(
        &mut self,
        op: &Op,
        heads: usize,
        limit: i32,
        transposed: bool,
    ) -> Result<(), ExactError> {
        let id = self.input(op, 0)?;
        let (x, spec) = (self.floats(id)?, self.spec(id)?);
        let (rows, width) = (spec.rows(), spec.width());
        let depth = width / heads;
        let max = self.max(self.input(op, 1)?)?;
        let factors =
            max.iter().map(|max| Ok(quantiser(*max, limit)?.r)).collect::<Result<Vec<_>, ExactError>>()?;
        let mut values = self.new_shorts(self.images * rows * width);
        let shared = Shared::new(&mut values);
        self.threads.run(self.images * heads, |index| {
            let x = &x[index / heads * rows * width + index % heads * depth..];
            #[allow(unsafe_code, reason = "disjoint parts of the output")]
            // SAFETY: each head is one task's.
            let values = unsafe { shared.part(index * rows * depth, rows * depth) };
            split_head(x, width, depth, rows, factors[index], transposed, values);
            Ok(())
        })?;
        self.put(op, 0, Held::Shorts(values))
    }

    pub(super) fn attention(&mut self, op: &Op, causal: bool) -> Result<(), ExactError> {
        let &[query, max_query, key, max_key, value, max_value] = op.inputs.as_slice() else {
            return Err(self.missing("input"));
        };
        let out = self.attention_over([query, key, value], [max_query, max_key, max_value], causal)?;
        self.put(op, 0, Held::Floats(out))
    }

    /// With the scores, a few rows at a time.
    pub(super) fn attend(&mut self, op: &Op) -> Result<(), ExactError> {
        let &[scores, max_query, max_key, value, max_value] = op.inputs.as_slice() else {
            return Err(self.missing("input"));
        };
        let &[query, key] = self.writer(scores)?.inputs.as_slice() else {
            return Err(self.missing("scores"));
        };
        let out = self.attention_over([query, key, value], [max_query, max_key, max_value], false)?;
        self.put(op, 0, Held::Floats(out))
    }

    fn attention_over(
        &self,
        [query_id, key_id, value_id]: [TensorId; 3],
        maxima: [TensorId; 3],
        causal: bool,
    ) -> Result<Vec<f32>, ExactError> {
        let (&[heads, rows, depth], &[_, tokens, _]) =
            (self.spec(query_id)?.dims.as_slice(), self.spec(key_id)?.dims.as_slice())
        else {
            return Err(self.missing("heads"));
        };
        let (query, key, value) = (self.shorts(query_id)?, self.shorts(key_id)?, self.shorts(value_id)?);
        let [max_query, max_key, max_value] = maxima.map(|id| self.max(id));
        let (max_query, max_key, max_value) = (max_query?, max_key?, max_value?);
        let count = self.images * heads;
        let numbers = (0..count).map(|index| {
            Ok(Attention {
                c: score_factor(max_query[index], max_key[index], depth),
                value_scale: quantiser(max_value[index], LIMIT_VALUE)?.s,
                causal,
            })
        });
        let numbers = numbers.collect::<Result<Vec<_>, ExactError>>()?;
        let kernels = self.kernels;
        let mut out = self.new_floats(count * rows * depth);
        let shared = Shared::new(&mut out);
        let one = |index: usize, threads: Threads<'_>| {
            let head = Head {
                q: &query[index * rows * depth..][..rows * depth],
                k: &key[index * tokens * depth..][..tokens * depth],
                v: &value[index * tokens * depth..][..tokens * depth],
                d: depth,
            };
            let place = HeadPlace {
                start: index / heads * rows * heads * depth + index % heads * depth,
                stride: heads * depth,
            };
            attend(kernels, &head, &numbers[index], &shared, place, threads)
        };
        // Heads side by side where there are enough, else each by all threads.
        let threads = self.threads.worth(2 * count * rows * tokens * depth);
        if count >= threads.count() {
            threads.run(count, |index| one(index, Threads::Caller))?;
        } else {
            (0..count).try_for_each(|index| one(index, threads))?;
        }
        Ok(out)
    }
}

/// Rows that are turned at once, while they are in the nearest cache.
const TURNED_ROWS: usize = 64;

/// One head of rows `[row][width]`, quantised, as `[row][depth]` or `[depth][row]`.
fn split_head(
    x: &[f32],
    width: usize,
    depth: usize,
    rows: usize,
    factor: f32,
    transposed: bool,
    values: &mut [i16],
) {
    // In the limit, and so in i16.
    let quantised = |x: f32| round_to_i32(x * factor) as i16;
    if !transposed {
        for (values, x) in values.chunks_exact_mut(depth).zip(x.chunks(width)) {
            values.iter_mut().zip(x).for_each(|(value, x)| *value = quantised(*x));
        }
        return;
    }
    for first in (0..rows).step_by(TURNED_ROWS) {
        let last = rows.min(first + TURNED_ROWS);
        for channel in 0..depth {
            let column = x[first * width + channel..].iter().step_by(width);
            let values = values[channel * rows + first..channel * rows + last].iter_mut();
            values.zip(column).for_each(|(value, x)| *value = quantised(*x));
        }
    }
}
