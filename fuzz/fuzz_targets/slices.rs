//! Slices of strings and levels of their trees, against hashes that somebody else wrote.
#![no_main]

use dfsn_types::{Hash, PostedTensor, Slice, TensorRoots, codec, hash_nodes, level_root, slice_root};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((root, rest)) = data.split_first_chunk::<32>() else { return };
    let Some((len, rest)) = rest.split_first_chunk::<8>() else { return };
    let (root, len) = (Hash::from_bytes(*root), u64::from_be_bytes(*len));
    if let Ok(slice) = codec::decode::<Slice>(rest, rest.len()) {
        if let Ok(shown) = slice.verify(&root, len) {
            assert!(slice.runs.iter().all(|run| {
                shown.get(u64::from(run.first) * 1024..u64::from(run.first) * 1024 + 1).is_some()
            }));
            let wrong = Hash::from_bytes([7; 32]);
            assert!(wrong == root || slice.verify(&wrong, len).is_err());
        }
        let is_whole = slice.verify(&root, len).is_ok();
        if let Ok(narrow) = slice.narrow(len, std::iter::once(0..1)) {
            assert!(!is_whole || narrow.verify(&root, len).is_ok());
        }
    }
    // A slice of one's own always leads to the hash.
    let (start, end) = (u64::from(root.as_bytes()[0]) * 16, u64::from(root.as_bytes()[1]) * 64);
    if let Ok(slice) = Slice::of(rest, std::iter::once(start..end)) {
        let shown = slice.verify(&slice_root(rest), rest.len() as u64).expect("its own slice");
        assert_eq!(shown.get(start..end), rest.get(start as usize..end as usize));
    }
    if let Some(level) = hash_nodes(rest) {
        assert_eq!(level_root(rest.len() as u64, &level), Some(slice_root(rest)));
    }
    let _ = codec::decode::<TensorRoots>(rest, rest.len());
    let _ = codec::decode::<PostedTensor>(rest, rest.len());
});
