//! One body, compiled once for each instruction set.

/// Defines a function whose first parameter is [`Kernels`](super::Kernels) and whose body the compiler vectorises for
/// that instruction set. The operations stay those of the body: no fusing, no reordering.
macro_rules! for_each_isa {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(unsafe_code, clippy::too_many_arguments, reason = "calls of clones for the processor's features")]
        $vis fn $name(kernels: $crate::exact::simd::Kernels, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn generic($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($arg: $ty),*) $(-> $ret)? { generic($($arg),*) }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512($($arg: $ty),*) $(-> $ret)? { generic($($arg),*) }
            match kernels.isa() {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `Kernels` exists only for what the processor has.
                $crate::exact::simd::Isa::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `Kernels` exists only for what the processor has.
                $crate::exact::simd::Isa::Avx512Vnni | $crate::exact::simd::Isa::AmxInt8 => unsafe { avx512($($arg),*) },
                _ => generic($($arg),*),
            }
        }
    };
}

pub(crate) use for_each_isa;
