//! Tensors as the definition has them, for those who hash or show them: where a kernel does several ops at once, what it
//! leaves out is computed here, slowly.

use dfsn_consensus::exact::quantise::{Scale, from_sort_key, quantise, sort_key};
use dfsn_consensus::exact::{
    JOINED_BLOCKS, LIMIT_STATISTICS, Op, OpKind, TensorData, TensorId, TensorSpec, block_rows, score_shift,
};

use super::{Executor, Extremes, Held};
use crate::exact::ExactError;

impl Executor<'_> {
    /// All outputs of an op that was executed, for one image.
    pub(in crate::exact) fn tensors_of(&self, op: usize) -> Result<Vec<(TensorId, TensorData)>, ExactError> {
        let op = self.program.ops().get(op).ok_or_else(|| self.missing("operation"))?;
        let mut tensors = Vec::with_capacity(op.outputs.len());
        for id in &op.outputs {
            let spec = self.spec(*id)?;
            let data = match &op.kind {
                OpKind::MinMaxPart => self.min_max_parts(op)?,
                OpKind::MinMaxJoin => self.joined_extremes(op)?,
                OpKind::SumPart { groups } => self.sum_parts(op, *groups)?,
                OpKind::SumJoin => self.joined_sums(op)?,
                OpKind::HeadMaxPart { heads } => self.head_max_parts(op, *heads)?,
                OpKind::Scores => self.scores(op)?,
                _ => self.held_data(*id, spec)?,
            };
            if data.len() != spec.len() || data.element() != spec.element {
                return Err(self.missing("tensor"));
            }
            tensors.push((*id, data));
        }
        Ok(tensors)
    }

    fn held_data(&self, id: TensorId, spec: &TensorSpec) -> Result<TensorData, ExactError> {
        Ok(match &self.held[id.index()] {
            Some(Held::Floats(floats)) => TensorData::from_floats(floats),
            Some(Held::Ids { ids, .. }) => TensorData::I32(ids.clone()),
            Some(Held::Shorts(values)) => TensorData::I16(inner(values, spec)),
            Some(Held::Max(max)) => TensorData::F32(max.clone()),
            Some(Held::Extremes(Extremes { min, max })) => {
                TensorData::I32(min.iter().zip(max).flat_map(|(min, max)| [*min, *max]).collect())
            }
            Some(Held::Stats(stats)) => {
                let both = stats.iter().flat_map(|stats| [stats.mean, stats.rstd]).collect::<Vec<_>>();
                TensorData::from_floats(&both)
            }
            _ => return Err(self.missing("tensor")),
        })
    }

    /// Least and greatest key of each channel and block of pixels.
    fn min_max_parts(&self, op: &Op) -> Result<TensorData, ExactError> {
        let id = self.input(op, 0)?;
        let (x, channels) = (self.floats(id)?, self.spec(id)?.width());
        let blocks: Vec<&[f32]> = x.chunks(block_rows(channels) * channels).collect();
        let mut parts = Vec::with_capacity(channels * blocks.len() * 2);
        for channel in 0..channels {
            for block in &blocks {
                let keys = block.iter().skip(channel).step_by(channels).map(|x| sort_key(canonical(*x)));
                let (least, greatest) = keys
                    .fold((i32::MAX, i32::MIN), |(least, greatest), key| (least.min(key), greatest.max(key)));
                parts.extend([least, greatest]);
            }
        }
        Ok(TensorData::I32(parts))
    }

    fn joined_extremes(&self, op: &Op) -> Result<TensorData, ExactError> {
        let input = self.input(op, 0)?;
        let part = self.writer(input)?;
        let TensorData::I32(parts) = (match part.kind {
            OpKind::MinMaxJoin => self.joined_extremes(part)?,
            _ => self.min_max_parts(part)?,
        }) else {
            return Err(self.missing("extremes"));
        };
        let blocks = self.blocks(input)?;
        let joined = parts.chunks(2 * blocks).flat_map(|scope| {
            scope.chunks(2 * JOINED_BLOCKS).flat_map(|part| {
                let least = part.iter().step_by(2).copied().min().unwrap_or(i32::MAX);
                [least, part.iter().skip(1).step_by(2).copied().max().unwrap_or(i32::MIN)]
            })
        });
        Ok(TensorData::I32(joined.collect()))
    }

    /// Sums of a group's quantised values and of their squares, block by block.
    fn sum_parts(&self, op: &Op, groups: usize) -> Result<TensorData, ExactError> {
        let id = self.input(op, 0)?;
        let (x, channels) = (self.floats(id)?, self.spec(id)?.width());
        let Some(Held::Extremes(Extremes { min, max })) = &self.held[self.input(op, 1)?.index()] else {
            return Err(self.missing("extremes"));
        };
        let size = channels / groups;
        let mut parts = Vec::new();
        for group in 0..groups {
            let first = group * size;
            let keys = min[first..first + size].iter().chain(&max[first..first + size]);
            let magnitude = keys.map(|key| from_sort_key(*key) & 0x7fff_ffff).max().unwrap_or(0);
            let scale = Scale::<f32>::of(magnitude, LIMIT_STATISTICS.unsigned_abs());
            for block in x.chunks(block_rows(channels) * channels) {
                let pixels = block.chunks_exact(channels).flat_map(|pixel| &pixel[first..first + size]);
                let sums = pixels.map(|x| i64::from(quantise(*x, &scale))).fold((0, 0), |(s1, s2), value| {
                    // Below 2^42 and 2^61 (EXA-08).
                    (s1 + value, s2 + value * value)
                });
                parts.extend([sums.0, sums.1]);
            }
        }
        Ok(TensorData::I64(parts))
    }

    fn joined_sums(&self, op: &Op) -> Result<TensorData, ExactError> {
        let input = self.input(op, 0)?;
        let part = self.writer(input)?;
        let TensorData::I64(parts) = (match part.kind {
            OpKind::SumPart { groups } => self.sum_parts(part, groups)?,
            _ => self.joined_sums(part)?,
        }) else {
            return Err(self.missing("sums"));
        };
        let blocks = self.blocks(input)?;
        let joined = parts.chunks(2 * blocks).flat_map(|scope| {
            scope
                .chunks(2 * JOINED_BLOCKS)
                .flat_map(|part| [part.iter().step_by(2).sum::<i64>(), part.iter().skip(1).step_by(2).sum()])
        });
        Ok(TensorData::I64(joined.collect()))
    }

    /// Blocks of a reduction `[scope][block][2]`.
    fn blocks(&self, id: TensorId) -> Result<usize, ExactError> {
        match self.spec(id)?.dims.as_slice() {
            &[_, blocks, _] => Ok(blocks),
            _ => Err(self.missing("blocks")),
        }
    }

    fn head_max_parts(&self, op: &Op, heads: usize) -> Result<TensorData, ExactError> {
        let id = self.input(op, 0)?;
        let (x, width) = (self.floats(id)?, self.spec(id)?.width());
        let depth = width / heads;
        let mut parts = Vec::new();
        for head in 0..heads {
            for block in x.chunks(block_rows(width) * width) {
                let values = block.chunks_exact(width).flat_map(|row| &row[head * depth..(head + 1) * depth]);
                parts.push(values.map(|x| x.to_bits() & 0x7fff_ffff).max().unwrap_or(0));
            }
        }
        Ok(TensorData::F32(parts))
    }

    fn scores(&self, op: &Op) -> Result<TensorData, ExactError> {
        let (query, key) = (self.input(op, 0)?, self.input(op, 1)?);
        let (&[heads, rows, depth], &[_, tokens, _]) =
            (self.spec(query)?.dims.as_slice(), self.spec(key)?.dims.as_slice())
        else {
            return Err(self.missing("heads"));
        };
        let (query, key) = (self.shorts(query)?, self.shorts(key)?);
        let shift = score_shift(depth);
        let by_row = self.threads.map(heads * rows, |row| {
            let keys = &key[row / rows * tokens * depth..][..tokens * depth];
            let query = &query[row * depth..][..depth];
            let score = |key: &[i16]| {
                let products = query.iter().zip(key).map(|(q, k)| i64::from(i32::from(*q) * i32::from(*k)));
                // Below 2^31 by the choice of the shift.
                (products.sum::<i64>() >> shift) as i32
            };
            Ok(keys.chunks_exact(depth).map(score).collect::<Vec<i32>>())
        })?;
        Ok(TensorData::I32(by_row.concat()))
    }
}

/// Processors differ in the bits of a NaN (EXA-02).
const fn canonical(x: f32) -> u32 {
    if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() }
}

/// Quantised images are held with a border of zeros.
fn inner(values: &[i16], spec: &TensorSpec) -> Vec<i16> {
    match spec.dims.as_slice() {
        &[height, width, channels] if values.len() == (height + 2) * (width + 2) * channels => {
            let rows = values.chunks_exact((width + 2) * channels).skip(1).take(height);
            rows.flat_map(|row| &row[channels..(width + 1) * channels]).copied().collect()
        }
        _ => values.to_vec(),
    }
}
