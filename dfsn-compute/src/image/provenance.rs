//! What a PNG file tells about its picture, for people and for programs.

use dfsn_types::{Address, GenerationParams, JobId, SchedulerKind, TraceRoot};
use serde::{Deserialize, Serialize};

use super::{ImageError, PngText};
use crate::request::ImageRequest;

/// All that is needed to draw a picture again and, where it was drawn for the network, to find its job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The parameters, with the model and the profile of arithmetic.
    pub params: GenerationParams,
    /// Which of the request's pictures, counted from 0.
    pub image: u8,
    /// The job it was drawn for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// Who drew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<Address>,
    /// What its worker committed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_root: Option<TraceRoot>,
}

impl Provenance {
    /// A picture that was drawn for nobody in particular.
    pub const fn of(params: GenerationParams, image: u8) -> Self {
        Self { params, image, job: None, worker: None, trace_root: None }
    }

    /// The text of a PNG file: for people in the form of AUTOMATIC1111's web UI, for programs as JSON.
    ///
    /// # Errors
    /// [`ImageError::Provenance`], which a valid value never gives.
    pub fn to_text(&self, request: &ImageRequest, model: &str) -> Result<PngText, ImageError> {
        let dfsn = serde_json::to_string(self).map_err(|error| ImageError::Provenance(error.to_string()))?;
        Ok(PngText { parameters: Some(request.to_text(model)), dfsn: Some(dfsn) })
    }

    /// Reads the JSON of a PNG file's text.
    ///
    /// # Errors
    /// [`ImageError::Provenance`] for what [`Self::to_text`] does not write, and for parameters out of range.
    pub fn from_json(text: &str) -> Result<Self, ImageError> {
        let wrong = |reason: String| ImageError::Provenance(reason);
        if text.len() > PngText::MAX_BYTES {
            return Err(wrong(format!("it has {} bytes, over {}", text.len(), PngText::MAX_BYTES)));
        }
        let read: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let images = read.params.num_images();
        if read.image >= images {
            return Err(wrong(format!("picture {} of a request for {images}", read.image)));
        }
        Ok(read)
    }
}

impl ImageRequest {
    /// Prompt and settings as AUTOMATIC1111's web UI writes them; `model` is a name for people.
    pub fn to_text(&self, model: &str) -> String {
        let mut text = format!("{}\n", self.prompt);
        if !self.negative_prompt.is_empty() {
            text.push_str(&format!("Negative prompt: {}\n", self.negative_prompt));
        }
        text.push_str(&format!(
            "Steps: {}, Sampler: {}, CFG scale: {}, Seed: {}, Size: {}x{}, Model: {model}",
            self.num_inference_steps,
            sampler(self.scheduler),
            self.guidance_scale,
            self.seed,
            self.width,
            self.height,
        ));
        if let Some(variation) = &self.variation {
            text.push_str(&format!(
                ", Variation seed: {}, Variation seed strength: {}",
                variation.seed, variation.strength
            ));
        }
        if let Some(init) = &self.init {
            let strength = f32::from(init.strength.thousandths()) / 1000.0;
            text.push_str(&format!(", Denoising strength: {strength}"));
        }
        text.push_str(concat!(", Version: dfsn ", env!("CARGO_PKG_VERSION")));
        text
    }
}

/// The web UI's name of a scheduler, where it has one.
fn sampler(kind: SchedulerKind) -> String {
    match kind {
        SchedulerKind::Ddim => "DDIM",
        SchedulerKind::Ddpm => "DDPM",
        SchedulerKind::Pndm => "PLMS",
        SchedulerKind::Euler => "Euler",
        SchedulerKind::EulerKarras => "Euler Karras",
        SchedulerKind::EulerAncestral => "Euler a",
        SchedulerKind::Dpmpp2m => "DPM++ 2M",
        SchedulerKind::Dpmpp2mKarras => "DPM++ 2M Karras",
        SchedulerKind::Unipc => "UniPC",
        SchedulerKind::UnipcKarras => "UniPC Karras",
        SchedulerKind::Lcm => "LCM",
        other => return other.to_string(),
    }
    .to_owned()
}
