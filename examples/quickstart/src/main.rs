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

#[tokio::main]
async fn main() -> ExitCode {
    let args = cli::Args::parse();
    let interrupted = async { tokio::signal::ctrl_c().await };
    let outcome = tokio::select! {
        outcome = demo::run(&args) => outcome,
        _ = interrupted => Err(error::DemoError::Interrupted),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
