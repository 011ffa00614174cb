//! Shapes of the networks that have an exact form, as plain numbers.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{DecodeError, codec};
use thiserror::Error;

use super::layout::{LayoutError, WeightLayout};
use super::op::Activation;
use super::scheduler::{SchedulerError, SchedulerShape};

/// All networks of a model and its noise schedule: what its programs are built from.
#[derive(BorshSerialize, BorshDeserialize, Clone, Debug, PartialEq, Eq)]
pub struct Architecture {
    /// One or two text encoders, in the order of their folders.
    pub text_encoders: Vec<TextEncoderShape>,
    /// The UNet.
    pub unet: UNetShape,
    /// The autoencoder, as the decoder sees it.
    pub decoder: VaeShape,
    /// The autoencoder, as the encoder sees it.
    pub encoder: VaeShape,
    /// The noise schedule.
    pub scheduler: SchedulerShape,
}

/// Bytes that are no architecture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArchitectureError {
    /// Not the canonical bytes of one.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A number beyond every model's.
    #[error("{name} is {value}, not between {min} and {max}")]
    Bounds {
        /// Which.
        name: &'static str,
        /// Its value.
        value: usize,
        /// The smallest.
        min: usize,
        /// The largest.
        max: usize,
    },
    /// A setting of the scheduler beyond every model's.
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
}

impl Architecture {
    /// The most bytes of an encoding.
    pub const MAX_BYTES: usize = 4_096;

    /// Decodes and checks canonical bytes.
    ///
    /// # Errors
    /// [`ArchitectureError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ArchitectureError> {
        let architecture: Self = codec::decode(bytes, Self::MAX_BYTES)?;
        architecture.check()?;
        Ok(architecture)
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Where the weights stand in their canonical file.
    ///
    /// # Errors
    /// [`LayoutError`].
    pub fn layout(&self) -> Result<WeightLayout, LayoutError> {
        WeightLayout::of_model(&self.text_encoders, &self.unet, &self.decoder, &self.encoder)
    }

    /// Bounds that keep programs small; their builders check how the numbers fit together.
    ///
    /// # Errors
    /// [`ArchitectureError::Bounds`], [`ArchitectureError::Scheduler`].
    pub fn check(&self) -> Result<(), ArchitectureError> {
        bound("text encoders", self.text_encoders.len(), 1, 2)?;
        for text in &self.text_encoders {
            bound("layers of a text encoder", text.layers, 1, 128)?;
            bound("heads of a text encoder", text.heads, 1, 1 << 8)?;
            let widths = [text.vocab_size, text.positions, text.width, text.intermediate];
            for width in widths.into_iter().chain(text.projection) {
                bound("a width of a text encoder", width, 1, 1 << 20)?;
            }
        }
        bound("blocks of the unet", self.unet.blocks.len(), 1, 8)?;
        for block in &self.unet.blocks {
            bound("resnets of a block", block.resnets, 1, 8)?;
            bound("layers of a transformer", block.transformer_layers, 0, 32)?;
            bound("heads of an attention", block.heads, 1, 1 << 8)?;
            bound("channels of a block", block.channels, 1, 1 << 14)?;
        }
        let layers = self.unet.blocks.iter().map(|block| {
            let resnets = block.resnets.saturating_mul(2).saturating_add(3);
            resnets.saturating_mul(block.transformer_layers.saturating_add(1))
        });
        // Of Stable Diffusion XL 132.
        bound("layers of the unet", layers.fold(0, usize::saturating_add), 1, 512)?;
        let unet = &self.unet;
        let widths = [unet.cross_attention_dim, unet.norm_num_groups, unet.time_embedding_dim];
        for width in widths.into_iter().chain(unet.add_embedding.into_iter().flat_map(|(a, b)| [a, b])) {
            bound("a width of the unet", width, 1, 1 << 16)?;
        }
        for channels in [self.unet.in_channels, self.unet.out_channels] {
            bound("channels of the unet", channels, 1, 1 << 8)?;
        }
        for vae in [&self.decoder, &self.encoder] {
            bound("resolutions of the vae", vae.channels.len(), 1, 8)?;
            bound("layers of the vae", vae.layers, 1, 8)?;
            for channels in vae.channels.iter().copied().chain([vae.image_channels, vae.latent_channels]) {
                bound("channels of the vae", channels, 1, 1 << 14)?;
            }
        }
        Ok(self.scheduler.check()?)
    }
}

fn bound(name: &'static str, value: usize, min: usize, max: usize) -> Result<(), ArchitectureError> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(ArchitectureError::Bounds { name, value, min, max })
    }
}

/// `UNet2DConditionModel`, from the picture's side inwards.
#[derive(BorshSerialize, BorshDeserialize, Clone, Debug, PartialEq, Eq)]
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
#[derive(BorshSerialize, BorshDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(BorshSerialize, BorshDeserialize, Clone, Debug, PartialEq, Eq)]
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
#[derive(BorshSerialize, BorshDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
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
