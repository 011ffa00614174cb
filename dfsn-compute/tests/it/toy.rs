//! A request for the toy backend.

use dfsn_compute::{ImageRequest, ModelConfig};

pub(crate) use crate::common::{ToyBackend, toy_pipeline};
use crate::golden::emoji_64;

pub(crate) fn request(prompt: &str) -> ImageRequest {
    let config = ModelConfig::load(emoji_64()).unwrap();
    ImageRequest {
        prompt: prompt.to_owned(),
        num_inference_steps: 6,
        height: 24,
        width: 40,
        ..ImageRequest::for_model(&config)
    }
}
