//! From prompts to what the UNet is conditioned on.

use super::Pipeline;
use crate::backend::{AddedConditioning, Backend, Conditioning, TextEncoding, TextInput};
use crate::config::Family;
use crate::error::ComputeError;
use crate::request::ImageRequest;
use crate::tokenizer::Tokens;

/// The prompts of a request, as tokens and as embeddings.
#[derive(Debug)]
pub(super) struct EncodedText {
    pub(super) prompt: Tokens,
    /// Only with guidance.
    pub(super) negative: Option<Tokens>,
    pub(super) conditioning: Conditioning,
}

/// One prompt after all of a model's text encoders.
#[derive(Debug)]
struct EncodedPrompt {
    /// By the first tokenizer.
    tokens: Tokens,
    /// `[tokens, width]`, the encoders' widths side by side.
    embeddings: Vec<f32>,
    /// Of the last encoder; empty where it has none.
    pooled: Vec<f32>,
}

impl<B: Backend> Pipeline<B> {
    /// Encodes a request's prompts: with guidance the negative one first.
    pub(super) fn encode_prompts(&mut self, request: &ImageRequest) -> Result<EncodedText, ComputeError> {
        // One call for each prompt, as in diffusers: the bits of one do not depend on the other.
        let negative =
            request.is_guided().then(|| self.encode_prompt(&request.negative_prompt)).transpose()?;
        let prompt = self.encode_prompt(&request.prompt)?;
        let tokens = self.tokenizer.max_length();
        let mut embeddings = Vec::new();
        let mut pooled = Vec::new();
        if let Some(negative) = &negative {
            if self.zeroes_empty_negative() && request.negative_prompt.is_empty() {
                embeddings.resize(prompt.embeddings.len(), 0.0);
                pooled.resize(prompt.pooled.len(), 0.0);
            } else {
                embeddings.extend(&negative.embeddings);
                pooled.extend(&negative.pooled);
            }
        }
        embeddings.extend(&prompt.embeddings);
        pooled.extend(&prompt.pooled);
        let added = self.config.unet.add_embedding.map(|_| {
            // At most 2048, exact.
            let (height, width) = (request.height as f32, request.width as f32);
            AddedConditioning { pooled, time_ids: [height, width, 0.0, 0.0, height, width] }
        });
        let prompts = if negative.is_some() { 2 } else { 1 };
        Ok(EncodedText {
            prompt: prompt.tokens,
            negative: negative.map(|negative| negative.tokens),
            conditioning: Conditioning { embeddings, prompts, tokens, added },
        })
    }

    /// Encodes one prompt with every text encoder of the model.
    fn encode_prompt(&mut self, prompt: &str) -> Result<EncodedPrompt, ComputeError> {
        let tokens = self.tokenizer.encode(prompt);
        let first = self.encode_chunk(0, &tokens.ids)?;
        let Some(tokenizer) = &self.tokenizer_2 else {
            let pooled = first.pooled.unwrap_or_default();
            return Ok(EncodedPrompt { tokens, embeddings: first.embeddings, pooled });
        };
        let second_tokens = tokenizer.encode(prompt);
        let second = self.encode_chunk(1, &second_tokens.ids)?;
        let embeddings = side_by_side(&first.embeddings, &second.embeddings, tokens.ids.len());
        Ok(EncodedPrompt { tokens, embeddings, pooled: second.pooled.unwrap_or_default() })
    }

    /// Encodes one chunk of tokens with one encoder.
    fn encode_chunk(&mut self, encoder: usize, token_ids: &[u32]) -> Result<TextEncoding, ComputeError> {
        self.backend.encode_text(&TextInput::new(encoder, token_ids))
    }

    /// Whether an empty negative prompt stands for embeddings of zeros.
    fn zeroes_empty_negative(&self) -> bool {
        self.config.family == Family::StableDiffusionXl { force_zeros_for_empty_prompt: true }
    }
}

/// Joins `[tokens, a]` and `[tokens, b]` to `[tokens, a + b]`.
fn side_by_side(first: &[f32], second: &[f32], tokens: usize) -> Vec<f32> {
    let (a, b) = (first.len() / tokens.max(1), second.len() / tokens.max(1));
    let rows = first.chunks_exact(a.max(1)).zip(second.chunks_exact(b.max(1)));
    rows.flat_map(|(first, second)| first.iter().chain(second).copied()).collect()
}
