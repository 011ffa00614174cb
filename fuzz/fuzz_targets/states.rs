//! States and decoded pictures that a worker serves: as many finite numbers as were asked for, or an error.
#![no_main]

use dfsn_compute::{DecodedImage, StateShape, StepState};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((head, bytes)) = data.split_first_chunk::<2>() else { return };
    let shape = StateShape { latents: usize::from(head[0].max(1)), history: usize::from(head[1] % 4) };
    if let Ok(state) = StepState::from_bytes(bytes, shape) {
        assert_eq!(state.to_bytes(), bytes, "one state, one form");
    }
    let (height, width) = (u32::from(head[0]), u32::from(head[1]));
    if let Ok(image) = DecodedImage::from_bytes(height, width, bytes) {
        assert_eq!(bytes.len() as u32, 12 * height * width);
        let _ = image.to_rgb();
    }
});
