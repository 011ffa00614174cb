//! Who wins and who loses on DFSN: margins of every way of misbehaving, and a simulation of thousands of jobs.
//!
//! [`margins`] asks `dfsn_consensus::economics` what misbehaving gains and loses and lays the answers out in tables.
//! [`simulation`] plays jobs with a population of honest, lazy and cheating validators. [`plot`] draws what became of them.

mod cli;
mod error;
mod margins;
mod plot;
mod simulation;
mod table;

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use dfsn_types::ConsensusParams;
use serde_json::json;

use cli::{Args, Form};
use error::EconomicsError;
use table::Table;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough.
        Err(EconomicsError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            error.exit_code()
        }
    }
}

fn run(args: &Args) -> Result<(), EconomicsError> {
    let params = parameters(args)?;
    if args.print_params {
        let text = serde_json::to_string_pretty(&params)?;
        return print(&format!("{text}\n"));
    }
    let mut tables = margins::tables(&params, &args.steps);
    let mut drawn = None;
    if args.jobs > 0 {
        let outcome = simulation::run(&params, args)?;
        let path = args.out.join("economics.svg");
        let write = |source| EconomicsError::Write { path: path.clone(), source };
        fs::create_dir_all(&args.out).map_err(write)?;
        fs::write(&path, plot::svg(&outcome)?).map_err(write)?;
        tables.extend(outcome.tables());
        drawn = Some(path);
    }
    print(&render(args.form(), &tables, drawn.as_deref())?)?;
    margins::verdict(&params, &args.steps)
}

fn parameters(args: &Args) -> Result<ConsensusParams, EconomicsError> {
    let Some(path) = &args.params else { return Ok(ConsensusParams::default()) };
    let text =
        fs::read_to_string(path).map_err(|source| EconomicsError::Read { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|source| EconomicsError::Params { path: path.clone(), source })
}

fn render(form: Form, tables: &[Table], drawn: Option<&std::path::Path>) -> Result<String, EconomicsError> {
    let mut text: String = match form {
        Form::Text => tables.iter().map(Table::text).collect(),
        Form::Markdown => tables.iter().map(Table::markdown).collect(),
        Form::Json => {
            let tables: Vec<_> = tables.iter().map(Table::json).collect();
            let object = json!({ "tables": tables, "plot": drawn });
            return Ok(format!("{}\n", serde_json::to_string(&object)?));
        }
    };
    if let (Form::Text, Some(path)) = (form, drawn) {
        text.push_str(&format!("plot: {}\n", path.display()));
    }
    Ok(text)
}

fn print(text: &str) -> Result<(), EconomicsError> {
    io::stdout().write_all(text.as_bytes()).map_err(EconomicsError::Output)
}
