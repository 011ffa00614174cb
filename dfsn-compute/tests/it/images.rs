//! Pictures in and out: resizing as Pillow does, PNG files and their text, and what is refused.

use std::fs;

use dfsn_compute::{
    ImageError, ImageRequest, LatentShape, ModelConfig, PngText, Preview, Provenance, RgbImage, StepState,
};
use dfsn_types::{GenerationParams, ImageSize, JobId, ModelId, ProfileId};

use crate::golden::{GoldenTensors, emoji_64, golden_path};

fn init() -> RgbImage {
    RgbImage::from_png(&fs::read(golden_path("models/init.png")).unwrap()).unwrap()
}

#[test]
fn resized_pictures_have_the_pixels_of_pillow() {
    let golden = GoldenTensors::open("models/sd15.safetensors");
    let image = init();
    assert_eq!((image.height(), image.width()), (37, 41));
    for (name, height, width) in [("down", 24, 16), ("up", 56, 64), ("same", 37, 41), ("mixed", 72, 20)] {
        let resized = image.resized(height, width);
        assert_eq!((resized.height(), resized.width()), (height, width));
        assert_eq!(resized.pixels(), golden.bytes(&format!("resized.{name}")), "{name}");
    }
}

#[test]
fn text_comes_back_as_it_was_written() {
    let image = init();
    let parameters = "a fox\nNegative prompt: pizza\nSteps: 20, Seed: 7".to_owned();
    for prompt in [parameters.clone(), format!("{parameters} caf\u{e9} \u{72d0}")] {
        let text = PngText { parameters: Some(prompt), dfsn: Some("{\"model\":\"00\"}".to_owned()) };
        let file = image.to_png_with(&text).unwrap();
        assert_eq!(RgbImage::from_png_with(&file).unwrap(), (image.clone(), text.clone()));
        assert_eq!(file, image.to_png_with(&text).unwrap());
    }
    assert_eq!(RgbImage::from_png_with(&image.to_png().unwrap()).unwrap().1, PngText::default());
    let long = PngText { parameters: Some("x".repeat(PngText::MAX_BYTES + 1)), dfsn: None };
    let error = image.to_png_with(&long).unwrap_err().to_string();
    assert_eq!(error, "text \"parameters\" has 65537 bytes, at most 65536 are written");
}

fn params() -> GenerationParams {
    let size = ImageSize::new(40, 24).unwrap();
    GenerationParams::builder(
        ModelId::from_bytes([1; 32]),
        ProfileId::from_bytes([2; 32]),
        "a fox, caf\u{e9}",
        size,
    )
    .negative_prompt("pizza")
    .seed(7)
    .guidance_thousandths(4500)
    .num_images(2)
    .build()
    .unwrap()
}

#[test]
fn a_picture_alone_tells_how_it_was_drawn() {
    let provenance = Provenance { job: Some(JobId::from_bytes([9; 32])), ..Provenance::of(params(), 1) };
    let request = ImageRequest::from_params(&params(), 1).unwrap();
    let text = provenance.to_text(&request, "emoji-64").unwrap();
    assert_eq!(
        text.parameters.as_deref().unwrap(),
        concat!(
            "a fox, caf\u{e9}\nNegative prompt: pizza\n",
            "Steps: 20, Sampler: DDIM, CFG scale: 4.5, Seed: 8, Size: 24x40, Model: emoji-64, Version: dfsn 0.1.0"
        )
    );
    let (_, read) = RgbImage::from_png_with(&init().to_png_with(&text).unwrap()).unwrap();
    assert_eq!(Provenance::from_json(read.dfsn.as_deref().unwrap()).unwrap(), provenance);
}

#[test]
fn texts_that_tell_nothing_are_refused() {
    let good = Provenance::of(params(), 1).to_text(&ImageRequest::from_params(&params(), 1).unwrap(), "m");
    let good = good.unwrap().dfsn.unwrap();
    for (bad, expected) in [
        (String::new(), "EOF"),
        ("[".repeat(60_000), "invalid type"),
        (good.replace("\"image\":1", "\"image\":2"), "picture 2 of a request for 2"),
        (good.replace("\"image\"", "\"picture\""), "unknown field"),
        (good.replace("\"num_images\":2", "\"num_images\":5"), "num_images 5"),
        (" ".repeat(70_000), "70000 bytes"),
    ] {
        let error = Provenance::from_json(&bad).unwrap_err().to_string();
        assert!(error.starts_with("the text about the picture cannot be used: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn previews_resemble_the_pictures() {
    let config = ModelConfig::load(emoji_64()).unwrap();
    let preview = Preview::for_model(&config).unwrap();
    let golden = GoldenTensors::open("loops.safetensors");
    let shape = LatentShape { channels: 4, height: 16, width: 16 };
    let state = StepState::new(golden.floats("0.latents"));
    let small = preview.draw(&state, shape).unwrap();
    let large = RgbImage::new(64, 64, golden.bytes("0.rgb")).unwrap().resized(16, 16);
    let error: u32 =
        small.pixels().iter().zip(large.pixels()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>() / 768;
    assert!(error < 24, "{error}");
    assert_eq!(preview.draw(&StepState::new(vec![0.0; 7]), shape), None);
}

/// A PNG file of any kind.
fn encode(
    width: u32,
    height: u32,
    color: png::ColorType,
    data: &[u8],
    change: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    change(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    file
}

#[test]
fn every_colour_type_is_read() {
    use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgba};
    let red_and_blue = [255, 0, 0, 0, 0, 255];
    let read = |file: Vec<u8>| RgbImage::from_png(&file).unwrap().pixels().to_vec();
    assert_eq!(read(encode(2, 1, Rgba, &[255, 0, 0, 9, 0, 0, 255, 0], |_| {})), red_and_blue);
    assert_eq!(read(encode(2, 1, Grayscale, &[7, 250], |_| {})), [7, 7, 7, 250, 250, 250]);
    assert_eq!(read(encode(1, 1, GrayscaleAlpha, &[7, 250], |_| {})), [7; 3]);
    assert_eq!(
        read(encode(2, 1, Indexed, &[0, 1], |encoder| encoder.set_palette(red_and_blue.to_vec()))),
        red_and_blue
    );
    let deep = encode(1, 1, Grayscale, &[0x12, 0x34], |encoder| encoder.set_depth(png::BitDepth::Sixteen));
    assert_eq!(read(deep), [0x12; 3]);
}

#[test]
fn files_that_are_no_pictures_are_refused() {
    let whole = fs::read(golden_path("models/init.png")).unwrap();
    for cut in [0, 7, 20, 50, whole.len() / 2] {
        let error = RgbImage::from_png(&whole[..cut]).unwrap_err();
        assert!(matches!(error, ImageError::Decoding(_)), "{cut}: {error}");
    }
    // A header that tells of a picture of 100000 x 100000.
    let mut wide = whole;
    wide[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    let crc = crc32(&wide[12..29]);
    wide[29..33].copy_from_slice(&crc.to_be_bytes());
    let error = RgbImage::from_png(&wide).unwrap_err().to_string();
    assert_eq!(error, "the picture has 100000 x 100000 pixels, sides over 4096 are not read");
    let error = RgbImage::from_png(&vec![0; RgbImage::MAX_FILE_BYTES + 1]).unwrap_err().to_string();
    assert_eq!(error, "the file has 67108865 bytes, at most 67108864 are read");
}

/// The checksum of PNG's chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 },
        )
    })
}
