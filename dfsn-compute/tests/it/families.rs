//! Tiny models of every family against diffusers 0.42.1: folders, shards, single files, pictures to start from,
//! masks, tiles. `tests/golden/make_models.py` made the files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dfsn_compute::config::PredictionType;
use dfsn_compute::torch::{load_pipeline, load_single_file};
use dfsn_compute::{
    AddedConditioning, Backend, Conditioning, Dtype, ImageRequest, InitImage, LatentShape, NoObserver,
    Pipeline, RgbImage, SchedulerKind, TextInput, TorchBackend, TorchOptions,
};
use dfsn_types::Strength;
use tempfile::TempDir;

use crate::golden::{GoldenTensors, assert_close, emoji_64, golden_path, relative_l2};
use crate::torch_thread::{options, with_pipeline};

/// What every figure of diffusers is met with in f32.
pub(crate) const TOLERANCE: f64 = 1e-4;
const FAMILIES: [&str; 3] = ["sd15", "sd21", "sdxl"];

pub(crate) fn models(name: &str) -> PathBuf {
    golden_path("models").join(name)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The embedded model's vocabulary with the padding of a family.
fn copy_tokenizer(dir: &Path, pad: &str) {
    copy_folder(&emoji_64().join("tokenizer"), dir);
    fs::write(dir.join("special_tokens_map.json"), format!("{{\"pad_token\": \"{pad}\"}}")).unwrap();
}

fn copy_tokenizers(family: &str, dir: &Path) {
    copy_tokenizer(&dir.join("tokenizer"), if family == "sd21" { "!" } else { "<|endoftext|>" });
    if family == "sdxl" {
        copy_tokenizer(&dir.join("tokenizer_2"), "!");
    }
}

/// A family's folder with a tokenizer.
pub(crate) fn folder(family: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&models(family), dir.path());
    copy_tokenizers(family, dir.path());
    dir
}

pub(crate) fn load(family: &str, options: TorchOptions) -> Pipeline<TorchBackend> {
    load_pipeline(folder(family).path(), options).unwrap()
}

pub(crate) fn golden(family: &str) -> GoldenTensors {
    GoldenTensors::open(&format!("models/{family}.safetensors"))
}

/// The request of every loop.
pub(crate) fn request(scheduler: SchedulerKind) -> ImageRequest {
    ImageRequest {
        prompt: "a fox on a blue background!".to_owned(),
        negative_prompt: "pizza, rocket".to_owned(),
        seed: 1,
        num_inference_steps: 5,
        guidance_scale: 3.0,
        scheduler,
        height: 24,
        width: 16,
        init: None,
        variation: None,
        clip_skip: 0,
    }
}

fn init(strength: u16, with_mask: bool) -> InitImage {
    let read = |name: &str| Arc::new(RgbImage::from_png(&fs::read(models(name)).unwrap()).unwrap());
    InitImage {
        image: read("init.png"),
        strength: Strength::from_thousandths(strength).unwrap(),
        mask: with_mask.then(|| read("mask.png")),
    }
}

pub(crate) fn latents(pipeline: &mut Pipeline<TorchBackend>, request: &ImageRequest) -> Vec<f32> {
    pipeline.generate(request, &mut NoObserver).unwrap().final_state.latents
}

const SMALL: LatentShape = LatentShape { channels: 4, height: 12, width: 8 };

#[test]
fn text_encoders_of_every_family() {
    with_pipeline(|_| {
        for family in FAMILIES {
            let (golden, mut pipeline) = (golden(family), load(family, options()));
            let is_xl = family == "sdxl";
            for encoder in 0..=usize::from(is_xl) {
                let ids = golden.bytes(&format!("ids.{encoder}"));
                let ids: Vec<u32> = ids.as_chunks::<4>().0.iter().map(|id| u32::from_le_bytes(*id)).collect();
                let text = TextInput::new(encoder, &ids);
                let found = pipeline.backend_mut().encode_text(&text).unwrap();
                let key = format!("{}.{encoder}", if is_xl { "penultimate" } else { "last" });
                assert_close(&format!("{family} {key}"), &found.embeddings, &golden.floats(&key), TOLERANCE);
                match found.pooled {
                    Some(pooled) => assert_close("pooled", &pooled, &golden.floats("pooled"), TOLERANCE),
                    None => assert!(encoder == 0),
                }
                if !is_xl {
                    let text = TextInput { clip_skip: 1, ..text };
                    let found = pipeline.backend_mut().encode_text(&text).unwrap();
                    assert_close("clip_skip", &found.embeddings, &golden.floats("skipped.0"), TOLERANCE);
                }
            }
        }
    });
}

#[test]
fn a_replaced_token_is_embedded_as_given() {
    with_pipeline(|_| {
        let mut pipeline = load("sd15", options());
        let ids: Vec<u32> = (0..77).collect();
        let mut encode = |replaced: &[(usize, Vec<f32>)]| {
            let text = TextInput { replaced, ..TextInput::new(0, &ids) };
            pipeline.backend_mut().encode_text(&text).map(|encoding| encoding.embeddings)
        };
        let plain = encode(&[]).unwrap();
        let replaced = encode(&[(40, vec![0.25; 8])]).unwrap();
        // Attention looks back only.
        assert_eq!(plain[..40 * 8], replaced[..40 * 8]);
        assert_ne!(plain[40 * 8..], replaced[40 * 8..]);
        assert_eq!(encode(&[]).unwrap(), plain);
        assert!(encode(&[(77, vec![0.25; 8])]).unwrap_err().to_string().contains("position 77"));
        assert!(encode(&[(1, vec![0.25; 7])]).unwrap_err().to_string().contains("width 7"));
    });
}

#[test]
fn unet_and_vae_of_every_family() {
    with_pipeline(|_| {
        for family in FAMILIES {
            let (golden, mut pipeline) = (golden(family), load(family, options()));
            let backend = pipeline.backend_mut();
            let added = (family == "sdxl").then(|| AddedConditioning {
                pooled: golden.floats("text_embeds"),
                time_ids: golden.floats("time_ids").try_into().unwrap(),
            });
            let conditioning =
                Conditioning { embeddings: golden.floats("text"), prompts: 1, tokens: 77, added };
            for timestep in [981.0, 13.0] {
                let key = format!("unet.{timestep:?}");
                let found =
                    backend.predict_noise(&golden.floats("sample"), SMALL, timestep, &conditioning).unwrap();
                assert_close(&format!("{family} {key}"), &found, &golden.floats(&key), TOLERANCE);
            }
            let decoded = backend.decode(&golden.floats("latents"), SMALL).unwrap();
            assert_close(&format!("{family} decoded"), &decoded, &golden.floats("decoded"), TOLERANCE);
            let encoded = backend.encode(&golden.floats("pixels"), 24, 16).unwrap();
            assert_close(&format!("{family} mean"), &encoded.mean, &golden.floats("mean"), TOLERANCE);
            assert_close(&format!("{family} std"), &encoded.std, &golden.floats("std"), TOLERANCE);
        }
    });
}

#[test]
fn whole_loops_of_every_family() {
    with_pipeline(|_| {
        for family in FAMILIES {
            let (golden, mut pipeline) = (golden(family), load(family, options()));
            for scheduler in [SchedulerKind::Ddim, SchedulerKind::Euler] {
                let key = format!("{scheduler}.latents");
                let found = latents(&mut pipeline, &request(scheduler));
                assert_close(&format!("{family} {key}"), &found, &golden.floats(&key), TOLERANCE);
            }
            let decoded = pipeline.generate(&request(SchedulerKind::Euler), &mut NoObserver).unwrap().decoded;
            assert_close("decoded", decoded.values(), &golden.floats("euler.decoded"), TOLERANCE);
            let unnegated = ImageRequest { negative_prompt: String::new(), ..request(SchedulerKind::Euler) };
            let found = latents(&mut pipeline, &unnegated);
            let what = format!("{family} without a negative prompt");
            assert_close(&what, &found, &golden.floats("unnegated.latents"), TOLERANCE);
        }
    });
}

#[test]
fn whole_loops_with_every_scheduler() {
    with_pipeline(|_| {
        use SchedulerKind::{
            Ddpm, Dpmpp2m, Dpmpp2mKarras, EulerAncestral, EulerKarras, Lcm, Pndm, Unipc, UnipcKarras,
        };
        let golden = GoldenTensors::open("models/schedulers.safetensors");
        let dir = folder("sd15");
        // As published with Stable Diffusion 1.5.
        let config = dir.path().join("scheduler/scheduler_config.json");
        let text = fs::read_to_string(&config).unwrap().replacen('{', "{\"skip_prk_steps\": true,", 1);
        fs::write(&config, text).unwrap();
        let mut pipeline = load_pipeline(dir.path(), options()).unwrap();
        let kinds =
            [Pndm, EulerAncestral, Dpmpp2m, Unipc, Lcm, Ddpm, EulerKarras, Dpmpp2mKarras, UnipcKarras];
        for scheduler in kinds {
            let starts =
                [("", None), (".img2img", Some(init(600, false))), (".inpaint", Some(init(600, true)))];
            for (end, init) in starts {
                let key = format!("{scheduler}{end}");
                let found = latents(&mut pipeline, &ImageRequest { init, ..request(scheduler) });
                assert_close(&key, &found, &golden.floats(&key), TOLERANCE);
            }
        }
    });
}

#[test]
fn single_files_give_the_bits_of_their_folders() {
    with_pipeline(|_| {
        for family in FAMILIES {
            let request = request(SchedulerKind::Euler);
            let expected = latents(&mut load(family, options()), &request);
            let dir = folder(family);
            for part in ["unet", "vae", "text_encoder"] {
                for entry in fs::read_dir(dir.path().join(part)).unwrap() {
                    let path = entry.unwrap().path();
                    if path.extension().is_some_and(|ext| ext == "safetensors") {
                        fs::remove_file(path).unwrap();
                    }
                }
            }
            let file = models(&format!("{family}-single.safetensors"));
            let mut single = load_single_file(&file, dir.path(), options()).unwrap();
            assert_eq!(latents(&mut single, &request), expected, "{family}");
        }
    });
}

#[test]
fn pictures_to_start_from() {
    with_pipeline(|_| {
        for (family, strengths) in [("sd15", &[600, 1000][..]), ("sdxl", &[600])] {
            let (golden, mut pipeline) = (golden(family), load(family, options()));
            for &strength in strengths {
                for scheduler in [SchedulerKind::Ddim, SchedulerKind::Euler] {
                    if family == "sdxl" && scheduler == SchedulerKind::Ddim {
                        continue;
                    }
                    let request = ImageRequest { init: Some(init(strength, false)), ..request(scheduler) };
                    let key = format!("img2img.{scheduler}.{:?}", f64::from(strength) / 1000.0);
                    let found = latents(&mut pipeline, &request);
                    assert_close(&format!("{family} {key}"), &found, &golden.floats(&key), TOLERANCE);
                }
            }
        }
    });
}

/// The family of Stable Diffusion 1 with a UNet that takes 9 channels.
fn inpainting_folder() -> TempDir {
    let dir = folder("sd15");
    let config = dir.path().join("unet/config.json");
    let text = fs::read_to_string(&config).unwrap().replace("\"in_channels\": 4", "\"in_channels\": 9");
    fs::write(config, text).unwrap();
    crate::weights::rewrite(&dir.path().join("unet/diffusion_pytorch_model.safetensors"), |tensors| {
        let weight = golden("sd15").bytes("conv_in.weight");
        tensors.insert("conv_in.weight".to_owned(), (safetensors::Dtype::F32, vec![8, 9, 3, 3], weight));
    });
    dir
}

#[test]
fn masks_with_models_of_4_and_of_9_channels() {
    with_pipeline(|_| {
        let golden = golden("sd15");
        let wide = inpainting_folder();
        for (channels, dir) in [(4, folder("sd15")), (9, wide)] {
            let mut pipeline = load_pipeline(dir.path(), options()).unwrap();
            for strength in [600, 1000] {
                for scheduler in [SchedulerKind::Ddim, SchedulerKind::Euler] {
                    let request = ImageRequest { init: Some(init(strength, true)), ..request(scheduler) };
                    let key = format!("inpaint{channels}.{scheduler}.{:?}", f64::from(strength) / 1000.0);
                    let found = latents(&mut pipeline, &request);
                    assert_close(&key, &found, &golden.floats(&key), TOLERANCE);
                }
            }
            if channels == 9 {
                let error = pipeline.prepare(&request(SchedulerKind::Ddim)).unwrap_err().to_string();
                assert_eq!(error, "this model paints into pictures: it needs an initial image and a mask");
            }
        }
    });
}

#[test]
fn tiles_and_pictures_without_seams() {
    with_pipeline(|_| {
        let golden = golden("sd15");
        let mut tiled = load("sd15", TorchOptions { vae_tiling: true, ..options() });
        let shape = LatentShape { channels: 4, height: 21, width: 30 };
        let decoded = tiled.backend_mut().decode(&golden.floats("tiled.latents"), shape).unwrap();
        assert_close("tiled decode", &decoded, &golden.floats("tiled.decoded"), TOLERANCE);
        let encoded = tiled.backend_mut().encode(&golden.floats("tiled.pixels"), 44, 56).unwrap();
        assert_close("tiled encode", &encoded.mean, &golden.floats("tiled.mean"), TOLERANCE);
        assert_eq!(tiled.profile().to_string(), "libtorch-2.11.0+vae-tiling/cpu/".to_owned() + &rest(&tiled));

        let mut seamless = load("sd15", TorchOptions { seamless: true, ..options() });
        let generated = seamless.generate(&request(SchedulerKind::Euler), &mut NoObserver).unwrap();
        let expected = golden.floats("seamless.latents");
        assert_close("seamless", &generated.final_state.latents, &expected, TOLERANCE);
        let expected = golden.floats("seamless.decoded");
        assert_close("seamless", generated.decoded.values(), &expected, TOLERANCE);
    });
}

/// What follows the device in a profile's name.
fn rest(pipeline: &Pipeline<TorchBackend>) -> String {
    pipeline.profile().to_string().split('/').skip(2).collect::<Vec<_>>().join("/")
}

#[test]
fn smaller_number_formats_draw_nearly_the_same() {
    with_pipeline(|_| {
        for family in FAMILIES {
            let golden = golden(family);
            let expected = golden.floats("euler.latents");
            for (dtype, tolerance) in [(Dtype::Bf16, 0.1), (Dtype::F16, 0.02)] {
                let mut pipeline = load(family, TorchOptions { dtype, ..options() });
                let generated = pipeline.generate(&request(SchedulerKind::Euler), &mut NoObserver).unwrap();
                let found = &generated.final_state.latents;
                assert_close(&format!("{family} {}", dtype.name()), found, &expected, tolerance);
                assert_ne!(*found, expected);
                assert!(pipeline.profile().to_string().contains(&format!("/{}/", dtype.name())));
                // This family's autoencoder stays in f32 where f16 was asked for.
                let decoded = pipeline.backend_mut().decode(&golden.floats("latents"), SMALL).unwrap();
                let distance = relative_l2(&decoded, &golden.floats("decoded"));
                assert_eq!(distance < 1e-5, dtype == Dtype::F16, "{family} {}: {distance}", dtype.name());
            }
        }
    });
}

#[test]
fn several_pictures_equal_their_single_runs() {
    with_pipeline(|_| {
        let mut pipeline = load("sdxl", options());
        let first = request(SchedulerKind::Euler);
        let batch: Vec<_> = (0..4)
            .map(|image| pipeline.generate(&first.clone().for_image(image), &mut NoObserver).unwrap())
            .collect();
        for (image, drawn) in (0..4).zip(&batch) {
            let mut fresh = load("sdxl", options());
            let alone = ImageRequest { seed: first.seed + image, ..first.clone() };
            assert_eq!(fresh.generate(&alone, &mut NoObserver).unwrap(), *drawn);
        }
        assert_ne!(batch[0].image, batch[1].image);
    });
}

#[test]
fn a_single_file_tells_its_configuration() {
    // Heads and groups are told by family, not by shapes, so the tiny models' files are not of this kind.
    let dir = tempfile::tempdir().unwrap();
    copy_tokenizers("sdxl", dir.path());
    let file = models("sd15-single.safetensors");
    let error = dfsn_compute::infer_config(&file, dir.path(), None).unwrap_err().to_string();
    assert!(error.contains("norm_num_groups"), "{error}");

    for (family, prediction) in [
        ("sd15", PredictionType::Epsilon),
        ("sd21", PredictionType::VPrediction),
        ("sdxl", PredictionType::Epsilon),
    ] {
        let file = dir.path().join(format!("{family}.safetensors"));
        crate::checkpoint::write_header(family, &file);
        let config = dfsn_compute::infer_config(&file, dir.path(), None).unwrap();
        crate::checkpoint::check_published(family, &config);
        assert_eq!(config.scheduler.shape.prediction_type, prediction);
        assert_eq!(config.checkpoint.as_deref(), Some(file.as_path()));
    }
}
