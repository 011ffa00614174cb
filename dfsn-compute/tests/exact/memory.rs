//! A model from bytes in memory is the one on disk.

use std::fs;
use std::path::Path;

use dfsn_compute::exact::{ExactOptions, load_pipeline};
use dfsn_compute::{ImageRequest, MemoryFiles, ModelConfig, ModelPath, NoObserver, manifest};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");

/// The files that the manifest lists.
fn files() -> Vec<(String, Vec<u8>)> {
    let listed = manifest(MODEL).unwrap().files;
    let read = |name: &str| (name.to_owned(), fs::read(Path::new(MODEL).join(name)).unwrap());
    listed.iter().map(|file| read(file.path.as_str())).collect()
}

fn error(files: Vec<(String, Vec<u8>)>) -> String {
    load_pipeline(MemoryFiles::from_iter(files), ExactOptions::default()).unwrap_err().to_string()
}

#[test]
fn the_picture_and_the_manifest_are_those_of_the_folder() {
    let memory = MemoryFiles::from_iter(files());
    assert_eq!(manifest(memory.clone()).unwrap(), manifest(MODEL).unwrap());
    let draw = |model: ModelPath| {
        let mut pipeline = load_pipeline(model, ExactOptions::default()).unwrap();
        let request = ImageRequest {
            prompt: "a green frog".to_owned(),
            num_inference_steps: 1,
            ..ImageRequest::for_model(pipeline.config())
        };
        pipeline.generate(&request, &mut NoObserver).unwrap().image
    };
    assert!(draw(memory.into()) == draw(MODEL.into()));
}

#[test]
fn a_changed_byte_is_another_model() {
    let mut files = files();
    let last = files.iter_mut().find(|(name, _)| name.starts_with("vae/d")).unwrap().1.last_mut().unwrap();
    *last ^= 1;
    assert_ne!(manifest(MemoryFiles::from_iter(files)).unwrap().id(), manifest(MODEL).unwrap().id());
}

#[test]
fn a_file_that_is_missing_or_cut_off_is_named() {
    for (name, _) in files() {
        let without = files().into_iter().filter(|(other, _)| *other != name).collect();
        let is_optional = name.ends_with("special_tokens_map.json");
        if is_optional {
            ModelConfig::load(MemoryFiles::from_iter::<Vec<_>>(without)).unwrap();
        } else {
            let error = error(without);
            assert!(error.contains(&name) && error.contains("not among the files in memory"), "{error}");
        }
        if name.ends_with(".safetensors") {
            let mut cut = files();
            cut.iter_mut().find(|(other, _)| *other == name).unwrap().1.pop();
            let error = error(cut);
            assert!(error.contains(&name) && error.contains("its header tells of"), "{error}");
        }
    }
}

#[test]
fn folders_are_what_files_lie_in() {
    let model = ModelPath::from(MemoryFiles::from_iter(files()));
    assert!(model.is_dir() && model.join("unet").is_dir() && model.join("unet").join("config.json").exists());
    assert!(!model.join("unet/config.json").is_dir() && !model.join("tokenizer_2").exists());
    assert!(!model.join("une").exists() && model.join("unet/config.json").as_path().ends_with("config.json"));
}
