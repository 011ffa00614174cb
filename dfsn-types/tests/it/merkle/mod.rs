//! Authenticated maps against `BTreeMap`, which they must not differ from, and their roots.

mod changes;
mod proofs;

use std::collections::{BTreeMap, BTreeSet};

use dfsn_types::merkle::{KeyBytes, MerkleKey};
use dfsn_types::{Address, BlockHeight, JobId, MerkleMap, MerkleSet, ModelId, Pair, ProfileId, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::properties::check;

/// What is done to a map.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Insert(Key, u64),
    Remove(Key),
    Change(Key, u64),
    ChangeOrInsert(Key, u64),
    PopFirst,
}

/// Few keys, some with long common beginnings.
pub(super) type Key = (u8, u16);
pub(super) type Map = MerkleMap<Key, u64>;

pub(super) fn keys() -> impl Strategy<Value = Key> {
    (0..3u8, prop_oneof![0..12u16, any::<u16>(), Just(u16::MAX)])
}

pub(super) fn operations(most: usize) -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        4 => (keys(), any::<u64>()).prop_map(|(key, value)| Operation::Insert(key, value)),
        2 => keys().prop_map(Operation::Remove),
        1 => (keys(), any::<u64>()).prop_map(|(key, value)| Operation::Change(key, value)),
        1 => (keys(), any::<u64>()).prop_map(|(key, value)| Operation::ChangeOrInsert(key, value)),
        1 => Just(Operation::PopFirst),
    ];
    vec(operation, 0..most)
}

/// Does the same to a map and to the model, which must give the same answer.
pub(super) fn apply(map: &mut Map, model: &mut BTreeMap<Key, u64>, operation: &Operation) {
    match *operation {
        Operation::Insert(key, value) => assert_eq!(map.insert(key, value), model.insert(key, value)),
        Operation::Remove(key) => assert_eq!(map.remove(&key), model.remove(&key)),
        Operation::Change(key, value) => {
            let changed = map.get_mut(&key).map(|old| std::mem::replace(old, value));
            assert_eq!(changed, model.get_mut(&key).map(|old| std::mem::replace(old, value)));
        }
        Operation::ChangeOrInsert(key, value) => {
            *map.get_or_default(key) ^= value;
            *model.entry(key).or_default() ^= value;
        }
        Operation::PopFirst => assert_eq!(map.pop_first(), model.pop_first()),
    }
}

#[test]
fn maps_act_as_ordered_maps_do() {
    check(256, &(operations(120), keys()), |(operations, from)| {
        let (mut map, mut model) = (Map::new(), BTreeMap::new());
        for operation in &operations {
            apply(&mut map, &mut model, operation);
            prop_assert_eq!(map.len(), model.len());
            prop_assert_eq!(map.is_empty(), model.is_empty());
            prop_assert_eq!(map.first(), model.first_key_value());
            prop_assert_eq!(map.last(), model.last_key_value());
        }
        prop_assert!(map.iter().eq(&model));
        prop_assert!(map.keys().eq(model.keys()) && map.values().eq(model.values()));
        prop_assert!(map.range_from(&from).eq(model.range(from..)));
        prop_assert_eq!(map.get(&from), model.get(&from));
        Ok(())
    });
}

#[test]
fn sets_act_as_ordered_sets_do() {
    check(128, &(vec((keys(), any::<bool>()), 0..80), keys()), |(operations, from)| {
        let (mut set, mut model) = (MerkleSet::new(), BTreeSet::new());
        for (key, add) in operations {
            if add {
                prop_assert_eq!(set.insert(key), model.insert(key));
            } else {
                prop_assert_eq!(set.remove(&key), model.remove(&key));
            }
        }
        prop_assert!(set.iter().eq(&model) && set.range_from(&from).eq(model.range(from..)));
        prop_assert_eq!((set.first(), set.last(), set.len()), (model.first(), model.last(), model.len()));
        prop_assert_eq!(set.contains(&from), model.contains(&from));
        prop_assert_eq!(set.pop_first(), model.pop_first());
        Ok(())
    });
}

#[test]
fn hsh_06_root_depends_on_the_content_alone() {
    check(128, &(operations(80), any::<u64>()), |(operations, seed)| {
        let (mut map, mut model) = (Map::new(), BTreeMap::new());
        for operation in &operations {
            apply(&mut map, &mut model, operation);
            // Roots on the way leave nothing behind that a later one could be wrong by.
            map.root();
        }
        let mut shuffled: Vec<_> = model.clone().into_iter().collect();
        shuffled.sort_by_key(|(key, value)| dfsn_types::Domain::File.hash(&(seed, key, value)));
        let same: Map = shuffled.into_iter().collect();
        prop_assert_eq!(map.root(), same.root());
        prop_assert_eq!(&map, &same);
        Ok(())
    });
}

#[test]
fn hsh_06_other_content_has_another_root() {
    check(128, &(operations(60), operations(60)), |(first, second)| {
        let (mut a, mut b) = ((Map::new(), BTreeMap::new()), (Map::new(), BTreeMap::new()));
        first.iter().for_each(|operation| apply(&mut a.0, &mut a.1, operation));
        second.iter().for_each(|operation| apply(&mut b.0, &mut b.1, operation));
        prop_assert_eq!(a.1 == b.1, a.0.root() == b.0.root());
        prop_assert_eq!(a.1 == b.1, a.0 == b.0);
        Ok(())
    });
}

#[test]
fn copies_do_not_feel_what_is_done_to_each_other() {
    check(128, &(operations(60), operations(60)), |(before, after)| {
        let (mut map, mut model) = (Map::new(), BTreeMap::new());
        before.iter().for_each(|operation| apply(&mut map, &mut model, operation));
        let (kept, kept_model, root) = (map.clone(), model.clone(), map.root());
        after.iter().for_each(|operation| apply(&mut map, &mut model, operation));
        prop_assert!(kept.iter().eq(&kept_model) && map.iter().eq(&model));
        prop_assert_eq!(kept.root(), root);
        Ok(())
    });
}

/// The bytes of keys have the width of their type, sort as the keys do, and give the key back.
fn keys_keep_their_order<K: MerkleKey + std::fmt::Debug>(a: K, b: K) {
    let (x, y) = (KeyBytes::of(&a), KeyBytes::of(&b));
    assert_eq!((x.as_slice().len(), y.as_slice().len()), (K::WIDTH, K::WIDTH));
    assert_eq!(a.cmp(&b), x.as_slice().cmp(y.as_slice()), "{a:?} and {b:?}");
    let mut rest = x.as_slice();
    assert!(K::read_key(&mut rest).is_some_and(|read| read == a) && rest.is_empty());
    assert!(K::read_key(&mut &x.as_slice()[1..]).is_none(), "cut short");
}

#[test]
fn bytes_of_keys_keep_their_order() {
    check(256, &(any::<(u64, u64, bool)>(), any::<([u8; 32], [u8; 32])>()), |((a, b, near), (x, y))| {
        let b = if near { a ^ (b & 0x101) } else { b };
        keys_keep_their_order(a, b);
        keys_keep_their_order(a as u16, b as u16);
        keys_keep_their_order(u128::from(a) << 64, u128::from(b));
        keys_keep_their_order(BlockHeight::new(a), BlockHeight::new(b));
        keys_keep_their_order(
            (Timestamp::new(a), JobId::from_bytes(x)),
            (Timestamp::new(b), JobId::from_bytes(y)),
        );
        let address = |bytes: [u8; 32]| Address::from_bytes(std::array::from_fn(|at| bytes[at]));
        keys_keep_their_order(address(x), address(y));
        let pair = |model, profile| Pair {
            model: ModelId::from_bytes(model),
            profile: ProfileId::from_bytes(profile),
        };
        keys_keep_their_order(pair(x, x), pair(if near { x } else { y }, y));
        Ok(())
    });
}
