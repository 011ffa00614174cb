//! How long an i32 accumulator may add before it must be emptied: as long as either of two bounds says.
//!
//! The bound by limits holds for any activations: the weights' L1 norms times the largest magnitude. The bound by norms is that of
//! Cauchy and Schwarz for these activations: it allows several times as long stretches, since most numbers are far below the largest.

use super::dispatch::for_each_isa;
use super::{Kernels, Operand, Shared, SimdError, Threads};

/// What an accumulator may add up to before it is emptied: i32::MAX less the 16 bits that stay in it.
const ROOM: u64 = (i32::MAX as u64) - 0xffff;

/// Pairs in the unit that stretches by limits are made of. Its eight products of the largest limits, 32639 * 8191, are within [`ROOM`].
const UNIT: usize = 4;

/// Numbers that have one norm.
const CHUNK: usize = 32;

/// Activations are looked at without their last bits, so that sums of squares fit i32.
const SHIFT: u32 = 4;

/// How many products each number must be part of, for its norm to be worth its time.
const WORTH: usize = 256;

/// What a panel's weights say about it.
#[derive(Debug)]
pub(crate) struct Room {
    /// Pairs, ascending, after which accumulators are emptied whatever the activations are.
    by_limits: Vec<u32>,
    /// The largest sum of squares in any column, for each chunk of the reduction. Empty: unknown.
    squares: Vec<u32>,
}

impl Room {
    /// For columns `rows[column][k]` and activations of at most `limit_a`.
    pub(crate) fn of(rows: &[i16], k: usize, limit_a: u64) -> Self {
        let mut squares = vec![0_u32; k.div_ceil(CHUNK)];
        for row in rows.chunks_exact(k) {
            for (most, chunk) in squares.iter_mut().zip(row.chunks(CHUNK)) {
                // At most 32 times 2^26.
                *most = (*most).max(chunk.iter().map(|&w| (i32::from(w) * i32::from(w)) as u32).sum());
            }
        }
        Self { by_limits: by_limits(rows, k, limit_a), squares }
    }

    /// The same for any weights of at most `limit`.
    pub(crate) fn of_limits(k: usize, limit_a: u64, limit: u64) -> Self {
        let stretch = ((ROOM / (limit_a * limit) / 2) as usize).max(1);
        let ends = 1..k.div_ceil(2).div_ceil(stretch);
        Self { by_limits: ends.map(|i| (i * stretch) as u32).collect(), squares: Vec::new() }
    }

    /// The pairs after which accumulators are emptied, ascending, where activations have these squares.
    pub(crate) fn flushes(&self, activations: Option<&[u32]>, flushes: &mut Vec<u32>) {
        flushes.clear();
        let Some(activations) = activations.filter(|it| it.len() == self.squares.len()) else {
            flushes.extend_from_slice(&self.by_limits);
            return;
        };
        let mut ends = self.by_limits.iter().copied().peekable();
        let mut from = 0;
        while let Some(by_norms) = self.end_by_norms(activations, from) {
            while ends.next_if(|end| *end <= from).is_some() {}
            // Both may be used from any pair on: a stretch within one that fits fits.
            let Some(by_limits) = ends.peek() else { break };
            from = by_norms.max(*by_limits);
            flushes.push(from);
        }
    }

    /// Where a stretch from a pair on must end; `None` if it reaches the end of the reduction.
    fn end_by_norms(&self, activations: &[u32], from: u32) -> Option<u32> {
        let first = from as usize * 2 / CHUNK;
        let (mut a, mut w) = (0_u128, 0_u128);
        for (chunk, (more_a, more_w)) in activations.iter().zip(&self.squares).enumerate().skip(first) {
            a += u128::from(*more_a) << (2 * SHIFT);
            w += u128::from(*more_w);
            if a * w > u128::from(ROOM) * u128::from(ROOM) {
                // A reduction has at most 2^20 numbers.
                return Some((chunk * CHUNK / 2) as u32);
            }
        }
        None
    }
}

/// Pairs after which the accumulators of these columns are emptied: stretches of whole units, as long as can be.
fn by_limits(rows: &[i16], k: usize, limit_a: u64) -> Vec<u32> {
    let (columns, units) = (rows.len() / k, k.div_ceil(2 * UNIT));
    // L1 norms [unit][column]: eight weights are below 2^16 together.
    let mut norms = vec![0_u16; units * columns];
    for (column, row) in rows.chunks_exact(k).enumerate() {
        for (norms, unit) in norms.chunks_exact_mut(columns).zip(row.chunks(2 * UNIT)) {
            norms[column] = unit.iter().map(|w| w.unsigned_abs()).sum();
        }
    }
    let room = ROOM / limit_a;
    let mut ends = Vec::new();
    let mut held = vec![0_u64; columns];
    for (unit, norms) in norms.chunks_exact(columns).enumerate() {
        held.iter_mut().zip(norms).for_each(|(held, &norm)| *held += u64::from(norm));
        if held.iter().any(|&held| held > room) {
            ends.push((unit * UNIT) as u32);
            held.iter_mut().zip(norms).for_each(|(held, &norm)| *held = u64::from(norm));
        }
    }
    ends
}

/// Bounds on the sums of squares of an operand's chunks, in the order of its buffer.
#[derive(Debug)]
pub(crate) struct Squares(Vec<u32>);

impl Squares {
    /// `None` where segments are no whole chunks, or with so few columns that looking costs more than it gains.
    pub(crate) fn of(
        kernels: Kernels,
        operand: &Operand<'_>,
        columns: usize,
        threads: Threads<'_>,
    ) -> Result<Option<Self>, SimdError> {
        let data = operand.data();
        let is_worth = operand.row_count() * operand.k() / data.len() * columns >= WORTH;
        if !is_worth || !operand.is_in_steps_of(CHUNK) {
            return Ok(None);
        }
        let mut squares = vec![0; data.len() / CHUNK];
        let shared = Shared::new(&mut squares);
        threads.run_rows(shared.len(), CHUNK, |chunks| {
            #[allow(unsafe_code, reason = "disjoint parts of the output")]
            // SAFETY: each task writes its own part.
            let out = unsafe { shared.part(chunks.start, chunks.len()) };
            chunk_squares(kernels, &data[chunks.start * CHUNK..chunks.end * CHUNK], out);
            Ok(())
        })?;
        Ok(Some(Self(squares)))
    }

    /// The largest of some rows, for each chunk of the reduction.
    pub(crate) fn most(&self, operand: &Operand<'_>, rows: std::ops::Range<usize>) -> Vec<u32> {
        let len = operand.len() / CHUNK;
        let mut most = vec![0; operand.segments() * len];
        for row in rows {
            for (segment, most) in most.chunks_exact_mut(len).enumerate() {
                let start = operand.start(row, segment) / CHUNK;
                most.iter_mut()
                    .zip(&self.0[start..start + len])
                    .for_each(|(most, it)| *most = (*most).max(*it));
            }
        }
        most
    }
}

for_each_isa! {
    /// For each chunk a bound on its sum of squares, in units of 2^(2 * SHIFT): at most 32 times 2^22.02.
    fn chunk_squares(values: &[i16], squares: &mut [u32]) {
        for (square, chunk) in squares.iter_mut().zip(values.as_chunks::<CHUNK>().0) {
            let mut sum = 0_i32;
            for value in chunk {
                let above = (value.unsigned_abs() >> SHIFT) as i16 + 1;
                sum += i32::from(above) * i32::from(above);
            }
            *square = sum as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: usize = 4096;

    /// The flushes of one column and one row.
    fn flushes(weights: &[i16], activations: &[i16], limit_a: u64) -> Vec<u32> {
        let room = Room::of(weights, weights.len(), limit_a);
        let mut squares = vec![0; activations.len() / CHUNK];
        chunk_squares(Kernels::detect(), activations, &mut squares);
        let mut flushes = Vec::new();
        room.flushes(Some(&squares), &mut flushes);
        flushes
    }

    /// What the accumulator holds when it is emptied, and at the end; its low 16 bits stay in it.
    fn largest(weights: &[i16], activations: &[i16], flushes: &[u32]) -> u64 {
        let mut ends: Vec<usize> = flushes.iter().map(|pair| *pair as usize * 2).collect();
        ends.push(weights.len());
        let mut from = 0;
        let stretches = ends.iter().map(|end| std::mem::replace(&mut from, *end)..*end);
        let sums = stretches.map(|it| {
            weights[it.clone()]
                .iter()
                .zip(&activations[it])
                .map(|(w, a)| i64::from(*w) * i64::from(*a))
                .sum::<i64>()
        });
        sums.map(i64::unsigned_abs).max().unwrap_or(0)
    }

    /// Numbers that add up as fast as they can, here and there, among small ones.
    fn shapes() -> impl Iterator<Item = Vec<i16>> {
        let sizes: [fn(usize) -> i16; 6] = [
            |_| 8191,
            |at| if at % 700 < 64 { 8191 } else { 60 },
            |at| if at < K / 2 { 3 } else { 8000 },
            |at| (at * at % 1801) as i16,
            |at| if at % 32 == 31 { 8191 } else { 1 },
            |_| 1,
        ];
        sizes.into_iter().map(|size| (0..K).map(size).collect())
    }

    #[test]
    fn no_stretch_exceeds_its_room() {
        for weights in shapes() {
            for activations in shapes() {
                let activations: Vec<i16> = activations.iter().map(|a| a * 3).collect();
                let ends = flushes(&weights, &activations, 3 * 8191);
                assert!(
                    ends.is_sorted_by(|a, b| a < b) && ends.iter().all(|end| *end > 0 && *end < K as u32 / 2)
                );
                assert!(largest(&weights, &activations, &ends) <= ROOM);
            }
        }
    }

    #[test]
    fn small_numbers_are_added_for_longer() {
        let weights: Vec<i16> = (0..K).map(|at| if at % 64 == 0 { 8191 } else { 900 }).collect();
        let small: Vec<i16> = (0..K).map(|at| if at % 64 == 7 { 24573 } else { 300 }).collect();
        let by_limits = flushes(&weights, &vec![24573; K], 24573);
        let by_norms = flushes(&weights, &small, 24573);
        assert!(by_norms.len() * 3 < by_limits.len(), "{} against {}", by_norms.len(), by_limits.len());
    }
}
