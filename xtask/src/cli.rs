//! The command line of `cargo xtask`.

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Set-up and checks of the DFSN workspace.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true, after_help = ENVIRONMENT)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const ENVIRONMENT: &str = "\
Environment:
  LIBTORCH          a libtorch 2.11.0 of your own; nothing is fetched then
  DFSN_CACHE        where the fetched one is kept (default: dfsn in your cache folder)
  CARGO_TARGET_DIR  cargo's build folder, respected throughout";

/// What to do.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Fetch libtorch, once, into the cache (about 540 MB to download, 0.5 GB kept).
    #[command(
        after_help = "Examples:\n  cargo xtask setup\n  DFSN_CACHE=/big/disk cargo xtask setup --force"
    )]
    Setup {
        /// Fetch again although the cache holds a complete copy.
        #[arg(long)]
        force: bool,
    },
    /// Turn a prompt into a paid, verified picture on an embedded network.
    ///
    /// All arguments go to the quickstart example; `cargo xtask demo --help` shows its own.
    #[command(disable_help_flag = true)]
    #[command(after_help = "Examples:\n  cargo xtask demo \"a red fox on a blue background\"\n  \
        cargo xtask demo \"a green tree\" --images 2 --steps 20 --seed 7 --out pictures\n  \
        cargo xtask demo --cheat garbage --json\n  \
        cargo xtask demo pizza --node      # through a node in a process of its own\n  \
        cargo xtask demo --web             # a network and its web page, until Ctrl-C")]
    Demo {
        /// Arguments of the quickstart example, unchanged.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Run the Stable Diffusion pipeline alone, without a chain.
    ///
    /// All arguments go to the generate example; `cargo xtask generate --help` shows its own.
    #[command(disable_help_flag = true)]
    #[command(
        after_help = "Example:\n  cargo xtask generate --model models/emoji-64 --prompt \"a red fox\" --steps 20 --out out"
    )]
    Generate {
        /// Arguments of the generate example, unchanged.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Measure: `cargo bench` of the benches package.
    #[command(disable_help_flag = true)]
    #[command(after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench -- compute::unet_step")]
    Bench {
        /// Arguments of `cargo bench`, unchanged.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Start AvalancheGo nodes with FusionVM as the VM of a subnet, and print what the network does in numbers; needs Go.
    #[command(
        after_help = "Examples:\n  cargo xtask avalanche-net --nodes 3\n  cargo xtask avalanche-net --keep"
    )]
    AvalancheNet {
        /// How many nodes.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
        nodes: u8,
        /// Leave the network running until Ctrl-C.
        #[arg(long)]
        keep: bool,
    },
    /// Run every test, the proof that default builds need no libtorch, and the exact profile on other processors.
    #[command(after_help = "Examples:\n  cargo xtask test\n  cargo xtask test --no-torch\n  \
        cargo xtask test -p dfsn-types\n  cargo xtask test settlement -- --nocapture")]
    Test {
        /// Leave out everything that links libtorch; nothing is fetched.
        #[arg(long)]
        no_torch: bool,
        /// Arguments of `cargo test`, unchanged; `-p` narrows the run to packages, with their default features.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Everything that must hold before a commit: formatting, lints, documentation, licences, house rules.
    #[command(after_help = "Examples:\n  cargo xtask check\n  cargo xtask check --advisories\n\n\
        With CI=true a missing cargo-deny is installed into the cache folder, once.")]
    Check {
        /// Ask the RustSec advisory database too; needs the network.
        #[arg(long)]
        advisories: bool,
    },
    /// Feed every reader of outside bytes with inputs made up by libFuzzer; needs nightly and cargo-fuzz.
    #[command(after_help = "Examples:\n  cargo xtask fuzz\n  cargo xtask fuzz --seconds 600 blocks")]
    Fuzz {
        /// How long each target runs.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// One target, by the name of its file in fuzz/fuzz_targets; all of them without.
        target: Option<String>,
    },
    /// Build the web page, with what it checks pictures with, and measure what it loads; needs Node 20.19 and npm.
    #[command(after_help = "Examples:\n  cargo xtask webapp\n  cargo xtask webapp --test")]
    Webapp {
        /// Drive it in Chromium, too; by DFSN_SCREENSHOTS=1 its pictures in docs/screenshots are made again.
        #[arg(long)]
        test: bool,
    },
    /// Copy an example out as a project of your own, which builds by itself.
    #[command(
        after_help = "Examples:\n  cargo xtask new bot ../my-bot\n  cargo xtask new fusionvm ~/my-node\n\n\
        The dfsn crates stay where they are: the new project names this clone by its path."
    )]
    New {
        /// Which: quickstart, bot, compute-client or fusionvm.
        #[arg(value_parser = crate::new::TEMPLATES)]
        template: String,
        /// Where to; made if it is not there, and must be empty.
        dir: PathBuf,
    },
    /// Do what the guides and the templates' READMEs say, command by command. Part of `test`.
    #[command(after_help = "Examples:\n  cargo xtask guides\n  cargo xtask guides --only bot --no-build")]
    Guides {
        /// Only documents whose path contains this.
        #[arg(long)]
        only: Option<String>,
        /// Take the programs as they are.
        #[arg(long)]
        no_build: bool,
    },
    /// Draw the pictures of docs/performance.md from its tables.
    #[command(after_help = "Example:\n  cargo xtask plots      # after a figure has changed")]
    Plots,
    /// Pack the four crates, use the packages from outside, and check that every template stands alone. Part of `test`.
    #[command(after_help = "Example:\n  cargo xtask package      # target/package/*.crate")]
    Package,
    /// Print the line that gives your shell the libtorch that xtask uses.
    #[command(after_help = "Example:\n  eval \"$(cargo xtask env)\" && cargo build --release --workspace")]
    Env,
    /// Delete what xtask fetched into the cache folder, and the quantised weights that are kept there.
    #[command(after_help = "Examples:\n  cargo xtask clean-cache\n  cargo xtask clean-cache --all")]
    CleanCache {
        /// Delete the build outputs that `.ci/run` keeps there, too.
        #[arg(long)]
        all: bool,
    },
}

/// Parses the whole command line, program name included.
///
/// # Errors
/// clap's own, which prints itself and knows its exit status.
pub(crate) fn parse(argv: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    let argv: Vec<OsString> = argv.into_iter().collect();
    let mut command = Cli::try_parse_from(&argv)?.command;
    // clap drops the first `--`, which belongs to the program behind.
    match &mut command {
        Command::Demo { args } | Command::Generate { args } | Command::Bench { args } => {
            *args = argv.into_iter().skip(2).collect();
        }
        Command::Test { args, .. } => {
            *args = argv.into_iter().skip(2).skip_while(|arg| arg == "--no-torch").collect();
        }
        _ => {}
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn line(text: &str) -> Result<Command, clap::Error> {
        parse(text.split_whitespace().map(OsString::from))
    }

    fn strings(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    #[test]
    fn definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn demo_passes_everything_through() {
        for args in [
            &["--help"][..],
            &["-h"],
            &["--version", "--force"],
            &["a red fox", "--images", "2", "--json"],
            &["--", "--no dashes--"],
            &["fox", "--", "x", "--"],
            &["--cheat=garbage"],
            &[],
        ] {
            for name in ["demo", "generate", "bench"] {
                let argv = ["xtask", name].into_iter().chain(args.iter().copied()).map(OsString::from);
                let parsed = parse(argv).expect("every argument is allowed");
                let (Command::Demo { args: got }
                | Command::Generate { args: got }
                | Command::Bench { args: got }) = parsed
                else {
                    panic!("{name} parsed as {parsed:?}");
                };
                assert_eq!(got, strings(args), "{name}");
            }
        }
    }

    #[test]
    fn test_keeps_its_own_flag_and_passes_the_rest() {
        let expect = |no_torch, args: &[&str]| Command::Test { no_torch, args: strings(args) };
        assert_eq!(line("xtask test").expect("parse"), expect(false, &[]));
        assert_eq!(line("xtask test --no-torch").expect("parse"), expect(true, &[]));
        let rest = &["-p", "dfsn-types", "hash", "--", "--nocapture"];
        assert_eq!(line("xtask test -p dfsn-types hash -- --nocapture").expect("parse"), expect(false, rest));
        assert_eq!(
            line("xtask test --no-torch -- --nocapture").expect("parse"),
            expect(true, &["--", "--nocapture"])
        );
    }

    #[test]
    fn unknown_words_are_refused() {
        for text in ["xtask setup --forse", "xtask tset", "xtask check now", "xtask env x", "xtask"] {
            assert!(line(text).is_err(), "{text}");
        }
    }
}
