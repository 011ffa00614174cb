//! From the command line to the files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use dfsn_compute::{
    Backend, ComputeError, ImageError, ImageRequest, InitImage, LatentShape, ManifestError, Pipeline,
    RgbImage, TextualInversion,
};
use dfsn_types::FileHash;
use serde_json::{Value, json};
use thiserror::Error;

use crate::about::About;
use crate::args::Args;
use crate::draw::{self, Picture, Telling};
use crate::engine::{self, EngineError};
use crate::input::{self, InputError};
use crate::latents::{self, LatentsError};
use crate::output::{self, OutputError};
use crate::trace::Trace;

/// Why no picture came out.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error("there is no model folder {}; name one with --model DIR", .0.display())]
    NoModel(PathBuf),
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    #[error("{}: {source}", path.display())]
    Picture { path: PathBuf, source: ImageError },
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error(transparent)]
    Latents(#[from] LatentsError),
    #[error("cannot write the trace: {0}")]
    Trace(#[from] serde_json::Error),
    #[error("cannot encode the latents: {0}")]
    EncodeLatents(#[from] safetensors::SafeTensorError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("cannot print the result: {0}")]
    Print(#[from] std::io::Error),
}

pub(crate) fn run(args: &Args, stop: &AtomicBool) -> Result<(), RunError> {
    let model = args.model.clone().unwrap_or_else(embedded_model);
    if !model.is_dir() {
        return Err(RunError::NoModel(model));
    }
    let dumps: Vec<&Path> =
        [&args.dump_latents, &args.dump_trace].into_iter().flatten().map(PathBuf::as_path).collect();
    output::check(&args.out, &dumps)?;
    let init = read_init(args)?;

    let started = Instant::now();
    let trace = args.dump_trace.is_some().then(|| Trace::new(args.dump_trace_states));
    let mut pipeline = engine::load(args, &model, trace.as_ref().filter(|_| args.dump_trace_ops))?;
    for path in &args.embedding {
        let inversion = TextualInversion::load(path).map_err(ComputeError::from)?;
        pipeline.add_textual_inversion(inversion).map_err(ComputeError::from)?;
    }
    let load_seconds = started.elapsed().as_secs_f64();

    let (init, init_file) = init.unzip();
    let request = request(args, init, &pipeline);
    let about = About::new(args, &model, init_file, &pipeline);
    let telling = Telling { about: &about, trace: trace.as_ref() };
    let (shape, pictures) = draw::draw_all(args, telling, request, &mut pipeline, stop)?;
    let images = write_files(args, telling, shape, &pictures)?;
    print_result(args, &pipeline, load_seconds, images)
}

/// The picture and the mask to start from, and the name of the picture's file.
fn read_init(args: &Args) -> Result<Option<(InitImage, FileHash)>, RunError> {
    let read = |path: &PathBuf| -> Result<(Arc<RgbImage>, Vec<u8>), RunError> {
        let file = input::read(path, RgbImage::MAX_FILE_BYTES)?;
        match RgbImage::from_png(&file) {
            Ok(picture) => Ok((Arc::new(picture), file)),
            Err(source) => Err(RunError::Picture { path: path.clone(), source }),
        }
    };
    let Some((image, file)) = args.init_image.as_ref().map(read).transpose()? else { return Ok(None) };
    let mask = args.mask.as_ref().map(read).transpose()?.map(|(mask, _)| mask);
    Ok(Some((InitImage { image, strength: args.strength, mask }, FileHash::of(&file))))
}

/// The model that comes with the source.
fn embedded_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/emoji-64")
}

fn request(args: &Args, init: Option<InitImage>, pipeline: &Pipeline<Box<dyn Backend>>) -> ImageRequest {
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
        clip_skip: args.clip_skip,
        init,
        variation: args.variation,
    }
}

/// Writes pictures and dumps; gives what `--json` tells of each picture.
fn write_files(
    args: &Args,
    telling: Telling<'_>,
    shape: LatentShape,
    pictures: &[Picture],
) -> Result<Vec<Value>, RunError> {
    output::create_folder(&args.out)?;
    let mut images = Vec::new();
    for (index, picture) in pictures.iter().enumerate() {
        let text = telling.about.text(&picture.request).map_err(ComputeError::from)?;
        let file = picture.generated.image.to_png_with(&text).map_err(ComputeError::from)?;
        let path = args.out.join(format!("image-{index}.png"));
        output::write_atomically(&path, &file)?;
        images.push(json!({
            "path": path,
            "seed": picture.request.seed,
            "height": picture.generated.image.height(),
            "width": picture.generated.image.width(),
            "pixel_hash": picture.generated.image.pixel_hash().to_string(),
            "file_hash": FileHash::of(&file).to_string(),
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
    if let (Some(path), Some(trace)) = (&args.dump_trace, telling.trace) {
        output::write_atomically(path, trace.to_file()?.as_bytes())?;
    }
    Ok(images)
}

fn print_result(
    args: &Args,
    pipeline: &Pipeline<Box<dyn Backend>>,
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
