//! Keys and proofs: any bytes are judged, none panic, and one key has one output for an input.
#![no_main]

use dfsn_types::{
    Domain, PublicKey, Secp256k1SecretKey, Signature, SigningDigest, VrfProof, VrfPublicKey, VrfSecretKey,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first_chunk::<32>() else { return };
    let secret = VrfSecretKey::from_seed(first);
    if let Ok(key) = VrfPublicKey::from_bytes(first) {
        assert_eq!(key.as_bytes(), first);
        if let Some((proof, alpha)) = rest.split_first_chunk() {
            let _ = key.verify(alpha, &VrfProof::from_bytes(proof));
        }
    }
    if let Some((proof, alpha)) = rest.split_first_chunk() {
        // A proof that holds, whatever its bytes, proves the one output.
        if let Ok(output) = secret.public_key().verify(alpha, &VrfProof::from_bytes(proof)) {
            assert_eq!(secret.evaluate(alpha), Ok(output));
        }
    }
    if let Ok(proof) = secret.prove(rest) {
        assert_eq!(secret.public_key().verify(rest, &proof), secret.evaluate(rest));
    }
    if let Some((signature, message)) = rest.split_first_chunk() {
        let digest = SigningDigest::new(Domain::SignDuty, message);
        let _ = PublicKey::from_bytes(*first).verify(&digest, &Signature::from_bytes(*signature));
    }
    let _ = Secp256k1SecretKey::from_bytes(first).map(|key| key.address());
});
