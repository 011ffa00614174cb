//! Samples of answers with proofs, signed headers and checkpoints.

use dfsn_types::*;

use super::{Sample, bounded, chain, counting, secret_key};

impl Sample for ProofBranch {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("at bit 300", Self { bit: 300, sibling: Hash::sample() })]
    }
}

impl Sample for OtherEntry {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("of a key of four bytes", Self { key: bounded(vec![1, 2, 3, 4]), value: Hash::sample() })]
    }
}

impl Sample for MerkleProof {
    fn samples() -> Vec<(&'static str, Self)> {
        let map: MerkleMap<u32, u64> = [(1, 10), (2, 20), (7, 70)].into_iter().collect();
        vec![("of a key that is there", map.prove(&2)), ("of one that is not", map.prove(&6))]
    }
}

impl Sample for AccountRecord {
    fn samples() -> Vec<(&'static str, Self)> {
        let key = Some(AccountKey::sample());
        vec![
            ("with a pinned key", Self { balance: Amount::sample(), nonce: Nonce::new(5), key }),
            ("that has only received", Self { balance: Amount::DFSN, nonce: Nonce::ZERO, key: None }),
        ]
    }
}

impl Sample for PairStanding {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("Active", Self { pair: Pair::sample(), status: PairStatus::Active, clean_jobs: 21 })]
    }
}

impl Sample for ValidatorRecord {
    fn samples() -> Vec<(&'static str, Self)> {
        let working = Self {
            address: Address::sample(),
            owner: Address::from_bytes(counting(0x40)),
            status: ValidatorStatus::Jailed,
            free: Amount::DFSN,
            locked: Amount::sample(),
            jailed_until: Some(Timestamp::sample()),
            registration: Some(ComputeRegistration::sample()),
            pairs: bounded(vec![PairStanding::sample()]),
            whole: Hash::sample(),
        };
        let new = Self {
            status: ValidatorStatus::Bonded,
            jailed_until: None,
            registration: None,
            pairs: BoundedVec::empty(),
            ..working
        };
        vec![("jailed, with a pair", working), ("without a registration", new)]
    }
}

impl Sample for JobStage {
    fn samples() -> Vec<(&'static str, Self)> {
        let (worker, commitment) = (Address::sample(), ResultCommitment::sample());
        vec![
            ("pending", Self::Pending),
            ("drawn", Self::Drawn { worker }),
            ("accepted", Self::Accepted { worker, deadline: ChainClock::sample() }),
            ("committed", Self::Committed { worker, commitment: commitment.clone(), paid: true }),
            ("settled", Self::Settled { worker, commitment: commitment.clone() }),
            ("refunded", Self::Refunded { reason: RefundReason::Expired }),
            ("undecided", Self::Undecided { worker, commitment: commitment.clone() }),
            ("test failed", Self::TestFailed),
            ("failed", Self::Failed { worker, commitment }),
        ]
    }
}

impl Sample for JobRecord {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |stage| Self {
            id: JobId::sample(),
            requester: Address::sample(),
            params: GenerationParams::sample(),
            price: Amount::sample(),
            unaudited: false,
            attempt: Attempt::FIRST,
            delivered: true,
            confirmed: 3,
            stage,
            whole: Hash::sample(),
        };
        JobStage::samples().into_iter().map(|(description, stage)| (description, of(stage))).collect()
    }
}

impl Sample for StateAnswer<AccountRecord> {
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |record, proof| Self { record, sections: bounded(vec![Hash::sample(); 17]), proof };
        let [there, absent] = [0, 1].map(|index| MerkleProof::samples().swap_remove(index).1);
        vec![("there", of(Some(AccountRecord::sample()), there)), ("absent", of(None, absent))]
    }
}

impl Sample for ReceiptAnswer {
    fn samples() -> Vec<(&'static str, Self)> {
        let receipts = BlockReceipts::sample();
        let there = receipts.transactions[0].id;
        vec![
            ("there", receipts.prove_receipt(&there)),
            ("absent", receipts.prove_receipt(&TransactionId::from_bytes(counting(0x70)))),
        ]
    }
}

impl Sample for EventAnswer {
    fn samples() -> Vec<(&'static str, Self)> {
        let receipts = BlockReceipts::sample();
        vec![("the second", receipts.prove_event(1)), ("beyond the last", receipts.prove_event(99))]
    }
}

impl Sample for SignedHeader {
    fn samples() -> Vec<(&'static str, Self)> {
        let seal = |header| Self::seal(header, &chain(), &secret_key(4));
        Header::samples().into_iter().map(|(description, header)| (description, seal(header))).collect()
    }
}

impl Sample for Checkpoint {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("of height 12", Self { height: BlockHeight::new(12), hash: BlockHash::sample() })]
    }
}

impl Sample for SignedCheckpoint {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("by key 4", Checkpoint::sample().sign(&chain(), &secret_key(4)))]
    }
}
