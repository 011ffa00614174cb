//! Numbers cut into digits, in the order in which tiles are loaded.

use std::fmt;
use std::ops::Range;

use super::{PANEL_TILES, SIDE, STEP};
use crate::exact::simd::dispatch::for_each_isa;
use crate::exact::simd::{Kernels, Operand, pages};

/// One tile's share of one step: `256 * high + low`, where `low` is 0 to 255 and `high` signed.
///
/// Of an operand, lines are rows. Of weights, a line holds four numbers of each of 16 columns.
#[derive(Clone)]
#[repr(C, align(64))]
pub(crate) struct Digits {
    low: [[u8; STEP]; SIDE],
    high: [[u8; STEP]; SIDE],
}

impl Digits {
    pub(crate) const ZERO: Self = Self { low: [[0; STEP]; SIDE], high: [[0; STEP]; SIDE] };
}

/// Rows of the operand as `[tile][step]`. What is not there keeps the digits that it has.
pub(super) fn cut_rows(
    kernels: Kernels,
    operand: &Operand<'_>,
    rows: Range<usize>,
    steps: usize,
    tiles: &mut [Digits],
) {
    for (row, index) in rows.enumerate() {
        let tile = &mut tiles[row / SIDE * steps..][..steps];
        for segment in 0..operand.segments() {
            let start = operand.start(index, segment);
            let numbers = &operand.data()[start..start + operand.len()];
            cut_segment(kernels, numbers, segment * operand.len(), row % SIDE, tile);
        }
    }
}

for_each_isa! {
    /// Numbers that begin at `place` of one line of a tile.
    fn cut_segment(numbers: &[i16], place: usize, line: usize, tile: &mut [Digits]) {
        let at = place % STEP;
        let (start, rest) = numbers.split_at(numbers.len().min((STEP - at) % STEP));
        let mut steps = tile[place / STEP..].iter_mut();
        if !start.is_empty() && let Some(digits) = steps.next() {
            cut(start, &mut digits.low[line][at..], &mut digits.high[line][at..]);
        }
        let (whole, end) = rest.as_chunks::<STEP>();
        for (numbers, digits) in whole.iter().zip(&mut steps) {
            cut(numbers, &mut digits.low[line], &mut digits.high[line]);
        }
        if let Some(digits) = steps.next() {
            cut(end, &mut digits.low[line], &mut digits.high[line]);
        }
    }
}

#[inline(always)]
fn cut(numbers: &[i16], low: &mut [u8], high: &mut [u8]) {
    for ((&number, low), high) in numbers.iter().zip(low).zip(high) {
        *low = number as u8;
        *high = (number >> 8) as u8;
    }
}

/// Weights `[out][k]` as tiles, `[tile of 16 columns][step]`, with zeros after the last column and number.
pub(crate) struct DigitPanels {
    tiles: Vec<Digits>,
    steps: usize,
}

impl DigitPanels {
    pub(crate) fn new(rows: &[i16], k: usize) -> Self {
        let steps = k.div_ceil(STEP);
        let columns = rows.len() / k;
        let mut tiles = pages::filled(Digits::ZERO, columns.div_ceil(SIDE) * steps);
        for (rows, tile) in rows.chunks(SIDE * k).zip(tiles.chunks_exact_mut(steps)) {
            for (column, row) in rows.chunks_exact(k).enumerate() {
                for (numbers, digits) in row.chunks(STEP).zip(&mut *tile) {
                    for (numbers, (low, high)) in
                        numbers.chunks(4).zip(digits.low.iter_mut().zip(&mut digits.high))
                    {
                        for (place, number) in numbers.iter().enumerate() {
                            [low[4 * column + place], high[4 * column + place]] = number.to_le_bytes();
                        }
                    }
                }
            }
        }
        Self { tiles, steps }
    }

    /// Steps of the reduction.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Panels, the last one narrower.
    pub(crate) fn count(&self) -> usize {
        (self.tiles.len() / self.steps).div_ceil(PANEL_TILES)
    }

    /// `[tile][step]` of one panel.
    pub(super) fn panel(&self, panel: usize) -> &[Digits] {
        let length = PANEL_TILES * self.steps;
        let tiles = &self.tiles[panel * length..];
        &tiles[..tiles.len().min(length)]
    }
}

impl fmt::Debug for DigitPanels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DigitPanels({} tiles of {} steps)", self.tiles.len() / self.steps, self.steps)
    }
}
