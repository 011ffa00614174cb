//! The ComputeClient: a machine that draws for its DFSN node, and holds no stake.
//!
//! `init` writes a configuration and a key, `check` measures, `run` serves. Everything that it does is in
//! `dfsn_compute::service`; here are files, a command line and a view for people.

mod check;
mod cli;
mod config;
mod error;
mod init;
mod key;
mod models;
mod profile;
mod run;
mod view;

use std::process::ExitCode;

use clap::Parser;

use cli::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match &args.command {
        Command::Init(init) => init::run(&args.config_path(), init),
        Command::Check(check) => check::run(&args.config_path(), check),
        Command::Run(run) => run::run(&args.config_path(), run),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
