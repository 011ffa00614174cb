//! Operand times weights: the loops around a tile, and what becomes of the sums.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::amx;
use super::epilogue::Epilogue;
use super::error::{expect_len, expect_range};
use super::pairs::PairPanels;
use super::room::Squares;
use super::schedule::Schedule;
use super::shared::Shared;
use super::sink::{Floats, Scores, Sink, Sums};
use super::tile::{self, MAX_ROWS, MAX_TILE, Shape, Tile};
use super::weights::Layout;
use super::{Kernels, Operand, PackedWeights, SimdError, Threads};
use std::ops::Range;

/// Rows of one task: so many share each part of a panel while it is in the nearest caches.
const TASK_ROWS: usize = 96;

/// Pairs of one block of the reduction: 48 columns of it take 24 KiB.
const BLOCK_PAIRS: usize = 128;

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

/// `out[row][column]`: the exact sums, shifted right by `shift` (at most 8), which must make them fit i32.
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
    expect_range("the shift of scores", shift as usize, 0, 8)?;
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

/// Shares the work out and runs it.
fn sweep<S: Sink>(
    operand: &Operand<'_>,
    weights: &PackedWeights,
    threads: Threads<'_>,
    sink: &S,
) -> Result<(), SimdError> {
    expect_len("the operand's rows", operand.k(), weights.k().next_multiple_of(2))?;
    let (kernels, rows) = (weights.kernels(), operand.row_count());
    match weights.layout() {
        Layout::Pairs(pairs) => {
            let cut = Cut {
                rows,
                panels: pairs.panels().len(),
                most: TASK_ROWS,
                tile: Shape::of(kernels.isa()).rows,
            };
            let squares = Squares::of(kernels, operand, weights.out(), threads)?;
            cut.share_out(threads, |rows, panels| {
                let squares = squares.as_ref().map(|squares| squares.most(operand, rows.clone()));
                Task::new(kernels, operand, pairs, rows).run(panels, squares.as_deref(), sink);
            })
        }
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        Layout::Digits(digits) => {
            let cut = Cut { rows, panels: digits.count(), most: amx::TASK_ROWS, tile: amx::SIDE };
            let columns = weights.out();
            cut.share_out(threads, |rows, panels| {
                amx::Task { kernels, operand, weights: digits, columns, rows }.run(panels, sink);
            })
        }
    }
}

/// A product as it is cut into tasks.
struct Cut {
    rows: usize,
    panels: usize,
    /// Rows of one task at most, but for whole tiles.
    most: usize,
    /// Rows of a tile.
    tile: usize,
}

impl Cut {
    /// Runs a task for each part of the rows and of the panels.
    fn share_out(
        &self,
        threads: Threads<'_>,
        task: impl Fn(Range<usize>, Range<usize>) + Sync,
    ) -> Result<(), SimdError> {
        let Self { rows, panels, most, tile } = *self;
        let chunk = rows.div_ceil(rows.div_ceil(most)).next_multiple_of(tile);
        let chunks = rows.div_ceil(chunk);
        // Several tasks a thread, so that all end at about the same time; small planes are shared out by columns.
        let groups =
            if threads.count() == 1 { 1 } else { (4 * threads.count()).div_ceil(chunks).min(panels) };
        let group = panels.div_ceil(groups);
        let groups = panels.div_ceil(group);
        threads.run(chunks * groups, |index| {
            let (row, panel) = (index / groups * chunk, index % groups * group);
            task(row..rows.min(row + chunk), panel..panels.min(panel + group));
            Ok(())
        })
    }
}

/// Some rows of the operand against some panels.
struct Task<'a> {
    kernels: Kernels,
    operand: &'a Operand<'a>,
    weights: &'a PairPanels,
    rows: Range<usize>,
    tile_rows: usize,
    /// `[tile][segment][MAX_ROWS]`
    starts: Vec<*const i16>,
}

impl<'a> Task<'a> {
    fn new(kernels: Kernels, operand: &'a Operand<'a>, weights: &'a PairPanels, rows: Range<usize>) -> Self {
        let tile_rows = Shape::of(kernels.isa()).rows;
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
        Self { kernels, operand, weights, rows, tile_rows, starts }
    }

    #[allow(unsafe_code, reason = "the operand's segments are within its buffer")]
    fn run<S: Sink>(&self, panels: Range<usize>, squares: Option<&[u32]>, sink: &S) {
        let isa = self.kernels.isa();
        let lanes = Shape::of(isa).lanes;
        let tiles = self.rows.len().div_ceil(self.tile_rows);
        let mut state = vec![0_i32; tiles * 2 * MAX_TILE];
        let (mut schedule, mut flushes) = (Schedule::default(), Vec::new());
        for panel in &self.weights.panels()[panels] {
            let width = panel.vectors * lanes;
            let pairs = self.weights.panel(panel);
            panel.room.flushes(squares, &mut flushes);
            schedule.rebuild(self.operand.segments(), self.operand.len(), &flushes, BLOCK_PAIRS);
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
