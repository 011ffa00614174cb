//! The command line.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::Parser;
use dfsn_compute::exact::Isa;
use dfsn_compute::{SchedulerKind, Variation};
use dfsn_types::Strength;

use crate::engine::Profile;

const EXAMPLES: &str = "\
Examples:
  cargo xtask generate --prompt \"a fox on a blue background\" --seed 7 --out pictures
  cargo xtask generate --prompt pizza --force-isa portable --threads 1 --dump-trace trace.jsonl --out pictures
  cargo xtask generate --model ~/models/sd-1.5 --prompt \"a lighthouse at dusk\" --out pictures
  cargo xtask generate --prompt pizza --images 4 --dump-trace trace.jsonl --json --out pictures
  cargo xtask generate --prompt pizza --variation 9:0.2 --preview looks --out pictures
  cargo xtask generate --prompt pizza --hires 128x128:0.6 --out pictures
Starting from a picture, and drawing only where a mask is bright:
  cargo xtask generate --prompt \"a blue house\" --init-image house.png --strength 0.6 --out pictures
  cargo xtask generate --prompt \"a dog\" --init-image room.png --mask place.png --strength 1 --out pictures
A file of the original releases with two adapters, in 16 bits; DIR lends it tokenizers:
  cargo xtask generate --checkpoint xl.safetensors --model DIR --lora pixel.safetensors:0.8 \\
      --lora ink.safetensors --profile float --dtype bf16 --vae-tiling --prompt \"a castle\" --out pictures
The name of a model on the chain:
  cargo xtask generate model-manifest models/emoji-64
Its weights in the exact profile, as one file, and their root:
  cargo xtask generate model-weights models/emoji-64 --out emoji-64.weights
The same picture twice, the second time from the dumped noise:
  cargo xtask generate --prompt pizza --dump-latents a.safetensors --out a
  cargo xtask generate --prompt pizza --init-latents a.safetensors --out b";

/// Draw pictures with Stable Diffusion.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask generate", version, allow_negative_numbers = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Model folder in the layout of Hugging Face diffusers [default: the embedded emoji-64]
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,

    /// One file with all weights in the layout of the original releases; --model then names the folder with its
    /// tokenizers and, if it is a diffusers folder, its configuration
    #[arg(long, value_name = "FILE.safetensors", requires = "model")]
    pub(crate) checkpoint: Option<PathBuf>,

    /// Adapter to add to the model, with its weight [default weight: 1]; may be given several times
    #[arg(long, value_name = "FILE[:WEIGHT]", value_parser = lora)]
    pub(crate) lora: Vec<Adapter>,

    /// Which bits the picture has: exact-v1, the same on every machine, or float, those of libtorch on this one
    #[arg(long, value_name = "NAME", default_value = "exact-v1")]
    pub(crate) profile: Profile,

    /// What computes it: simd, torch or scalar (the definition, slow) for exact-v1, torch for float
    #[arg(long, value_name = "NAME")]
    pub(crate) backend: Option<String>,

    /// Instruction set of the simd backend: portable, avx2, avx512, amx, neon or simd128 [default: this machine's fastest]
    #[arg(long, value_name = "NAME")]
    pub(crate) force_isa: Option<Isa>,

    /// Do not keep the quantised weights of the exact profile in the cache folder (DFSN_CACHE, or dfsn in yours)
    #[arg(long)]
    pub(crate) no_cache: bool,

    /// Number format of weights and activations in the float profile: f32, bf16 or f16 [default: f32]
    #[arg(long, value_name = "NAME")]
    pub(crate) dtype: Option<String>,

    /// Decode and encode large pictures tile by tile, with less memory
    #[arg(long)]
    pub(crate) vae_tiling: bool,

    /// Draw pictures whose opposite edges fit together
    #[arg(long)]
    pub(crate) seamless: bool,

    /// What to draw, with weights and BREAK
    #[arg(
        long,
        value_name = "TEXT",
        help = "What to draw; (a:1.2) is stronger, [a] weaker, BREAK begins a new chunk, \\( is a bracket"
    )]
    pub(crate) prompt: String,

    /// What to draw away from, in the same syntax
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

    /// Layers of the text encoder to leave out at the end; 0 takes the last one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) clip_skip: u32,

    /// Textual inversion, a safetensors file, called in the prompt by its name without extension or by the word stored
    /// in it; may be given several times
    #[arg(long, value_name = "FILE.safetensors")]
    pub(crate) embedding: Vec<PathBuf>,

    /// Height in pixels [default: the model's]
    #[arg(long, value_name = "H")]
    pub(crate) height: Option<u32>,

    /// Width in pixels [default: the model's]
    #[arg(long, value_name = "W")]
    pub(crate) width: Option<u32>,

    /// PNG file to start from, stretched to the size of the picture
    #[arg(long, value_name = "FILE.png", conflicts_with = "init_latents")]
    pub(crate) init_image: Option<PathBuf>,

    /// How far to leave the initial picture, 0 to 1 in thousandths
    #[arg(long, value_name = "S", default_value = "0.8", value_parser = strength, requires = "init_image")]
    pub(crate) strength: Strength,

    /// PNG file that is bright where the initial picture is to be drawn anew
    #[arg(long, value_name = "FILE.png", requires = "init_image")]
    pub(crate) mask: Option<PathBuf>,

    /// Lean towards another seed's picture, 0 to 1
    #[arg(long, value_name = "SEED:STRENGTH", value_parser = variation, conflicts_with = "init_latents")]
    pub(crate) variation: Option<Variation>,

    /// Draw once more from the enlarged latents, in this size [default strength: 0.7]
    #[arg(long, value_name = "HxW[:STRENGTH]", value_parser = hires)]
    #[arg(conflicts_with_all = ["init_latents", "dump_latents", "dump_trace"])]
    pub(crate) hires: Option<HiresSize>,

    /// Write a small picture of the latents after every step to this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) preview: Option<PathBuf>,

    /// Pictures, 1 to 4
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) images: u8,

    /// Threads of the CPU kernels, 1 to 1024; in the float profile results depend on it in the last bits [default: one for
    /// each core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroU16>,

    /// Take the initial noise from the tensor `init_latents` of this file, or its only tensor, instead of the seed
    #[arg(long, value_name = "FILE.safetensors")]
    pub(crate) init_latents: Option<PathBuf>,

    /// Write the initial noise (`init_latents`) and the final latents (`latents`) to this file
    #[arg(long, value_name = "FILE.safetensors")]
    pub(crate) dump_latents: Option<PathBuf>,

    /// Write the request, and length and blake3 of the state at every boundary between steps, to this file as JSON lines
    /// (docs/trace-files.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) dump_trace: Option<PathBuf>,

    /// Write the states themselves into the trace, so that verify-image can redo single steps
    #[arg(long, requires = "dump_trace")]
    pub(crate) dump_trace_states: bool,

    /// Write the root of every tensor of every operation into the trace, too: thousands of lines a step
    #[arg(long, requires = "dump_trace")]
    pub(crate) dump_trace_ops: bool,

    /// Folder for the pictures, made if it does not exist
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Print one JSON object about the result as the last line
    #[arg(long)]
    pub(crate) json: bool,
}

/// `model-manifest`: print the name of a model on the chain.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask generate model-manifest", version)]
#[command(after_help = "Example:\n  cargo xtask generate model-manifest models/emoji-64 --json")]
pub(crate) struct ManifestArgs {
    /// Model folder in the layout of Hugging Face diffusers
    pub(crate) dir: PathBuf,

    /// Print one JSON object with every file, its length and its hash
    #[arg(long)]
    pub(crate) json: bool,
}

/// `model-weights`: print the root of a model's quantised weights, and write them.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask generate model-weights", version)]
#[command(after_help = "Examples:\n  cargo xtask generate model-weights models/emoji-64\n  \
    cargo xtask generate model-weights ~/models/sd-1.5 --out sd-1.5.weights --json")]
pub(crate) struct WeightsArgs {
    /// Model folder in the layout of Hugging Face diffusers
    pub(crate) dir: PathBuf,

    /// Write the canonical file there; without it only its hash is computed
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Threads, 1 to 1024 [default: one for each core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroU16>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The size of the second pass, and how far it leaves the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HiresSize {
    pub(crate) height: u32,
    pub(crate) width: u32,
    pub(crate) strength: Strength,
}

fn strength(text: &str) -> Result<Strength, String> {
    let wrong = || format!("{text:?} is not between 0 and 1");
    let share: f64 = text.parse().map_err(|_| wrong())?;
    if !(0.0..=1.0).contains(&share) {
        return Err(wrong());
    }
    // At most 1000.
    Strength::from_thousandths((share * 1000.0).round() as u16).map_err(|error| error.to_string())
}

fn variation(text: &str) -> Result<Variation, String> {
    let parts =
        text.split_once(':').and_then(|(seed, share)| Some((seed.parse().ok()?, share.parse().ok()?)));
    let (seed, strength) = parts.ok_or_else(|| format!("{text:?} is not SEED:STRENGTH, such as 9:0.2"))?;
    Ok(Variation { seed, strength })
}

fn hires(text: &str) -> Result<HiresSize, String> {
    let (size, share) = text.split_once(':').unwrap_or((text, "0.7"));
    let sides = size.split_once('x').and_then(|(h, w)| Some((h.parse().ok()?, w.parse().ok()?)));
    let (height, width) =
        sides.ok_or_else(|| format!("{text:?} is not HxW[:STRENGTH], such as 1024x768:0.6"))?;
    Ok(HiresSize { height, width, strength: strength(share)? })
}

/// Weights that are added to a model's.
#[derive(Clone, Debug)]
pub(crate) struct Adapter {
    pub(crate) file: PathBuf,
    pub(crate) weight: f32,
}

fn lora(text: &str) -> Result<Adapter, String> {
    // A colon may be part of the name; what follows the last one is a weight if it is a number.
    let weighted = text.rsplit_once(':').and_then(|(file, weight)| Some((file, weight.parse().ok()?)));
    let (file, weight) = weighted.unwrap_or((text, 1.0));
    if file.is_empty() { Err("names no file".to_owned()) } else { Ok(Adapter { file: file.into(), weight }) }
}
