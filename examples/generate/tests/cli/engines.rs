//! The same pictures by every engine, and what the float profile alone has.

#[cfg(feature = "torch")]
use crate::refused;
use crate::{generate, last_json};

#[test]
#[cfg(feature = "torch")]
fn bad_arguments_of_the_float_profile_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let float = |more: &[&str], reason| {
        refused(&[&["--prompt", "x", "--profile", "float"], more].concat(), dir.path(), reason)
    };
    float(&["--dtype", "f8"], "unknown dtype \"f8\", known: f32, bf16, f16");
    float(&["--lora", "nowhere:0.5"], "cannot read nowhere: ");
    float(&["--embedding", "nowhere"], "cannot read nowhere: ");
    float(&["--force-isa", "portable"], "--force-isa is for the exact profile");
    float(&["--backend", "simd"], "no backend \"simd\": it has torch");
}

#[test]
#[cfg(feature = "torch")]
fn the_exact_profile_is_the_same_on_libtorch() {
    let dir = tempfile::tempdir().unwrap();
    let draw = |more: &[&str], out: &str| {
        let out = dir.path().join(out);
        let base = ["--prompt", "pizza", "--steps", "2", "--json", "--out", out.to_str().unwrap()];
        last_json(&generate(&[&base[..], more].concat()))["images"][0].clone()
    };
    let (kernels, libtorch) = (draw(&[], "kernels"), draw(&["--backend", "torch"], "libtorch"));
    assert_eq!(libtorch["file_hash"], kernels["file_hash"]);
    let both = ["--prompt", "x", "--backend", "torch", "--force-isa", "portable"];
    refused(&both, dir.path(), "--force-isa is for the simd backend");
}

#[test]
#[cfg(feature = "torch")]
fn the_float_profile_has_formats_and_tiles() {
    let dir = tempfile::tempdir().unwrap();
    let base = ["--prompt", "pizza", "--steps", "2", "--profile", "float", "--json", "--out"];
    let draw = |more: &[&str], out: &str| {
        let out = dir.path().join(out);
        last_json(&generate(&[&base[..], &[out.to_str().unwrap()], more].concat()))["images"][0].clone()
    };
    let plain = draw(&[], "plain");
    let half = draw(&["--dtype", "bf16", "--vae-tiling", "--seamless"], "half");
    assert_ne!(half["pixel_hash"], plain["pixel_hash"]);
}

#[test]
fn the_exact_profile_is_the_same_on_all_kernels() {
    let dir = tempfile::tempdir().unwrap();
    let base = ["--prompt", "pizza", "--steps", "2", "--json", "--out"];
    let draw = |more: &[&str], out: &str| {
        let out = dir.path().join(out);
        last_json(&generate(&[&base[..], &[out.to_str().unwrap()], more].concat()))
    };
    let plain = draw(&[], "plain");
    assert_eq!(plain["profile"], "exact-v1");
    let portable = draw(&["--force-isa", "portable"], "portable");
    assert_eq!(portable["images"][0]["file_hash"], plain["images"][0]["file_hash"]);
}
