#![allow(unsafe_code, reason = "reads rows and panels through pointers, as its contract says")]
#![allow(clippy::needless_range_loop, reason = "rows and vectors index registers and memory alike")]

use super::{MAX_ROWS, Tile};
use std::arch::x86_64::*;

/// # Safety
/// As [`super::run`].
pub(super) unsafe fn run(tile: &mut Tile<'_>) {
    macro_rules! rows {
        ($vectors:literal) => {
            match tile.rows {
                1 => block::<1, $vectors>(tile),
                2 => block::<2, $vectors>(tile),
                3 => block::<3, $vectors>(tile),
                4 => block::<4, $vectors>(tile),
                5 => block::<5, $vectors>(tile),
                6 => block::<6, $vectors>(tile),
                7 => block::<7, $vectors>(tile),
                _ => block::<8, $vectors>(tile),
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

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn block<const R: usize, const V: usize>(tile: &mut Tile<'_>) {
    let high: *mut __m512i = tile.high.as_mut_ptr().cast();
    let low: *mut __m512i = tile.low.as_mut_ptr().cast();
    let mut acc = [[_mm512_setzero_si512(); V]; R];
    // SAFETY: `high` and `low` hold R * V vectors, `panel` V vectors for each pair, and the rows are the caller's promise.
    unsafe {
        if tile.first {
            for i in 0..R * V {
                _mm512_storeu_si512(high.add(i), _mm512_setzero_si512());
            }
        } else {
            for r in 0..R {
                for v in 0..V {
                    acc[r][v] = _mm512_loadu_si512(low.add(r * V + v));
                }
            }
        }
        let mut b: *const __m512i = tile.panel.as_ptr().cast();
        let pairs: usize = tile.runs.iter().map(|run| run.pairs as usize).sum();
        let step = tile.share / pairs.max(1);
        let mut next = tile.next;
        for run in tile.runs {
            let starts = tile.starts.as_ptr().add(run.segment as usize * MAX_ROWS);
            let a: [*const i16; R] = std::array::from_fn(|r| (*starts.add(r)).add(run.start as usize));
            for pair in 0..run.pairs as usize {
                let columns: [__m512i; V] = std::array::from_fn(|v| _mm512_loadu_si512(b.add(v)));
                b = b.add(V);
                _mm_prefetch::<_MM_HINT_T0>(next.cast());
                next = next.wrapping_add(step);
                for r in 0..R {
                    let row = _mm512_set1_epi32(a[r].add(2 * pair).cast::<i32>().read_unaligned());
                    for v in 0..V {
                        acc[r][v] = _mm512_dpwssd_epi32(acc[r][v], row, columns[v]);
                    }
                }
            }
            if run.flush {
                // As pairs of i16, an accumulator is its low and its (signed) high half: times (0, 1) adds the latter.
                let high_half = _mm512_set1_epi32(1 << 16);
                for r in 0..R {
                    for v in 0..V {
                        let at = high.add(r * V + v);
                        let sum = _mm512_dpwssd_epi32(_mm512_loadu_si512(at), acc[r][v], high_half);
                        _mm512_storeu_si512(at, sum);
                        acc[r][v] = _mm512_maskz_mov_epi16(0x5555_5555, acc[r][v]);
                    }
                }
            }
        }
        for r in 0..R {
            for v in 0..V {
                _mm512_storeu_si512(low.add(r * V + v), acc[r][v]);
            }
        }
    }
}
