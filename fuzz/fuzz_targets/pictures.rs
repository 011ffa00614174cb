//! PNG files that users start from or ask about, the text in them, and files of traces.
#![no_main]

use dfsn_compute::{Provenance, RgbImage, TraceFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok((image, text)) = RgbImage::from_png_with(data) {
        assert_eq!(image.pixels().len() as u64, 3 * u64::from(image.height()) * u64::from(image.width()));
        // Stretching is bounded by the size that is asked for.
        let _ = image.resized(16, 8).to_luma();
        let file = image.to_png_with(&text).expect("what was read can be written");
        assert_eq!(RgbImage::from_png_with(&file).expect("what was written can be read"), (image, text));
    }
    if let Ok(trace) = TraceFile::from_json(&String::from_utf8_lossy(data)) {
        assert!(!trace.pictures.is_empty());
    }
    if let Ok(provenance) = Provenance::from_json(&String::from_utf8_lossy(data)) {
        let again = serde_json::to_string(&provenance).expect("plain data");
        assert_eq!(Provenance::from_json(&again).expect("what was written can be read"), provenance);
    }
});
