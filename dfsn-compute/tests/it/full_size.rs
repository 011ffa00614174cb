//! Stable Diffusion 1.5 at its full size, with random weights that a script makes, against diffusers.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use dfsn_compute::torch::load_pipeline;
use dfsn_compute::{Backend, Conditioning, LatentShape, TextInput};

use crate::golden::{GoldenTensors, assert_close, golden_path};
use crate::torch_thread::options;

/// Where the model is kept between runs.
fn cache() -> PathBuf {
    let base = std::env::var_os("DFSN_CACHE")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache/dfsn")));
    base.expect("DFSN_CACHE or HOME is set").join("full-size-sd15")
}

/// Makes the model unless it is there.
fn model() -> PathBuf {
    let dir = cache();
    if dir.join("expected.safetensors").exists() {
        return dir;
    }
    let python = std::env::var_os("DFSN_PYTHON").unwrap_or_else(|| "python3".into());
    let needed = "Python with the packages of dfsn-compute/tests/golden/requirements.txt is needed: \
        name it with DFSN_PYTHON=venv/bin/python";
    match Command::new(&python).arg(golden_path("full_size.py")).arg(&dir).status() {
        Ok(status) if status.success() => dir,
        Ok(status) => panic!("{} ended with {status}. {needed}", python.display()),
        Err(error) => panic!("cannot run {}: {error}. {needed}", python.display()),
    }
}

#[test]
#[ignore = "makes and loads 2 GB of weights with Python; CONTRIBUTING.md tells how to run it"]
fn stable_diffusion_1_5_computes_what_diffusers_computes() {
    let dir = model();
    let golden = GoldenTensors::at(&dir.join("expected.safetensors"));
    let started = Instant::now();
    let mut pipeline = load_pipeline(&dir, options()).unwrap();
    println!("loaded in {:.1} s", started.elapsed().as_secs_f64());
    let backend = pipeline.backend_mut();
    let ids = golden.bytes("ids");
    let ids: Vec<u32> = ids.as_chunks::<4>().0.iter().map(|id| u32::from_le_bytes(*id)).collect();
    let text = backend.encode_text(&TextInput::new(0, &ids)).unwrap().embeddings;
    assert_close("text encoder", &text, &golden.floats("text"), 1e-4);

    let shape = LatentShape { channels: 4, height: 32, width: 32 };
    let conditioning =
        Conditioning { embeddings: golden.floats("text"), prompts: 1, tokens: 77, added: None };
    let sample = golden.floats("sample");
    let started = Instant::now();
    let found = backend.predict_noise(&sample, shape, 501.0, &conditioning).unwrap();
    println!("one call of the UNet at 256 x 256: {:.2} s on one thread", started.elapsed().as_secs_f64());
    assert_close("unet", &found, &golden.floats("unet"), 1e-4);

    let started = Instant::now();
    let decoded = backend.decode(&sample, shape).unwrap();
    println!("decoder at 256 x 256: {:.2} s on one thread", started.elapsed().as_secs_f64());
    assert_close("decoder", &decoded, &golden.floats("decoded"), 1e-4);
}
