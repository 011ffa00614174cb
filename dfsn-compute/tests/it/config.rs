//! What model folders are taken and what is refused.

use std::fs;
use std::path::Path;

use dfsn_compute::config::{Activation, DownBlockType, TimestepSpacing, UNetConfig, UpBlockType, VaeConfig};
use dfsn_compute::{ConfigError, ModelConfig};
use serde_json::{Value, json};

use crate::golden::emoji_64;

/// A copy of the embedded model's JSON files, with one of them changed.
fn load_changed(file: &str, change: impl FnOnce(&mut Value)) -> Result<ModelConfig, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "model_index.json",
        "unet/config.json",
        "vae/config.json",
        "text_encoder/config.json",
        "tokenizer/tokenizer_config.json",
        "tokenizer/special_tokens_map.json",
        "scheduler/scheduler_config.json",
    ] {
        let to = dir.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(emoji_64().join(name), &to).unwrap();
    }
    let path = dir.path().join(file);
    let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(&path, value.to_string()).unwrap();
    ModelConfig::load(dir.path())
}

#[track_caller]
fn refused(file: &str, key: &str, value: Value, expected: &str) {
    let error = load_changed(file, |config| config[key] = value).unwrap_err().to_string();
    assert!(error.contains(file) && error.contains(expected), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn the_embedded_model_is_read_as_its_files_say() {
    let config = ModelConfig::load(emoji_64()).unwrap();
    assert_eq!(config.unet.block_out_channels, [48, 96, 144]);
    assert_eq!(config.unet.num_attention_heads, [4, 4, 4]);
    assert_eq!(config.unet.time_embedding_dim, 192);
    assert_eq!(config.vae.scaling_factor, 0.45608);
    assert_eq!(config.text_encoder.hidden_act, Activation::QuickGelu);
    assert_eq!(config.scheduler.shape.timestep_spacing, Some(TimestepSpacing::Leading));
    assert_eq!((config.vae_scale_factor(), config.size_multiple(), config.default_size()), (4, 8, Some(64)));
}

#[test]
fn absent_keys_take_the_defaults_of_stable_diffusion_1() {
    // The keys that the published file of Stable Diffusion 1.5 holds.
    let published = json!({
        "_class_name": "UNet2DConditionModel", "_diffusers_version": "0.6.0", "act_fn": "silu",
        "attention_head_dim": 8, "block_out_channels": [320, 640, 1280, 1280], "center_input_sample": false,
        "cross_attention_dim": 768,
        "down_block_types":
            ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        "downsample_padding": 1, "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 4,
        "layers_per_block": 2, "mid_block_scale_factor": 1, "norm_eps": 1e-05, "norm_num_groups": 32,
        "out_channels": 4, "sample_size": 64,
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.json");
    fs::write(&path, published.to_string()).unwrap();
    let unet = UNetConfig::load(&path).unwrap();
    assert_eq!(unet.num_attention_heads, [8; 4]);
    assert_eq!(unet.layers_per_block, [2; 4]);
    assert_eq!(unet.down_block_types[3], DownBlockType::Plain);
    assert_eq!(unet.up_block_types[0], UpBlockType::Plain);
    assert!(!unet.use_linear_projection);

    fs::write(
        &path,
        json!({"block_out_channels": [128, 256], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
               "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]})
        .to_string(),
    )
    .unwrap();
    let vae = VaeConfig::load(&path).unwrap();
    assert_eq!((vae.scaling_factor, vae.norm_num_groups, vae.scale_factor()), (0.18215, 32, 2));
}

#[test]
fn unknown_and_unsupported_values_are_named() {
    let unet = "unet/config.json";
    refused(unet, "act_fn", json!("mish"), r#"act_fn = "mish" is not supported, only silu"#);
    refused(
        unet,
        "class_embed_type",
        json!("timestep"),
        r#"class_embed_type = "timestep" is not supported, only null"#,
    );
    refused(unet, "addition_embed_type", json!("text_time"), "addition_embed_type");
    refused(unet, "brand_new_option", json!(3), r#"unknown key "brand_new_option""#);
    refused(unet, "down_block_types", json!(["DownBlock2D"]), "a list of 3 like block_out_channels");
    refused(unet, "down_block_types", json!(["A", "B", "C"]), r#"down_block_types = "A" is not supported"#);
    refused(unet, "layers_per_block", json!([1, 2]), "one number, or a list of 3");
    refused(unet, "attention_head_dim", json!(5), "a divisor of 48 channels");
    refused("vae/config.json", "latents_mean", json!([0.0]), "latents_mean");
    refused("text_encoder/config.json", "hidden_act", json!("relu"), "hidden_act");
    refused(
        "scheduler/scheduler_config.json",
        "beta_schedule",
        json!("sigmoid"),
        "beta_schedule = \"sigmoid\" is not supported, only linear or scaled_linear",
    );
    refused("model_index.json", "_class_name", json!("FluxPipeline"), "only StableDiffusionPipeline or");
    refused("model_index.json", "vae", json!(["diffusers", "AutoencoderTiny"]), "only AutoencoderKL");
}

#[test]
fn sizes_are_bounded_and_types_checked() {
    let unet = "unet/config.json";
    refused(unet, "in_channels", json!(0), "in_channels is 0, must be between 1 and 64");
    refused(unet, "block_out_channels", json!([48, 96, 4_000_000_000_u64]), "must be between 1 and 16384");
    refused(unet, "block_out_channels", json!([]), "a list of 1 to 64 items");
    refused(unet, "layers_per_block", json!(-1), "must be a whole number, found -1");
    refused(unet, "norm_eps", json!("tiny"), "must be a number");
    refused(unet, "use_linear_projection", json!(1), "must be true or false");
    refused("vae/config.json", "scaling_factor", json!(0), "scaling_factor is 0");
    refused("tokenizer/tokenizer_config.json", "model_max_length", json!(2), "model_max_length is 2");
    refused("scheduler/scheduler_config.json", "num_train_timesteps", json!(1e300), "must be a whole number");
}

#[test]
fn parts_must_fit_together() {
    let error = load_changed("unet/config.json", |unet| unet["cross_attention_dim"] = json!(64)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unet cross_attention_dim = 64 does not fit text_encoder hidden_size = 128"
    );
    let longer = |config: &mut Value| config["model_max_length"] = json!(78);
    let error = load_changed("tokenizer/tokenizer_config.json", longer).unwrap_err();
    assert!(matches!(error, ConfigError::Mismatch { .. }), "{error}");
}

#[test]
fn missing_and_broken_files_are_named() {
    let error = ModelConfig::load(Path::new("no-such-model")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read no-such-model/model_index.json: "), "{error}");

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.json");
    for (text, expected) in [("{\"a\": ", "is not valid JSON: EOF"), ("3", "is not an object"), ("", "EOF")] {
        fs::write(&path, text).unwrap();
        let error = UNetConfig::load(&path).unwrap_err().to_string();
        assert!(error.contains("config.json") && error.contains(expected), "{error}");
    }
    fs::write(&path, " ".repeat((1 << 20) + 1)).unwrap();
    assert!(UNetConfig::load(&path).unwrap_err().to_string().ends_with("is over 1048576 bytes"));
}
