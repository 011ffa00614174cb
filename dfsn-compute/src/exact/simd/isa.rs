use super::SimdError;
use std::fmt;
use std::str::FromStr;

/// An instruction set that kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust; everywhere.
    Portable,
    /// x86-64 with AVX2: `vpmaddwd`.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ, VL and VNNI: `vpdpwssd`.
    Avx512Vnni,
    /// x86-64 with AMX-INT8 beside AVX-512 VNNI, on Linux: `tdpbssd` and its kin, on digits of eight bits.
    AmxInt8,
    /// AArch64: `smlal`.
    Neon,
    /// WebAssembly built with simd128: `i32x4.dot_i16x8_s`.
    WasmSimd128,
}

impl Isa {
    const ALL: [Self; 6] =
        [Self::Portable, Self::Neon, Self::WasmSimd128, Self::Avx2, Self::Avx512Vnni, Self::AmxInt8];

    /// What this machine runs, the slowest first; never empty.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// The fastest that this machine runs.
    #[must_use]
    pub fn detect() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// Whether this machine runs it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::AmxInt8 => Self::Avx512Vnni.is_available() && super::amx::is_available(),
            #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
            Self::AmxInt8 => false,
            Self::Neon => cfg!(all(target_arch = "aarch64", target_endian = "little")),
            Self::WasmSimd128 => cfg!(all(target_arch = "wasm32", target_feature = "simd128")),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512Vnni => false,
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512Vnni => "avx512",
            Self::AmxInt8 => "amx",
            Self::Neon => "neon",
            Self::WasmSimd128 => "simd128",
        })
    }
}

impl FromStr for Isa {
    type Err = SimdError;

    fn from_str(name: &str) -> Result<Self, SimdError> {
        Self::ALL
            .into_iter()
            .find(|isa| isa.to_string() == name)
            .ok_or_else(|| SimdError::UnknownIsa(name.to_owned()))
    }
}

/// The kernels of an instruction set that this machine has: holding one is the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kernels(Isa);

impl Kernels {
    /// The kernels of `isa`.
    ///
    /// # Errors
    /// If this machine cannot run them.
    pub fn new(isa: Isa) -> Result<Self, SimdError> {
        if isa.is_available() {
            return Ok(Self(isa));
        }
        let names: Vec<String> = Isa::available().iter().map(ToString::to_string).collect();
        Err(SimdError::Unavailable { isa, available: names.join(", ") })
    }

    /// The fastest of this machine.
    #[must_use]
    pub fn detect() -> Self {
        Self(Isa::detect())
    }

    /// Which they are.
    #[must_use]
    pub fn isa(self) -> Isa {
        self.0
    }
}
