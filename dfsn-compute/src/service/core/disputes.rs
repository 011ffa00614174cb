//! Parts in disputes: the bytes that they are computed from.

use std::time::{Duration, Instant};

use bytes::Bytes;
use dfsn_types::{Boundary, FileHash, Hash, PostedTensor, TENSORS_MAX, TraceShape, codec};

use super::Service;
use crate::service::board::{Answer, Asked, Part, Question};
use crate::service::refusal::Refusal;
use crate::service::wire::{DisputeCall, DisputeQuestion, DisputeReply, JobKey, MAX_BLOB_BYTES};

/// Bytes of a root.
const ROOT_BYTES: usize = 32;

impl Service {
    /// Queues a part in a dispute, or tells its answer.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn dispute(&self, call: &DisputeCall) -> Result<DisputeReply, Refusal> {
        let id = dispute_id(call)?;
        match self.board().answer(id) {
            Some(Answer::Pending) => return Ok(DisputeReply::Pending),
            Some(Answer::Dispute(reply)) => return Ok(reply),
            _ => {}
        }
        let DisputeCall { params, boundary, question, deadline_ms, .. } = call;
        let (number, model) = self.served(params)?;
        TraceShape::of(params).index(*boundary).map_err(|_| Refusal::UnknownState)?;
        let own = |key: JobKey, boundary: Boundary| self.state(key, boundary).map(Bytes::from);
        let own_before = |key: JobKey| match boundary.t.checked_sub(1) {
            Some(t) => own(key, Boundary { t, ..*boundary }),
            None => Ok(Bytes::new()),
        };
        let (before, part) = match question {
            DisputeQuestion::Given => (Bytes::new(), Part::Given),
            DisputeQuestion::Roots { result } => {
                (own_before(*result)?, Part::Roots { after: own(*result, *boundary)? })
            }
            DisputeQuestion::Show { result, tensor, wanted } => {
                let after = own(*result, *boundary)?;
                (own_before(*result)?, Part::Show { after, tensor: *tensor, wanted: *wanted })
            }
            DisputeQuestion::Next { before, roots, failed, shown, weights_root } => {
                let before = before.map_or_else(|| Ok(Bytes::new()), |hash| self.input(hash))?;
                let roots = read_roots(&self.input(*roots)?)?;
                let shown = shown.iter().map(|hash| read_shown(&self.input(*hash)?));
                let shown = shown.collect::<Result<_, _>>()?;
                (before, Part::Next { roots, failed: *failed, shown, weights_root: *weights_root })
            }
        };
        let init = self.init_file(params)?;
        let asked = Asked::Dispute { params: params.clone(), boundary: *boundary, before, init, part };
        let deadline = Instant::now() + Duration::from_millis(*deadline_ms).min(self.0.options.max_deadline);
        let chunks = model.prompts.chunks(params);
        // All tensors are hashed, and the computation runs up to three times.
        let estimate = 4 * model.speed.estimate_question(params, chunks, boundary.t);
        self.board().ask(Question { id, model: number, deadline, estimate, asked })?;
        Ok(DisputeReply::Pending)
    }
}

/// Names a question by all that its answer depends on.
fn dispute_id(call: &DisputeCall) -> Result<FileHash, Refusal> {
    let question = serde_json::to_vec(&call.question).map_err(|error| Refusal::internal(&error))?;
    Ok(FileHash::of(&codec::encode(&("dispute", &call.params, call.boundary, question))))
}

fn read_roots(bytes: &[u8]) -> Result<Vec<Hash>, Refusal> {
    let (roots, rest) = bytes.as_chunks::<ROOT_BYTES>();
    if !rest.is_empty() || roots.len() > TENSORS_MAX {
        return Err(Refusal::malformed(&format!("{} bytes are no list of roots", bytes.len())));
    }
    Ok(roots.iter().map(|root| Hash::from_bytes(*root)).collect())
}

fn read_shown(bytes: &[u8]) -> Result<PostedTensor, Refusal> {
    codec::decode(bytes, MAX_BLOB_BYTES).map_err(|error| Refusal::malformed(&error))
}
