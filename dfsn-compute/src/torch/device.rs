//! Choosing the device and setting libtorch up for a process.

use std::num::{NonZeroU16, NonZeroUsize};
use std::sync::OnceLock;

use dfsn_types::{BoundedString, ProfileRecord};
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use tch::{Cuda, Device, Kind};

use super::TorchError;
use crate::config::VaeConfig;

/// How libtorch is to run in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TorchOptions {
    /// Threads of libtorch's CPU kernels, at most [`TorchOptions::MAX_THREADS`]; `None` for as many as there are
    /// cores. The bits of results depend on it, so one process keeps to one number.
    pub threads: Option<NonZeroU16>,
    /// Where the networks run.
    pub device: DeviceChoice,
    /// The number format of weights and activations.
    pub dtype: Dtype,
    /// Whether the autoencoder works on tiles of the size it was trained on, so that large pictures need less
    /// memory. The pixels differ a little. It always works on one picture at a time.
    pub vae_tiling: bool,
    /// Whether opposite edges of pictures fit together: convolutions then see the far side beyond an edge.
    pub seamless: bool,
}

/// A number format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dtype {
    /// 32 bits: the format of all reference figures.
    #[default]
    F32,
    /// 16 bits with the range of f32.
    Bf16,
    /// 16 bits with more digits and less range; autoencoders that outgrow it run in f32.
    F16,
}

impl Dtype {
    /// The name in profiles and on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
            Self::F16 => Kind::Half,
        }
    }

    /// The format that an autoencoder runs in.
    pub(super) const fn vae_kind(self, config: &VaeConfig) -> Kind {
        match self {
            Self::F16 if config.force_upcast => Kind::Float,
            _ => self.kind(),
        }
    }
}

impl std::str::FromStr for Dtype {
    type Err = TorchError;

    fn from_str(text: &str) -> Result<Self, TorchError> {
        [Self::F32, Self::Bf16, Self::F16]
            .into_iter()
            .find(|dtype| dtype.name() == text)
            .ok_or_else(|| TorchError::UnknownDtype(text.chars().take(32).collect()))
    }
}

impl TorchOptions {
    /// Most threads. Tens of thousands would keep even a large machine busy with waiting alone.
    pub const MAX_THREADS: u16 = 1024;
}

/// Where the networks run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceChoice {
    /// The first CUDA device if libtorch has CUDA and finds one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this number.
    Cuda(u8),
}

/// Settles threads and device before the first use of libtorch.
pub(crate) fn prepare(options: TorchOptions) -> Result<Device, TorchError> {
    let device = match options.device {
        DeviceChoice::Cpu => Device::Cpu,
        DeviceChoice::Auto if load_cuda().is_ok() && Cuda::is_available() => Device::Cuda(0),
        DeviceChoice::Auto => Device::Cpu,
        DeviceChoice::Cuda(number) => {
            let missing = |reason: &str| TorchError::NoDevice {
                device: format!("cuda:{number}"),
                reason: reason.lines().next().unwrap_or_default().to_owned(),
            };
            load_cuda().as_ref().map_err(|reason| missing(reason))?;
            if i64::from(number) >= Cuda::device_count() {
                return Err(missing(&format!("libtorch finds {} CUDA devices", Cuda::device_count())));
            }
            Device::Cuda(usize::from(number))
        }
    };
    set_threads(options.threads)?;
    Ok(device)
}

fn set_threads(threads: Option<NonZeroU16>) -> Result<(), TorchError> {
    static RUNNING: OnceLock<u16> = OnceLock::new();
    let wanted = threads.map_or_else(default_threads, NonZeroU16::get);
    if wanted > TorchOptions::MAX_THREADS {
        return Err(TorchError::TooManyThreads { wanted });
    }
    let running = *RUNNING.get_or_init(|| {
        tch::set_num_threads(i32::from(wanted));
        wanted
    });
    if running == wanted { Ok(()) } else { Err(TorchError::Threads { running, wanted }) }
}

fn default_threads() -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    u16::try_from(cores).unwrap_or(u16::MAX).min(TorchOptions::MAX_THREADS)
}

/// Loads libtorch's CUDA half where it is installed; its start-up code registers the CUDA kernels.
///
/// Programs link only the CPU half, so that one binary runs with and without CUDA. The name is looked up where
/// the program's own libraries are found, beside `libtorch_cpu`.
fn load_cuda() -> &'static Result<Library, String> {
    static CUDA: OnceLock<Result<Library, String>> = OnceLock::new();
    const NAME: &str = "libtorch_cuda.so";
    CUDA.get_or_init(|| {
        // SAFETY: the library's initialisers only register kernels with libtorch_cpu, which is loaded and of
        // the same release; the handle lives in a static, so it is never unloaded.
        #[allow(unsafe_code)]
        unsafe { Library::open(Some(NAME), RTLD_NOW | RTLD_GLOBAL) }.map_err(|error| error.to_string())
    })
}

/// Names what the bits of results depend on.
pub(super) fn profile(device: Device, options: TorchOptions) -> ProfileRecord {
    let (device, instruction_set, threads) = match device {
        Device::Cuda(_) => ("cuda", "cuda", 1),
        _ => ("cpu", instruction_set(), u16::try_from(tch::get_num_threads()).unwrap_or(u16::MAX)),
    };
    let mut library = "libtorch-2.11.0".to_owned();
    for (is_on, word) in [(options.vae_tiling, "+vae-tiling"), (options.seamless, "+seamless")] {
        if is_on {
            library.push_str(word);
        }
    }
    ProfileRecord::Float {
        library: name(&library),
        device: name(device),
        instruction_set: name(instruction_set),
        dtype: name(options.dtype.name()),
        threads,
    }
}

/// All names above are shorter than their bounds.
fn name<const MAX: usize>(text: &str) -> BoundedString<MAX> {
    BoundedString::new(text).unwrap_or_default()
}

/// The widest vectors that libtorch's CPU kernels choose on this machine.
fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected;
        let has_avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq");
        if has_avx512 && is_x86_feature_detected!("fma") {
            "avx512"
        } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            "avx2"
        } else {
            "x86_64"
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH
    }
}
