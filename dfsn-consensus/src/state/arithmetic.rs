//! What verdicts by arithmetic know of a job.

use dfsn_types::{Boundary, Hash, ProfileRecord};

use super::{ChainState, Job};
use crate::exact::{Architecture, Computation};

/// A model in the exact profile, decoded.
#[derive(Clone, Debug)]
pub struct ExactForm {
    /// The networks.
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

    /// What the state at a boundary follows from, where arithmetic can tell (rule ARI-01).
    pub fn computation(&self, job: &Job, boundary: Boundary) -> Option<Computation> {
        let form = self.exact_form(job)?;
        let model = self.models.get(&job.params.model())?;
        Computation::at(&form.architecture, &job.params, model.vae_scale_factor, boundary.t).ok()?
    }
}
