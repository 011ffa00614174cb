//! From the command line to the files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use dfsn_compute::torch::{TorchBackend, load_pipeline};
use dfsn_compute::{ComputeError, Generated, ImageRequest, LatentShape, Pipeline, TorchOptions, noise};
use serde_json::{Value, json};
use thiserror::Error;

use crate::args::Args;
use crate::latents::{self, LatentsError};
use crate::output::{self, OutputError};
use crate::progress::Watcher;

/// Why no picture came out.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error("there is no model folder {}; name one with --model DIR", .0.display())]
    NoModel(PathBuf),
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error(transparent)]
    Latents(#[from] LatentsError),
    #[error("cannot encode the latents: {0}")]
    EncodeLatents(#[from] safetensors::SafeTensorError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("cannot print the result: {0}")]
    Print(#[from] std::io::Error),
}

/// One finished picture.
struct Picture {
    seed: u32,
    init_latents: Vec<f32>,
    generated: Generated,
    trace: Vec<Value>,
    seconds: f64,
}

pub(crate) fn run(args: &Args, stop: &AtomicBool) -> Result<(), RunError> {
    let model = args.model.clone().unwrap_or_else(embedded_model);
    if !model.is_dir() {
        return Err(RunError::NoModel(model));
    }
    let dumps: Vec<&Path> =
        [&args.dump_latents, &args.dump_trace].into_iter().flatten().map(PathBuf::as_path).collect();
    output::check(&args.out, &dumps)?;

    let started = Instant::now();
    let options = TorchOptions { threads: args.threads, ..TorchOptions::default() };
    let mut pipeline = load_pipeline(&model, options)?;
    let load_seconds = started.elapsed().as_secs_f64();

    let (shape, pictures) = draw_all(args, &mut pipeline, stop)?;
    let images = write_files(args, shape, &pictures)?;
    print_result(args, &pipeline, load_seconds, images)
}

/// The model that comes with the source.
fn embedded_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/emoji-64")
}

fn request(args: &Args, pipeline: &Pipeline<TorchBackend>) -> ImageRequest {
    let defaults = ImageRequest::for_model(pipeline.config());
    ImageRequest {
        prompt: args.prompt.clone(),
        negative_prompt: args.negative.clone(),
        seed: args.seed,
        num_inference_steps: args.steps,
        guidance_scale: args.guidance,
        scheduler: args.scheduler,
        height: args.height.unwrap_or(defaults.height),
        width: args.width.unwrap_or(defaults.width),
        ..defaults
    }
}

/// Draws one picture after the other, so that each equals its single run.
fn draw_all(
    args: &Args,
    pipeline: &mut Pipeline<TorchBackend>,
    stop: &AtomicBool,
) -> Result<(LatentShape, Vec<Picture>), RunError> {
    let request = request(args, pipeline);
    let prepared = pipeline.prepare(&request)?;
    let shape = prepared.latents();
    let cut = [("prompt", Some(prepared.prompt())), ("negative prompt", prepared.negative_prompt())];
    for (name, tokens) in cut {
        let num_cut = tokens.map_or(0, |tokens| tokens.num_cut);
        if num_cut > 0 {
            let most = pipeline.tokenizer().max_length() - 2;
            eprintln!(
                "warning: the {name} has {num_cut} tokens more than the {most} that are read; its end is cut"
            );
        }
    }
    let given =
        args.init_latents.as_deref().map(|path| latents::read(path, args.images, shape)).transpose()?;
    let mut pictures = Vec::new();
    for image in 0..args.images {
        let started = Instant::now();
        let seed = request.clone().for_image(image).seed;
        let init_latents = match &given {
            Some(given) => given[usize::from(image)].clone(),
            None => noise::randn(seed, shape.count()),
        };
        let initial = pipeline.initial_state_from(&prepared, init_latents.clone())?;
        let mut watcher = Watcher::new(image, request.num_inference_steps, stop);
        let generated = pipeline.generate_from(&prepared, initial, &mut watcher)?;
        let trace = watcher.into_trace();
        let seconds = started.elapsed().as_secs_f64();
        pictures.push(Picture { seed, init_latents, generated, trace, seconds });
    }
    Ok((shape, pictures))
}

/// Writes pictures and dumps; gives what `--json` tells of each picture.
fn write_files(args: &Args, shape: LatentShape, pictures: &[Picture]) -> Result<Vec<Value>, RunError> {
    output::create_folder(&args.out)?;
    let mut images = Vec::new();
    for (index, picture) in pictures.iter().enumerate() {
        let file = picture.generated.image.to_png().map_err(ComputeError::from)?;
        let path = args.out.join(format!("image-{index}.png"));
        output::write_atomically(&path, &file)?;
        images.push(json!({
            "path": path,
            "seed": picture.seed,
            "height": picture.generated.image.height(),
            "width": picture.generated.image.width(),
            "pixel_hash": picture.generated.image.pixel_hash().to_string(),
            "file_hash": dfsn_types::FileHash::of(&file).to_string(),
            "prompt_tokens_cut": picture.generated.prompt_tokens_cut,
            "seconds": picture.seconds,
        }));
    }
    if let Some(path) = &args.dump_latents {
        let init: Vec<Vec<f32>> = pictures.iter().map(|picture| picture.init_latents.clone()).collect();
        let last: Vec<Vec<f32>> =
            pictures.iter().map(|picture| picture.generated.final_state.latents.clone()).collect();
        output::write_atomically(path, &latents::to_file(shape, &init, &last)?)?;
    }
    if let Some(path) = &args.dump_trace {
        let lines: String =
            pictures.iter().flat_map(|picture| &picture.trace).map(|line| format!("{line}\n")).collect();
        output::write_atomically(path, lines.as_bytes())?;
    }
    Ok(images)
}

fn print_result(
    args: &Args,
    pipeline: &Pipeline<TorchBackend>,
    load_seconds: f64,
    images: Vec<Value>,
) -> Result<(), RunError> {
    let mut out = std::io::stdout().lock();
    for image in &images {
        let (path, seconds) = (&image["path"], image["seconds"].as_f64().unwrap_or_default());
        writeln!(out, "{}  seed {}  {seconds:.2} s", path.as_str().unwrap_or_default(), image["seed"])?;
    }
    if args.json {
        let result = json!({
            "profile": pipeline.profile().to_string(),
            "load_seconds": load_seconds,
            "images": images,
        });
        writeln!(out, "{result}")?;
    }
    Ok(())
}
