//! Drawing the pictures.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use dfsn_compute::prompt::MAX_CHUNKS;
use dfsn_compute::{Backend, Generated, Hires, ImageRequest, LatentShape, Pipeline, Prepared, Preview};

use crate::about::About;
use crate::args::Args;
use crate::latents;
use crate::output;
use crate::progress::{Previews, Watcher};
use crate::run::RunError;
use crate::trace::Trace;

/// One finished picture.
pub(crate) struct Picture {
    pub(crate) request: ImageRequest,
    pub(crate) init_latents: Vec<f32>,
    pub(crate) generated: Generated,
    pub(crate) seconds: f64,
}

/// What is told of the pictures besides their pixels.
#[derive(Clone, Copy)]
pub(crate) struct Telling<'a> {
    pub(crate) about: &'a About,
    pub(crate) trace: Option<&'a Trace>,
}

/// Draws one picture after the other, so that each equals its single run.
pub(crate) fn draw_all(
    args: &Args,
    telling: Telling<'_>,
    request: ImageRequest,
    pipeline: &mut Pipeline<Box<dyn Backend>>,
    stop: &AtomicBool,
) -> Result<(LatentShape, Vec<Picture>), RunError> {
    let prepared = pipeline.prepare(&request)?;
    let shape = prepared.latents();
    warn_of_cuts(&prepared);
    let given =
        args.init_latents.as_deref().map(|path| latents::read(path, args.images, shape)).transpose()?;
    if let Some(dir) = &args.preview {
        output::create_folder(dir)?;
    }
    let mut pictures = Vec::new();
    for image in 0..args.images {
        let request = request.clone().for_image(image);
        let given = given.as_ref().map(|given| given[usize::from(image)].clone());
        pictures.push(draw(args, telling, image, request, given, pipeline, stop)?);
    }
    Ok((shape, pictures))
}

fn draw(
    args: &Args,
    telling: Telling<'_>,
    image: u8,
    request: ImageRequest,
    given: Option<Vec<f32>>,
    pipeline: &mut Pipeline<Box<dyn Backend>>,
    stop: &AtomicBool,
) -> Result<Picture, RunError> {
    let started = Instant::now();
    let look = Preview::for_model(pipeline.config());
    let previews = args.preview.clone().zip(look).map(|(dir, look)| Previews::new(dir, look));
    if let Some(trace) = telling.trace {
        trace.begin(image, pipeline.profile(), telling.about.provenance(&request));
    }
    let mut watcher = Watcher::new(image, args.steps, stop, previews, telling.trace.cloned());
    let mut init_latents = Vec::new();
    let drawn = match args.hires {
        Some(size) => {
            let (height, width, strength) = (size.height, size.width, size.strength);
            let hires = Hires { height, width, num_inference_steps: args.steps, strength };
            pipeline.generate_hires(&request, hires, &mut watcher)
        }
        None => {
            let prepared = pipeline.prepare(&request)?;
            init_latents = given.unwrap_or_else(|| prepared.noise().to_vec());
            let initial = pipeline.initial_state_from(&prepared, init_latents.clone())?;
            pipeline.generate_from(&prepared, initial, &mut watcher)
        }
    };
    if let Some(error) = watcher.take_error() {
        return Err(error.into());
    }
    let generated = drawn?;
    watcher.finish();
    Ok(Picture { request, init_latents, generated, seconds: started.elapsed().as_secs_f64() })
}

/// Tells of tokens that are not read.
fn warn_of_cuts(prepared: &Prepared) {
    let cut = [("prompt", Some(prepared.prompt())), ("negative prompt", prepared.negative_prompt())];
    for (name, tokens) in cut {
        let num_cut = tokens.map_or(0, |tokens| tokens.num_cut);
        if num_cut > 0 {
            eprintln!(
                "warning: {num_cut} tokens of the {name} do not fit into {MAX_CHUNKS} chunks and are cut"
            );
        }
    }
}
