//! How near the exact profile's pictures are to those in f32: `cargo xtask bench -- --bench quality`.
//!
//! Draws 32 prompts with emoji-64 on both engines, 20 steps of DDIM each, and prints the peak signal-to-noise ratio
//! between the two pictures of each. `DFSN_QUALITY_PNG` names a file for some of the pairs, side by side.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use dfsn_benches::is_asked_for;
use dfsn_compute::exact::{ExactOptions, load_pipeline as load_exact};
use dfsn_compute::torch::load_pipeline as load_torch;
use dfsn_compute::{Backend, ImageRequest, NoObserver, Pipeline, RgbImage, TorchOptions};

const PROMPTS: usize = 32;
/// Pairs in the picture: the exact one above, the other below.
const SHOWN: usize = 8;

fn main() {
    if !is_asked_for("quality") {
        return;
    }
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/emoji-64");
    let names = std::fs::read_to_string(model.join("train/names.txt")).expect("the model's names");
    let names: Vec<&str> = names.lines().filter(|line| !line.trim().is_empty()).collect();
    let options = TorchOptions { threads: NonZeroU16::new(1), ..TorchOptions::default() };
    let mut float = load_torch(&model, options).expect("libtorch loads the model");
    let mut exact = load_exact(&model, ExactOptions::default()).expect("the exact engine loads the model");
    let mut ratios = Vec::new();
    let mut pairs = Vec::new();
    for (seed, name) in (0..).zip(names.iter().step_by((names.len() / PROMPTS).max(1)).take(PROMPTS)) {
        let request = ImageRequest {
            prompt: name.trim().to_owned(),
            seed,
            guidance_scale: 4.0,
            ..ImageRequest::for_model(exact.config())
        };
        let pair = [draw(&mut exact, &request), draw(&mut float, &request)];
        let ratio = psnr(pair[0].pixels(), pair[1].pixels());
        println!("{ratio:6.2} dB  {}", request.prompt);
        ratios.push(ratio);
        pairs.push(pair);
    }
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    println!("mean {mean:.2} dB, least {least:.2} dB, over {} prompts", ratios.len());
    if let Some(path) = std::env::var_os("DFSN_QUALITY_PNG") {
        let file = side_by_side(&pairs[..SHOWN.min(pairs.len())]);
        std::fs::write(PathBuf::from(path), file).expect("the file can be written");
    }
}

fn draw<B: Backend>(pipeline: &mut Pipeline<B>, request: &ImageRequest) -> RgbImage {
    pipeline.generate(request, &mut NoObserver).expect("the request is in bounds").image
}

/// Over all bytes; pictures that are equal have the ratio of one byte that differs by one.
fn psnr(one: &[u8], other: &[u8]) -> f64 {
    let square = |(one, other): (&u8, &u8)| f64::from(one.abs_diff(*other)).powi(2);
    let error = one.iter().zip(other).map(square).sum::<f64>().max(1.0) / one.len() as f64;
    10.0 * (255.0 * 255.0 / error).log10()
}

fn side_by_side(pairs: &[[RgbImage; 2]]) -> Vec<u8> {
    let (height, width) = (pairs[0][0].height() as usize, pairs[0][0].width() as usize);
    let mut data = Vec::new();
    for (which, row) in (0..2).flat_map(|which| (0..height).map(move |row| (which, row))) {
        for pair in pairs {
            data.extend_from_slice(&pair[which].pixels()[row * width * 3..(row + 1) * width * 3]);
        }
    }
    let picture = RgbImage::new(2 * height as u32, (pairs.len() * width) as u32, data).expect("whole rows");
    picture.to_png().expect("a picture in bounds")
}
