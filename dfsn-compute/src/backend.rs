//! The boundary to the library that runs the neural networks.

use dfsn_types::ProfileRecord;

use crate::error::ComputeError;

/// Runs a model's three networks. Plain types only: nothing of the library behind it shows.
///
/// A backend is owned by one thread at a time. The same call with the same numbers on the same machine must give
/// the same bits, whatever was computed before it: audits rest on that.
pub trait Backend: Send {
    /// What the bits of the results depend on besides the model: library, device, instruction set, threads.
    fn profile(&self) -> ProfileRecord;

    /// The text encoder: from one prompt's token ids to `[tokens, width]` embeddings.
    ///
    /// # Errors
    /// [`ComputeError`] if the library fails.
    fn encode_text(&mut self, token_ids: &[u32]) -> Result<Vec<f32>, ComputeError>;

    /// The UNet: `sample` (`[channels, height, width]`) against each prompt in `conditioning`, in one pass.
    /// Gives `[prompts, channels, height, width]`.
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

    /// The VAE decoder with the model's scaling: from latents to `[3, height, width]` about -1 to 1.
    ///
    /// # Errors
    /// [`ComputeError`] if the library fails.
    fn decode(&mut self, latents: &[f32], shape: LatentShape) -> Result<Vec<f32>, ComputeError>;
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

/// Text embeddings of the prompts that go through the UNet together.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditioning {
    /// `[prompts, tokens, width]`, row-major: with guidance the negative prompt first.
    pub embeddings: Vec<f32>,
    /// Prompts: 2 with guidance, else 1.
    pub prompts: usize,
    /// Tokens of each prompt.
    pub tokens: usize,
}

impl<B: Backend + ?Sized> Backend for Box<B> {
    fn profile(&self) -> ProfileRecord {
        (**self).profile()
    }

    fn encode_text(&mut self, token_ids: &[u32]) -> Result<Vec<f32>, ComputeError> {
        (**self).encode_text(token_ids)
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

    fn decode(&mut self, latents: &[f32], shape: LatentShape) -> Result<Vec<f32>, ComputeError> {
        (**self).decode(latents, shape)
    }
}
