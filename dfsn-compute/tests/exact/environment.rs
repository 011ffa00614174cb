//! A thread whose control register says otherwise computes nothing.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use dfsn_compute::exact::simd::activation::{Activation, activate};
use dfsn_compute::exact::simd::norm::{Affine, affine, group_sums, silu_image};
use dfsn_compute::exact::simd::quantise::{Haloed, channel_bounds, max_bits, quantise, quantise_image};
use dfsn_compute::exact::simd::rows::{QuantisedRows, geglu_rows, layer_norm_rows, quantise_rows};
use dfsn_compute::exact::simd::{
    Attention, ChannelBounds, Epilogue, Head, Kernels, Operand, PackedWeights, Scale, SimdError, Threads,
    attention, check_environment, product, scores, sums,
};
use dfsn_compute::exact::{ExactBackend, ExactEngine, ExactError, ExactOptions};
use dfsn_compute::{Backend, ComputeError, ModelConfig, TextInput};
use rayon::ThreadPoolBuilder;

/// The register, and what its settings must be.
#[cfg(target_arch = "x86_64")]
pub(crate) mod register {
    pub(crate) const DEFAULT: u64 = 0x1f80;
    /// Results, or operands too.
    pub(crate) const FLUSH_TO_ZERO: u64 = 1 << 15;
    #[cfg(feature = "torch")]
    pub(crate) const ROUND_DOWN: u64 = 1 << 13;
    /// Flush-to-zero, denormals-are-zero, the other three roundings, an exception that traps.
    pub(crate) const SETTINGS: [u64; 6] = [FLUSH_TO_ZERO, 1 << 6, 1 << 13, 1 << 14, 3 << 13, 1 << 12];

    #[allow(unsafe_code, reason = "the test changes the register to see it refused")]
    pub(crate) fn swap(value: Option<u64>) -> u64 {
        let mut before = 0_u32;
        // SAFETY: stores the register into the local, then loads settings of this module, or what was there.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut before, options(nostack));
            if let Some(value) = value {
                let value = value as u32;
                std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack));
            }
        }
        u64::from(before)
    }
}

#[cfg(target_arch = "aarch64")]
pub(crate) mod register {
    pub(crate) const DEFAULT: u64 = 0;
    pub(crate) const FLUSH_TO_ZERO: u64 = 1 << 24;
    #[cfg(feature = "torch")]
    pub(crate) const ROUND_DOWN: u64 = 2 << 22;
    /// Flush-to-zero, default NaN, the other three roundings.
    pub(crate) const SETTINGS: [u64; 5] = [FLUSH_TO_ZERO, 1 << 25, 1 << 22, 1 << 23, 3 << 22];

    #[allow(unsafe_code, reason = "the test changes the register to see it refused")]
    pub(crate) fn swap(value: Option<u64>) -> u64 {
        let before: u64;
        // SAFETY: reads the register, then writes settings of this module, or what was there.
        unsafe {
            std::arch::asm!("mrs {}, fpcr", out(reg) before, options(nostack));
            if let Some(value) = value {
                std::arch::asm!("msr fpcr, {}", in(reg) value, options(nostack));
            }
        }
        before
    }
}

/// Runs `with` with other settings, and puts them back.
pub(crate) fn changed<T>(bits: u64, with: impl FnOnce() -> T) -> T {
    let before = register::swap(Some(register::DEFAULT ^ bits));
    let result = with();
    register::swap(Some(before));
    result
}

/// Half of the least normal number.
fn denormal() -> f32 {
    black_box(f32::MIN_POSITIVE) * black_box(0.5)
}

#[test]
fn the_default_is_accepted_and_every_other_setting_is_refused() {
    assert_eq!(check_environment(), Ok(()));
    for bits in register::SETTINGS {
        let refused = changed(bits, check_environment);
        let found = register::DEFAULT ^ bits;
        assert_eq!(refused, Err(SimdError::Environment { found, expected: register::DEFAULT }));
        assert_eq!(check_environment(), Ok(()));
    }
}

/// Else the tests here would prove nothing.
#[test]
fn flush_to_zero_does_change_results() {
    assert_eq!(denormal().to_bits(), 1 << 22);
    assert_eq!(changed(register::FLUSH_TO_ZERO, denormal), 0.0);
}

/// Calls that look at an exception's traces are none of the settings.
#[test]
fn what_happened_before_does_not_matter() {
    assert!(black_box(1.0_f32) / black_box(3.0) > 0.3 && denormal() > 0.0);
    assert!((black_box(0.0_f32) / black_box(0.0)).is_nan());
    assert_eq!(check_environment(), Ok(()));
}

/// A call of each kernel that runs tasks, small but with work for several of them.
fn kernels(threads: Threads<'_>) -> Vec<(&'static str, Result<(), SimdError>)> {
    let kernels = Kernels::detect();
    let (x, ones) = (vec![1.0_f32; 1 << 17], [1.0; 64]);
    let a = [1_i16; 800];
    let operand = Operand::rows(&a, 400, 2, 2).unwrap();
    let weights = PackedWeights::pack(kernels, &[1, 2], 1, 2, 16383).unwrap();
    let epilogue = Epilogue::new(&[1.0], Scale::One(1.0), 400);
    let head = Head { q: &[1; 128], k: &[1; 128], v: &[1; 128], d: 2 };
    let numbers = Attention { c: 1e-6, value_scale: 1.0, causal: false };
    let map = Affine { mean: &ones, factor: &ones, beta: &ones };
    let image = Haloed { height: 32, width: 64, channels: 64, halo: 1 };
    let (mut q, mut wide, mut y) = (vec![0_i16; 1 << 17], vec![0_i16; image.len()], vec![0.0_f32; 1 << 17]);
    let mut max = vec![0_u32; 1 << 11];
    let mut rows = |run: &dyn Fn(QuantisedRows<'_>) -> Result<(), SimdError>, k: usize| {
        let count = (1 << 17) / k;
        run(QuantisedRows { q: &mut q[..count * 64], max: &mut max[..count], limit: 16383 })
    };
    let by_rows = [
        ("quantise_rows", rows(&|out| quantise_rows(kernels, &x, 64, out, threads), 64)),
        ("layer_norm_rows", rows(&|out| layer_norm_rows(kernels, &x, &ones, &ones, 1e-5, out, threads), 64)),
        ("geglu_rows", rows(&|out| geglu_rows(kernels, &x, 64, out, threads), 128)),
    ];
    let others = [
        ("product", product(&operand, &weights, &epilogue, &mut [0.0; 400], threads)),
        ("scores", scores(&operand, &weights, 0, &mut [0; 400], threads)),
        ("sums", sums(&operand, &weights, &mut [0.0; 400], threads)),
        ("attention", attention(kernels, &head, &numbers, &mut [0.0; 128], 2, threads)),
        ("max_bits", max_bits(kernels, &x, threads).map(|_| ())),
        ("quantise", quantise(kernels, &x, 1.0, &mut q, threads)),
        ("quantise_image", quantise_image(kernels, &x, &image, 1.0, &mut wide, threads)),
        ("channel_bounds", channel_bounds(kernels, &x, 64, &ChannelBounds::new(1, 64), 0, threads)),
        ("group_sums", group_sums(kernels, &x, &ones, 2, threads).map(|_| ())),
        ("silu_image", silu_image(kernels, &x, &image, &map, 1.0, 16383, &mut wide, threads)),
        ("affine", affine(kernels, &x, &map, &mut y, threads)),
    ];
    by_rows.into_iter().chain(others).collect()
}

fn is_refused(result: &Result<(), SimdError>) -> bool {
    matches!(result, Err(SimdError::Environment { .. }))
}

#[test]
fn every_kernel_refuses_on_a_changed_thread() {
    for (name, result) in kernels(Threads::Caller) {
        assert_eq!(result, Ok(()), "{name}");
    }
    for (name, result) in changed(register::FLUSH_TO_ZERO, || kernels(Threads::Caller)) {
        assert!(is_refused(&result), "{name}: {result:?}");
    }
    let x = [1.0; 4];
    let run = || activate(Kernels::detect(), Activation::Silu, &x, &mut [0.0; 4]);
    assert!(is_refused(&changed(register::FLUSH_TO_ZERO, run)));
}

#[test]
fn the_workers_registers_decide_and_not_the_callers() {
    let sound = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for (name, result) in changed(register::FLUSH_TO_ZERO, || kernels(Threads::Pool(&sound))) {
        // Attention packs its keys on the caller, in integers.
        assert_eq!(result, Ok(()), "{name}");
    }
    let spoil = |_| {
        register::swap(Some(register::DEFAULT ^ register::FLUSH_TO_ZERO));
    };
    let spoilt = ThreadPoolBuilder::new().num_threads(2).start_handler(spoil).build().unwrap();
    for (name, result) in kernels(Threads::Pool(&spoilt)) {
        assert!(is_refused(&result), "{name}: {result:?}");
    }
}

/// Which of the threads takes a task is chance: it is tried until the changed one has taken some.
#[test]
fn one_changed_thread_among_two_is_enough() {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let spoil_one = |_| {
        if STARTED.fetch_add(1, Ordering::SeqCst) == 0 {
            register::swap(Some(register::DEFAULT ^ register::FLUSH_TO_ZERO));
        }
    };
    let pool = ThreadPoolBuilder::new().num_threads(2).start_handler(spoil_one).build().unwrap();
    let flushing = pool.broadcast(|_| check_environment().is_err());
    assert_eq!(flushing.iter().filter(|is| **is).count(), 1, "one of the two");
    let (x, mut q) = (vec![1.0; 1 << 21], vec![0; 1 << 21]);
    let refused =
        (0..1000).any(|_| is_refused(&quantise(Kernels::detect(), &x, 1.0, &mut q, Threads::Pool(&pool))));
    assert!(refused);
}

#[test]
fn the_engine_and_the_definition_refuse_on_a_changed_thread() {
    let config = ModelConfig::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64")).unwrap();
    let is_refused = |error: ComputeError| {
        matches!(error, ComputeError::Exact(ExactError::Simd(SimdError::Environment { .. })))
    };
    let engines = [
        ExactEngine::default(),
        ExactEngine::Scalar,
        #[cfg(feature = "torch")]
        ExactEngine::Torch(crate::torch::device()),
    ];
    for engine in engines {
        let options = ExactOptions { engine, ..ExactOptions::default() };
        let refused = changed(register::FLUSH_TO_ZERO, || ExactBackend::load(&config, options));
        assert!(is_refused(refused.unwrap_err()), "loading, {engine:?}");
        let mut backend = ExactBackend::load(&config, options).unwrap();
        let refused =
            changed(register::FLUSH_TO_ZERO, || backend.encode_text(&TextInput::new(0, &[2312, 2313])));
        assert!(is_refused(refused.unwrap_err()), "running, {engine:?}");
        backend.encode_text(&TextInput::new(0, &[2312, 2313])).unwrap();
    }
}
