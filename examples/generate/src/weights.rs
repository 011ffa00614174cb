//! The weights of a model in the exact profile, as one file, and its root.

use std::io::{self, Write};

use dfsn_compute::exact::{ExactModel, ExactOptions, write_weights};
use dfsn_compute::{ComputeError, ModelConfig};
use serde_json::json;

use crate::args::WeightsArgs;
use crate::output;
use crate::run::RunError;

pub(crate) fn run(args: &WeightsArgs) -> Result<(), RunError> {
    if !args.dir.is_dir() {
        return Err(RunError::NoFolder(args.dir.clone()));
    }
    if let Some(path) = &args.out {
        output::check_files(&[path.as_path()])?;
    }
    let config = ModelConfig::load(&args.dir).map_err(ComputeError::from)?;
    let layout = ExactModel::of(&config).and_then(|model| model.layout()).map_err(ComputeError::from)?;
    let options = ExactOptions { threads: args.threads, ..ExactOptions::default() };
    let root = match &args.out {
        Some(path) => output::write_with(path, |file| -> Result<_, RunError> {
            Ok(write_weights(&config, options, file)?)
        })?,
        None => write_weights(&config, options, &mut io::sink())?,
    };
    let root = blake3::Hash::from(root).to_hex();
    let mut out = io::stdout().lock();
    if args.json {
        let (bytes, parameters) = (layout.length(), layout.entries().len());
        let report = json!({"weights_root": root.as_str(), "bytes": bytes, "parameters": parameters, "path": args.out});
        writeln!(out, "{report}")?;
    } else {
        writeln!(out, "{root}")?;
    }
    Ok(())
}
