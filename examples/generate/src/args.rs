//! The command line.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::Parser;
use dfsn_compute::SchedulerKind;

const EXAMPLES: &str = "\
Examples:
  cargo xtask generate --prompt \"a fox on a blue background\" --seed 7 --out pictures
  cargo xtask generate --model ~/models/sd-1.5 --prompt \"a lighthouse at dusk\" --out pictures
  cargo xtask generate --prompt pizza --images 4 --dump-trace trace.jsonl --json --out pictures
The same picture twice, the second time from the dumped noise:
  cargo xtask generate --prompt pizza --dump-latents a.safetensors --out a
  cargo xtask generate --prompt pizza --init-latents a.safetensors --out b";

/// Draw pictures with Stable Diffusion on libtorch.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask generate", version, allow_negative_numbers = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Model folder in the layout of Hugging Face diffusers [default: the embedded emoji-64]
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,

    /// What to draw
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt: String,

    /// What to draw away from
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) negative: String,

    /// Seed of the first picture's noise; picture i, counted from 0, takes S + i
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u32,

    /// Denoising steps, 1 to 150
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) steps: u16,

    /// How closely to follow the prompt, 0 to 100; at most 1 turns guidance off
    #[arg(long, value_name = "G", default_value_t = 7.5)]
    pub(crate) guidance: f32,

    /// Noise scheduler: ddim, ddpm, pndm, euler, euler_ancestral, dpmpp_2m, unipc, lcm, or one with Karras' noise
    /// levels: euler_karras, dpmpp_2m_karras, unipc_karras
    #[arg(long, value_name = "NAME", default_value = "ddim")]
    pub(crate) scheduler: SchedulerKind,

    /// Height in pixels [default: the model's]
    #[arg(long, value_name = "H")]
    pub(crate) height: Option<u32>,

    /// Width in pixels [default: the model's]
    #[arg(long, value_name = "W")]
    pub(crate) width: Option<u32>,

    /// Pictures, 1 to 4
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) images: u8,

    /// Threads of the CPU kernels, 1 to 1024; results depend on it in the last bits [default: one for each core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroU16>,

    /// Take the initial noise from the tensor `init_latents` of this file, or its only tensor, instead of the seed
    #[arg(long, value_name = "FILE.safetensors")]
    pub(crate) init_latents: Option<PathBuf>,

    /// Write the initial noise (`init_latents`) and the final latents (`latents`) to this file
    #[arg(long, value_name = "FILE.safetensors")]
    pub(crate) dump_latents: Option<PathBuf>,

    /// Write length and blake3 of the state at every boundary between steps to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) dump_trace: Option<PathBuf>,

    /// Folder for the pictures, made if it does not exist
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Print one JSON object about the result as the last line
    #[arg(long)]
    pub(crate) json: bool,
}
