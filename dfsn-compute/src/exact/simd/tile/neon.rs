#![allow(unsafe_code, reason = "reads rows and panels through pointers, as its contract says")]
#![allow(clippy::needless_range_loop, reason = "rows and vectors index registers and memory alike")]

use super::{MAX_ROWS, Tile};
use std::arch::aarch64::*;

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
            _ => rows!(2),
        }
    }
}

/// A vector is eight columns: two registers of sums, and for each pair one of its first numbers and one of its second,
/// which the loads take apart.
#[target_feature(enable = "neon")]
unsafe fn block<const R: usize, const V: usize>(tile: &mut Tile<'_>) {
    let (high, low) = (tile.high.as_mut_ptr(), tile.low.as_mut_ptr());
    let place = |r: usize, v: usize, half: usize| (r * V + v) * 8 + half * 4;
    let mut acc = [[[vdupq_n_s32(0); 2]; V]; R];
    // SAFETY: `high` and `low` hold R * V * 8 numbers, `panel` V * 16 for each pair, and the rows are the caller's promise.
    unsafe {
        if tile.first {
            tile.high[..R * V * 8].fill(0);
        } else {
            for r in 0..R {
                for v in 0..V {
                    acc[r][v] = [0, 1].map(|half| vld1q_s32(low.add(place(r, v, half))));
                }
            }
        }
        let mut b = tile.panel.as_ptr();
        // The pair in lanes $first and $second of `a`, times the panel's next.
        macro_rules! add_pair {
            ($a:expr, $first:literal, $second:literal) => {
                for v in 0..V {
                    let int16x8x2_t(first, second) = vld2q_s16(b.add(v * 16));
                    for r in 0..R {
                        let [left, right] = &mut acc[r][v];
                        *left = vmlal_laneq_s16::<$first>(*left, vget_low_s16(first), $a[r]);
                        *right = vmlal_high_laneq_s16::<$first>(*right, first, $a[r]);
                        *left = vmlal_laneq_s16::<$second>(*left, vget_low_s16(second), $a[r]);
                        *right = vmlal_high_laneq_s16::<$second>(*right, second, $a[r]);
                    }
                }
                b = b.add(V * 16);
            };
        }
        for run in tile.runs {
            let starts = tile.starts.as_ptr().add(run.segment as usize * MAX_ROWS);
            let mut rows: [*const i16; R] = std::array::from_fn(|r| (*starts.add(r)).add(run.start as usize));
            for _ in 0..run.pairs / 4 {
                let a: [int16x8_t; R] = rows.map(|row| vld1q_s16(row));
                add_pair!(a, 0, 1);
                add_pair!(a, 2, 3);
                add_pair!(a, 4, 5);
                add_pair!(a, 6, 7);
                rows = rows.map(|row| row.add(8));
            }
            for _ in 0..run.pairs % 4 {
                let a: [int16x8_t; R] =
                    rows.map(|row| vreinterpretq_s16_s32(vdupq_n_s32(row.cast::<i32>().read_unaligned())));
                add_pair!(a, 0, 1);
                rows = rows.map(|row| row.add(2));
            }
            if run.flush {
                let mask = vdupq_n_s32(0xffff);
                for r in 0..R {
                    for v in 0..V {
                        for half in 0..2 {
                            let at = high.add(place(r, v, half));
                            vst1q_s32(at, vsraq_n_s32::<16>(vld1q_s32(at), acc[r][v][half]));
                            acc[r][v][half] = vandq_s32(acc[r][v][half], mask);
                        }
                    }
                }
            }
        }
        for r in 0..R {
            for v in 0..V {
                for half in 0..2 {
                    vst1q_s32(low.add(place(r, v, half)), acc[r][v][half]);
                }
            }
        }
    }
}
