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
                _ => block::<6, $vectors>(tile),
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

#[target_feature(enable = "avx2")]
unsafe fn block<const R: usize, const V: usize>(tile: &mut Tile<'_>) {
    let high: *mut __m256i = tile.high.as_mut_ptr().cast();
    let low: *mut __m256i = tile.low.as_mut_ptr().cast();
    let mut acc = [[_mm256_setzero_si256(); V]; R];
    // SAFETY: `high` and `low` hold R * V vectors, `panel` V vectors for each pair, and the rows are the caller's promise.
    unsafe {
        if tile.first {
            for i in 0..R * V {
                _mm256_storeu_si256(high.add(i), _mm256_setzero_si256());
            }
        } else {
            for r in 0..R {
                for v in 0..V {
                    acc[r][v] = _mm256_loadu_si256(low.add(r * V + v));
                }
            }
        }
        let mut b: *const __m256i = tile.panel.as_ptr().cast();
        let pairs: usize = tile.runs.iter().map(|run| run.pairs as usize).sum();
        let step = tile.share / pairs.max(1);
        let mut next = tile.next;
        for run in tile.runs {
            let starts = tile.starts.as_ptr().add(run.segment as usize * MAX_ROWS);
            let a: [*const i16; R] = std::array::from_fn(|r| (*starts.add(r)).add(run.start as usize));
            for pair in 0..run.pairs as usize {
                let columns: [__m256i; V] = std::array::from_fn(|v| _mm256_loadu_si256(b.add(v)));
                b = b.add(V);
                _mm_prefetch::<_MM_HINT_T0>(next.cast());
                next = next.wrapping_add(step);
                for r in 0..R {
                    let row = _mm256_set1_epi32(a[r].add(2 * pair).cast::<i32>().read_unaligned());
                    for v in 0..V {
                        acc[r][v] = _mm256_add_epi32(acc[r][v], _mm256_madd_epi16(row, columns[v]));
                    }
                }
            }
            if run.flush {
                let mask = _mm256_set1_epi32(0xffff);
                for r in 0..R {
                    for v in 0..V {
                        let at = high.add(r * V + v);
                        let sum =
                            _mm256_add_epi32(_mm256_loadu_si256(at), _mm256_srai_epi32::<16>(acc[r][v]));
                        _mm256_storeu_si256(at, sum);
                        acc[r][v] = _mm256_and_si256(acc[r][v], mask);
                    }
                }
            }
        }
        for r in 0..R {
            for v in 0..V {
                _mm256_storeu_si256(low.add(r * V + v), acc[r][v]);
            }
        }
    }
}
