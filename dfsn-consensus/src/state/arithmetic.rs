//! What verdicts by arithmetic know of a job.

use dfsn_types::{Boundary, Hash, ProfileRecord};

use super::{ChainState, Job};
use crate::exact::{Architecture, Computation, ContestedState};

/// A model in the exact profile, decoded.
#[derive(Clone, Debug)]
pub struct ExactForm {
    /// The networks and the noise schedule.
    pub architecture: Architecture,
    /// BLAKE3 hash of the canonical file of weights.
    pub weights_root: Hash,
}

impl ChainState {
    /// The exact form of a job's model, if its profile and its model's record have one (rule ARI-01).
    pub fn exact_form(&self, job: &Job) -> Option<ExactForm> {
        let pair = job.pair();
        match self.profiles.get(&pair.profile)? {
            ProfileRecord::Exact { version: 1 } => {}
            _ => return None,
        }
        let exact = self.models.get(&pair.model)?.exact.as_ref()?;
        let architecture = Architecture::from_bytes(&exact.architecture).ok()?;
        Some(ExactForm { architecture, weights_root: exact.weights_root })
    }

    /// What the state at a boundary follows from, if so many inputs are given and arithmetic can tell (rule ARI-01).
    pub fn computation(&self, job: &Job, boundary: Boundary, given: usize) -> Option<Computation> {
        self.with_contested(job, boundary, |state| state.computation(given).ok()).flatten()
    }

    /// Whether a contest of a boundary can name so many given inputs (rule ARI-02).
    pub fn takes_given(&self, job: &Job, boundary: Boundary, given: usize) -> bool {
        self.with_contested(job, boundary, |state| state.takes(given)).unwrap_or(given == 0)
    }

    fn with_contested<T>(
        &self,
        job: &Job,
        boundary: Boundary,
        read: impl FnOnce(&ContestedState<'_>) -> T,
    ) -> Option<T> {
        let form = self.exact_form(job)?;
        let vae_scale_factor = self.models.get(&job.params.model())?.vae_scale_factor;
        let (architecture, params) = (&form.architecture, &job.params);
        Some(read(&ContestedState { architecture, params, vae_scale_factor, boundary }))
    }
}
