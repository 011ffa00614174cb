//! Proofs, headers and checkpoints that a stranger made: none shows what is not so.
#![no_main]

use dfsn_fuzz::{MAX_BYTES, chain};
use dfsn_types::{
    AccountRecord, Address, BlockReceipts, EventAnswer, HeaderChain, MerkleMap, MerkleProof, ReceiptAnswer,
    ReceiptsRoot, SecretKey, SignedCheckpoint, SignedHeader, StateAnswer, StateRoot, TransactionId, codec,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&entries, rest)) = data.split_first() else { return };
    let (keys, rest) = rest.split_at(usize::from(entries % 16).min(rest.len()));
    let map: MerkleMap<u8, u64> = keys.iter().map(|key| (*key, u64::from(*key) * 3)).collect();
    if let Ok(proof) = codec::decode::<MerkleProof>(rest, MAX_BYTES) {
        for key in 0..=u8::MAX {
            let absent = proof.verify(&map.root(), &key, None);
            assert!(absent.is_err() || !map.contains_key(&key));
            let value = codec::encode(&(u64::from(key) * 3));
            let present = proof.verify(&map.root(), &key, Some(&value));
            assert!(present.is_err() || map.contains_key(&key));
        }
    }
    for key in [keys.first().copied().unwrap_or(1), keys.len() as u8] {
        let value = map.get(&key).map(codec::encode);
        assert_eq!(map.prove(&key).verify(&map.root(), &key, value.as_deref()), Ok(()));
    }
    answers(rest);
    headers(rest);
});

/// What is asked about is in no block and no state that leads to these roots.
fn answers(bytes: &[u8]) {
    let zero = [0; 32];
    if let Ok(answer) = codec::decode::<StateAnswer<AccountRecord>>(bytes, MAX_BYTES) {
        assert!(answer.verify(&StateRoot::from_bytes(zero), &Address::from_bytes([1; 20])).is_err());
    }
    let empty = BlockReceipts::default().root();
    let id = TransactionId::from_bytes([1; 32]);
    if let Ok(answer) = codec::decode::<ReceiptAnswer>(bytes, MAX_BYTES) {
        assert!(answer.verify(&ReceiptsRoot::from_bytes(zero), &id).is_err());
        assert!(!matches!(answer.verify(&empty, &id), Ok(Some(_))));
    }
    if let Ok(answer) = codec::decode::<EventAnswer>(bytes, MAX_BYTES) {
        assert!(!matches!(answer.verify(&empty, 0), Ok(Some(_))));
    }
}

/// Without the keys nobody extends a chain or ends it.
fn headers(bytes: &[u8]) {
    let sealer = SecretKey::from_seed(&[0xfe; 32]).public_key();
    let mut headers = HeaderChain::at_genesis(chain(), sealer);
    if let Ok(signed) = codec::decode::<SignedCheckpoint>(bytes, MAX_BYTES) {
        assert!(signed.verify(&chain(), &sealer).is_err() && headers.finalise(&signed).is_err());
    }
    if let Ok(signed) = codec::decode::<SignedHeader>(bytes, MAX_BYTES) {
        let follows = headers.append(&signed).is_ok();
        assert!(!follows || signed.verify(&chain()).is_ok());
    }
}
