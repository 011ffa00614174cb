//! What nodes ask each other, and answer.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_compute::service::duties::{ServedState, StateWanted};
use dfsn_types::{
    Address, Attempt, Boundary, BoundedVec, ChainIdentity, Domain, FileHash, JobId, LeafOpening, PublicKey,
    SecretKey, Signature, SigningDigest, codec,
};

/// Bytes of a file in one answer; AvalancheGo lets a peer have 512 KiB a second in the long run.
pub(super) const PART_BYTES: usize = 512 << 10;
/// The most bytes of a state that nodes give each other; AvalancheGo carries 2 MiB.
const STATE_BYTES: usize = 1_500_000;
/// The most bytes of a question.
const QUESTION_BYTES: usize = 1_024;
/// The most bytes of an answer.
const ANSWER_BYTES: usize = 2 << 20;

/// What one node asks another.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Question {
    /// A file, from a byte on.
    File {
        /// Its name.
        hash: FileHash,
        /// Bytes that are there already.
        from: u32,
    },
    /// A state of a worker's trace.
    State(StateQuestion),
}

/// Asks for a state in the name of a validator, who signs: only auditors and jurors may have it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct StateQuestion {
    asker: Address,
    job: JobId,
    attempt: Attempt,
    worker: Address,
    boundary: Boundary,
    signature: Signature,
}

/// What one node answers another.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Answer {
    /// A part of a file.
    File {
        /// Bytes of the whole file.
        bytes: u32,
        /// From where it was asked for.
        part: BoundedVec<u8, PART_BYTES>,
    },
    /// A state and its place in the trace.
    State {
        /// Canonical bytes.
        bytes: BoundedVec<u8, STATE_BYTES>,
        /// The proof.
        opening: LeafOpening,
    },
}

impl StateQuestion {
    pub(super) fn new(wanted: StateWanted, chain: &ChainIdentity, duty_key: &SecretKey) -> Self {
        let signature = duty_key.sign(&digest(chain, &wanted));
        let StateWanted { asker, job, attempt, worker, boundary } = wanted;
        Self { asker, job, attempt, worker, boundary, signature }
    }

    pub(super) const fn wanted(&self) -> StateWanted {
        let Self { asker, job, attempt, worker, boundary, .. } = *self;
        StateWanted { asker, job, attempt, worker, boundary }
    }

    /// Whether it is signed with this key.
    pub(super) fn is_by(&self, duty_key: &PublicKey, chain: &ChainIdentity) -> bool {
        duty_key.verify(&digest(chain, &self.wanted()), &self.signature).is_ok()
    }
}

fn digest(chain: &ChainIdentity, wanted: &StateWanted) -> SigningDigest {
    let StateWanted { asker, job, attempt, worker, boundary } = wanted;
    let about = (asker, job, attempt, worker, boundary);
    SigningDigest::new(Domain::SignStateQuestion, &(chain.genesis, chain.chain_id, about))
}

impl Question {
    pub(super) fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        codec::decode(bytes, QUESTION_BYTES).ok()
    }
}

impl Answer {
    /// The part of a file that begins at a byte; nothing behind its end.
    pub(super) fn of_file(file: &[u8], from: u32) -> Option<Self> {
        let bytes = u32::try_from(file.len()).ok()?;
        let rest = file.get(usize::try_from(from).ok()?..).filter(|rest| !rest.is_empty())?;
        let part = BoundedVec::new(rest[..rest.len().min(PART_BYTES)].to_vec()).ok()?;
        Some(Self::File { bytes, part })
    }

    /// A state, if it is not too long.
    pub(super) fn of_state(state: ServedState) -> Option<Self> {
        let bytes = BoundedVec::new(state.bytes.to_vec()).ok()?;
        Some(Self::State { bytes, opening: state.opening })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        codec::decode(bytes, ANSWER_BYTES).ok()
    }
}

#[cfg(test)]
mod tests {
    use dfsn_types::{ChainId, GenesisHash};

    use super::*;

    fn chain(id: u64) -> ChainIdentity {
        ChainIdentity { chain_id: ChainId::new(id).unwrap(), genesis: GenesisHash::from_bytes([1; 32]) }
    }

    fn wanted() -> StateWanted {
        StateWanted {
            asker: Address::from_bytes([1; 20]),
            job: JobId::from_bytes([2; 32]),
            attempt: Attempt::FIRST,
            worker: Address::from_bytes([3; 20]),
            boundary: Boundary { image: 0, t: 4 },
        }
    }

    #[test]
    fn a_state_is_asked_for_by_who_signs() {
        let [key, other] = [1, 2].map(|seed| SecretKey::from_seed(&[seed; 32]));
        let question = StateQuestion::new(wanted(), &chain(7), &key);
        assert_eq!(question.wanted(), wanted());
        assert!(question.is_by(&key.public_key(), &chain(7)));
        assert!(!question.is_by(&other.public_key(), &chain(7)));
        assert!(!question.is_by(&key.public_key(), &chain(8)));
        let changed = StateQuestion { boundary: Boundary { image: 0, t: 5 }, ..question };
        assert!(!changed.is_by(&key.public_key(), &chain(7)));
    }

    #[test]
    fn a_file_comes_in_parts() {
        let file: Vec<u8> = (0u32..1_000_000).map(|byte| byte.to_le_bytes()[0]).collect();
        let (mut got, mut parts) = (Vec::new(), 0);
        while let Some(answer) = Answer::of_file(&file, u32::try_from(got.len()).unwrap()) {
            let Some(Answer::File { bytes, part }) = Answer::decode(&answer.encode()) else {
                panic!("{answer:?}")
            };
            assert_eq!(bytes, 1_000_000);
            got.extend(part.into_inner());
            parts += 1;
        }
        assert_eq!((got, parts), (file, 2));
    }

    #[test]
    fn what_is_no_question_is_none() {
        let key = SecretKey::from_seed(&[1; 32]);
        let question = Question::State(StateQuestion::new(wanted(), &chain(7), &key));
        let bytes = question.encode();
        assert_eq!(Question::decode(&bytes), Some(question));
        assert_eq!(Question::decode(&bytes[1..]), None);
        assert_eq!(Question::decode(&[0; QUESTION_BYTES + 1]), None);
        assert_eq!(Answer::decode(&[9]), None);
    }
}
