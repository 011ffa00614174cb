//! Requests as JSON, in diffusers' names.

use dfsn_compute::{ImageRequest, SchedulerKind};
use dfsn_types::UnknownScheduler;
use serde::Deserialize;
use thiserror::Error;

/// What a page sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    prompt: String,
    #[serde(default)]
    negative_prompt: String,
    seed: u32,
    num_inference_steps: u16,
    guidance_scale: f32,
    scheduler: String,
    height: u32,
    width: u32,
    #[serde(default)]
    clip_skip: u32,
}

/// Text that is no request.
#[derive(Debug, Error)]
pub enum RequestError {
    /// No JSON, or with other fields.
    #[error("not a request: {0}")]
    Json(#[from] serde_json::Error),
    /// A scheduler that does not exist.
    #[error(transparent)]
    Scheduler(#[from] UnknownScheduler),
}

/// Reads a request. Its bounds are checked when it is run.
///
/// # Errors
/// [`RequestError`], naming the field.
pub fn read_request(json: &[u8]) -> Result<ImageRequest, RequestError> {
    let fields: Fields = serde_json::from_slice(json)?;
    Ok(ImageRequest {
        scheduler: fields.scheduler.parse::<SchedulerKind>()?,
        prompt: fields.prompt,
        negative_prompt: fields.negative_prompt,
        seed: fields.seed,
        num_inference_steps: fields.num_inference_steps,
        guidance_scale: fields.guidance_scale,
        height: fields.height,
        width: fields.width,
        clip_skip: fields.clip_skip,
        init: None,
        variation: None,
    })
}
