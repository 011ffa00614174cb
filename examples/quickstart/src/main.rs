//! An embedded DFSN network: one prompt becomes a paid, audited picture, in one process.
//!
//! Four validators, each with a compute worker of its own, an instant-seal engine and a simulated clock; everything else is
//! real: signatures, state transition, inference, audits, slashing. Read `demo` for what a user does, `validator` for what a
//! node does, `network` for what lies between.

mod cli;
mod demo;
mod error;
mod network;
mod validator;

use std::process::ExitCode;

use clap::Parser;

use error::DemoError;

/// What a shell reports for a program ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let args = cli::Args::parse();
    let interrupted = async { tokio::signal::ctrl_c().await };
    let outcome = tokio::select! {
        outcome = demo::run(&args) => outcome,
        _ = interrupted => Err(DemoError::Interrupted),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(DemoError::Interrupted) => {
            eprintln!("{}", DemoError::Interrupted);
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
