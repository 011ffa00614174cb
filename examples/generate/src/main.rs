//! Draws pictures with the Stable Diffusion pipeline alone: no chain, no network.

mod args;
mod latents;
mod output;
mod progress;
mod run;

use std::num::NonZeroU16;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use dfsn_compute::ComputeError;

use args::Args;
use run::RunError;

/// What a shell reports for a program ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let args = Args::parse();
    if args.threads != Some(NonZeroU16::MIN) {
        dfsn_compute::torch::wait_passively();
    }
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
    match run::run(&args, &stop) {
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
