//! Which files of a folder make a model.

use std::fs;

use dfsn_compute::manifest;
use serde_json::json;

use crate::golden::emoji_64;

fn paths(dir: &std::path::Path) -> Vec<String> {
    manifest(dir).unwrap().files.iter().map(|file| file.path.as_str().to_owned()).collect()
}

#[test]
fn a_plain_folder_is_its_twelve_files() {
    let expected = [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "tokenizer/special_tokens_map.json",
        "tokenizer/tokenizer_config.json",
        "tokenizer/vocab.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ];
    assert_eq!(paths(&emoji_64()), expected);
}

#[test]
fn shards_second_encoders_and_single_vocabularies_belong_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let plain = [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "text_encoder_2/config.json",
        "text_encoder_2/model.safetensors",
        "tokenizer/tokenizer.json",
        "tokenizer/tokenizer_config.json",
        "tokenizer_2/merges.txt",
        "tokenizer_2/tokenizer_config.json",
        "tokenizer_2/vocab.json",
        "unet/b.safetensors",
        "unet/a.safetensors",
        "unet/config.json",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ];
    plain.iter().for_each(|name| write(name, (*name).to_owned()));
    let index = "unet/diffusion_pytorch_model.safetensors.index.json";
    let map = |shard: &str| json!({"weight_map": {"x": shard, "y": "a.safetensors"}}).to_string();
    write(index, map("b.safetensors"));
    let mut expected: Vec<&str> = plain.into_iter().chain([index]).collect();
    expected.sort_unstable();
    assert_eq!(paths(dir.path()), expected);

    write(index, map("../b.safetensors"));
    let error = manifest(dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("lists \"../b.safetensors\", which names no file beside it"), "{error}");
    write(index, map("c.safetensors"));
    let error = manifest(dir.path()).unwrap_err().to_string();
    assert!(error.contains("unet/c.safetensors: No such file"), "{error}");
}
