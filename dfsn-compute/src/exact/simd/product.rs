//! Operand times weights: the loops around a tile, and what becomes of the sums.

use super::epilogue::{Epilogue, Scale, add_row, bound_row, scale_row, score_row, sum_row};
use super::error::{expect_len, expect_range};
use super::schedule::Schedule;
use super::shared::Shared;
use super::tile::{self, MAX_ROWS, MAX_TILE, Shape, Tile};
use super::{Kernels, Operand, PackedWeights, SimdError, Threads};
use std::ops::Range;

/// Rows of one task: so many share each part of a panel while it is in the nearest caches.
const TASK_ROWS: usize = 96;

/// Pairs of one block of the reduction: 48 columns of it take 24 KiB.
const BLOCK_PAIRS: usize = 128;

/// Columns that the widest panel has.
const MAX_COLUMNS: usize = 48;

/// `out[row][column]`: operand times weights, scaled and added to as [`Epilogue`] says.
///
/// # Errors
/// If shapes disagree, or a thread's floating-point environment is not the default.
pub fn product(
    operand: &Operand<'_>,
    weights: &PackedWeights,
    epilogue: &Epilogue<'_>,
    out: &mut [f32],
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    expect_len("the output", out.len(), operand.row_count() * weights.out())?;
    epilogue.check(operand.row_count(), weights.out())?;
    let sink = Floats { epilogue, out: Shared::new(out), n: weights.out(), kernels: weights.kernels() };
    sweep(operand, weights, threads, &sink)
}

/// `out[row][column]`: the exact sums, shifted right by `shift` (at most 16), which must make them fit i32.
///
/// # Errors
/// As [`product()`].
pub fn scores(
    operand: &Operand<'_>,
    weights: &PackedWeights,
    shift: u32,
    out: &mut [i32],
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    expect_len("the output", out.len(), operand.row_count() * weights.out())?;
    expect_range("the shift of scores", shift as usize, 0, 16)?;
    let sink = Scores { shift, out: Shared::new(out), n: weights.out(), kernels: weights.kernels() };
    sweep(operand, weights, threads, &sink)
}

/// `out[row][column]`: the exact sums, as f64, which holds them.
///
/// # Errors
/// As [`product()`].
pub fn sums(
    operand: &Operand<'_>,
    weights: &PackedWeights,
    out: &mut [f64],
    threads: Threads<'_>,
) -> Result<(), SimdError> {
    expect_len("the output", out.len(), operand.row_count() * weights.out())?;
    let sink = Sums { out: Shared::new(out), n: weights.out(), kernels: weights.kernels() };
    sweep(operand, weights, threads, &sink)
}

/// Takes the sums of tiles, a row of one panel at a time.
trait Sink: Sync {
    /// What a task keeps while it goes down a panel.
    type Column: Default;

    fn row(&self, column: &mut Self::Column, row: usize, first: usize, high: &[i32], low: &[i32]);

    /// The end of a task's rows in this panel.
    fn finish(&self, _column: Self::Column, _first: usize, _columns: usize) {}
}

/// Shares the work out and runs it.
fn sweep<S: Sink>(
    operand: &Operand<'_>,
    weights: &PackedWeights,
    threads: Threads<'_>,
    sink: &S,
) -> Result<(), SimdError> {
    expect_len("the operand's rows", operand.k(), weights.k().next_multiple_of(2))?;
    let (rows, panels) = (operand.row_count(), weights.panels().len());
    let chunks = rows.div_ceil(TASK_ROWS);
    let tile_rows = Shape::of(weights.kernels().isa()).rows;
    let chunk = rows.div_ceil(chunks).next_multiple_of(tile_rows);
    let chunks = rows.div_ceil(chunk);
    // Several tasks a thread, so that all end at about the same time; small planes are shared out by columns.
    let groups = if threads.count() == 1 { 1 } else { (4 * threads.count()).div_ceil(chunks).min(panels) };
    let group = panels.div_ceil(groups);
    let groups = panels.div_ceil(group);
    threads.run(chunks * groups, |task| {
        let (row, panel) = (task / groups * chunk, task % groups * group);
        let task = Task::new(operand, weights, row..rows.min(row + chunk));
        task.run(panel..panels.min(panel + group), sink);
        Ok(())
    })
}

/// Some rows of the operand against some panels.
struct Task<'a> {
    operand: &'a Operand<'a>,
    weights: &'a PackedWeights,
    rows: Range<usize>,
    tile_rows: usize,
    /// `[tile][segment][MAX_ROWS]`
    starts: Vec<*const i16>,
}

impl<'a> Task<'a> {
    fn new(operand: &'a Operand<'a>, weights: &'a PackedWeights, rows: Range<usize>) -> Self {
        let tile_rows = Shape::of(weights.kernels().isa()).rows;
        let tiles = rows.len().div_ceil(tile_rows);
        let segments = operand.segments();
        let mut starts = vec![operand.data().as_ptr(); tiles * segments * MAX_ROWS];
        for (tile, starts) in starts.chunks_exact_mut(segments * MAX_ROWS).enumerate() {
            let first = rows.start + tile * tile_rows;
            for (segment, starts) in starts.chunks_exact_mut(MAX_ROWS).enumerate() {
                for (row, start) in (first..rows.end.min(first + tile_rows)).zip(starts) {
                    *start = operand.data()[operand.start(row, segment)..].as_ptr();
                }
            }
        }
        Self { operand, weights, rows, tile_rows, starts }
    }

    #[allow(unsafe_code, reason = "the operand's segments are within its buffer")]
    fn run<S: Sink>(&self, panels: Range<usize>, sink: &S) {
        let isa = self.weights.kernels().isa();
        let lanes = Shape::of(isa).lanes;
        let tiles = self.rows.len().div_ceil(self.tile_rows);
        let mut state = vec![0_i32; tiles * 2 * MAX_TILE];
        let mut schedule = Schedule::default();
        for panel in &self.weights.panels()[panels] {
            let width = panel.vectors * lanes;
            let pairs = self.weights.panel(panel);
            schedule.rebuild(self.operand.segments(), self.operand.len(), &panel.flushes, BLOCK_PAIRS);
            for (first_pair, runs) in schedule.blocks() {
                let block: usize = runs.iter().map(|run| run.pairs as usize * width * 2).sum();
                for (tile, state) in state.chunks_exact_mut(2 * MAX_TILE).enumerate() {
                    let (high, low) = state.split_at_mut(MAX_TILE);
                    let starts = self.operand.segments() * MAX_ROWS;
                    let mut tile = Tile {
                        rows: self.tile_rows.min(self.rows.len() - tile * self.tile_rows),
                        vectors: panel.vectors,
                        runs,
                        starts: &self.starts[tile * starts..][..starts],
                        panel: &pairs[first_pair * width * 2..],
                        high,
                        low,
                        first: first_pair == 0,
                        // Each tile fetches its share of the block that comes next, in this panel or the one after.
                        next: pairs[first_pair * width * 2..]
                            .as_ptr()
                            .wrapping_add(block + block / tiles * tile),
                        share: block / tiles,
                    };
                    // SAFETY: `Kernels` exists only for what the processor has. A run lies in one segment of the operand,
                    // whose constructors checked that each ends within the buffer.
                    unsafe { tile::run(isa, &mut tile) };
                }
            }
            let mut column = S::Column::default();
            for row in 0..self.rows.len() {
                let state = &state[row / self.tile_rows * 2 * MAX_TILE..];
                let at = row % self.tile_rows * width;
                let (high, low) = (&state[at..], &state[MAX_TILE + at..]);
                let (high, low) = (&high[..panel.columns], &low[..panel.columns]);
                sink.row(&mut column, self.rows.start + row, panel.first, high, low);
            }
            sink.finish(column, panel.first, panel.columns);
        }
    }
}

struct Floats<'a> {
    epilogue: &'a Epilogue<'a>,
    out: Shared<'a, f32>,
    n: usize,
    kernels: Kernels,
}

/// The range of a panel's columns so far, in the image that a task is in.
struct Range48 {
    image: usize,
    min: [i32; MAX_COLUMNS],
    max: [i32; MAX_COLUMNS],
}

impl Default for Range48 {
    fn default() -> Self {
        Self { image: 0, min: [i32::MAX; MAX_COLUMNS], max: [i32::MIN; MAX_COLUMNS] }
    }
}

#[allow(unsafe_code, reason = "each row of a panel is one task's")]
impl Sink for Floats<'_> {
    type Column = Range48;

    fn row(&self, range: &mut Range48, row: usize, first: usize, high: &[i32], low: &[i32]) {
        let (e, n, columns) = (self.epilogue, self.n, high.len());
        // SAFETY: tasks share neither rows nor panels.
        let out = unsafe { self.out.part(row * self.n + first, columns) };
        let scale = match e.activations {
            Scale::One(scale) => scale,
            Scale::Rows(scales) => scales[row],
        };
        let image = row / e.rows_per_image;
        scale_row(self.kernels, high, low, &e.weights[first..first + columns], scale, out);
        if let Some(bias) = e.bias {
            add_row(self.kernels, out, &bias[first..first + columns]);
        }
        if let Some(temb) = e.temb {
            add_row(self.kernels, out, &temb[image * n + first..][..columns]);
        }
        if let Some(residual) = e.residual {
            add_row(self.kernels, out, &residual[row * n + first..][..columns]);
        }
        if e.bounds.is_some() {
            if image != range.image {
                self.finish(std::mem::take(range), first, columns);
                range.image = image;
            }
            bound_row(self.kernels, out, &mut range.min[..columns], &mut range.max[..columns]);
        }
    }

    fn finish(&self, range: Range48, first: usize, columns: usize) {
        if let Some(bounds) = self.epilogue.bounds {
            let first = range.image * self.n + first;
            bounds.merge(first, &range.min[..columns], &range.max[..columns]);
        }
    }
}

struct Scores<'a> {
    shift: u32,
    out: Shared<'a, i32>,
    n: usize,
    kernels: Kernels,
}

#[allow(unsafe_code, reason = "each row of a panel is one task's")]
impl Sink for Scores<'_> {
    type Column = ();

    fn row(&self, (): &mut (), row: usize, first: usize, high: &[i32], low: &[i32]) {
        // SAFETY: tasks share neither rows nor panels.
        let out = unsafe { self.out.part(row * self.n + first, high.len()) };
        score_row(self.kernels, high, low, self.shift, out);
    }
}

struct Sums<'a> {
    out: Shared<'a, f64>,
    n: usize,
    kernels: Kernels,
}

#[allow(unsafe_code, reason = "each row of a panel is one task's")]
impl Sink for Sums<'_> {
    type Column = ();

    fn row(&self, (): &mut (), row: usize, first: usize, high: &[i32], low: &[i32]) {
        // SAFETY: tasks share neither rows nor panels.
        let out = unsafe { self.out.part(row * self.n + first, high.len()) };
        sum_row(self.kernels, high, low, out);
    }
}
