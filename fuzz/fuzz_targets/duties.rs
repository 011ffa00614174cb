//! Signed duties, as validators send them.
#![no_main]

use dfsn_fuzz::{chain, decoded};
use dfsn_types::{PublicKey, SignedDuty};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(signed) = SignedDuty::decode(data) else { return };
    assert!(decoded::<SignedDuty>(data).as_ref() == Some(&signed));
    let key: [u8; 32] = data[..32].try_into().expect("a duty is longer");
    let _ = signed.verify(&chain(), &PublicKey::from_bytes(key));
    assert!(!signed.duty().kind.name().is_empty());
    let _ = signed.id();
});
