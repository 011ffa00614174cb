//! Where a picture fails: found by running the computation of its boundary once more, one picture and prompt at a time, as the
//! definition orders it.

use dfsn_consensus::exact::{Origin, TensorData, step::ImageSize};
use dfsn_types::FailedAt;

use super::{Pipeline, Prepared};
use crate::backend::Backend;
use crate::error::ComputeError;
use crate::exact::{ExactBackend, ExactError, run_computation};
use crate::failed::Failed;
use crate::state::{StateError, StepState};

/// Whether an error says that a number is none.
pub(super) const fn is_not_finite(error: &ComputeError) -> bool {
    matches!(error, ComputeError::Exact(ExactError::NotFinite { .. }) | ComputeError::NotFinite { .. })
}

/// What is not finite fails in the exact profile where it is written, though a later bound might hide it.
pub(super) fn check_exact(is_exact: bool, stage: &'static str, numbers: &[f32]) -> Result<(), ComputeError> {
    if !is_exact {
        return Ok(());
    }
    crate::state::check_finite(numbers)
        .map_err(|source: StateError| ComputeError::NotFinite { stage, source })
}

impl Prepared {
    /// That what a boundary is computed from does not exist.
    pub(super) fn failed_inputs(&self, boundary: usize) -> Option<Failed> {
        let fails = match boundary {
            0 => self.start.failed,
            step => self.text.failed && step <= self.num_steps(),
        };
        fails.then(|| self.failed(boundary, FailedAt::Inputs, None))
    }

    fn failed(&self, boundary: usize, at: FailedAt, kind: Option<String>) -> Failed {
        // At most 150 steps.
        Failed { boundary: boundary as u16, num_steps: self.num_steps() as u16, at, kind }
    }
}

impl<B: Backend> Pipeline<B> {
    /// Tells where a boundary fails, if that is why it has no state: an error becomes [`ComputeError::Failed`] in the exact profile.
    pub(super) fn located<T>(
        &self,
        prepared: &Prepared,
        boundary: usize,
        before: Option<&StepState>,
        computed: Result<T, ComputeError>,
    ) -> Result<T, ComputeError> {
        match computed {
            Err(error) if is_not_finite(&error) => {
                let failed = self.locate(prepared, boundary, before)?;
                Err(failed.map_or(error, |failed| ComputeError::Failed(Box::new(failed))))
            }
            computed => computed,
        }
    }

    /// The first number that is none; nothing where no list of operations leads to the boundary: in float profiles, and with a mask.
    fn locate(
        &self,
        prepared: &Prepared,
        boundary: usize,
        before: Option<&StepState>,
    ) -> Result<Option<Failed>, ComputeError> {
        let Some(exact) = self.backend.as_exact().filter(|_| prepared.start.inpaint.is_none()) else {
            return Ok(None);
        };
        let given: Vec<TensorData> =
            self.given(prepared, boundary).iter().map(|input| TensorData::from_floats(input)).collect();
        let Some(computation) = origin(exact, prepared, boundary, given.len()) else { return Ok(None) };
        let numbers =
            before.into_iter().flat_map(|state| std::iter::once(&state.latents).chain(&state.history));
        let before = TensorData::from_floats(&numbers.flatten().copied().collect::<Vec<f32>>());
        let at = run_computation(exact, &computation, &before, &given, &mut |_, _| {})?;
        let Some(at @ FailedAt::Number { call, op, .. }) = at else {
            let reason = "the kernels meet a number that is not finite, the definition does not";
            return Err(ComputeError::Backend(reason.to_owned()));
        };
        let program = computation.calls().get(usize::from(call)).map(|call| &call.program);
        let kind = program.and_then(|program| program.ops().get(op as usize)).map(|op| op.kind.name());
        Ok(Some(prepared.failed(boundary, at, kind)))
    }
}

fn origin(
    exact: &ExactBackend,
    prepared: &Prepared,
    boundary: usize,
    given: usize,
) -> Option<dfsn_consensus::exact::Computation> {
    let (request, latents) = (&prepared.request, prepared.latents);
    let origin = Origin {
        architecture: &exact.architecture(),
        schedule: prepared.scheduler.schedule(),
        latents: ImageSize {
            channels: latents.channels as usize,
            height: latents.height as usize,
            width: latents.width as usize,
        },
        pixels: [u16::try_from(request.height).ok()?, u16::try_from(request.width).ok()?],
        seed: request.seed,
        guidance: request.is_guided().then(|| request.guidance_scale.to_bits()),
        has_image: prepared.start.image.is_some(),
        boundary: u16::try_from(boundary).ok()?,
    };
    origin.computation(given).ok()
}
