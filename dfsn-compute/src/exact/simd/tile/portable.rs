#![allow(unsafe_code, reason = "reads rows through pointers, as its contract says")]

use super::{MAX_ROWS, Tile};

const LANES: usize = 8;

/// # Safety
/// As [`super::run`].
pub(super) unsafe fn run(tile: &mut Tile<'_>) {
    let width = tile.vectors * LANES;
    // SAFETY: the caller's promises.
    unsafe {
        for row in 0..tile.rows {
            for vector in 0..tile.vectors {
                strip(tile, row, vector * LANES, width);
            }
        }
    }
}

/// Eight columns of one row.
unsafe fn strip(tile: &mut Tile<'_>, row: usize, column: usize, width: usize) {
    let at = row * width + column;
    let mut high = [0_i32; LANES];
    let mut low = [0_i32; LANES];
    if !tile.first {
        high.copy_from_slice(&tile.high[at..at + LANES]);
        low.copy_from_slice(&tile.low[at..at + LANES]);
    }
    let mut panel = tile.panel.chunks_exact(2 * width);
    for run in tile.runs {
        let start = tile.starts[run.segment as usize * MAX_ROWS + row];
        // SAFETY: the segment is valid for `start + 2 * pairs` elements.
        let a = unsafe { std::slice::from_raw_parts(start.add(run.start as usize), 2 * run.pairs as usize) };
        for (a, b) in a.chunks_exact(2).zip(&mut panel) {
            let (a0, a1) = (i32::from(a[0]), i32::from(a[1]));
            for (sum, b) in low.iter_mut().zip(b[2 * column..2 * column + 2 * LANES].chunks_exact(2)) {
                let pair = (a0 * i32::from(b[0])).wrapping_add(a1 * i32::from(b[1]));
                *sum = sum.wrapping_add(pair);
            }
        }
        if run.flush {
            for (high, low) in high.iter_mut().zip(&mut low) {
                *high = high.wrapping_add(*low >> 16);
                *low &= 0xffff;
            }
        }
    }
    tile.high[at..at + LANES].copy_from_slice(&high);
    tile.low[at..at + LANES].copy_from_slice(&low);
}
