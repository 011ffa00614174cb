//! What changed between two maps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Key, Map, apply, operations};
use crate::properties::check;

/// The entries that differ, found by looking at all of them.
fn expected(old: &BTreeMap<Key, u64>, new: &BTreeMap<Key, u64>) -> Vec<(Key, Option<u64>)> {
    let keys: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    let differ = |key: &Key| old.get(key) != new.get(key);
    keys.into_iter().filter(differ).map(|key| (key, new.get(&key).copied())).collect()
}

fn changes(old: &Map, new: &Map) -> Vec<(Key, Option<u64>)> {
    new.changes_since(old).into_iter().map(|(key, value)| (*key, value.copied())).collect()
}

#[test]
fn changes_are_what_differs() {
    check(256, &(operations(80), operations(40)), |(before, after)| {
        let (mut map, mut model) = (Map::new(), BTreeMap::new());
        before.iter().for_each(|operation| apply(&mut map, &mut model, operation));
        let (old, old_model) = (map.clone(), model.clone());
        after.iter().for_each(|operation| apply(&mut map, &mut model, operation));
        prop_assert_eq!(changes(&old, &map), expected(&old_model, &model));
        prop_assert_eq!(changes(&map, &old), expected(&model, &old_model));
        Ok(())
    });
}

#[test]
fn maps_that_share_nothing_are_compared_too() {
    check(128, &(operations(60), operations(60)), |(first, second)| {
        let (mut a, mut b) = ((Map::new(), BTreeMap::new()), (Map::new(), BTreeMap::new()));
        first.iter().for_each(|operation| apply(&mut a.0, &mut a.1, operation));
        second.iter().for_each(|operation| apply(&mut b.0, &mut b.1, operation));
        prop_assert_eq!(changes(&a.0, &b.0), expected(&a.1, &b.1));
        Ok(())
    });
}

/// A value that counts how often it is compared.
#[derive(Clone, Debug)]
struct Counted(u64);

thread_local! {
    static COMPARED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        COMPARED.set(COMPARED.get() + 1);
        self.0 == other.0
    }
}

#[test]
fn shared_parts_are_not_looked_at() {
    let mut map: dfsn_types::MerkleMap<u64, Counted> =
        (0..10_000).map(|key| (key * 3, Counted(key))).collect();
    let old = map.clone();
    // In the middle of everything: one new key, one changed, one gone.
    map.insert(15_001, Counted(0));
    *map.get_mut(&9_000).unwrap() = Counted(1);
    map.remove(&21_000);
    let changed: Vec<u64> = map.changes_since(&old).into_iter().map(|(key, _)| *key).collect();
    assert_eq!(changed, [9_000, 15_001, 21_000]);
    assert!(COMPARED.get() <= 4, "{} of 10,000 values were compared", COMPARED.get());
}
