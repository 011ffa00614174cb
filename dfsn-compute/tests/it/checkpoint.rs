//! Headers of single files as large as the published ones, without their numbers.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use dfsn_compute::ModelConfig;
use dfsn_compute::config::{Activation, DownBlockType, Family, UpBlockType};
use serde_json::{Map, Value, json};

type Shapes = Vec<(String, Vec<usize>)>;

/// Tensors of the original releases that tell the shape of a UNet; `depths` are those of the transformers, 0 where a
/// block has none.
fn unet(channels: &[usize], depths: &[usize], cross: usize, is_linear: bool, added: Option<usize>) -> Shapes {
    let first = channels[0];
    let mut shapes = vec![
        ("input_blocks.0.0.weight".to_owned(), vec![first, 4, 3, 3]),
        ("out.2.weight".to_owned(), vec![4, first, 3, 3]),
        ("time_embed.0.weight".to_owned(), vec![4 * first, first]),
    ];
    let transformer = |shapes: &mut Shapes, at: String, width: usize, depth: usize| {
        let square = if is_linear { vec![width, width] } else { vec![width, width, 1, 1] };
        shapes.push((format!("{at}.1.proj_in.weight"), square));
        for index in 0..depth {
            let name = format!("{at}.1.transformer_blocks.{index}.attn2.to_k.weight");
            shapes.push((name, vec![width, cross]));
        }
    };
    let mut index = 1;
    for (block, (&width, &depth)) in channels.iter().zip(depths).enumerate() {
        for _ in 0..2 {
            let at = format!("input_blocks.{index}");
            shapes.push((format!("{at}.0.in_layers.2.weight"), vec![width, width, 3, 3]));
            if depth > 0 {
                transformer(&mut shapes, at, width, depth);
            }
            index += 1;
        }
        if block + 1 < channels.len() {
            shapes.push((format!("input_blocks.{index}.0.op.weight"), vec![width, width, 3, 3]));
            index += 1;
        }
    }
    let (width, depth) = (channels[channels.len() - 1], depths[depths.len() - 1].max(1));
    transformer(&mut shapes, "middle_block".to_owned(), width, depth);
    if let Some(width) = added {
        shapes.push(("label_emb.0.0.weight".to_owned(), vec![4 * first, width]));
    }
    shapes.into_iter().map(|(name, shape)| (format!("model.diffusion_model.{name}"), shape)).collect()
}

fn vae() -> Shapes {
    let mut shapes = vec![
        ("first_stage_model.decoder.conv_in.weight".to_owned(), vec![512, 4, 3, 3]),
        ("first_stage_model.quant_conv.weight".to_owned(), vec![8, 8, 1, 1]),
        ("first_stage_model.post_quant_conv.weight".to_owned(), vec![4, 4, 1, 1]),
    ];
    for (block, width) in [128, 256, 512, 512].into_iter().enumerate() {
        for layer in 0..2 {
            let name = format!("first_stage_model.encoder.down.{block}.block.{layer}.conv1.weight");
            shapes.push((name, vec![width, width, 3, 3]));
        }
    }
    shapes
}

fn clip(prefix: &str) -> Shapes {
    let mut shapes = vec![
        (format!("{prefix}text_model.embeddings.token_embedding.weight"), vec![49_408, 768]),
        (format!("{prefix}text_model.embeddings.position_embedding.weight"), vec![77, 768]),
    ];
    for layer in 0..12 {
        let name = format!("{prefix}text_model.encoder.layers.{layer}.mlp.fc1.weight");
        shapes.push((name, vec![3072, 768]));
    }
    shapes
}

fn open_clip(prefix: &str, width: usize, layers: usize) -> Shapes {
    let mut shapes = vec![
        (format!("{prefix}token_embedding.weight"), vec![49_408, width]),
        (format!("{prefix}positional_embedding"), vec![77, width]),
        (format!("{prefix}text_projection"), vec![width, width]),
    ];
    for layer in 0..layers {
        let name = format!("{prefix}transformer.resblocks.{layer}.mlp.c_fc.weight");
        shapes.push((name, vec![4 * width, width]));
    }
    shapes
}

fn shapes(family: &str) -> Shapes {
    let (unet, text) = match family {
        "sd15" => (
            unet(&[320, 640, 1280, 1280], &[1, 1, 1, 0], 768, false, None),
            clip("cond_stage_model.transformer."),
        ),
        "sd21" => (
            unet(&[320, 640, 1280, 1280], &[1, 1, 1, 0], 1024, true, None),
            open_clip("cond_stage_model.model.", 1024, 24),
        ),
        _ => (
            unet(&[320, 640, 1280], &[0, 2, 10], 2048, true, Some(2816)),
            [
                clip("conditioner.embedders.0.transformer."),
                open_clip("conditioner.embedders.1.model.", 1280, 32),
            ]
            .concat(),
        ),
    };
    [unet, vae(), text].concat()
}

/// Writes the header of a published file; its numbers are a hole.
pub(crate) fn write_header(family: &str, path: &Path) {
    let mut header = Map::new();
    let mut end = 0;
    for (name, shape) in shapes(family) {
        let bytes = 2 * shape.iter().product::<usize>();
        header.insert(name, json!({"dtype": "F16", "shape": shape, "data_offsets": [end, end + bytes]}));
        end += bytes;
    }
    let header = Value::Object(header).to_string();
    let mut file = File::create(path).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len((8 + header.len() + end) as u64).unwrap();
}

/// The figures of the published configurations.
pub(crate) fn check_published(family: &str, config: &ModelConfig) {
    let (unet, text) = (&config.unet, &config.text_encoder);
    let is_xl = family == "sdxl";
    let four: [u32; 4] = [320, 640, 1280, 1280];
    assert_eq!(unet.block_out_channels, four[..if is_xl { 3 } else { 4 }]);
    assert_eq!((unet.layers_per_block[0], unet.norm_num_groups, unet.time_embedding_dim), (2, 32, 1280));
    assert_eq!((unet.in_channels, unet.out_channels), (4, 4));
    let heads: (&[u32], u32, u32) = match family {
        "sd15" => (&[8; 4], 768, 64),
        "sd21" => (&[5, 10, 20, 20], 1024, 96),
        _ => (&[5, 10, 20], 2048, 128),
    };
    let found = (&unet.num_attention_heads[..], unet.cross_attention_dim, unet.sample_size.unwrap());
    assert_eq!(found, heads);
    assert_eq!((unet.use_linear_projection, unet.upcast_attention), (family != "sd15", family == "sd21"));
    if is_xl {
        assert_eq!(unet.transformer_layers_per_block, [1, 2, 10]);
        assert_eq!(unet.down_block_types[0], DownBlockType::Plain);
        assert_eq!(unet.up_block_types[2], UpBlockType::Plain);
        let second = config.text_encoder_2.as_ref().unwrap();
        let found = (second.hidden_size, second.num_hidden_layers, second.num_attention_heads);
        assert_eq!(
            (found, second.projection_dim, second.hidden_act),
            ((1280, 32, 20), 1280, Activation::Gelu)
        );
        assert_eq!(config.family, Family::StableDiffusionXl { force_zeros_for_empty_prompt: true });
        assert_eq!((config.vae.scaling_factor, unet.add_embedding.unwrap().pooled_dim()), (0.13025, 1280));
    } else {
        assert_eq!(
            (unet.down_block_types[3], unet.up_block_types[0]),
            (DownBlockType::Plain, UpBlockType::Plain)
        );
        assert_eq!((config.vae.scaling_factor, &unet.add_embedding), (0.18215, &None));
    }
    let text_shape =
        (text.hidden_size, text.num_hidden_layers, text.num_attention_heads, text.intermediate_size);
    assert_eq!(text_shape, if family == "sd21" { (1024, 23, 16, 4096) } else { (768, 12, 12, 3072) });
    assert_eq!(text.hidden_act, if family == "sd21" { Activation::Gelu } else { Activation::QuickGelu });
    assert_eq!(config.vae.block_out_channels, [128, 256, 512, 512]);
    assert_eq!(config.vae.layers_per_block, 2);
    let side = config.default_size().unwrap();
    assert_eq!(
        (side, config.vae.sample_size),
        if is_xl {
            (1024, 1024)
        } else if family == "sd21" {
            (768, 768)
        } else {
            (512, 512)
        }
    );
    assert_eq!(config.tokenizer.pad_token, if family == "sd21" { "!" } else { "<|endoftext|>" });
}
