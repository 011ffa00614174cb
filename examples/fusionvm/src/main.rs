//! The command line of a DFSN node.

mod cli;
mod commands;

use std::process::ExitCode;

fn main() -> ExitCode {
    // A node starts its plugin without arguments.
    let is_plugin = std::env::args_os().len() == 1 && fusionvm::plugin::is_plugin();
    match if is_plugin { commands::serve_plugin() } else { commands::dispatch(cli::parse()) } {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The error stream may be gone.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("error: {error}\n"));
            ExitCode::FAILURE
        }
    }
}
