//! A worker's trace: every boundary state of a result, and the tree that commits to them.

use dfsn_types::{
    Address, Attempt, Boundary, FailedAt, GenerationParams, GenesisHash, JobId, StateContext, StateDigest,
    TraceError, TraceLeaf, TraceShape, TraceTree,
};

/// Whose trace of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The network.
    pub genesis: GenesisHash,
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// The worker.
    pub worker: Address,
}

impl TraceContext {
    /// What the state at a boundary is bound to.
    pub const fn at(&self, boundary: Boundary) -> StateContext {
        let Self { genesis, job, attempt, worker } = *self;
        StateContext { genesis, job, attempt, worker, boundary }
    }

    /// What an auditor answers that has computed these bytes for a boundary: their digest, or what no worker can open where the
    /// worker has committed to a failure there (`fails`) and there is none, or the reverse (rule TRC-09).
    pub fn answer(&self, boundary: Boundary, state: &[u8], fails: bool) -> StateDigest {
        let place = self.at(boundary);
        if FailedAt::from_state(state).is_some() == fails { place.digest(state) } else { place.malformed() }
    }

    /// The leaf of a state, from its canonical bytes and the worker's secret.
    pub fn leaf(&self, boundary: Boundary, state: &[u8], secret: &[u8; 32]) -> TraceLeaf {
        let place = self.at(boundary);
        TraceLeaf { digest: place.digest(state), salt: place.salt(secret) }
    }
}

/// The states of all images of a result, kept until their audit is over.
#[derive(Debug)]
pub struct Trace {
    tree: TraceTree,
    /// By image, then boundary.
    states: Vec<Vec<Vec<u8>>>,
}

impl Trace {
    /// Salts and hashes the boundaries of all images, as [`super::TraceRecorder`] recorded them, into a tree.
    ///
    /// # Errors
    /// [`TraceError::LeafCount`] when there are more or fewer than the request has.
    pub fn new(
        context: &TraceContext,
        params: &GenerationParams,
        secret: &[u8; 32],
        states: Vec<Vec<Vec<u8>>>,
    ) -> Result<Self, TraceError> {
        let mut leaves = Vec::new();
        for (image, boundaries) in (0..).zip(&states) {
            for (t, state) in (0..).zip(boundaries) {
                leaves.push(context.leaf(Boundary { image, t }, state, secret));
            }
        }
        let tree = TraceTree::new(TraceShape::of(params), leaves)?;
        Ok(Self { tree, states })
    }

    /// The tree to commit to and to open.
    pub const fn tree(&self) -> &TraceTree {
        &self.tree
    }

    /// The canonical bytes at a boundary.
    pub fn state(&self, boundary: Boundary) -> Option<&[u8]> {
        self.states.get(usize::from(boundary.image))?.get(usize::from(boundary.t)).map(Vec::as_slice)
    }
}
