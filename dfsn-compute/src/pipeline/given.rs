//! What a boundary follows from besides the state before it, where no arithmetic tells it from the request.

use super::{Pipeline, Prepared};
use crate::backend::Backend;
use crate::error::ComputeError;
use crate::request::ImageRequest;

impl<B: Backend> Pipeline<B> {
    /// The given inputs of a boundary's computation, in their order (rule ARI-02): of the first state the initial image's
    /// latents; of a step, for each prompt, the negative one first, the embeddings `[77, width]` of each chunk and the
    /// pooled ones if the model has them; of the decoder's output none.
    ///
    /// # Errors
    /// As [`Pipeline::prepare`]; [`ComputeError::Failed`] where an input itself fails.
    pub fn given_inputs(
        &mut self,
        request: &ImageRequest,
        boundary: usize,
    ) -> Result<Vec<Vec<f32>>, ComputeError> {
        let prepared = self.prepare(request)?;
        match prepared.failed_inputs(boundary) {
            Some(failed) => Err(ComputeError::Failed(Box::new(failed))),
            None => Ok(self.given(&prepared, boundary)),
        }
    }

    /// The given inputs of a boundary of a request that is prepared.
    pub(super) fn given(&self, prepared: &Prepared, boundary: usize) -> Vec<Vec<f32>> {
        if boundary == 0 {
            return prepared.start.image.clone().into_iter().collect();
        }
        if boundary > prepared.num_steps() {
            return Vec::new();
        }
        let text = prepared.conditioning();
        let numbers = text.embeddings.len() / text.prompts.max(1);
        let chunk = numbers / text.tokens.max(1) * self.tokenizer().max_length();
        let pooled = text.added.as_ref().map_or(&[][..], |added| &added.pooled);
        let mut pooled = pooled.chunks((pooled.len() / text.prompts.max(1)).max(1));
        let mut given = Vec::new();
        for prompt in text.embeddings.chunks(numbers.max(1)) {
            given.extend(prompt.chunks(chunk.max(1)).map(<[f32]>::to_vec));
            given.extend(pooled.next().map(<[f32]>::to_vec));
        }
        given
    }
}
