//! From prompts to what the UNet is conditioned on.

use std::sync::Arc;

#[cfg(feature = "service")]
use dfsn_types::GenerationParams;

use super::Pipeline;
use crate::backend::{AddedConditioning, Backend, Conditioning, TextEncoding, TextInput};
use crate::config::Family;
use crate::error::ComputeError;
use crate::exact::ExactError;
use crate::prompt::{Chunk, TextualInversion, TextualInversionError, Triggers, apply_weights, chunks};
use crate::request::ImageRequest;
use crate::tokenizer::{Tokenizer, Tokens};

/// The prompts of a request, as tokens and as embeddings.
#[derive(Debug)]
pub(super) struct EncodedText {
    pub(super) prompt: Tokens,
    /// Only with guidance.
    pub(super) negative: Option<Tokens>,
    /// Without embeddings where a text encoder failed.
    pub(super) conditioning: Conditioning,
    /// Whether a number of a text encoder is none (rule EXA-31).
    pub(super) failed: bool,
}

/// A tokenizer and the words that it finds textual inversions by.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) tokenizer: Arc<Tokenizer>,
    triggers: Triggers,
}

/// One prompt in chunks.
#[derive(Debug)]
struct ChunkedPrompt {
    /// By text encoder; all encoders have as many.
    chunks: Vec<Vec<Chunk>>,
    num_cut: usize,
}

/// One prompt after all of a model's text encoders.
#[derive(Debug)]
struct EncodedPrompt {
    /// `[tokens, width]`, the encoders' widths side by side.
    embeddings: Vec<f32>,
    /// Of the last encoder's first chunk; empty where it has none.
    pooled: Vec<f32>,
}

impl Reader {
    pub(super) fn new(tokenizer: Tokenizer) -> Self {
        Self { tokenizer: Arc::new(tokenizer), triggers: Triggers::default() }
    }

    fn read(&self, prompt: &str) -> (Vec<Chunk>, usize) {
        chunks(&self.tokenizer, &self.triggers, prompt)
    }
}

/// Tells how long prompts are, without the pipeline that they are for.
#[cfg(feature = "service")]
#[derive(Clone, Debug)]
pub(crate) struct PromptCounter(Vec<Reader>);

#[cfg(feature = "service")]
impl PromptCounter {
    /// Chunks that each prompt of a request is encoded in: at least one, at most [`crate::prompt::MAX_CHUNKS`].
    pub(crate) fn chunks(&self, params: &GenerationParams) -> u32 {
        let prompts =
            [Some(params.prompt()), params.guidance_scale().is_guided().then(|| params.negative_prompt())];
        let counts = prompts
            .into_iter()
            .flatten()
            .flat_map(|prompt| self.0.iter().map(|reader| reader.read(prompt.as_str()).0.len()));
        counts.max().unwrap_or(1) as u32
    }
}

impl<B: Backend> Pipeline<B> {
    /// Makes a word stand for trained vectors, in all prompts from now on.
    ///
    /// # Errors
    /// [`TextualInversionError`] for vectors of another model and for a name that is taken.
    pub fn add_textual_inversion(
        &mut self,
        inversion: TextualInversion,
    ) -> Result<(), TextualInversionError> {
        let encoders = [Some(&self.config.text_encoder), self.config.text_encoder_2.as_ref()];
        let widths: Vec<usize> =
            encoders.into_iter().flatten().map(|encoder| encoder.hidden_size as usize).collect();
        inversion.check_widths(&widths)?;
        let name = self.readers[0].tokenizer.tokenize(inversion.name());
        if self.inversions.iter().any(|other| self.readers[0].tokenizer.tokenize(other.name()) == name) {
            return Err(TextualInversionError::Twice(inversion.name().to_owned()));
        }
        self.inversions.push(inversion);
        for reader in &mut self.readers {
            reader.triggers = Triggers::new(&reader.tokenizer, &self.inversions);
        }
        Ok(())
    }

    /// Counts chunks as this pipeline does.
    #[cfg(feature = "service")]
    pub(crate) fn prompt_counter(&self) -> PromptCounter {
        PromptCounter(self.readers.clone())
    }

    /// Encodes a request's prompts: with guidance the negative one first (rules GEN-09 to GEN-11).
    pub(super) fn encode_prompts(&mut self, request: &ImageRequest) -> Result<EncodedText, ComputeError> {
        let mut prompt = self.chunk_prompt(&request.prompt);
        let mut negative = request.is_guided().then(|| self.chunk_prompt(&request.negative_prompt));
        let count = prompt.count().max(negative.as_ref().map_or(0, ChunkedPrompt::count));
        for prompt in negative.iter_mut().chain([&mut prompt]) {
            self.fill_up(prompt, count);
        }
        let tokens = count * self.readers[0].tokenizer.max_length();
        let (conditioning, failed) = match self.condition(request, &prompt, negative.as_ref(), tokens) {
            Ok(conditioning) => (conditioning, false),
            Err(ComputeError::Exact(ExactError::NotFinite { .. })) => {
                let prompts = if negative.is_some() { 2 } else { 1 };
                (Conditioning { embeddings: Vec::new(), prompts, tokens, added: None }, true)
            }
            Err(error) => return Err(error),
        };
        Ok(EncodedText {
            prompt: prompt.tokens(),
            negative: negative.map(|negative| negative.tokens()),
            conditioning,
            failed,
        })
    }

    /// What the UNet is given of a request's prompts.
    fn condition(
        &mut self,
        request: &ImageRequest,
        prompt: &ChunkedPrompt,
        negative: Option<&ChunkedPrompt>,
        tokens: usize,
    ) -> Result<Conditioning, ComputeError> {
        let encoded = self.encode_prompt(prompt, request.clip_skip)?;
        let unconditional = match negative {
            None => None,
            Some(_) if self.zeroes_empty_negative() && request.negative_prompt.is_empty() => {
                let zeros = |numbers: &[f32]| vec![0.0; numbers.len()];
                let (embeddings, pooled) = (zeros(&encoded.embeddings), zeros(&encoded.pooled));
                Some(EncodedPrompt { embeddings, pooled })
            }
            Some(negative) => Some(self.encode_prompt(negative, request.clip_skip)?),
        };
        let both = || unconditional.iter().chain([&encoded]);
        let added = self.config.unet.add_embedding.map(|_| {
            // At most 2048, exact.
            let (height, width) = (request.height as f32, request.width as f32);
            let pooled = both().flat_map(|prompt| &prompt.pooled).copied().collect();
            AddedConditioning { pooled, time_ids: [height, width, 0.0, 0.0, height, width] }
        });
        Ok(Conditioning {
            embeddings: both().flat_map(|prompt| &prompt.embeddings).copied().collect(),
            prompts: both().count(),
            tokens,
            added,
        })
    }

    fn chunk_prompt(&self, prompt: &str) -> ChunkedPrompt {
        let (chunks, cut): (_, Vec<usize>) = self.readers.iter().map(|reader| reader.read(prompt)).unzip();
        ChunkedPrompt { chunks, num_cut: cut[0] }
    }

    /// Empty chunks at the end, up to `count`.
    fn fill_up(&self, prompt: &mut ChunkedPrompt, count: usize) {
        for (chunks, reader) in prompt.chunks.iter_mut().zip(&self.readers) {
            let (empty, _) = reader.read("");
            let missing = count.saturating_sub(chunks.len());
            chunks.extend(empty.into_iter().cycle().take(missing));
        }
    }

    /// Encodes one prompt with every text encoder of the model. One call for each chunk: the bits of one do not
    /// depend on the others.
    fn encode_prompt(
        &mut self,
        prompt: &ChunkedPrompt,
        clip_skip: u32,
    ) -> Result<EncodedPrompt, ComputeError> {
        let mut whole = EncodedPrompt { embeddings: Vec::new(), pooled: Vec::new() };
        for (encoder, chunks) in prompt.chunks.iter().enumerate() {
            let mut embeddings = Vec::new();
            let mut pooled = None;
            for chunk in chunks {
                let encoding = self.encode_chunk(encoder, chunk, clip_skip)?;
                embeddings.extend(encoding.embeddings);
                pooled = pooled.or(encoding.pooled);
            }
            let tokens = chunks.iter().map(|chunk| chunk.ids.len()).sum();
            whole.embeddings = side_by_side(&whole.embeddings, &embeddings, tokens);
            whole.pooled = pooled.unwrap_or_default();
        }
        Ok(whole)
    }

    /// Encodes one chunk of tokens with one encoder.
    fn encode_chunk(
        &mut self,
        encoder: usize,
        chunk: &Chunk,
        clip_skip: u32,
    ) -> Result<TextEncoding, ComputeError> {
        let vector = |replacement: &crate::prompt::Replacement| {
            let vector = self.inversions[replacement.inversion].vector(encoder, replacement.vector)?;
            Some((replacement.position, vector.to_vec()))
        };
        let replaced: Vec<(usize, Vec<f32>)> = chunk.replaced.iter().filter_map(vector).collect();
        let text = TextInput { encoder, token_ids: &chunk.ids, replaced: &replaced, clip_skip };
        let mut encoding = self.backend.encode_text(&text)?;
        apply_weights(&mut encoding.embeddings, &chunk.weights);
        Ok(encoding)
    }

    /// Whether an empty negative prompt stands for embeddings of zeros.
    fn zeroes_empty_negative(&self) -> bool {
        self.config.family == Family::StableDiffusionXl { force_zeros_for_empty_prompt: true }
    }
}

impl ChunkedPrompt {
    fn count(&self) -> usize {
        self.chunks.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Those of the first encoder, one chunk behind the other.
    fn tokens(&self) -> Tokens {
        let ids = self.chunks.iter().take(1).flatten().flat_map(|chunk| chunk.ids.iter().copied());
        Tokens { ids: ids.collect(), num_cut: self.num_cut }
    }
}

/// Joins `[tokens, a]` and `[tokens, b]` to `[tokens, a + b]`.
fn side_by_side(first: &[f32], second: &[f32], tokens: usize) -> Vec<f32> {
    if first.is_empty() {
        return second.to_vec();
    }
    let (a, b) = (first.len() / tokens.max(1), second.len() / tokens.max(1));
    let rows = first.chunks_exact(a.max(1)).zip(second.chunks_exact(b.max(1)));
    rows.flat_map(|(first, second)| first.iter().chain(second).copied()).collect()
}
