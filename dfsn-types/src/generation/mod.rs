//! What a picture is asked for with.

mod image_size;
mod params;
mod scheduler_kind;
mod thousandths;

pub use image_size::{ImageSize, ImageSizeError};
pub use params::{GenerationParams, GenerationParamsBuilder, GenerationParamsError, Prompt};
pub use scheduler_kind::{SchedulerKind, UnknownScheduler};
pub use thousandths::{GuidanceScale, GuidanceScaleError, Strength, StrengthError};
