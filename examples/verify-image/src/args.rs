//! The command line.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::Parser;

const HELP: &str = "\
Examples:
  verify-image picture.png
  verify-image picture.png --model ~/models/sd-1.5 --json
  verify-image --trace trace.jsonl --steps 3
  verify-image picture.png --trace trace.jsonl --steps 3 --seed 7

What is proved:
  A picture alone tells what was asked for, not how it came to be: the whole request is drawn again, and the pixels
  are compared. With a trace that holds its states (generate --dump-trace FILE --dump-trace-states) some steps chosen
  at random are redone instead; of a trace with one false step in n, K steps find it with probability K / n.

Exit status: 0 it is what it says, 1 it is not, 2 it cannot be told.";

/// Tell whether a picture is the one that its file says: same model, prompt, seed and steps.
#[derive(Debug, Parser)]
#[command(name = "verify-image", version, after_help = HELP)]
pub(crate) struct Args {
    /// PNG file with the text `dfsn`, as the network and `generate` write it
    #[arg(required_unless_present = "trace")]
    pub(crate) picture: Option<PathBuf>,

    /// Trace of the run that drew it
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,

    /// Which picture of the trace, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0, requires = "trace")]
    pub(crate) image: usize,

    /// Steps to redo, chosen at random [default: 2; without a trace all are redone]
    #[arg(long, value_name = "K", requires = "trace", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) steps: Option<u16>,

    /// Choose the steps by this number instead of at random
    #[arg(long, value_name = "S", requires = "trace")]
    pub(crate) seed: Option<u64>,

    /// Model folder in the layout of Hugging Face diffusers [default: the embedded emoji-64]
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,

    /// PNG file that the picture was started from, if it was started from one
    #[arg(long, value_name = "FILE.png")]
    pub(crate) init_image: Option<PathBuf>,

    /// Threads, 1 to 1024 [default: one for each core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroU16>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_sound() {
        Args::command().debug_assert();
    }
}
