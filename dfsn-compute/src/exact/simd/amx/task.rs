//! The loops around a tile.

use std::cell::RefCell;
use std::ops::Range;

use super::digits::{DigitPanels, Digits, cut_rows};
use super::sums::{Sums, join_line};
use super::{PANEL_COLUMNS, PANEL_TILES, SIDE, STEPS_MAX, TileRegisters};
use crate::exact::simd::sink::Sink;
use crate::exact::simd::{Kernels, Operand, pages};

/// Rows of one task.
pub(crate) const TASK_ROWS: usize = 256;

/// What the operand's digits of one task may take to stay in the second-level cache while all panels go by.
const RESIDENT_BYTES: usize = 3 << 19;

/// Panels that are added to side by side where the digits do not stay: then these are read again for each so many.
const GROUP: usize = 4;

/// Steps that are added at once: so many of one tile of weights stay in the nearest cache while all rows go by.
const BLOCK_STEPS: usize = 8;

/// Some rows of the operand against some panels.
pub(crate) struct Task<'a> {
    pub(crate) kernels: Kernels,
    pub(crate) operand: &'a Operand<'a>,
    pub(crate) weights: &'a DigitPanels,
    /// Of all panels.
    pub(crate) columns: usize,
    pub(crate) rows: Range<usize>,
}

/// What a thread keeps for its next task: memory that the system has given once need not be cleared again.
#[derive(Default)]
struct Scratch {
    /// `[tile of rows][step]`
    digits: Vec<Digits>,
    /// `[panel of a group][tile of rows][tile of columns]`
    sums: Vec<[Sums; PANEL_TILES]>,
    /// High and low halves of what was added up so far, `[row]`.
    halves: Vec<[[i32; PANEL_COLUMNS]; 2]>,
}

impl Scratch {
    fn grow(&mut self, tiles: usize, steps: usize) {
        if self.digits.len() < tiles * steps {
            self.digits = pages::filled(Digits::ZERO, tiles * steps);
        }
        if self.sums.len() < GROUP * tiles {
            self.sums = pages::filled([Sums::ZERO; PANEL_TILES], GROUP * tiles);
        }
        self.halves.resize(self.halves.len().max(tiles * SIDE), [[0; PANEL_COLUMNS]; 2]);
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Task<'_> {
    pub(crate) fn run<S: Sink>(&self, panels: Range<usize>, sink: &S) {
        SCRATCH.with_borrow_mut(|scratch| {
            let (tiles, steps) = (self.rows.len().div_ceil(SIDE), self.weights.steps());
            scratch.grow(tiles, steps);
            cut_rows(self.kernels, self.operand, self.rows.clone(), steps, &mut scratch.digits);
            // SAFETY: `Kernels` exists only for what the processor has.
            let registers = unsafe { TileRegisters::set_up() };
            let mut pass =
                Pass { task: self, tiles, registers, scratch, sink, due: None, column: S::Column::default() };
            let group = pass.group();
            for first in panels.clone().step_by(group) {
                pass.panels(first..panels.end.min(first + group));
            }
            pass.take();
        });
    }
}

/// Sums that are complete up to some step, of one tile of rows.
struct Due {
    panel: usize,
    tile: usize,
    /// Whether they are the first and the last of their panel's.
    first: bool,
    last: bool,
}

/// A task on its way through the panels.
struct Pass<'a, S: Sink> {
    task: &'a Task<'a>,
    /// Tiles of the rows.
    tiles: usize,
    registers: TileRegisters,
    scratch: &'a mut Scratch,
    sink: &'a S,
    /// What is taken once the next tile is on its way: what was just stored cannot be read at once.
    due: Option<Due>,
    column: S::Column,
}

impl<S: Sink> Pass<'_, S> {
    /// How many panels go side by side.
    fn group(&self) -> usize {
        let steps = self.task.weights.steps();
        let is_resident = self.tiles * steps * size_of::<Digits>() <= RESIDENT_BYTES;
        if is_resident || steps > STEPS_MAX { 1 } else { GROUP }
    }

    fn panels(&mut self, panels: Range<usize>) {
        let steps = self.task.weights.steps();
        for from in (0..steps).step_by(STEPS_MAX) {
            let to = steps.min(from + STEPS_MAX);
            // The slots are written to again.
            if steps > BLOCK_STEPS {
                self.take();
            }
            let last = to - 1 - (to - from - 1) % BLOCK_STEPS;
            for block in (from..last).step_by(BLOCK_STEPS) {
                for panel in panels.clone() {
                    self.block(panel, block..block + BLOCK_STEPS, block == from);
                }
            }
            for panel in panels.clone() {
                for tile in 0..self.tiles {
                    self.row(panel, tile, last..to, last == from);
                    self.take();
                    self.due = Some(Due { panel, tile, first: from == 0, last: to == steps });
                }
            }
        }
    }

    /// Where the sums of a tile are kept.
    fn slot(&self, panel: usize, tile: usize) -> usize {
        // Where all is added at once, two slots stay in the nearest cache, and one is free while the other is due.
        let slots = if self.task.weights.steps() <= BLOCK_STEPS { 2 } else { self.group() * self.tiles };
        (panel * self.tiles + tile) % slots
    }

    /// Adds some steps, tile by tile of the weights, which all rows then share.
    fn block(&mut self, panel: usize, block: Range<usize>, first: bool) {
        let steps = self.task.weights.steps();
        let weights = self.task.weights.panel(panel);
        let tiles = weights.len() / steps;
        for column in 0..tiles {
            let now = &weights[column * steps..][block.clone()];
            // The next tile's share of this block, or the first one's of the next block.
            let soon = match column + 1 < tiles {
                true => now.as_ptr().wrapping_add(steps),
                false => weights.as_ptr().wrapping_add(block.end),
            };
            for tile in 0..self.tiles {
                let slot = self.slot(panel, tile);
                let digits = &self.scratch.digits[tile * steps..][block.clone()];
                let sums = &mut self.scratch.sums[slot][column];
                sums.add(&self.registers, digits, now, first, soon.wrapping_add(tile));
            }
        }
    }

    /// Adds the last steps of one tile of rows.
    fn row(&mut self, panel: usize, tile: usize, block: Range<usize>, first: bool) {
        let (steps, slot) = (self.task.weights.steps(), self.slot(panel, tile));
        let digits = &self.scratch.digits[tile * steps..][block.clone()];
        let weights = self.task.weights.panel(panel).chunks_exact(steps);
        for (weights, sums) in weights.zip(&mut self.scratch.sums[slot]) {
            // Of the next panel.
            let soon = weights.as_ptr().wrapping_add(PANEL_TILES * steps + tile);
            sums.add(&self.registers, digits, &weights[block.clone()], first, soon);
        }
    }

    /// Hands on what is due.
    fn take(&mut self) {
        let Some(Due { panel, tile, first, last }) = self.due.take() else { return };
        let task = self.task;
        let start = panel * PANEL_COLUMNS;
        let columns = start..task.columns.min(start + PANEL_COLUMNS);
        let sums = &self.scratch.sums[self.slot(panel, tile)][..columns.len().div_ceil(SIDE)];
        for row in tile * SIDE..task.rows.len().min((tile + 1) * SIDE) {
            let (line, index) = (row % SIDE, task.rows.start + row);
            if first && last {
                self.sink.line(task.kernels, &mut self.column, index, columns.clone(), sums, line);
                continue;
            }
            let [high, low] = &mut self.scratch.halves[row];
            join_line(task.kernels, sums, line, first, high, low);
            if last {
                let (high, low) = (&high[..columns.len()], &low[..columns.len()]);
                self.sink.row(&mut self.column, index, columns.start, high, low);
            }
        }
        if last && tile + 1 == self.tiles {
            self.sink.finish(std::mem::take(&mut self.column), columns.start, columns.len());
        }
    }
}
