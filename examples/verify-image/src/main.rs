//! Tells whether a picture is the one that its file says: draws it again in the exact profile, or some of its steps.

mod args;
mod choose;
mod error;
mod subject;
mod verify;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

use args::Args;
use error::VerifyError;
use subject::Subject;
use verify::{Difference, Finding, verify};

/// It cannot be told.
const UNKNOWN: u8 = 2;

fn main() -> ExitCode {
    let args = Args::parse();
    let told = Subject::read(&args).and_then(|subject| {
        let finding = verify(&args, &subject)?;
        report(&args, &subject, &finding).map_err(VerifyError::Print)?;
        Ok(finding.difference.is_none())
    });
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(UNKNOWN)
        }
    }
}

fn report(args: &Args, subject: &Subject, finding: &Finding) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let Finding { redone, of, seed, difference } = finding;
    let is_whole = redone.len() == usize::from(*of) + 1;
    if args.json {
        let difference = difference.map(|difference| match difference {
            Difference::Size => json!("size"),
            Difference::Pixels => json!("pixels"),
            Difference::Boundary(t) => json!({ "boundary": t }),
        });
        let params = &subject.provenance.params;
        let report = json!({
            "verified": difference.is_none(),
            "difference": difference,
            "redone": redone,
            "boundaries": of + 1,
            "seed": seed,
            "model": params.model(),
            "prompt": params.prompt().as_str(),
            "pixel_hash": subject.picture.as_ref().map(|picture| picture.pixel_hash().to_string()),
        });
        return writeln!(out, "{report}");
    }
    match difference {
        None if is_whole => writeln!(out, "yes: drawn again, every step and every pixel is the same"),
        None => {
            let steps: Vec<String> = redone.iter().filter(|t| **t > 0).map(u16::to_string).collect();
            writeln!(
                out,
                "yes, as far as {} of {of} steps tell: redone from their states (steps {}), they are the same",
                steps.len(),
                steps.join(", "),
            )
        }
        Some(Difference::Size) => writeln!(out, "no: the picture has another size than its request"),
        Some(Difference::Pixels) => writeln!(out, "no: its request gives other pixels"),
        Some(Difference::Boundary(0)) => {
            writeln!(out, "no: the trace starts from another state than its request")
        }
        Some(Difference::Boundary(t)) if t == of => writeln!(out, "no: the decoder gives another picture"),
        Some(Difference::Boundary(t)) => {
            writeln!(out, "no: step {t} gives another state than the trace tells")
        }
    }
}
