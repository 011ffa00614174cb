//! The networks of Stable Diffusion as programs.

mod attention;
mod clip;
mod layers;
mod layout;
mod resnet;
mod unet;
mod vae;

pub use clip::text_encoder;
pub use layout::{to_pixels, to_planes};
pub use unet::unet;
pub use vae::{decoder, encoder};
