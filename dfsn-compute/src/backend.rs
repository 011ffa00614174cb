//! The boundary to the library that runs the neural networks.

use dfsn_types::ProfileRecord;

use crate::error::ComputeError;
use crate::exact::ExactBackend;

/// Runs a model's networks. Plain types only: nothing of the library behind it shows.
///
/// A backend is owned by one thread at a time. The same call with the same numbers on the same machine must give
/// the same bits, whatever was computed before it: audits rest on that.
pub trait Backend: Send {
    /// What the bits of the results depend on besides the model: library, device, instruction set, threads.
    fn profile(&self) -> ProfileRecord;

    /// The exact engine, which takes part in disputes; none where jurors judge all results.
    fn as_exact(&self) -> Option<&ExactBackend> {
        None
    }

    /// A text encoder: from one chunk of token ids to embeddings.
    ///
    /// # Errors
    /// [`ComputeError`] if the model has no such encoder or the library fails.
    fn encode_text(&mut self, text: &TextInput<'_>) -> Result<TextEncoding, ComputeError>;

    /// The UNet: `sample` (`[channels, height, width]`) against each prompt in `conditioning`, in one pass.
    /// Gives `[prompts, out_channels, height, width]`. `shape` is that of `sample`, which for inpainting models
    /// has more channels than the latents.
    ///
    /// # Errors
    /// [`ComputeError`] if the library fails.
    fn predict_noise(
        &mut self,
        sample: &[f32],
        shape: LatentShape,
        timestep: f32,
        conditioning: &Conditioning,
    ) -> Result<Vec<f32>, ComputeError>;

    /// Refuses a size of latents or a number of tokens for which the networks cannot run, before any work is done.
    ///
    /// # Errors
    /// [`ComputeError`], naming what is too large.
    fn check_size(&self, latents: LatentShape, tokens: usize) -> Result<(), ComputeError> {
        let _ = (latents, tokens);
        Ok(())
    }

    /// The VAE decoder with the model's scaling: from latents to `[3, height, width]` about -1 to 1.
    ///
    /// # Errors
    /// [`ComputeError`] if the library fails.
    fn decode(&mut self, latents: &[f32], shape: LatentShape) -> Result<Vec<f32>, ComputeError>;

    /// The VAE encoder: from a picture `[3, height, width]` of -1 to 1 to the distribution of its latents, without
    /// the model's scaling.
    ///
    /// # Errors
    /// [`ComputeError`] if the backend has no encoder or the library fails.
    fn encode(&mut self, image: &[f32], height: u32, width: u32) -> Result<LatentDistribution, ComputeError> {
        let _ = (image, height, width);
        Err(ComputeError::Backend("this backend does not encode pictures".to_owned()))
    }
}

/// The size of one picture's latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatentShape {
    /// Channels.
    pub channels: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

impl LatentShape {
    /// Numbers in all.
    pub const fn count(self) -> usize {
        self.channels as usize * self.height as usize * self.width as usize
    }
}

/// One chunk of text for one of a model's encoders.
#[derive(Clone, Copy, Debug)]
pub struct TextInput<'a> {
    /// Which encoder, counted from 0.
    pub encoder: usize,
    /// Token ids with begin, end and padding, at most as many as the encoder has positions.
    pub token_ids: &'a [u32],
    /// Embeddings that stand at some positions in place of their tokens', each of the encoder's width (textual
    /// inversion).
    pub replaced: &'a [(usize, Vec<f32>)],
    /// Layers to leave out at the end, besides those that the model leaves out anyway.
    pub clip_skip: u32,
}

impl<'a> TextInput<'a> {
    /// Plain tokens for an encoder.
    pub const fn new(encoder: usize, token_ids: &'a [u32]) -> Self {
        Self { encoder, token_ids, replaced: &[], clip_skip: 0 }
    }
}

/// What a text encoder makes of a chunk.
#[derive(Clone, Debug, PartialEq)]
pub struct TextEncoding {
    /// `[tokens, width]`, row-major.
    pub embeddings: Vec<f32>,
    /// The projection of the whole chunk, of encoders that have one.
    pub pooled: Option<Vec<f32>>,
}

/// Text embeddings of the prompts that go through the UNet together.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditioning {
    /// `[prompts, tokens, width]`, row-major: with guidance the negative prompt first.
    pub embeddings: Vec<f32>,
    /// Prompts: 2 with guidance, else 1.
    pub prompts: usize,
    /// Tokens of each prompt.
    pub tokens: usize,
    /// What models with an added embedding take besides.
    pub added: Option<AddedConditioning>,
}

/// Stable Diffusion XL's second conditioning.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedConditioning {
    /// Pooled text, `[prompts, width]`, row-major.
    pub pooled: Vec<f32>,
    /// Original height and width, crop's top and left, target height and width, in pixels; the same for each prompt.
    pub time_ids: [f32; 6],
}

/// The distribution that an encoder gives for a picture's latents: independent normal ones.
#[derive(Clone, Debug, PartialEq)]
pub struct LatentDistribution {
    /// Means, `[channels, height, width]`, row-major.
    pub mean: Vec<f32>,
    /// Standard deviations, of the same shape.
    pub std: Vec<f32>,
}

impl<B: Backend + ?Sized> Backend for Box<B> {
    fn profile(&self) -> ProfileRecord {
        (**self).profile()
    }

    fn as_exact(&self) -> Option<&ExactBackend> {
        (**self).as_exact()
    }

    fn encode_text(&mut self, text: &TextInput<'_>) -> Result<TextEncoding, ComputeError> {
        (**self).encode_text(text)
    }

    fn predict_noise(
        &mut self,
        sample: &[f32],
        shape: LatentShape,
        timestep: f32,
        conditioning: &Conditioning,
    ) -> Result<Vec<f32>, ComputeError> {
        (**self).predict_noise(sample, shape, timestep, conditioning)
    }

    fn check_size(&self, latents: LatentShape, tokens: usize) -> Result<(), ComputeError> {
        (**self).check_size(latents, tokens)
    }

    fn decode(&mut self, latents: &[f32], shape: LatentShape) -> Result<Vec<f32>, ComputeError> {
        (**self).decode(latents, shape)
    }

    fn encode(&mut self, image: &[f32], height: u32, width: u32) -> Result<LatentDistribution, ComputeError> {
        (**self).encode(image, height, width)
    }
}
