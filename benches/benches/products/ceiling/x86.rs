//! Loops of one instruction.
#![expect(unsafe_code, reason = "the instruction sets have been asked for")]

use std::arch::asm;
use std::arch::x86_64::{
    _mm256_add_epi32, _mm256_madd_epi16, _mm256_set1_epi16, _mm512_dpwssd_epi32, _mm512_set1_epi16,
};
use std::hint::black_box;

use dfsn_compute::exact::Isa;

const TURNS: u32 = 1_000_000;

/// More sums than the instructions' latency has to hide.
const SUMS: usize = 14;

/// Sums of the matrix unit, which has eight registers.
const TILE_SUMS: usize = 4;

/// A loop that takes some milliseconds.
pub(super) struct Turn {
    pub(super) run: fn(),
    /// Multiply-adds of numbers of 16 bits that it stands for.
    pub(super) products: f64,
}

/// The loop of an instruction set that this machine has.
pub(super) fn turn_of(isa: Isa) -> Option<Turn> {
    if !isa.is_available() {
        return None;
    }
    let turn = |run, products: usize| Some(Turn { run, products: f64::from(TURNS) * products as f64 });
    match isa {
        // SAFETY: the machine has it, as just asked.
        Isa::Avx2 => turn(|| unsafe { avx2() }, SUMS * 16),
        // SAFETY: as above.
        Isa::Avx512Vnni => turn(|| unsafe { avx512() }, SUMS * 32),
        // Four products of digits are one of numbers.
        // SAFETY: as above, and the question has had the system lend the registers.
        Isa::AmxInt8 => turn(|| unsafe { amx() }, TILE_SUMS * 16 * 16 * 64 / 4),
        _ => None,
    }
}

// Each product depends on its sum, so that none can be computed once for all turns.
#[target_feature(enable = "avx2")]
fn avx2() {
    let factor = black_box(_mm256_set1_epi16(3));
    let mut sums = [factor; SUMS];
    for _ in 0..TURNS {
        for sum in &mut sums {
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(*sum, factor));
        }
    }
    black_box(sums);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn avx512() {
    let factor = black_box(_mm512_set1_epi16(3));
    let mut sums = [factor; SUMS];
    for _ in 0..TURNS {
        for sum in &mut sums {
            *sum = _mm512_dpwssd_epi32(*sum, *sum, factor);
        }
    }
    black_box(sums);
}

/// # Safety
/// The process has the matrix unit's registers.
unsafe fn amx() {
    /// Palette 1; eight tiles of 64 bytes and 16 rows.
    #[repr(C, align(64))]
    struct Config([u8; 64]);
    let mut config = Config([0; 64]);
    config.0[0] = 1;
    for tile in 0..8 {
        config.0[16 + 2 * tile] = 64;
        config.0[48 + tile] = 16;
    }
    // SAFETY: the registers are this process's by the caller's promise, and the layout is valid.
    unsafe {
        asm!(
            "ldtilecfg [{config}]",
            "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
            "tilezero tmm4", "tilezero tmm5",
            "2:",
            "tdpbuud tmm0, tmm4, tmm5",
            "tdpbusd tmm1, tmm4, tmm5",
            "tdpbsud tmm2, tmm4, tmm5",
            "tdpbssd tmm3, tmm4, tmm5",
            "dec {turns:e}",
            "jnz 2b",
            "tilerelease",
            config = in(reg) &raw const config,
            turns = inout(reg) TURNS => _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _,
            options(nostack),
        );
    }
}
