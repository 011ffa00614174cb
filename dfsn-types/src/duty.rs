//! Duties: what validators owe a job. Signed by the duty key, without nonce and fee, valid once
//! per (job, attempt, role, kind).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::bounded::BoundedVec;
use crate::codec::{self, DecodeError};
use crate::domain::Domain;
use crate::genesis::ChainIdentity;
use crate::hash::{AnswerDigest, DutyId, Hash, JobId, StateDigest};
use crate::job::{
    AnswerRef, Attempt, ElementProof, LeafOpening, PostedChunk, PostedTensor, ResultCommitment, Seat,
    TensorPart, TensorRoots,
};
use crate::key::{PublicKey, SecretKey, Signature, SignatureError, SigningDigest};
use crate::vrf::VrfProof;

/// Questions of one auditor: the initial state, two steps, and the decoder or the last step.
pub const QUESTIONS_MAX: usize = 4;

/// Leaves of the largest trace: 4 images of 150 steps.
pub const LEAVES_MAX: usize = 608;

/// Inputs of a contested computation that arithmetic does not derive: for each of two prompts the embeddings of 8 chunks,
/// and pooled ones.
pub const INPUTS_MAX: usize = 18;

/// What a validator does in a job.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum DutyKind {
    /// "I hold every input and can finish": locks the collateral and starts the deadline.
    AcceptJob {
        /// Which draw of the attempt is accepted, so that an old acceptance cannot be brought in later.
        draw: u32,
    },
    /// Fixes the result.
    CommitResult(ResultCommitment),
    /// "The sortition chose me."
    ClaimAudit {
        /// The place claimed.
        seat: Seat,
        /// Proof of the sortition.
        proof: VrfProof,
    },
    /// Answers a claim's questions, blindly.
    SubmitAudit {
        /// The place that was claimed.
        seat: Seat,
        /// One answer a question, in the order of the questions.
        answers: BoundedVec<AnswerDigest, QUESTIONS_MAX>,
    },
    /// The worker opens every leaf that the remaining claims ask about, in ascending order.
    OpenAudit {
        /// The openings.
        openings: BoundedVec<LeafOpening, LEAVES_MAX>,
    },
    /// The worker denies one answer; jurors will judge, or arithmetic.
    Contest {
        /// Which answer.
        answer: AnswerRef,
        /// In the exact profile the BLAKE3 hashes of what the contested computation starts from besides a state: no
        /// arithmetic derives it. Empty where nothing is, and in other profiles.
        inputs: BoundedVec<Hash, INPUTS_MAX>,
    },
    /// The worker, the contested auditor or a juror shows the digest behind its commitment or answer.
    RevealAnswer {
        /// The contested answer.
        answer: AnswerRef,
        /// The digest answered with.
        digest: StateDigest,
        /// The worker's proof that this is what it committed to; nobody else has one.
        opening: Option<LeafOpening>,
    },
    /// An auditor or a juror did not get the state that a question starts from, and pays for its posting.
    DemandData {
        /// Its place.
        seat: Seat,
        /// Which of its questions, from 0.
        question: u8,
    },
    /// The worker posts a piece of a state that was demanded; it goes into the data lane.
    PostData(Box<PostedChunk>),
    /// The worker shows what an exact computation consists of; it goes into the data lane.
    PostRoots {
        /// The contested answer.
        answer: AnswerRef,
        /// The states and roots.
        roots: Box<TensorRoots>,
    },
    /// The contested auditor wants to see a part of one tensor.
    DemandTensor {
        /// The contested answer.
        answer: AnswerRef,
        /// The tensor, by its place in the list.
        tensor: u32,
        /// Which part.
        part: TensorPart,
    },
    /// The worker shows it; it goes into the data lane.
    PostTensor {
        /// The contested answer.
        answer: AnswerRef,
        /// What was demanded.
        posted: Box<PostedTensor>,
    },
    /// The contested auditor shows a number that does not follow from the others; it goes into the data lane.
    ProveFault {
        /// The contested answer.
        answer: AnswerRef,
        /// The number.
        proof: Box<ElementProof>,
    },
    /// The contested auditor differs in what the computation starts from, of which arithmetic knows nothing.
    CallJury {
        /// The contested answer.
        answer: AnswerRef,
    },
    /// A witness has fetched all files of the result by their hashes, and keeps them.
    Stored,
}

impl DutyKind {
    /// The name in text.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AcceptJob { .. } => "accept_job",
            Self::CommitResult(_) => "commit_result",
            Self::ClaimAudit { .. } => "claim_audit",
            Self::SubmitAudit { .. } => "submit_audit",
            Self::OpenAudit { .. } => "open_audit",
            Self::Contest { .. } => "contest",
            Self::RevealAnswer { .. } => "reveal_answer",
            Self::DemandData { .. } => "demand_data",
            Self::PostData(_) => "post_data",
            Self::PostRoots { .. } => "post_roots",
            Self::DemandTensor { .. } => "demand_tensor",
            Self::PostTensor { .. } => "post_tensor",
            Self::ProveFault { .. } => "prove_fault",
            Self::CallJury { .. } => "call_jury",
            Self::Stored => "stored",
        }
    }
}

/// A duty, by whom and in which attempt.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duty {
    /// Who acts, by its owner's address.
    pub validator: Address,
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// What is done.
    pub kind: DutyKind,
}

impl Duty {
    /// Signs with the validator's duty key.
    pub fn sign(self, chain: &ChainIdentity, key: &SecretKey) -> SignedDuty {
        let signature = key.sign(&signing_digest(chain, &self));
        SignedDuty { duty: self, signature }
    }
}

/// A duty with its signature, not yet checked: the key stands in the state.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedDuty {
    duty: Duty,
    signature: Signature,
}

impl SignedDuty {
    /// The most bytes of one duty: an opening of every leaf of the largest trace fits.
    pub const MAX_BYTES: usize = 262_144;

    /// Decodes the canonical bytes.
    ///
    /// # Errors
    /// [`DecodeError`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, Self::MAX_BYTES)
    }

    /// What is signed.
    pub const fn duty(&self) -> &Duty {
        &self.duty
    }

    /// Its name.
    pub fn id(&self) -> DutyId {
        Domain::DutyId.hash(self).into()
    }

    /// Checks the signature against the validator's registered duty key (rule DUT-03).
    ///
    /// # Errors
    /// [`SignatureError`] when it does not hold.
    pub fn verify(&self, chain: &ChainIdentity, duty_key: &PublicKey) -> Result<(), SignatureError> {
        duty_key.verify(&signing_digest(chain, &self.duty), &self.signature)
    }
}

fn signing_digest(chain: &ChainIdentity, duty: &Duty) -> SigningDigest {
    SigningDigest::new(Domain::SignDuty, &(chain.genesis, chain.chain_id, duty))
}
