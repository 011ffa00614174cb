//! Proofs of presence and absence against roots.

use dfsn_types::codec::encode;
use dfsn_types::*;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::properties::check;
use crate::samples::counting;
use crate::strategies::proof::entries;

type Map = MerkleMap<u32, u64>;

fn shown(map: &Map, key: u32) -> Option<Vec<u8>> {
    map.get(&key).map(encode)
}

#[test]
fn prf_01_every_map_shows_what_it_holds_and_what_not() {
    check(512, &entries(), |(entries, key)| {
        let map: Map = entries.into_iter().collect();
        let (proof, root) = (map.prove(&key), map.root());
        prop_assert_eq!(proof.verify(&root, &key, shown(&map, key).as_deref()), Ok(()));
        prop_assert_eq!(proof.other.is_none(), map.contains_key(&key) || map.is_empty());
        Ok(())
    });
}

#[test]
fn prf_01_nothing_else_can_be_shown() {
    check(512, &(entries(), any::<u64>(), entries()), |((entries, key), value, (others, other_key))| {
        let map: Map = entries.into_iter().collect();
        let (root, truth) = (map.root(), map.get(&key).copied());
        // Proofs from this map and from another one, for this key and for another one.
        let foreign: Map = others.into_iter().collect();
        for proof in [map.prove(&key), map.prove(&other_key), foreign.prove(&key), foreign.prove(&other_key)]
        {
            let absent = proof.verify(&root, &key, None);
            prop_assert!(absent.is_err() || truth.is_none());
            let present = proof.verify(&root, &key, Some(&encode(&value)));
            prop_assert!(present.is_err() || truth == Some(value));
        }
        Ok(())
    });
}

/// A change to one place of a proof.
fn damaged(proof: &MerkleProof, at: usize, with: u8) -> Option<MerkleProof> {
    let mut bytes = encode(proof);
    let at = at.checked_rem(bytes.len())?;
    bytes[at] ^= with;
    codec::decode(&bytes, bytes.len()).ok()
}

#[test]
fn prf_01_a_changed_proof_shows_nothing() {
    let strategy = (entries(), any::<usize>(), 1..=u8::MAX);
    check(512, &strategy, |((entries, key), at, with)| {
        let map: Map = entries.into_iter().collect();
        let Some(proof) = damaged(&map.prove(&key), at, with) else { return Ok(()) };
        prop_assert!(proof.verify(&map.root(), &key, shown(&map, key).as_deref()).is_err());
        Ok(())
    });
}

#[test]
fn prf_03_the_keys_own_entry_does_not_show_its_absence() {
    let map: Map = [(1, 10), (2, 20), (3, 30)].into_iter().collect();
    let mut proof = map.prove(&2);
    let neighbour = map.prove(&0).other.expect("another key's entry");
    assert_eq!(proof.verify(&map.root(), &2u32, Some(&encode(&20u64))), Ok(()));

    proof.other = Some(OtherEntry {
        key: BoundedVec::new(vec![0, 0, 0, 2]).expect("short"),
        value: Domain::MerkleValue.hash_bytes(&encode(&20u64)),
    });
    assert_eq!(proof.verify(&map.root(), &2u32, None), Err(MerkleProofError::Present));
    assert_eq!(
        proof.verify(&map.root(), &2u32, Some(&encode(&20u64))),
        Err(MerkleProofError::Both),
        "PRF-02"
    );

    proof.other = Some(neighbour);
    assert!(matches!(proof.verify(&map.root(), &2u32, None), Err(MerkleProofError::Root { .. })));
    proof.other = None;
    assert_eq!(
        proof.verify(&map.root(), &2u32, None),
        Err(MerkleProofError::End { branches: proof.branches.len() })
    );
}

#[test]
fn prf_03_bytes_of_a_value_are_no_bytes_of_a_key() {
    // One entry: its leaf hashes key and value hash. The same bytes, split elsewhere, must not be another entry.
    let map: MerkleMap<u32, u64> = [(0x0102_0304, 7)].into_iter().collect();
    let leaf = [&[1, 2, 3, 4][..], Domain::MerkleValue.hash_bytes(&encode(&7u64)).as_bytes()].concat();
    let value: [u8; 32] = leaf[4..].try_into().expect("32 bytes");
    for width in [0usize, 3, 5, 36] {
        let key = BoundedVec::new(leaf[..width].to_vec()).expect("short");
        let proof = MerkleProof {
            branches: BoundedVec::empty(),
            other: Some(OtherEntry { key, value: Hash::from_bytes(value) }),
        };
        let refused = proof.verify(&map.root(), &0x0102_0304u32, None);
        assert_eq!(refused, Err(MerkleProofError::Width { actual: width, expected: 4 }));
    }
}

#[test]
fn prf_01_branches_stand_in_order() {
    let map: Map = (0..64u32).map(|key| (key * 97, 1)).collect();
    let proof = map.prove(&97u32);
    let mut branches = proof.branches.to_vec();
    branches.swap(0, 1);
    let swapped = MerkleProof { branches: BoundedVec::new(branches).expect("as many"), other: None };
    let refused = swapped.verify(&map.root(), &97u32, Some(&encode(&1u64)));
    assert!(matches!(refused, Err(MerkleProofError::Order { index: 1, .. })), "{refused:?}");
}

#[test]
fn a_proof_is_about_as_long_as_the_logarithm_of_the_entries() {
    let address = |hash: Hash| Address::from_bytes(std::array::from_fn(|at| hash.as_bytes()[at]));
    let map: MerkleMap<Address, u64> = (0..1 << 14u64).map(|n| (address(Domain::File.hash(&n)), n)).collect();
    let (first, _) = map.first().expect("an entry");
    let branches = map.prove(first).branches.len();
    // 14 levels if keys were spread evenly; the first key's way is seldom longer than twice that.
    assert!((8..=28).contains(&branches), "{branches}");
}

#[test]
fn evt_03_receipts_and_events_are_shown_one_by_one() {
    let strategy = (vec(crate::strategies::random::<TransactionReceipt>(), 0..12), any::<u8>());
    check(128, &strategy, |(mut transactions, pick)| {
        transactions.sort_by_key(|receipt| receipt.id);
        transactions.dedup_by_key(|receipt| receipt.id);
        let events: Vec<_> = (0..u64::from(pick % 5))
            .map(|n| Event::Unbonded {
                owner: Address::from_bytes(counting(1)),
                amount: Amount::from_dfsn(n),
            })
            .collect();
        let receipts = BlockReceipts { transactions, events };
        let root = receipts.root();
        for (index, receipt) in receipts.transactions.iter().enumerate() {
            let answer = receipts.prove_receipt(&receipt.id);
            prop_assert_eq!(answer.verify(&root, &receipt.id), Ok(Some((index as u32, receipt))));
            let mut lie = answer.clone();
            lie.receipt = None;
            prop_assert!(lie.verify(&root, &receipt.id).is_err());
            lie = answer.clone();
            lie.transactions += 1;
            prop_assert!(lie.verify(&root, &receipt.id).is_err());
            lie = answer;
            lie.receipt = lie.receipt.map(|(index, receipt)| (index ^ 1, receipt));
            prop_assert!(lie.verify(&root, &receipt.id).is_err());
        }
        let absent = TransactionId::from_bytes(counting(pick));
        if receipts.transactions.iter().all(|receipt| receipt.id != absent) {
            let answer = receipts.prove_receipt(&absent);
            prop_assert_eq!(answer.verify(&root, &absent), Ok(None));
        }
        for index in 0..8u32 {
            let event = receipts.events.get(index as usize);
            let answer = receipts.prove_event(index);
            prop_assert_eq!(answer.verify(&root, index), Ok(event));
        }
        Ok(())
    });
}
