//! A party's part in a judgement by arithmetic.

use bytes::Bytes;
use dfsn_consensus::exact::{Computation, ContestedState};
use dfsn_types::{Boundary, BoundedVec, FailedAt, GenerationParams, slice_root};

use super::Model;
use crate::error::ComputeError;
use crate::exact::{Dispute, ExactBackend, Move, input_hashes};
use crate::request::ImageRequest;
use crate::service::board::Part;
use crate::service::wire::DisputeAnswer;

/// Computes what is asked of a contested state.
pub(super) fn dispute(
    model: &mut Model,
    params: &GenerationParams,
    request: &ImageRequest,
    boundary: Boundary,
    before: &Bytes,
    part: Part,
) -> Result<DisputeAnswer, ComputeError> {
    let given = match model.pipeline.given_inputs(request, boundary.t.into()) {
        // None are named where they fail (rule ARI-12).
        Err(ComputeError::Failed(_)) if matches!(part, Part::Given) => Vec::new(),
        given => given?,
    };
    if matches!(part, Part::Given) {
        let hashes = BoundedVec::new(input_hashes(&given)).map_err(|error| refused(&error))?;
        return Ok(DisputeAnswer::Given(hashes));
    }
    let factor = model.pipeline.config().vae_scale_factor();
    let exact = model.pipeline.backend().as_exact().ok_or_else(|| refused(&"jurors judge this profile"))?;
    let computation = computation(exact, params, boundary, factor, given.len())?;
    let dispute = Dispute::new(exact, &computation, before, &given)?;
    Ok(match part {
        Part::Given => DisputeAnswer::Nothing,
        Part::Roots { after } => {
            let (roots, _) = dispute.ending_in(&after).roots()?;
            let roots = BoundedVec::new(roots).map_err(|error| refused(&error))?;
            let before = (boundary.t > 0).then(|| slice_root(before));
            let failed = FailedAt::from_state(&after);
            DisputeAnswer::Roots { before, after: slice_root(&after), roots, failed }
        }
        Part::Show { after, tensor, wanted } => {
            DisputeAnswer::Shown(Box::new(dispute.ending_in(&after).show(tensor, wanted)?))
        }
        Part::Next { roots, failed, shown, weights_root } => {
            if roots.len() != computation.tensors() {
                return Err(refused(&"another number of roots than the computation has tensors"));
            }
            let file = exact.weights_file()?;
            let file = file
                .ok_or_else(|| refused(&"a proof needs the canonical weights on disk: set a cache folder"))?;
            if file.root() != weights_root {
                return Err(refused(&"the chain has other weights for this model"));
            }
            match dispute.next_move(&roots, failed, &shown, file.layout(), weights_root, &file)? {
                Move::Prove(proof) => DisputeAnswer::Prove(proof),
                Move::Demand { tensor, part } => DisputeAnswer::Demand { tensor, part },
                Move::Agree | Move::StartsElsewhere => DisputeAnswer::Nothing,
            }
        }
    })
}

fn computation(
    exact: &ExactBackend,
    params: &GenerationParams,
    boundary: Boundary,
    vae_scale_factor: u32,
    given: usize,
) -> Result<Computation, ComputeError> {
    let vae_scale_factor = u8::try_from(vae_scale_factor).map_err(|error| refused(&error))?;
    let architecture = exact.model().architecture();
    let contested = ContestedState { architecture: &architecture, params, vae_scale_factor, boundary };
    contested.computation(given).map_err(|error| refused(&error))
}

fn refused(why: &dyn std::fmt::Display) -> ComputeError {
    ComputeError::Backend(why.to_string())
}
