//! dfsn-compute as a side of `benches/compare.py`, which builds and drives it.
//!
//! Every line `ROW REPEATS` on standard input is answered by a line of JSON with the seconds that each repeat took and
//! how far the result is from what the file of inputs expects. Where that file is not there, this side writes it.

mod inputs;

use std::error::Error;
use std::io::{BufRead, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::time::Instant;

use dfsn_compute::exact::{ExactBackend, ExactOptions};
use dfsn_compute::torch::{DeviceChoice, prepare_process};
use dfsn_compute::{Backend, ModelConfig, NoObserver, Pipeline, TextInput, TorchBackend, TorchOptions};
use inputs::Inputs;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str =
    "arguments: MODEL_FOLDER INPUTS.safetensors ROW,ROW STEPS SIZE THREADS torch|exact cpu|cuda f32|bf16|f16";

struct Peer {
    pipeline: Pipeline<Box<dyn Backend>>,
    inputs: Inputs,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, file, rows, steps, size, threads, engine, device, dtype] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let config = ModelConfig::load(folder)?;
    let threads: NonZeroU16 = threads.parse()?;
    let (library, backend) = match engine.as_str() {
        "torch" => torch(&config, threads, device, dtype)?,
        "exact" => exact(&config, threads)?,
        _ => return Err(USAGE.into()),
    };
    let mut pipeline = Pipeline::new(config, backend)?;
    let file = Path::new(file);
    let is_first = !file.exists();
    let inputs = if is_first {
        Inputs::new(&mut pipeline, size.parse()?, steps.parse()?)?
    } else {
        Inputs::load(&std::fs::read(file)?, &pipeline, steps.parse()?)?
    };
    let mut peer = Peer { pipeline, inputs };
    if is_first {
        for row in rows.split(',') {
            let result = peer.run(row)?;
            peer.inputs.expected.insert(row.to_owned(), result);
        }
        peer.inputs.save(file)?;
    }
    answer(&serde_json::json!({ "library": library }))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (row, repeats) = line.split_once(' ').ok_or_else(|| format!("{line:?} is not ROW REPEATS"))?;
        let mut seconds = Vec::new();
        let mut found = Vec::new();
        for _ in 0..repeats.parse::<u32>()? {
            let started = Instant::now();
            found = peer.run(row)?;
            seconds.push(started.elapsed().as_secs_f64());
        }
        let distance = peer.inputs.expected.get(row).map(|expected| relative_l2(&found, expected));
        answer(&serde_json::json!({ "row": row, "seconds": seconds, "distance": distance }))?;
    }
    Ok(())
}

type Engine = (String, Box<dyn Backend>);

fn torch(config: &ModelConfig, threads: NonZeroU16, device: &str, dtype: &str) -> Result<Engine> {
    prepare_process();
    let device = match device {
        "cpu" => DeviceChoice::Cpu,
        "cuda" => DeviceChoice::Cuda(0),
        _ => return Err(USAGE.into()),
    };
    let options =
        TorchOptions { threads: Some(threads), device, dtype: dtype.parse()?, ..TorchOptions::default() };
    Ok(("dfsn-compute on libtorch".to_owned(), Box::new(TorchBackend::load(config, options)?)))
}

fn exact(config: &ModelConfig, threads: NonZeroU16) -> Result<Engine> {
    let options = ExactOptions { threads: Some(threads), ..ExactOptions::default() };
    let backend = ExactBackend::load(config, options)?;
    let isa = backend.isa().map_or("definition".to_owned(), |isa| isa.to_string());
    Ok((format!("dfsn-compute in exact-v1 ({isa})"), Box::new(backend)))
}

impl Peer {
    fn run(&mut self, row: &str) -> Result<Vec<f32>> {
        let Inputs { request, ids, sample, shape, timestep, conditioning, .. } = &self.inputs;
        let backend = self.pipeline.backend_mut();
        Ok(match row {
            "text_encode" => backend.encode_text(&TextInput::new(0, ids))?.embeddings,
            "unet_step" => backend.predict_noise(sample, *shape, *timestep, conditioning)?,
            "vae_decode" => backend.decode(sample, *shape)?,
            "generate" => {
                let prepared = self.pipeline.prepare(request)?;
                let state = self.pipeline.initial_state_from(&prepared, sample.clone())?;
                let picture = self.pipeline.generate_from(&prepared, state, &mut NoObserver)?;
                picture.image.pixels().iter().copied().map(f32::from).collect()
            }
            other => return Err(format!("unknown row {other:?}").into()),
        })
    }
}

fn answer(value: &serde_json::Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}

/// Euclidean distance over the length of `expected`.
fn relative_l2(found: &[f32], expected: &[f32]) -> f64 {
    let norm = |terms: &mut dyn Iterator<Item = f64>| terms.map(|x| x * x).sum::<f64>().sqrt();
    let distance = norm(&mut found.iter().zip(expected).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    distance / norm(&mut expected.iter().copied().map(f64::from))
}
