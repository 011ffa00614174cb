//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use dfsn_consensus::economics::Verdict;

/// Compute what misbehaving gains and loses, and simulate who wins.
///
/// Prints the margins (expected loss over gain) of every cheat, what else misbehaving costs and what honest work earns, all from the
/// protocol's default parameters or from a JSON file of yours; then plays jobs with honest, lazy and cheating validators and draws their
/// balances into DIR/economics.svg. The same arguments give the same bytes.
///
/// Ends with status 3 when a cheat of an exact profile has a margin under 2.0 with two thirds of the stake colluding.
#[derive(Clone, Debug, Parser)]
#[command(name = "economics", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// JSON file of ConsensusParams [default: the protocol's]
    #[arg(long, value_name = "FILE")]
    pub(crate) params: Option<PathBuf>,
    /// Denoising steps of the jobs, one table each; 1 to 150, may be repeated
    #[arg(long, value_name = "N", default_values_t = [50, 20], value_parser = clap::value_parser!(u16).range(1..=150))]
    pub(crate) steps: Vec<u16>,
    /// Seed of the simulation
    #[arg(long, value_name = "S", default_value_t = 7)]
    pub(crate) seed: u64,
    /// Jobs to simulate; 0 leaves the simulation out
    #[arg(long, value_name = "N", default_value_t = 40_000, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub(crate) jobs: u32,
    /// Validators in the simulation, 20 to 2,000; half of them are honest
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(20..=2_000))]
    pub(crate) validators: u32,
    /// How the simulated profile decides contests
    #[arg(long, value_enum, default_value_t = Profile::Exact)]
    pub(crate) profile: Profile,
    /// Let workers begin without a record: their first jobs are audited far more often
    #[arg(long)]
    pub(crate) newcomers: bool,
    /// Folder for the plot, made if it does not exist
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub(crate) out: PathBuf,
    /// Print one JSON object instead of tables
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Print the tables as Markdown
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Print the parameters as JSON, to edit and give to --params, and end
    #[arg(long)]
    pub(crate) print_params: bool,
}

/// How contests are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// By arithmetic
    Exact,
    /// By juries
    Float,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Markdown,
    Json,
}

impl Args {
    pub(crate) fn form(&self) -> Form {
        match (self.json, self.markdown) {
            (true, _) => Form::Json,
            (false, true) => Form::Markdown,
            (false, false) => Form::Text,
        }
    }
}

impl From<Profile> for Verdict {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Exact => Self::Arithmetic,
            Profile::Float => Self::Jury,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  cargo run --release -p economics
  cargo run --release -p economics -- --jobs 0 --steps 4
  cargo run --release -p economics -- --profile float --seed 42 --out float
  cargo run --release -p economics -- --print-params > mine.json
  cargo run --release -p economics -- --params mine.json --json | python3 -m json.tool";

#[cfg(test)]
mod tests {
    use super::Args;
    use clap::CommandFactory;

    #[test]
    fn definition_is_sound() {
        Args::command().debug_assert();
    }
}
