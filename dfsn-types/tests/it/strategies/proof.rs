//! Random answers with proofs, signed headers and checkpoints.

use dfsn_types::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{Generate, few, random, signer};

impl Generate for ProofBranch {
    fn strategy() -> BoxedStrategy<Self> {
        (any::<u16>(), random()).prop_map(|(bit, sibling)| Self { bit, sibling }).boxed()
    }
}

impl Generate for OtherEntry {
    fn strategy() -> BoxedStrategy<Self> {
        (few(40), random()).prop_map(|(key, value)| Self { key, value }).boxed()
    }
}

impl Generate for MerkleProof {
    fn strategy() -> BoxedStrategy<Self> {
        (few(6), option::of(random())).prop_map(|(branches, other)| Self { branches, other }).boxed()
    }
}

impl Generate for AccountRecord {
    fn strategy() -> BoxedStrategy<Self> {
        let parts = (random(), random(), option::of(random()));
        parts.prop_map(|(balance, nonce, key)| Self { balance, nonce, key }).boxed()
    }
}

impl Generate for PairStanding {
    fn strategy() -> BoxedStrategy<Self> {
        let parts = (random(), random(), any::<u32>());
        parts.prop_map(|(pair, status, clean_jobs)| Self { pair, status, clean_jobs }).boxed()
    }
}

impl Generate for ValidatorRecord {
    fn strategy() -> BoxedStrategy<Self> {
        let names = (random(), random(), random(), random());
        let rest = (random(), option::of(random()), option::of(random()), few(3), random());
        (names, rest)
            .prop_map(
                |((address, owner, status, free), (locked, jailed_until, registration, pairs, whole))| Self {
                    address,
                    owner,
                    status,
                    free,
                    locked,
                    jailed_until,
                    registration,
                    pairs,
                    whole,
                },
            )
            .boxed()
    }
}

impl Generate for JobStage {
    fn strategy() -> BoxedStrategy<Self> {
        let result = || (random::<Address>(), random::<ResultCommitment>());
        prop_oneof![
            Just(Self::Pending),
            random().prop_map(|worker| Self::Drawn { worker }),
            (random(), random()).prop_map(|(worker, deadline)| Self::Accepted { worker, deadline }),
            (result(), any::<bool>()).prop_map(|((worker, commitment), paid)| Self::Committed {
                worker,
                commitment,
                paid
            }),
            result().prop_map(|(worker, commitment)| Self::Settled { worker, commitment }),
            random().prop_map(|reason| Self::Refunded { reason }),
            result().prop_map(|(worker, commitment)| Self::Undecided { worker, commitment }),
            Just(Self::TestFailed),
            result().prop_map(|(worker, commitment)| Self::Failed { worker, commitment }),
        ]
        .boxed()
    }
}

impl Generate for JobRecord {
    fn strategy() -> BoxedStrategy<Self> {
        let asked = (random(), random(), random(), random(), any::<bool>());
        let became = (random(), any::<bool>(), any::<u16>(), random(), random());
        (asked, became)
            .prop_map(|((id, requester, params, price, unaudited), became)| {
                let (attempt, delivered, confirmed, stage, whole) = became;
                Self { id, requester, params, price, unaudited, attempt, delivered, confirmed, stage, whole }
            })
            .boxed()
    }
}

impl Generate for StateAnswer<AccountRecord> {
    fn strategy() -> BoxedStrategy<Self> {
        let parts = (option::of(random()), few(17), random());
        parts.prop_map(|(record, sections, proof)| Self { record, sections, proof }).boxed()
    }
}

impl Generate for ReceiptAnswer {
    fn strategy() -> BoxedStrategy<Self> {
        let receipt = option::of((any::<u32>(), random()));
        (receipt, any::<u32>(), random(), random(), random())
            .prop_map(|(receipt, transactions, receipts, events, proof)| Self {
                receipt,
                transactions,
                receipts,
                events,
                proof,
            })
            .boxed()
    }
}

impl Generate for EventAnswer {
    fn strategy() -> BoxedStrategy<Self> {
        (option::of(random()), any::<u32>(), random(), random(), random())
            .prop_map(|(event, transactions, receipts, events, proof)| Self {
                event,
                transactions,
                receipts,
                events,
                proof,
            })
            .boxed()
    }
}

impl Generate for SignedHeader {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), signer()).prop_map(|(header, (chain, key))| Self::seal(header, &chain, &key)).boxed()
    }
}

impl Generate for Checkpoint {
    fn strategy() -> BoxedStrategy<Self> {
        (random(), random()).prop_map(|(height, hash)| Self { height, hash }).boxed()
    }
}

impl Generate for SignedCheckpoint {
    fn strategy() -> BoxedStrategy<Self> {
        (random::<Checkpoint>(), signer())
            .prop_map(|(checkpoint, (chain, key))| checkpoint.sign(&chain, &key))
            .boxed()
    }
}

/// Entries of a small map and a key that may be among them, for the proofs.
pub(crate) fn entries() -> BoxedStrategy<(Vec<(u32, u64)>, u32)> {
    // Few different keys, so that both presence and absence are common.
    let key = || prop_oneof![0..12u32, any::<u32>()].boxed();
    (vec((key(), any::<u64>()), 0..24), key()).boxed()
}
