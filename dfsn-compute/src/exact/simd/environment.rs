//! The floating-point environment of a thread: it is inherited, and any library may have changed it.

use super::SimdError;

/// `Ok` if this thread rounds to nearest and keeps denormals. Every task of the kernels asks for it first.
///
/// # Errors
/// If the control register is not the default.
#[allow(unsafe_code, reason = "control registers are only read by instructions of their own")]
pub fn check_environment() -> Result<(), SimdError> {
    #[cfg(target_arch = "x86_64")]
    {
        // The six low bits are sticky flags of what happened; the masks, rounding, FTZ and DAZ are settings.
        const STICKY: u32 = 0x3f;
        let mut mxcsr = 0_u32;
        // SAFETY: stores the 32-bit register into the local it is given.
        unsafe {
            core::arch::asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr, options(nostack, preserves_flags));
        }
        expect(u64::from(mxcsr & !STICKY), 0x1f80)
    }
    #[cfg(target_arch = "aarch64")]
    {
        let fpcr: u64;
        // SAFETY: reads a register that user code may read.
        unsafe {
            core::arch::asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack, preserves_flags));
        }
        expect(fpcr, 0)
    }
    // WebAssembly has no such register.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    Ok(())
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn expect(found: u64, expected: u64) -> Result<(), SimdError> {
    if found == expected { Ok(()) } else { Err(SimdError::Environment { found, expected }) }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "wasm32")))]
compile_error!("the exact profile needs IEEE binary32 with denormals: x86-64, AArch64 or WebAssembly");
