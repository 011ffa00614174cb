//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use dfsn_types::SchedulerKind;

/// Draw a picture on an embedded network: four validators in this process, one user, real audits.
#[derive(Clone, Debug, Parser)]
#[command(name = "demo", bin_name = "cargo xtask demo", version, allow_negative_numbers = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to draw
    #[arg(default_value = "a red fox on a blue background")]
    pub(crate) prompt: String,
    /// Pictures, 1 to 4; picture i, counted from 0, takes S + i
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) images: u8,
    /// Denoising steps, 1 to 150
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=150))]
    pub(crate) steps: u16,
    /// Seed of the first picture's noise
    #[arg(long, value_name = "S", default_value_t = 7)]
    pub(crate) seed: u32,
    /// How closely to follow the prompt, 0 to 100; at most 1 turns guidance off
    #[arg(long, value_name = "G", default_value = "5", value_parser = thousandths)]
    pub(crate) guidance: u32,
    /// What to draw away from
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) negative: String,
    /// Noise scheduler: ddim or euler
    #[arg(long, value_name = "NAME", default_value_t = SchedulerKind::Ddim)]
    pub(crate) scheduler: SchedulerKind,
    /// Let the first worker drawn (or, for lazy-auditor, the first auditor) misbehave
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Cheat::None)]
    pub(crate) cheat: Cheat,
    /// Folder for the pictures, made if it does not exist
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub(crate) out: PathBuf,
    /// Model folder in the diffusers layout [default: the embedded emoji-64]
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Ask a running node instead of an embedded network, for example http://127.0.0.1:9750
    #[arg(long, value_name = "URL", conflicts_with_all = ["cheat", "model"])]
    pub(crate) node: Option<String>,
    /// Print one JSON object about the job as the last line
    #[arg(long)]
    pub(crate) json: bool,
}

/// How one participant misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cheat {
    /// Everybody is honest
    None,
    /// The worker commits random states and pixels without running the model
    Garbage,
    /// The worker runs half of the steps and fills the trace with copies
    FewerSteps,
    /// The worker draws with another seed
    OtherSeed,
    /// The worker turns over one bit of the last latents and one of the decoded picture
    FlippedBit,
    /// The worker accepts and never commits
    Silent,
    /// The worker commits an honest result and never opens it
    Withhold,
    /// An auditor answers without computing
    LazyAuditor,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask demo \"a red fox on a blue background\"
  cargo xtask demo \"rocket on a gray background\" --images 4 --seed 42
  cargo xtask demo --cheat garbage
  cargo xtask demo pizza --node http://127.0.0.1:9750
  cargo xtask demo pizza --json | tail -n 1 | python3 -m json.tool";

/// Parses a decimal with at most three digits behind the dot into thousandths.
fn thousandths(text: &str) -> Result<u32, String> {
    let not = || format!("{text:?} is not a number between 0 and 100 with at most three decimals");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || fraction.len() > 3 || !digits(whole) || !digits(fraction) {
        return Err(not());
    }
    let number = format!("{whole}{fraction:0<3}").parse::<u32>().map_err(|_| not())?;
    if number > 100_000 { Err(not()) } else { Ok(number) }
}

#[cfg(test)]
mod tests {
    use super::thousandths;

    #[test]
    fn guidance_is_read_exactly() {
        assert_eq!(thousandths("7.5"), Ok(7_500));
        assert_eq!(thousandths("4"), Ok(4_000));
        assert_eq!(thousandths("0.001"), Ok(1));
        for wrong in ["", ".5", "-1", "1e3", "101", "7.5001", "nan"] {
            assert!(thousandths(wrong).is_err(), "{wrong}");
        }
    }
}
