//! Draws pictures with the Stable Diffusion pipeline alone: no chain, no network.

mod about;
mod args;
mod draw;
mod engine;
mod input;
mod latents;
mod manifest;
mod output;
mod progress;
mod run;
mod trace;
mod weights;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use dfsn_compute::ComputeError;

use args::{Args, ManifestArgs, WeightsArgs};
use run::RunError;

/// What a shell reports for a program ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let (program, command) = (words.next(), words.next());
    let rest = || program.clone().into_iter().chain(words);
    if command.as_ref().is_some_and(|word| word == "model-manifest") {
        return finish(manifest::run(&ManifestArgs::parse_from(rest())));
    }
    if command.is_some_and(|word| word == "model-weights") {
        return finish(weights::run(&WeightsArgs::parse_from(rest())));
    }
    let args = Args::parse();
    let stop = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&stop);
    let installed = ctrlc::set_handler(move || {
        if handler.swap(true, Ordering::Relaxed) {
            // The second Ctrl-C does not wait for the step to end. Nothing is written until all is drawn.
            std::process::exit(i32::from(INTERRUPTED));
        }
    });
    if let Err(error) = installed {
        eprintln!("warning: Ctrl-C will not stop between steps: {error}");
    }
    finish(run::run(&args, &stop))
}

fn finish(result: Result<(), RunError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(RunError::Compute(ComputeError::Cancelled)) => {
            eprintln!("cancelled, nothing was written");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
