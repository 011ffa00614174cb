//! Signed transactions in both envelopes: canonical bytes as nodes send them, raw bytes as wallets do.
#![no_main]

use dfsn_fuzz::{chain, decoded};
use dfsn_types::{EthereumTransaction, SignedTransaction, codec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(signed) = SignedTransaction::decode(data) {
        assert!(decoded::<SignedTransaction>(data).as_ref() == Some(&signed));
        verify(signed);
    }
    if let Ok(ethereum) = EthereumTransaction::new(data.to_vec()) {
        assert!(
            codec::encoded_len(&SignedTransaction::from(ethereum.clone())) <= SignedTransaction::MAX_BYTES
        );
        verify(ethereum.into());
    }
});

fn verify(signed: SignedTransaction) {
    let Ok(verified) = signed.clone().verify(&chain()) else { return };
    assert_eq!(verified.id(), signed.id());
    assert_eq!(verified.signed(), &signed);
    assert_eq!(verified.transaction().chain_id, chain().chain_id);
    assert_eq!(verified.byte_len(), codec::encode(&signed).len());
}
