//! Openings of a trace and posted pieces of a state, against roots that somebody else wrote.
#![no_main]

use dfsn_types::{
    Address, Attempt, Boundary, GenerationParams, GenesisHash, Hash, JobId, LeafOpening, PostedChunk,
    StateContext, TraceRoot, TraceShape, codec,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((root, rest)) = data.split_first_chunk::<32>() else { return };
    let root = TraceRoot::from_bytes(*root);
    let Some((length, rest)) = rest.split_first_chunk::<2>() else { return };
    let (params, proof) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
    let Ok(params) = codec::decode::<GenerationParams>(params, params.len()) else { return };
    let shape = TraceShape::of(&params);
    assert!(shape.depth() <= 10 && shape.leaves() <= 1 << shape.depth());
    if let Ok(opening) = codec::decode::<LeafOpening>(proof, proof.len()) {
        if opening.verify(shape, &root).is_ok() {
            assert!(shape.index(opening.boundary).is_ok_and(|index| index < shape.leaves()));
            let wrong = LeafOpening { digest: Hash::from_bytes([0; 32]).into(), ..opening.clone() };
            assert!(wrong.digest == opening.digest || wrong.verify(shape, &root).is_err());
        }
    }
    if let Ok(piece) = codec::decode::<PostedChunk>(proof, proof.len()) {
        let context = StateContext {
            genesis: GenesisHash::from_bytes([1; 32]),
            job: JobId::from_bytes([2; 32]),
            attempt: Attempt::FIRST,
            worker: Address::from_bytes([3; 20]),
            boundary: Boundary { image: 0, t: 0 },
        };
        if let Ok(opening) = piece.verify(&context, shape, &root) {
            assert_eq!(opening.verify(shape, &root), Ok(()));
        }
    }
});
