//! The name of a model on the chain.

use std::io::Write;

use dfsn_compute::manifest;
use serde_json::json;

use crate::args::ManifestArgs;
use crate::run::RunError;

pub(crate) fn run(args: &ManifestArgs) -> Result<(), RunError> {
    if !args.dir.is_dir() {
        return Err(RunError::NoFolder(args.dir.clone()));
    }
    let manifest = manifest(&args.dir)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json!({"model": manifest.id().to_string(), "manifest": manifest}))?;
    } else {
        writeln!(out, "{}", manifest.id())?;
    }
    Ok(())
}
