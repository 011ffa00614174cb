//! What the files tell about their pictures.

use std::path::Path;

use dfsn_compute::{Backend, ImageError, ImageRequest, Pipeline, PngText, Provenance, manifest};
use dfsn_types::{FileHash, GenerationParams, ImageSize, ModelId, ProfileId};

use crate::args::Args;

/// Of all pictures of a run.
#[derive(Debug)]
pub(crate) struct About {
    model: String,
    /// The names on the chain, if the pictures are such as the network draws.
    names: Option<(ModelId, ProfileId)>,
    /// The file that they start from.
    init_file: Option<FileHash>,
}

impl About {
    pub(crate) fn new(
        args: &Args,
        model: &Path,
        init_file: Option<FileHash>,
        pipeline: &Pipeline<Box<dyn Backend>>,
    ) -> Self {
        let weights = args.checkpoint.as_deref().unwrap_or(model);
        let name = weights.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_plain = args.lora.is_empty()
            && args.checkpoint.is_none()
            && args.hires.is_none()
            && args.init_latents.is_none()
            && args.mask.is_none()
            && args.variation.is_none()
            && args.clip_skip == 0
            && args.embedding.is_empty()
            && !args.seamless
            && !args.vae_tiling;
        // A folder that was loaded has a manifest; without one the picture tells less.
        let id = if is_plain { manifest(model).ok().map(|manifest| manifest.id()) } else { None };
        Self { model: name, names: id.map(|id| (id, pipeline.profile().id())), init_file }
    }

    /// The request as it would stand on the chain, if it can.
    pub(crate) fn provenance(&self, request: &ImageRequest) -> Option<Provenance> {
        Some(Provenance::of(params(request, self.names?, self.init_file)?, 0))
    }

    /// The text of a picture's file.
    pub(crate) fn text(&self, request: &ImageRequest) -> Result<PngText, ImageError> {
        match self.provenance(request) {
            Some(provenance) => provenance.to_text(request, &self.model),
            None => Ok(PngText { parameters: Some(request.to_text(&self.model)), dfsn: None }),
        }
    }
}

/// The request as it would stand on the chain, if it can.
fn params(
    request: &ImageRequest,
    (model, profile): (ModelId, ProfileId),
    init_file: Option<FileHash>,
) -> Option<GenerationParams> {
    let side = |pixels: u32| u16::try_from(pixels).ok();
    let size = ImageSize::new(side(request.height)?, side(request.width)?).ok()?;
    // At most 100,000 after the request's checks.
    let guidance = (f64::from(request.guidance_scale) * 1000.0).round() as u32;
    let builder = GenerationParams::builder(model, profile, request.prompt.clone(), size)
        .negative_prompt(request.negative_prompt.clone())
        .seed(request.seed)
        .num_inference_steps(request.num_inference_steps)
        .guidance_thousandths(guidance)
        .scheduler(request.scheduler);
    let builder = match (&request.init, init_file) {
        (Some(init), Some(file)) => builder.init_image(file, init.strength),
        _ => builder,
    };
    let params = builder.build().ok()?;
    (params.guidance_scale().to_f32() == request.guidance_scale).then_some(params)
}
