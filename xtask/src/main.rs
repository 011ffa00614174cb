//! Set-up and checks of the workspace: `cargo xtask help` lists the commands.
//!
//! Everything that needs libtorch goes through here, so that nobody has to install it by hand; everything
//! that must hold before a commit is one command, so that no server knows more than a contributor.

mod avalanche;
mod cache;
mod check;
mod cli;
mod error;
mod exact;
mod fuzz;
mod guides;
mod libtorch;
mod new;
mod node;
mod package;
mod plots;
mod process;
mod progress;
mod run;
mod setup;
mod steps;
mod test;
#[cfg(test)]
mod testing;
mod webapp;
mod workspace;

use cli::Command;
use error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let command = match cli::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(error) => error.exit(),
    };
    match dispatch(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Setup { force } => setup::setup(force),
        Command::Demo { args } if webapp::is_asked_for(&args) => webapp::demo(),
        Command::Demo { args } => match node::asks_for_one(&args) {
            Some(at) => node::demo(&args, at),
            None => run::package("quickstart", &args),
        },
        Command::AvalancheNet { nodes, keep } => avalanche::network(nodes, keep),
        Command::Generate { args } => run::package("generate", &args),
        Command::Bench { args } => run::bench(&args),
        Command::Test { no_torch, args } => test::test(no_torch, &args),
        Command::Check { advisories } => check::check(advisories),
        Command::Fuzz { seconds, target } => fuzz::fuzz(seconds, target.as_deref()),
        Command::Webapp { test } => webapp::webapp(test),
        Command::New { template, dir } => new::new(&template, &dir),
        Command::Guides { only, no_build } => guides::guides(only.as_deref(), !no_build),
        Command::Plots => plots::plots(),
        Command::Package => package::package(),
        Command::Env => setup::env(),
        Command::CleanCache { all } => setup::clean_cache(all),
    }
}
