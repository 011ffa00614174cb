//! What a worker answers to its auditors.

use std::collections::BTreeSet;

use dfsn_types::{AnswerRef, LeafOpening, TraceError, TraceTree};

use crate::state::{ChainState, Job};

/// What a worker does when the answers are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenDecision {
    /// All answers agree with the trace: show these leaves.
    Open(Vec<LeafOpening>),
    /// This answer differs: contest it and show nothing.
    Contest(AnswerRef),
}

/// Compares the answers of a job with the worker's own trace (rules OPN-01, CON-01).
///
/// # Errors
/// [`TraceError`] when the trace is not of this job's shape.
pub fn decide_opening(
    state: &ChainState,
    job: &Job,
    tree: &TraceTree,
) -> Result<Option<OpenDecision>, TraceError> {
    let Some(committed) = job.committed() else { return Ok(None) };
    let mut boundaries = BTreeSet::new();
    for (auditor, claim) in &committed.claims {
        for (question, (boundary, answer)) in
            (0u8..).zip(claim.questions.iter().zip(claim.answers.iter().flatten()))
        {
            let context = job.answer_context(state.chain.genesis, boundary, *auditor);
            if context.answer(&tree.open(boundary)?.digest) != *answer {
                let answer = AnswerRef { round: claim.round, auditor: *auditor, question };
                return Ok(Some(OpenDecision::Contest(answer)));
            }
            boundaries.insert(boundary);
        }
    }
    let openings = boundaries.into_iter().map(|boundary| tree.open(boundary)).collect::<Result<_, _>>()?;
    Ok(Some(OpenDecision::Open(openings)))
}
