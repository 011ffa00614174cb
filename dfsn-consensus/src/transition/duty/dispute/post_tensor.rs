//! PostTensor: the worker shows a part of one of its tensors.

use dfsn_types::{
    AnswerRef, ChunkRun, Duty, Event, PostedPart, PostedTensor, SLICE_BYTES_MAX, SLICE_CHUNK_BYTES,
    TensorPart, level_root,
};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::exact::tensor_root;
use crate::state::DisputeStage;

/// Bytes of a root in the list.
const ROOT_BYTES: u64 = 32;
/// Chunks of a piece.
const PIECE_CHUNKS: u64 = SLICE_BYTES_MAX as u64 / SLICE_CHUNK_BYTES;

impl Execution {
    /// The part must be the one that was demanded, of the tensor whose root was posted (rule ARI-06).
    pub(in crate::transition::duty) fn post_tensor(
        &mut self,
        duty: &Duty,
        answer: AnswerRef,
        posted: &PostedTensor,
    ) -> Result<(), DutyError> {
        self.check_count()?;
        let (job, committed, dispute) = self.dispute(duty, answer)?;
        let DisputeStage::Showing { list, tensor, part } = dispute.stage else {
            return Err(not_awaited(duty));
        };
        if committed.worker != duty.validator {
            return Err(not_awaited(duty));
        }
        let other = DutyError::PostedTensor { tensor };
        if posted.tensor != tensor {
            return Err(other);
        }
        let computation = self.contested(duty, job, dispute)?;
        let place = usize::try_from(tensor).unwrap_or(usize::MAX);
        let spec = computation.tensor(place).ok_or(DutyError::NoSuchPart { tensor })?;
        let list_bytes = u64::from(list.count).saturating_mul(ROOT_BYTES);
        let roots =
            posted.roots.verify(&list.hash, list_bytes).map_err(|error| DutyError::Slice(Box::new(error)))?;
        let start = u64::from(tensor).saturating_mul(ROOT_BYTES);
        let root = roots.get(start..start.saturating_add(ROOT_BYTES));
        if root != Some(tensor_root(spec, &posted.hash).as_bytes()) {
            return Err(other);
        }
        let bytes = spec.bytes();
        match (part, &posted.part) {
            (TensorPart::Level, PostedPart::Level(level))
                if level_root(bytes, level) == Some(posted.hash) => {}
            (TensorPart::Piece(piece), PostedPart::Piece(slice))
                if *slice.runs == [piece_run(piece, bytes)] =>
            {
                slice.verify(&posted.hash, bytes).map_err(|error| DutyError::Slice(Box::new(error)))?;
            }
            _ => return Err(other),
        }
        let (id, attempt) = (job.id, job.attempt);
        self.enter_stage(duty, DisputeStage::Proving(list))?;
        self.count_check();
        self.event(Event::TensorPosted { job: id, attempt, tensor, part });
        Ok(())
    }
}

/// The chunks of a piece of a tensor of so many bytes.
fn piece_run(piece: u32, bytes: u64) -> ChunkRun {
    let chunks = bytes.div_ceil(SLICE_CHUNK_BYTES);
    let first = u64::from(piece).saturating_mul(PIECE_CHUNKS);
    let count = chunks.saturating_sub(first).min(PIECE_CHUNKS);
    let number = |chunk: u64| u32::try_from(chunk).unwrap_or(u32::MAX);
    ChunkRun { first: number(first), count: number(count) }
}
