use dfsn_compute::exact::simd::{
    Kernels, Operand, PackedWeights, SimdError, Threads, check_environment, sums,
};
use rayon::ThreadPoolBuilder;

#[test]
fn the_default_environment_is_accepted() {
    assert_eq!(check_environment(), Ok(()));
}

/// Runs `with` under a changed control register, and puts it back.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "the test turns on flush-to-zero to see it refused")]
fn changed<T>(bits: u32, with: impl FnOnce() -> T) -> T {
    let mut before = 0_u32;
    // SAFETY: stores the register into the local, then loads valid settings; restored below.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut before, options(nostack));
        let after = before ^ bits;
        std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const after, options(nostack));
    }
    let result = with();
    // SAFETY: what it was.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const before, options(nostack)) };
    result
}

#[cfg(target_arch = "x86_64")]
#[test]
fn flush_to_zero_denormals_are_zero_and_other_roundings_are_refused() {
    for bits in [1 << 15, 1 << 6, 1 << 13, 1 << 14, 3 << 13] {
        let refused = changed(bits, check_environment);
        let found = u64::from(0x1f80 ^ bits);
        assert_eq!(refused, Err(SimdError::Environment { found, expected: 0x1f80 }));
        assert_eq!(check_environment(), Ok(()));
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_worker_thread_with_flush_to_zero_refuses_the_product() {
    let kernels = Kernels::detect();
    let a = [1; 400];
    let operand = Operand::rows(&a, 200, 2, 2).unwrap();
    let weights = PackedWeights::pack(kernels, &[1, 2], 1, 2, 16383).unwrap();
    let run = |threads: Threads<'_>| sums(&operand, &weights, &mut [0.0; 200], threads);
    let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    assert_eq!(run(Threads::Pool(&pool)), Ok(()));
    assert!(changed(1 << 15, || run(Threads::Caller)).is_err());
    // The caller's register is its own; the workers' decide.
    assert_eq!(changed(1 << 15, || run(Threads::Pool(&pool))), Ok(()));
    let one = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let refused = one.install(|| changed(1 << 15, || run(Threads::Pool(&one))));
    assert!(matches!(refused, Err(SimdError::Environment { .. })));
}
