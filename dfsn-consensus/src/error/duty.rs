//! Duties that no block may hold.

use dfsn_types::{
    Address, AnswerRef, Attempt, Boundary, ChainClock, JobId, PostError, Role, SignatureError, SliceError,
    TraceError, VrfError,
};
use thiserror::Error;

use super::Rule;
use crate::exact::{ProofError, RootsError};

/// Why a duty is not valid now. Nothing happens to anybody.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DutyError {
    /// No such job, or one that is over.
    #[error("DUT-01: no open job {0}")]
    UnknownJob(JobId),
    /// For another attempt.
    #[error("DUT-02: attempt {actual}, the job is in attempt {expected}")]
    Attempt {
        /// Its attempt.
        actual: Attempt,
        /// The job's.
        expected: Attempt,
    },
    /// By somebody without a registered duty key.
    #[error("DUT-03: {0} has no registered duty key")]
    NotRegistered(Address),
    /// A wrong signature.
    #[error("DUT-03: {0}")]
    Signature(SignatureError),
    /// The job does not wait for it.
    #[error("DUT-04: {duty} is not awaited from {validator}")]
    NotAwaited {
        /// The kind of duty.
        duty: &'static str,
        /// Who sent it.
        validator: Address,
    },
    /// The block's lane is full.
    #[error("BLK-08: the {0} lane is full")]
    LaneFull(&'static str),
    /// In the wrong lane.
    #[error("BLK-11: belongs into the {0} lane")]
    WrongLane(&'static str),
    /// The request has expired.
    #[error("ACC-01: no attempt of job {0} starts any more")]
    Expired(JobId),
    /// For an earlier draw of the same attempt.
    #[error("ACC-04: accepts draw {actual}, the job is at draw {expected}")]
    OldDraw {
        /// The draw it names.
        actual: u32,
        /// The job's.
        expected: u32,
    },
    /// Too little free stake for the collateral.
    #[error("ACC-02: {0} lacks the free stake for the collateral")]
    Collateral(Address),
    /// By a validator that gets nothing new: jailed, leaving, or under the minimum.
    #[error("ACC-05: {0} is jailed, leaves, or has too little stake: it accepts nothing new")]
    Unavailable(Address),
    /// Another number of pictures than asked for.
    #[error("CMT-01: {actual} pictures committed, {expected} asked for")]
    ImageCount {
        /// Committed.
        actual: usize,
        /// Asked for.
        expected: u8,
    },
    /// An image that fails beyond its last boundary, or in a profile without a list of operations.
    #[error("CMT-03: image {image} cannot fail at boundary {t} in this profile", image = .0.image, t = .0.t)]
    Failure(Boundary),
    /// A claim by somebody who may not audit this job.
    #[error("AUD-01: {validator} may not be {role:?} of this job")]
    NotEligible {
        /// Who claims.
        validator: Address,
        /// As what.
        role: Role,
    },
    /// A proof that does not hold.
    #[error("AUD-02: {0}")]
    SortitionProof(VrfError),
    /// The sortition did not choose the claimant.
    #[error("AUD-09: the sortition did not choose {0}")]
    NotSelected(Address),
    /// All that the claimant would ask has been shown.
    #[error("AUD-11: nothing is left that {0} could ask")]
    NothingToAsk(Address),
    /// Too little free stake for the claim.
    #[error("AUD-04: {0} lacks the free stake for a claim")]
    ClaimLock(Address),
    /// Another number of answers than questions.
    #[error("AUD-07: {actual} answers to {expected} questions")]
    AnswerCount {
        /// Given.
        actual: usize,
        /// Asked.
        expected: usize,
    },
    /// Opens other leaves than were asked about.
    #[error("OPN-01: the openings are not exactly the leaves asked about, in order")]
    OpeningSet,
    /// An opening that does not lead to the committed root.
    #[error("OPN-02: {0}")]
    Opening(TraceError),
    /// An opening that contradicts an answer: contest that instead.
    #[error("OPN-03: the openings contradict the answer of {0}")]
    Contradiction(Address),
    /// Opens a leaf that holds no state.
    #[error("OPN-04: the leaf at image {image}, boundary {t} says that no state could follow", image = .0.image, t = .0.t)]
    Malformed(Boundary),
    /// Contests an answer that was not given.
    #[error("CON-01: {auditor} has no answer {question} in round {round}", auditor = .0.auditor, question = .0.question, round = .0.round)]
    NoSuchAnswer(AnswerRef),
    /// Contests an answer again that it contested without reason.
    #[error("CON-02: answer {question} of {auditor} was contested before, without reason", auditor = .0.auditor, question = .0.question)]
    ContestedBefore(AnswerRef),
    /// Demands what is computed from the request alone.
    #[error("DAT-01: image {image}, boundary {t} is computed from the request alone", image = .0.image, t = .0.t)]
    NoInput(Boundary),
    /// Demands before the worker's time to serve is over, or too late to be answered.
    #[error("DAT-02: the clock shows {clock}, demands are taken from {from} to {until}")]
    DemandTime {
        /// The chain clock.
        clock: ChainClock,
        /// Not before.
        from: ChainClock,
        /// Not after.
        until: ChainClock,
    },
    /// Demands what was demanded before.
    #[error("DAT-02: image {image}, boundary {t} was demanded before", image = .0.image, t = .0.t)]
    DemandedBefore(Boundary),
    /// Too little free stake for the deposit.
    #[error("DAT-03: {0} lacks the free stake for the deposit")]
    DemandDeposit(Address),
    /// Posts what nobody demanded.
    #[error("DAT-04: nobody demanded image {image}, boundary {t}", image = .0.image, t = .0.t)]
    NotDemanded(Boundary),
    /// Posts what is no piece of the committed state.
    #[error("DAT-04: {0}")]
    Posted(PostError),
    /// Names another number of inputs than arithmetic leaves open.
    #[error("ARI-02: boundary {boundary} does not follow from {actual} given inputs")]
    GivenInputs {
        /// The boundary.
        boundary: u16,
        /// Inputs named.
        actual: usize,
    },
    /// Roots that do not lead from the state before to the contested one.
    #[error("ARI-04: {0}")]
    Roots(RootsError),
    /// Posts a failure where the commitment has a state, or the reverse.
    #[error("ARI-10: the roots end otherwise at image {image}, boundary {t} than the commitment says", image = .0.image, t = .0.t)]
    OtherEnd(Boundary),
    /// Demands what the computation does not have.
    #[error("ARI-05: there is no such part of tensor {tensor}")]
    NoSuchPart {
        /// The tensor.
        tensor: u32,
    },
    /// Shows another tensor or part than was demanded.
    #[error("ARI-06: that is not the part of tensor {tensor} that was demanded")]
    PostedTensor {
        /// The tensor.
        tensor: u32,
    },
    /// A slice that shows nothing.
    #[error("ARI-06: {0}")]
    Slice(Box<SliceError>),
    /// A proof in a program that the computation does not have.
    #[error("ARI-07: the computation has no program {0}")]
    NoSuchCall(u8),
    /// A proof that shows nothing.
    #[error("ARI-07: {0}")]
    Proof(Box<ProofError>),
    /// A number that follows from the others.
    #[error("ARI-07: element {element} of operation {op} follows from the worker's other numbers")]
    NoContradiction {
        /// The operation.
        op: u32,
        /// The element.
        element: u64,
    },
    /// Shows a digest that is not behind the answer.
    #[error("REV-01: the digest does not explain the answer of {0}")]
    DigestMismatch(Address),
    /// The worker shows no opening, or one of another leaf, or somebody else shows one.
    #[error("REV-02: the worker, and nobody else, opens the contested leaf")]
    RevealOpening,
}

impl Rule for DutyError {}
