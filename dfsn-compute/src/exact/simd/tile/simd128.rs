#![allow(unsafe_code, reason = "reads rows and panels through pointers, as its contract says")]
#![allow(clippy::needless_range_loop, reason = "rows and vectors index registers and memory alike")]

use super::{MAX_ROWS, Tile};
use std::arch::wasm32::*;

/// # Safety
/// As [`super::run`].
pub(super) unsafe fn run(tile: &mut Tile<'_>) {
    macro_rules! rows {
        ($vectors:literal) => {
            match tile.rows {
                1 => block::<1, $vectors>(tile),
                2 => block::<2, $vectors>(tile),
                3 => block::<3, $vectors>(tile),
                _ => block::<4, $vectors>(tile),
            }
        };
    }
    // SAFETY: the caller's promises; rows and vectors are those of the instance.
    unsafe {
        match tile.vectors {
            1 => rows!(1),
            2 => rows!(2),
            _ => rows!(3),
        }
    }
}

unsafe fn block<const R: usize, const V: usize>(tile: &mut Tile<'_>) {
    let high: *mut v128 = tile.high.as_mut_ptr().cast();
    let low: *mut v128 = tile.low.as_mut_ptr().cast();
    let mut acc = [[i32x4_splat(0); V]; R];
    // SAFETY: `high` and `low` hold R * V vectors, `panel` V vectors for each pair, and the rows are the caller's promise.
    unsafe {
        if tile.first {
            for i in 0..R * V {
                v128_store(high.add(i), i32x4_splat(0));
            }
        } else {
            for r in 0..R {
                for v in 0..V {
                    acc[r][v] = v128_load(low.add(r * V + v));
                }
            }
        }
        let mut b: *const v128 = tile.panel.as_ptr().cast();
        for run in tile.runs {
            let starts = tile.starts.as_ptr().add(run.segment as usize * MAX_ROWS);
            let a: [*const i16; R] = std::array::from_fn(|r| (*starts.add(r)).add(run.start as usize));
            for pair in 0..run.pairs as usize {
                let columns: [v128; V] = std::array::from_fn(|v| v128_load(b.add(v)));
                b = b.add(V);
                for r in 0..R {
                    let row = v128_load32_splat(a[r].add(2 * pair).cast());
                    for v in 0..V {
                        acc[r][v] = i32x4_add(acc[r][v], i32x4_dot_i16x8(row, columns[v]));
                    }
                }
            }
            if run.flush {
                for r in 0..R {
                    for v in 0..V {
                        let at = high.add(r * V + v);
                        v128_store(at, i32x4_add(v128_load(at), i32x4_shr(acc[r][v], 16)));
                        acc[r][v] = v128_and(acc[r][v], i32x4_splat(0xffff));
                    }
                }
            }
        }
        for r in 0..R {
            for v in 0..V {
                v128_store(low.add(r * V + v), acc[r][v]);
            }
        }
    }
}
