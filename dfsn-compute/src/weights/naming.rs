//! How files spell the names of tensors.
//!
//! The networks ask for tensors by the names of diffusers. Files of the original releases ("LDM"), of OpenCLIP
//! and of older diffusers spell them otherwise; each name is computed from the one asked for.

use crate::config::{UNetConfig, UpBlockType};

/// The spelling of one network in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// As in diffusers and transformers.
    Plain,
    /// A text encoder without the prefix `text_model.`, as transformers 5 writes it.
    BareClip,
    /// An autoencoder of older diffusers: query, key, value, proj_attn.
    OldVae,
    /// A UNet of a single file.
    LdmUNet(LdmUNet),
    /// An autoencoder of a single file.
    LdmVae {
        /// Blocks of each half.
        blocks: usize,
    },
    /// A transformers text encoder in a single file; holds the prefix.
    LdmClip(&'static str),
    /// An OpenCLIP text encoder in a single file; holds the prefix.
    OpenClip(&'static str),
}

/// What the numbers in a single file's UNet depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LdmUNet {
    /// Resnets of each block on the way down.
    pub(crate) layers_per_block: usize,
    /// Whether the blocks on the way up have transformers, innermost first.
    pub(crate) up_has_attention: Vec<bool>,
}

/// Where a tensor is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) form: Form,
}

/// What is stored of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The tensor.
    Whole,
    /// The tensor as one third of the rows.
    Third(u64),
    /// Its transpose.
    Transposed,
}

/// Where single files keep each network.
pub(crate) const UNET_PREFIX: &str = "model.diffusion_model.";
pub(crate) const VAE_PREFIX: &str = "first_stage_model.";

impl Naming {
    /// Where the tensor that diffusers calls `name` is stored.
    pub(crate) fn stored(&self, name: &str) -> Stored {
        let whole = |name| Stored { name, form: Form::Whole };
        match self {
            Self::Plain => whole(name.to_owned()),
            Self::BareClip => whole(name.strip_prefix("text_model.").unwrap_or(name).to_owned()),
            Self::OldVae => whole(old_vae(name)),
            Self::LdmUNet(shape) => whole(format!("{UNET_PREFIX}{}", shape.name(name))),
            Self::LdmVae { blocks } => whole(format!("{VAE_PREFIX}{}", ldm_vae(name, *blocks))),
            Self::LdmClip(prefix) => whole(format!("{prefix}{name}")),
            Self::OpenClip(prefix) => {
                let Stored { name, form } = open_clip(name);
                Stored { name: format!("{prefix}{name}"), form }
            }
        }
    }

    /// The beginning of all names of this network in a file that holds others, too.
    pub(crate) fn prefix(&self) -> &'static str {
        match self {
            Self::Plain | Self::BareClip | Self::OldVae => "",
            Self::LdmUNet(_) => UNET_PREFIX,
            Self::LdmVae { .. } => VAE_PREFIX,
            Self::LdmClip(prefix) | Self::OpenClip(prefix) => prefix,
        }
    }
}

/// Replaces the first match of several; a name holds at most one of them.
fn replace_any(name: &str, pairs: &[(&str, &str)]) -> String {
    match pairs.iter().find(|(from, _)| name.contains(from)) {
        Some((from, to)) => name.replacen(from, to, 1),
        None => name.to_owned(),
    }
}

fn old_vae(name: &str) -> String {
    let pairs =
        [(".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."), (".to_out.0.", ".proj_attn.")];
    replace_any(name, &pairs)
}

/// `down_blocks.2.resnets.1.rest` as (2, `resnets`, 1, `rest`).
fn block_parts(name: &str) -> Option<(usize, &str, usize, &str)> {
    let mut parts = name.splitn(4, '.');
    let block = parts.next()?.parse().ok()?;
    let kind = parts.next()?;
    let layer = parts.next()?.parse().ok()?;
    Some((block, kind, layer, parts.next()?))
}

impl LdmUNet {
    pub(crate) fn of(config: &UNetConfig) -> Self {
        Self {
            layers_per_block: config.layers_per_block.first().map_or(0, |&layers| layers as usize),
            up_has_attention: config
                .up_block_types
                .iter()
                .map(|&kind| kind == UpBlockType::CrossAttention)
                .collect(),
        }
    }

    /// A UNet's name without the prefix. Inner names of transformers are the same.
    pub(crate) fn name(&self, name: &str) -> String {
        let fixed = [
            ("time_embedding.linear_1.", "time_embed.0."),
            ("time_embedding.linear_2.", "time_embed.2."),
            ("add_embedding.linear_1.", "label_emb.0.0."),
            ("add_embedding.linear_2.", "label_emb.0.2."),
            ("conv_in.", "input_blocks.0.0."),
            ("conv_norm_out.", "out.0."),
            ("conv_out.", "out.2."),
        ];
        if let Some((from, to)) = fixed.iter().find(|(from, _)| name.starts_with(from)) {
            return name.replacen(from, to, 1);
        }
        let place = name
            .strip_prefix("down_blocks.")
            .and_then(block_parts)
            .map(|parts| self.down(parts))
            .or_else(|| name.strip_prefix("up_blocks.").and_then(block_parts).map(|parts| self.up(parts)))
            .or_else(|| name.strip_prefix("mid_block.").and_then(middle));
        place.unwrap_or_else(|| name.to_owned())
    }

    fn down(&self, (block, kind, layer, rest): (usize, &str, usize, &str)) -> String {
        let first = 1 + block * (self.layers_per_block + 1);
        match kind {
            "resnets" => format!("input_blocks.{}.0.{}", first + layer, resnet(rest)),
            "attentions" => format!("input_blocks.{}.1.{rest}", first + layer),
            _ => {
                let rest = rest.strip_prefix("conv.").unwrap_or(rest);
                format!("input_blocks.{}.0.op.{rest}", first + self.layers_per_block)
            }
        }
    }

    fn up(&self, (block, kind, layer, rest): (usize, &str, usize, &str)) -> String {
        let first = block * (self.layers_per_block + 1);
        match kind {
            "resnets" => format!("output_blocks.{}.0.{}", first + layer, resnet(rest)),
            "attentions" => format!("output_blocks.{}.1.{rest}", first + layer),
            _ => {
                let place = if self.up_has_attention.get(block) == Some(&true) { 2 } else { 1 };
                format!("output_blocks.{}.{place}.{rest}", first + self.layers_per_block)
            }
        }
    }
}

fn middle(name: &str) -> Option<String> {
    let (kind, rest) = name.split_once('.')?;
    let (index, rest) = rest.split_once('.')?;
    Some(match (kind, index) {
        ("resnets", "0") => format!("middle_block.0.{}", resnet(rest)),
        ("attentions", "0") => format!("middle_block.1.{rest}"),
        _ => format!("middle_block.2.{}", resnet(rest)),
    })
}

/// Names inside a UNet's resnet.
fn resnet(name: &str) -> String {
    let pairs = [
        ("norm1.", "in_layers.0."),
        ("conv1.", "in_layers.2."),
        ("time_emb_proj.", "emb_layers.1."),
        ("norm2.", "out_layers.0."),
        ("conv2.", "out_layers.3."),
        ("conv_shortcut.", "skip_connection."),
    ];
    replace_any(name, &pairs)
}

fn ldm_vae(name: &str, blocks: usize) -> String {
    let Some((half, rest)) = name.split_once('.').filter(|(half, _)| ["encoder", "decoder"].contains(half))
    else {
        return name.to_owned();
    };
    let rest = rest.replacen("conv_norm_out.", "norm_out.", 1).replacen("conv_shortcut.", "nin_shortcut.", 1);
    let side = if half == "encoder" { "down" } else { "up" };
    let place = rest.split_once("_blocks.").and_then(|(_, parts)| block_parts(parts)).map(
        |(block, kind, layer, inner)| {
            // The original counts the blocks on the way up from the picture's side.
            let block = if half == "encoder" { block } else { blocks.saturating_sub(block + 1) };
            match kind {
                "resnets" => format!("{side}.{block}.block.{layer}.{inner}"),
                _ => format!("{side}.{block}.{side}sample.{inner}"),
            }
        },
    );
    let rest = place.unwrap_or_else(|| {
        let attention = [
            ("group_norm.", "norm."),
            ("to_q.", "q."),
            ("to_k.", "k."),
            ("to_v.", "v."),
            ("to_out.0.", "proj_out."),
        ];
        let middle = [
            ("mid_block.resnets.0.", "mid.block_1."),
            ("mid_block.resnets.1.", "mid.block_2."),
            ("mid_block.attentions.0.", "mid.attn_1."),
        ];
        replace_any(&replace_any(&rest, &attention), &middle)
    });
    format!("{half}.{rest}")
}

fn open_clip(name: &str) -> Stored {
    let whole = |name: String| Stored { name, form: Form::Whole };
    let name = name.strip_prefix("text_model.").unwrap_or(name);
    match name {
        "embeddings.token_embedding.weight" => return whole("token_embedding.weight".to_owned()),
        "embeddings.position_embedding.weight" => return whole("positional_embedding".to_owned()),
        "text_projection.weight" => {
            return Stored { name: "text_projection".to_owned(), form: Form::Transposed };
        }
        _ => {}
    }
    let Some(layer) = name.strip_prefix("encoder.layers.") else {
        return whole(name.replacen("final_layer_norm.", "ln_final.", 1));
    };
    for (third, projection) in (0..).zip(["q_proj", "k_proj", "v_proj"]) {
        if let Some((index, end)) = layer.split_once(&format!(".self_attn.{projection}.")) {
            let name = format!("transformer.resblocks.{index}.attn.in_proj_{end}");
            return Stored { name, form: Form::Third(third) };
        }
    }
    let pairs = [
        (".layer_norm1.", ".ln_1."),
        (".layer_norm2.", ".ln_2."),
        (".mlp.fc1.", ".mlp.c_fc."),
        (".mlp.fc2.", ".mlp.c_proj."),
        (".self_attn.out_proj.", ".attn.out_proj."),
    ];
    whole(format!("transformer.resblocks.{}", replace_any(layer, &pairs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unet_names_are_those_of_the_original() {
        let sd = LdmUNet { layers_per_block: 2, up_has_attention: vec![false, true, true, true] };
        let xl = LdmUNet { layers_per_block: 2, up_has_attention: vec![true, true, false] };
        let cases = [
            (&sd, "conv_in.weight", "input_blocks.0.0.weight"),
            (&sd, "time_embedding.linear_2.bias", "time_embed.2.bias"),
            (&sd, "down_blocks.0.resnets.1.conv1.weight", "input_blocks.2.0.in_layers.2.weight"),
            (
                &sd,
                "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight",
                "input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight",
            ),
            (&sd, "down_blocks.2.downsamplers.0.conv.bias", "input_blocks.9.0.op.bias"),
            (&sd, "down_blocks.3.resnets.1.time_emb_proj.bias", "input_blocks.11.0.emb_layers.1.bias"),
            (&sd, "mid_block.resnets.1.norm2.weight", "middle_block.2.out_layers.0.weight"),
            (&sd, "mid_block.attentions.0.proj_in.weight", "middle_block.1.proj_in.weight"),
            (&sd, "up_blocks.0.upsamplers.0.conv.weight", "output_blocks.2.1.conv.weight"),
            (&sd, "up_blocks.1.upsamplers.0.conv.weight", "output_blocks.5.2.conv.weight"),
            (&sd, "up_blocks.3.resnets.2.conv_shortcut.weight", "output_blocks.11.0.skip_connection.weight"),
            (&sd, "conv_out.bias", "out.2.bias"),
            (&xl, "add_embedding.linear_1.weight", "label_emb.0.0.weight"),
            (&xl, "up_blocks.0.upsamplers.0.conv.bias", "output_blocks.2.2.conv.bias"),
            (
                &xl,
                "mid_block.attentions.0.transformer_blocks.9.ff.net.0.proj.weight",
                "middle_block.1.transformer_blocks.9.ff.net.0.proj.weight",
            ),
        ];
        for (shape, name, expected) in cases {
            assert_eq!(shape.name(name), expected);
        }
    }

    #[test]
    fn autoencoder_names_are_those_of_the_original() {
        let cases = [
            ("encoder.conv_in.weight", "encoder.conv_in.weight"),
            ("quant_conv.bias", "quant_conv.bias"),
            (
                "encoder.down_blocks.1.resnets.0.conv_shortcut.weight",
                "encoder.down.1.block.0.nin_shortcut.weight",
            ),
            ("encoder.down_blocks.2.downsamplers.0.conv.bias", "encoder.down.2.downsample.conv.bias"),
            ("decoder.up_blocks.0.resnets.2.norm1.bias", "decoder.up.3.block.2.norm1.bias"),
            ("decoder.up_blocks.1.upsamplers.0.conv.weight", "decoder.up.2.upsample.conv.weight"),
            ("decoder.mid_block.resnets.1.conv2.weight", "decoder.mid.block_2.conv2.weight"),
            ("decoder.mid_block.attentions.0.group_norm.weight", "decoder.mid.attn_1.norm.weight"),
            ("encoder.mid_block.attentions.0.to_out.0.weight", "encoder.mid.attn_1.proj_out.weight"),
            ("decoder.mid_block.attentions.0.to_v.bias", "decoder.mid.attn_1.v.bias"),
            ("decoder.conv_norm_out.weight", "decoder.norm_out.weight"),
        ];
        for (name, expected) in cases {
            assert_eq!(ldm_vae(name, 4), expected);
        }
        assert_eq!(old_vae("x.attentions.0.to_out.0.bias"), "x.attentions.0.proj_attn.bias");
    }

    #[test]
    fn open_clip_names_are_those_of_the_original() {
        let stored = |name: &str, form| Stored { name: name.to_owned(), form };
        let layer = "text_model.encoder.layers.7.";
        let cases = [
            (
                "self_attn.k_proj.weight",
                stored("transformer.resblocks.7.attn.in_proj_weight", Form::Third(1)),
            ),
            ("self_attn.v_proj.bias", stored("transformer.resblocks.7.attn.in_proj_bias", Form::Third(2))),
            ("self_attn.out_proj.bias", stored("transformer.resblocks.7.attn.out_proj.bias", Form::Whole)),
            ("mlp.fc2.weight", stored("transformer.resblocks.7.mlp.c_proj.weight", Form::Whole)),
            ("layer_norm1.bias", stored("transformer.resblocks.7.ln_1.bias", Form::Whole)),
        ];
        for (name, expected) in cases {
            assert_eq!(open_clip(&format!("{layer}{name}")), expected);
        }
        assert_eq!(open_clip("text_projection.weight"), stored("text_projection", Form::Transposed));
        assert_eq!(open_clip("text_model.final_layer_norm.bias"), stored("ln_final.bias", Form::Whole));
        let positions = "text_model.embeddings.position_embedding.weight";
        assert_eq!(open_clip(positions), stored("positional_embedding", Form::Whole));
    }
}
