//! The sums of one tile: how they are added up, and how they become one number again.

use std::arch::asm;

use super::{Digits, SIDE, TileRegisters};
use crate::exact::simd::dispatch::for_each_isa;

/// Sums of products of digits, `[row][column]` each.
#[derive(Clone)]
#[repr(C, align(64))]
pub(crate) struct Sums {
    low_low: [[i32; SIDE]; SIDE],
    low_high: [[i32; SIDE]; SIDE],
    high_low: [[i32; SIDE]; SIDE],
    high_high: [[i32; SIDE]; SIDE],
}

impl Sums {
    pub(super) const ZERO: Self = Self {
        low_low: [[0; SIDE]; SIDE],
        low_high: [[0; SIDE]; SIDE],
        high_low: [[0; SIDE]; SIDE],
        high_high: [[0; SIDE]; SIDE],
    };

    /// Adds the products of some steps, or starts with them if they are the `first`.
    pub(super) fn add(
        &mut self,
        _registers: &TileRegisters,
        operand: &[Digits],
        weights: &[Digits],
        first: bool,
        soon: *const Digits,
    ) {
        assert!(operand.len() == weights.len() && !operand.is_empty(), "as many steps on both sides");
        // SAFETY: tiles are set up while `TileRegisters` lives. Both slices have so many blocks of 2 KiB, each a tile of
        // lines of 64 bytes and another, and `self` is four such tiles.
        unsafe {
            asm!(
                "test {first:e}, {first:e}",
                "jz 2f",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "jmp 3f",
                "2:",
                "tileloadd tmm0, [{sums} + {line}*1]",
                "tileloadd tmm1, [{sums} + {line}*1 + 1024]",
                "tileloadd tmm2, [{sums} + {line}*1 + 2048]",
                "tileloadd tmm3, [{sums} + {line}*1 + 3072]",
                "3:",
                "prefetcht1 [{soon}]",
                "prefetcht1 [{soon} + 64]",
                "prefetcht1 [{soon} + 128]",
                "prefetcht1 [{soon} + 192]",
                "add {soon}, 256",
                "tileloadd tmm4, [{a} + {line}*1]",
                "tileloadd tmm6, [{b} + {line}*1]",
                "tdpbuud tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b} + {line}*1 + 1024]",
                "tdpbusd tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{a} + {line}*1 + 1024]",
                "tdpbsud tmm2, tmm5, tmm6",
                "tdpbssd tmm3, tmm5, tmm7",
                "add {a}, 2048",
                "add {b}, 2048",
                "dec {steps}",
                "jnz 3b",
                "tilestored [{sums} + {line}*1], tmm0",
                "tilestored [{sums} + {line}*1 + 1024], tmm1",
                "tilestored [{sums} + {line}*1 + 2048], tmm2",
                "tilestored [{sums} + {line}*1 + 3072], tmm3",
                first = in(reg) u32::from(first),
                sums = in(reg) &raw mut *self,
                line = in(reg) 64_usize,
                a = inout(reg) operand.as_ptr() => _,
                b = inout(reg) weights.as_ptr() => _,
                steps = inout(reg) operand.len() => _,
                soon = inout(reg) soon => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

for_each_isa! {
    /// Adds one line's sums, tile by tile, to `65536 * high + low`, or writes them there if they are the `first`.
    ///
    /// Carries go from the low half to the high one before more is added to it.
    pub(crate) fn join_line(sums: &[Sums], line: usize, first: bool, high: &mut [i32], low: &mut [i32]) {
        let halves = high.as_chunks_mut::<SIDE>().0.iter_mut().zip(low.as_chunks_mut::<SIDE>().0);
        for (sums, (high, low)) in sums.iter().zip(halves) {
            let (low_low, high_high) = (&sums.low_low[line], &sums.high_high[line]);
            let (low_high, high_low) = (&sums.low_high[line], &sums.high_low[line]);
            if first {
                (*high, *low) = ([0; SIDE], [0; SIDE]);
            }
            for i in 0..SIDE {
                let middle = low_high[i].wrapping_add(high_low[i]);
                let carry = (low[i] >> 16).wrapping_add(middle >> 8);
                high[i] = high[i].wrapping_add(high_high[i]).wrapping_add(carry);
                low[i] = (low[i] & 0xffff).wrapping_add((middle & 0xff) << 8).wrapping_add(low_low[i]);
            }
        }
    }
}

for_each_isa! {
    /// One line's sums shifted right by at most 8, which must make them fit i32.
    ///
    /// Only the lowest sum has bits below the eighth, so what is shifted out of it is all that is shifted out.
    pub(crate) fn score_line(sums: &[Sums], line: usize, shift: u32, out: &mut [i32]) {
        let (whole, rest) = out.as_chunks_mut::<SIDE>();
        for (sums, out) in sums.iter().zip(&mut *whole) {
            *out = sums.scores(line, shift);
        }
        if let Some(sums) = sums.get(whole.len()) {
            rest.copy_from_slice(&sums.scores(line, shift)[..rest.len()]);
        }
    }
}

impl Sums {
    #[inline(always)]
    fn scores(&self, line: usize, shift: u32) -> [i32; SIDE] {
        let (low_low, high_high) = (&self.low_low[line], &self.high_high[line]);
        let (low_high, high_low) = (&self.low_high[line], &self.high_low[line]);
        let mut scores = [0; SIDE];
        for (i, score) in scores.iter_mut().enumerate() {
            let middle = low_high[i].wrapping_add(high_low[i]).wrapping_shl(8 - shift);
            let high = high_high[i].wrapping_shl(16 - shift);
            *score = high.wrapping_add(middle).wrapping_add(low_low[i].wrapping_shr(shift));
        }
        scores
    }
}
