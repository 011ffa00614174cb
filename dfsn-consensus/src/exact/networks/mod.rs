//! The networks of Stable Diffusion as programs, and what surrounds them in a job.

mod attention;
mod clip;
mod layers;
mod resnet;
pub mod step;
mod unet;
mod vae;

pub use clip::text_encoder;
pub use unet::unet;
pub use vae::{decoder, encoder};
