//! A deterministic stand-in for inference: the state after a step is a hash of the state before it, so that one step can be
//! re-executed from its input alone, as with a diffusion model, in no time at all. Nothing here draws a picture.

use dfsn_types::{
    Attempt, Boundary, BoundedVec, Domain, FileHash, GenerationParams, GenesisHash, Hash, ImageCommitment,
    ImageResult, JobId, PixelHash, PostedChunk, ResultCommitment, StateContext, StateDigest, TraceLeaf,
    TraceShape, TraceTree,
};

/// The bytes of one state.
pub(crate) type State = Hash;

/// The state before the first step.
pub(crate) fn initial(params: &GenerationParams, image: u8) -> State {
    Domain::Pixels.hash(&("initial", params.model(), params.image_seed(image)))
}

/// The state after step `t`, from the state before it.
pub(crate) fn step(params: &GenerationParams, t: u16, before: State) -> State {
    let text = (params.prompt(), params.negative_prompt(), params.guidance_scale());
    Domain::Pixels.hash(&("step", text, params.executed_steps(), t, before))
}

/// The decoder's output, from the last state.
pub(crate) fn decode(last: State) -> State {
    Domain::Pixels.hash(&("decode", last))
}

/// The state that an honest auditor computes at a boundary, from the state that the worker serves.
pub(crate) fn recompute(params: &GenerationParams, at: Boundary, served: State) -> State {
    match at.t {
        0 => initial(params, at.image),
        t if t == params.executed_steps() + 1 => decode(served),
        t => step(params, t, served),
    }
}

/// All states of a generation, image by image: `t = 0..=N+1`.
pub(crate) fn generate(params: &GenerationParams) -> Vec<Vec<State>> {
    (0..params.num_images()).map(|image| run(params, initial(params, image), None)).collect()
}

/// One image from its first state; `wrong` names a step that comes out wrong and is built upon.
pub(crate) fn run(params: &GenerationParams, first: State, wrong: Option<u16>) -> Vec<State> {
    let changed = |t, right| if wrong == Some(t) { Domain::Pixels.hash(&("wrong", right)) } else { right };
    run_as(first, params, changed)
}

/// One image from its first state; each step's outcome is changed by this, and built upon.
pub(crate) fn run_as(
    first: State,
    params: &GenerationParams,
    changed: impl Fn(u16, State) -> State,
) -> Vec<State> {
    let mut states = vec![first];
    for t in 1..=params.executed_steps() {
        states.push(changed(t, step(params, t, states[usize::from(t) - 1])));
    }
    states.push(decode(states[states.len() - 1]));
    states
}

/// What a worker holds of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) states: Vec<Vec<State>>,
    pub(crate) tree: TraceTree,
    /// Whether the worker keeps its states to itself.
    pub(crate) hidden: bool,
}

/// Whose trace it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) genesis: GenesisHash,
    pub(crate) job: JobId,
    pub(crate) attempt: Attempt,
    pub(crate) worker: dfsn_types::Address,
}

impl Place {
    fn context(&self, boundary: Boundary) -> StateContext {
        let Self { genesis, job, attempt, worker } = *self;
        StateContext { genesis, job, attempt, worker, boundary }
    }

    /// Digest of a state at a boundary of this worker's trace.
    pub(crate) fn digest(&self, boundary: Boundary, state: State) -> StateDigest {
        self.context(boundary).digest(state.as_bytes())
    }
}

impl Trace {
    pub(crate) fn new(place: &Place, shape: TraceShape, states: Vec<Vec<State>>, secret: &[u8; 32]) -> Self {
        let mut leaves = Vec::new();
        for (image, states) in (0u8..).zip(&states) {
            for (t, state) in (0u16..).zip(states) {
                let boundary = Boundary { image, t };
                let salt = place.context(boundary).salt(secret);
                leaves.push(TraceLeaf { digest: place.digest(boundary, *state), salt });
            }
        }
        Self { states, tree: TraceTree::new(shape, leaves).unwrap(), hidden: false }
    }

    /// Commits, at the first boundary, to the digest that says that no state could follow.
    pub(crate) fn deny_the_first_state(&mut self, place: &Place, shape: TraceShape, secret: &[u8; 32]) {
        let mut leaves = Vec::new();
        for (image, states) in (0u8..).zip(&self.states) {
            for (t, state) in (0u16..).zip(states) {
                let boundary = Boundary { image, t };
                let context = place.context(boundary);
                let digest = if t == 0 { context.malformed() } else { place.digest(boundary, *state) };
                leaves.push(TraceLeaf { digest, salt: context.salt(secret) });
            }
        }
        self.tree = TraceTree::new(shape, leaves).unwrap();
    }

    pub(crate) fn commitment(&self) -> ResultCommitment {
        let image = |states: &Vec<State>| {
            let pixels = states[states.len() - 1];
            ImageResult::Picture(ImageCommitment {
                file: FileHash::from(Domain::File.hash_bytes(pixels.as_bytes())),
                file_bytes: 32,
                pixels: PixelHash::from(Domain::Pixels.hash_bytes(pixels.as_bytes())),
            })
        };
        let images = BoundedVec::new(self.states.iter().map(image).collect()).unwrap();
        ResultCommitment { images, trace_root: self.tree.root() }
    }

    /// The one piece of a state, to be posted.
    pub(crate) fn piece(&self, boundary: Boundary) -> PostedChunk {
        let state = self.states[usize::from(boundary.image)][usize::from(boundary.t)];
        PostedChunk::new(state.as_bytes(), 0, &self.tree.open(boundary).unwrap()).unwrap()
    }

    /// The input of a question: the state before it.
    pub(crate) fn input(&self, boundary: Boundary) -> State {
        self.states[usize::from(boundary.image)][usize::from(boundary.t.saturating_sub(1))]
    }
}
