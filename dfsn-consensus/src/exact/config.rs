//! Shapes of the networks that have an exact form, as plain numbers.

use super::op::Activation;

/// `UNet2DConditionModel`, from the picture's side inwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UNetShape {
    /// Channels of the latents, and of mask and masked picture where the model takes them.
    pub in_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// The blocks on the way down; the way up mirrors them.
    pub blocks: Vec<BlockShape>,
    /// Tokens' width.
    pub cross_attention_dim: usize,
    /// Groups of every norm.
    pub norm_num_groups: usize,
    /// Epsilon of the resnets' norms, bits of an f64.
    pub norm_eps: u64,
    /// Width of the time embedding.
    pub time_embedding_dim: usize,
    /// Whether the cosine half of the time embedding comes first.
    pub flip_sin_to_cos: bool,
    /// Shift in the time embedding's frequencies, bits of an f64.
    pub freq_shift: u64,
    /// Stable Diffusion XL's second embedding: width of the pooled text, and of each of six numbers' waves.
    pub add_embedding: Option<(usize, usize)>,
}

/// One resolution of a UNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockShape {
    /// Channels.
    pub channels: usize,
    /// Resnets on the way down; the way up has one more.
    pub resnets: usize,
    /// Whether transformers follow the resnets on the way down.
    pub down_attention: bool,
    /// Whether they do on the way up.
    pub up_attention: bool,
    /// Blocks in each transformer, also in the middle if this is the innermost resolution.
    pub transformer_layers: usize,
    /// Heads of each attention.
    pub heads: usize,
}

/// The decoder or encoder of an `AutoencoderKL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaeShape {
    /// Channels of the picture.
    pub image_channels: usize,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Channels at each resolution, from the picture's side inwards.
    pub channels: Vec<usize>,
    /// Resnets of each block of the encoder; the decoder has one more.
    pub layers: usize,
    /// Groups of every norm.
    pub norm_num_groups: usize,
    /// Whether there is a convolution between latents and networks.
    pub use_quant_conv: bool,
    /// What latents were multiplied by, bits of an f32.
    pub scaling_factor: u32,
}

/// A CLIP text encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextEncoderShape {
    /// Tokens there are.
    pub vocab_size: usize,
    /// Positions there are.
    pub positions: usize,
    /// Width of an embedding.
    pub width: usize,
    /// Width inside each layer's second half.
    pub intermediate: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of each attention.
    pub heads: usize,
    /// Activation of each layer's second half.
    pub activation: Activation,
    /// Epsilon of the norms, bits of an f64.
    pub eps: u64,
    /// Whether the UNet is given the layer before the last as it is (Stable Diffusion XL), not the last normalised.
    pub penultimate: bool,
    /// Width of the pooled projection, if there is one.
    pub projection: Option<usize>,
}
