//! Blocks: bytes, roots and the builder's signature.
#![no_main]

use dfsn_fuzz::{chain, decoded};
use dfsn_types::Block;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let verified = Block::decode(data, &chain());
    let Some(block) = decoded::<Block>(data) else {
        assert!(verified.is_err(), "a block that is not canonical was taken");
        return;
    };
    assert_eq!(block.verify_form(&chain()).is_ok(), verified.is_ok());
    for duty in block.body().duties.iter().chain(block.body().data.iter()) {
        let _ = duty.id();
    }
    for transaction in block.body().transactions.iter() {
        let _ = transaction.clone().verify(&chain());
    }
});
