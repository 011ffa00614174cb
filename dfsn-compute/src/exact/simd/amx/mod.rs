//! Products on the matrix unit of x86-64 (AMX-INT8), which multiplies tiles of 16x64 by 64x16 numbers of eight bits.
//!
//! A number of sixteen bits is `256 * high + low`, so a product of two is four products of digits. Each kind has an
//! accumulator of its own, in 32 bits that [`STEPS_MAX`] steps cannot fill: nothing is moved on in between.

#![allow(unsafe_code, reason = "instructions that have no intrinsics yet")]

mod digits;
mod sums;
mod task;

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::marker::PhantomData;
use std::sync::OnceLock;

pub(crate) use digits::{DigitPanels, Digits};
pub(crate) use sums::{Sums, join_line, score_line};
pub(crate) use task::{TASK_ROWS, Task};

/// Rows of a tile of the operand, and columns of one of the weights.
pub(crate) const SIDE: usize = 16;

/// Numbers of the reduction that one step takes.
const STEP: usize = 64;

/// Steps of an accumulator at most: 2^14 products of two low digits are below 2^30.
const STEPS_MAX: usize = (1 << 14) / STEP;

/// Tiles of weights side by side, so that what follows has rows of 64 columns.
const PANEL_TILES: usize = 4;

/// Columns of the widest panel.
pub(crate) const PANEL_COLUMNS: usize = PANEL_TILES * SIDE;

/// Whether this processor has the unit and the system lets this process use its registers, which is asked for once.
pub(super) fn is_available() -> bool {
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    *ALLOWED.get_or_init(|| has_unit() && allow())
}

fn has_unit() -> bool {
    /// AMX-TILE and AMX-INT8 in EDX of leaf 7.
    const UNIT: u32 = 1 << 24 | 1 << 25;
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & UNIT == UNIT
}

/// Linux keeps eight more kilobytes for each thread of a process that has asked for them, and refuses without it.
fn allow() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: takes two numbers and changes nothing but this process's permissions.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

/// This thread's tile registers, set up as eight of 16 rows of 64 bytes until it is dropped.
struct TileRegisters(PhantomData<*const ()>);

/// The layout that `ldtilecfg` reads.
#[repr(C, align(64))]
struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes: [u16; 16],
    rows: [u8; 16],
}

impl TileRegisters {
    /// # Safety
    /// The unit is available.
    unsafe fn set_up() -> Self {
        let mut config =
            TileConfig { palette: 1, start_row: 0, reserved: [0; 14], bytes: [0; 16], rows: [0; 16] };
        config.bytes[..8].fill(STEP as u16);
        config.rows[..8].fill(SIDE as u8);
        // SAFETY: the unit is available by the caller's promise, and reads the 64 bytes of a valid layout.
        unsafe {
            asm!(
                "ldtilecfg [{config}]",
                config = in(reg) &raw const config,
                options(nostack, preserves_flags, readonly),
            );
        }
        Self(PhantomData)
    }
}

impl Drop for TileRegisters {
    fn drop(&mut self) {
        // SAFETY: they were set up, so the unit is available; nothing holds a tile between two calls.
        unsafe {
            asm!("tilerelease", options(nomem, nostack, preserves_flags));
        }
    }
}
