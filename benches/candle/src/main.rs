//! Stable Diffusion on candle, as one side of `benches/compare.py`, which builds and drives it.
//!
//! Arguments: model folder, file of inputs, denoising steps of a picture. Every line `ROW REPEATS` on standard input
//! is answered by a line of JSON with the seconds that each repeat took and how far the result is from diffusers'.

mod model;

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use candle_core::{DType, Tensor};
use model::{Inputs, Model};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, inputs, steps] = arguments.as_slice() else {
        return Err("arguments: MODEL_FOLDER INPUTS.safetensors STEPS".into());
    };
    let inputs = Inputs::load(Path::new(inputs))?;
    let model = Model::load(Path::new(folder))?;
    let steps = steps.parse()?;
    let kernels = if cfg!(feature = "mkl") { "mkl" } else { "gemm" };
    answer(&serde_json::json!({ "library": format!("candle 0.11 ({kernels})") }))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let Some((row, repeats)) = line.split_once(' ') else {
            return Err(format!("{line:?} is not ROW REPEATS").into());
        };
        let mut seconds = Vec::new();
        let mut result = None;
        for _ in 0..repeats.parse::<u32>()? {
            let started = Instant::now();
            result = Some(run(&model, &inputs, row, steps)?);
            seconds.push(started.elapsed().as_secs_f64());
        }
        let distance = match (&result, inputs.expected(row)) {
            (Some(found), Some(expected)) => Some(relative_l2(found, expected)?),
            _ => None,
        };
        answer(&serde_json::json!({ "row": row, "seconds": seconds, "distance": distance }))?;
    }
    Ok(())
}

fn run(model: &Model, inputs: &Inputs, row: &str, steps: usize) -> Result<Tensor, Box<dyn Error>> {
    Ok(match row {
        "text_encode" => model.encode_text(&inputs.ids)?,
        "unet_step" => model.predict_noise(&inputs.sample, inputs.timestep, &inputs.text)?,
        "vae_decode" => model.decode(&inputs.sample)?,
        "generate" => model.generate(inputs, steps)?,
        other => return Err(format!("unknown row {other:?}").into()),
    })
}

fn answer(value: &serde_json::Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}

/// Euclidean distance over the length of `expected`.
fn relative_l2(found: &Tensor, expected: &Tensor) -> candle_core::Result<f64> {
    let flat = |x: &Tensor| x.to_dtype(DType::F32)?.flatten_all();
    let (found, expected) = (flat(found)?, flat(expected)?);
    let norm = |x: &Tensor| x.sqr()?.sum_all()?.sqrt()?.to_scalar::<f32>();
    Ok(f64::from(norm(&(found - &expected)?)?) / f64::from(norm(&expected)?))
}
