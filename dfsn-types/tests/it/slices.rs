//! Parts of byte strings under BLAKE3 hashes.

use core::ops::Range;

use dfsn_types::{BoundedVec, ChunkRun, Hash, Slice, SliceError};
use proptest::collection::vec;
use proptest::prelude::*;

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index.wrapping_mul(2_654_435_761) >> 11) as u8).collect()
}

fn root(bytes: &[u8]) -> Hash {
    Hash::from_bytes(*blake3::hash(bytes).as_bytes())
}

/// Lengths around chunks and powers of two, and ranges within.
fn cases() -> impl Strategy<Value = (usize, Vec<Range<u64>>)> {
    let len = prop_oneof![1_usize..3_000, 1_usize..300_000, (1_usize..200).prop_map(|chunks| chunks * 1_024)];
    len.prop_flat_map(|len| {
        let end = len as u64;
        let range = (0..end, 1..2_000_u64).prop_map(move |(start, count)| start..end.min(start + count));
        (Just(len), vec(range, 1..6))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shown_bytes_are_the_strings((len, ranges) in cases()) {
        let bytes = bytes(len);
        let slice = Slice::of(&bytes, ranges.iter().cloned()).unwrap();
        let shown = slice.verify(&root(&bytes), len as u64).unwrap();
        for range in ranges {
            let expected = &bytes[range.start as usize..range.end as usize];
            prop_assert_eq!(shown.get(range), Some(expected));
        }
    }

    #[test]
    fn a_changed_bit_anywhere_is_seen((len, ranges) in cases(), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let bytes = bytes(len);
        let slice = Slice::of(&bytes, ranges).unwrap();
        let mut changed = slice.bytes.to_vec();
        changed[place.index(slice.bytes.len())] ^= 1 << bit;
        let changed = Slice { bytes: BoundedVec::new(changed).unwrap(), ..slice.clone() };
        let is_seen = matches!(changed.verify(&root(&bytes), len as u64), Err(SliceError::Root { .. }));
        prop_assert!(is_seen);
        if !slice.siblings.is_empty() {
            let mut siblings = slice.siblings.to_vec();
            let at = place.index(siblings.len());
            let mut hash = *siblings[at].as_bytes();
            hash[usize::from(bit)] ^= 1;
            siblings[at] = Hash::from_bytes(hash);
            let changed = Slice { siblings: BoundedVec::new(siblings).unwrap(), ..slice };
            let is_seen = matches!(changed.verify(&root(&bytes), len as u64), Err(SliceError::Root { .. }));
        prop_assert!(is_seen);
        }
    }
}

#[test]
fn another_length_or_place_is_another_string() {
    let bytes = bytes(10_000);
    let slice = Slice::of(&bytes, std::iter::once(2_048..2_050)).unwrap();
    let root = root(&bytes);
    assert!(slice.verify(&root, 10_000).is_ok());
    // A length between these has the same chunk at this place; that the rest is missing shows where the rest is shown.
    for len in [2_050, 3_000, 8_192, 16_385, 20_000] {
        assert!(slice.verify(&root, len).is_err(), "{len}");
    }
    let moved = |first, count| Slice {
        runs: BoundedVec::new(vec![ChunkRun { first, count }]).unwrap(),
        ..slice.clone()
    };
    assert!(matches!(moved(3, 1).verify(&root, 10_000), Err(SliceError::Root { .. })));
    assert!(matches!(moved(10, 1).verify(&root, 10_000), Err(SliceError::Run { .. })));
    assert!(matches!(moved(2, 0).verify(&root, 10_000), Err(SliceError::Run { .. })));
    assert!(matches!(moved(2, 2).verify(&root, 10_000), Err(SliceError::Bytes { .. })));
    assert!(matches!(moved(u32::MAX, u32::MAX).verify(&root, 10_000), Err(SliceError::Run { .. })));
}

#[test]
fn runs_are_canonical() {
    let bytes = bytes(10_000);
    let of = |runs: Vec<ChunkRun>| Slice {
        runs: BoundedVec::new(runs).unwrap(),
        ..Slice::of(&bytes, std::iter::once(0..2_048)).unwrap()
    };
    let run = |first, count| ChunkRun { first, count };
    for runs in [vec![], vec![run(0, 1), run(1, 1)], vec![run(1, 1), run(0, 1)], vec![run(0, 2), run(1, 1)]] {
        assert!(matches!(of(runs).verify(&root(&bytes), 10_000), Err(SliceError::Run { .. })));
    }
    assert!(matches!(Slice::of(&bytes, []), Err(SliceError::Run { .. })));
    assert!(matches!(Slice::of(&bytes, std::iter::once(5..5)), Err(SliceError::Run { .. })));
    assert!(matches!(Slice::of(&bytes, std::iter::once(9_999..10_001)), Err(SliceError::Run { .. })));
    assert!(matches!(Slice::of(&[], std::iter::once(0..0)), Err(SliceError::Run { .. })));
}

#[test]
fn too_few_and_too_many_hashes_are_told() {
    let bytes = bytes(10_000);
    let slice = Slice::of(&bytes, std::iter::once(0..1)).unwrap();
    for count in [0, slice.siblings.len() - 1, slice.siblings.len() + 1] {
        let siblings: Vec<Hash> = slice.siblings.iter().copied().cycle().take(count).collect();
        let changed = Slice { siblings: BoundedVec::new(siblings).unwrap(), ..slice.clone() };
        assert!(matches!(changed.verify(&root(&bytes), 10_000), Err(SliceError::Siblings { .. })));
    }
}

/// 1 MiB is where hidden parts are read in several pieces.
#[test]
fn large_strings_are_read_in_pieces() {
    let bytes = bytes(5_000_000);
    let mut most = 0;
    let slice = Slice::open(bytes.len() as u64, std::iter::once(4_000_000..4_000_010), |range| {
        most = most.max(range.end - range.start);
        Ok::<_, SliceError>(bytes[range.start as usize..range.end as usize].to_vec())
    });
    let slice = slice.unwrap();
    assert!(most <= 1 << 20);
    let shown = slice.verify(&root(&bytes), bytes.len() as u64).unwrap();
    assert_eq!(shown.get(4_000_000..4_000_010), Some(&bytes[4_000_000..4_000_010]));
    assert_eq!(shown.get(3_000_000..3_000_001), None);
}
