//! Lists of records, read with a bound on their number before memory is taken (rule ENC-03).

use std::collections::{BTreeMap, BTreeSet};

use borsh::BorshDeserialize;
use borsh::io::{Error, ErrorKind, Read, Result};
use dfsn_types::BoundedVec;
pub(super) use dfsn_types::{LEAVES_MAX as BOUNDARIES_MAX, PAIRS_MAX, QUESTIONS_MAX};

/// More than the validators that one record can name: at most one more passes in each block of a day.
pub(super) const PARTIES_MAX: usize = 1 << 20;
/// Answers to all questions of all claims.
pub(super) const ANSWERS_MAX: usize = PARTIES_MAX * QUESTIONS_MAX;

/// Reads at most `MAX` elements.
pub(super) fn vec<T: BorshDeserialize, R: Read, const MAX: usize>(reader: &mut R) -> Result<Vec<T>> {
    Ok(BoundedVec::<T, MAX>::deserialize_reader(reader)?.into_inner())
}

/// Reads a list that may be missing, as [`vec`].
pub(super) fn optional_vec<T: BorshDeserialize, R: Read, const MAX: usize>(
    reader: &mut R,
) -> Result<Option<Vec<T>>> {
    Ok(Option::<BoundedVec<T, MAX>>::deserialize_reader(reader)?.map(BoundedVec::into_inner))
}

/// Reads at most `MAX` keys, strictly ascending.
pub(super) fn set<K: BorshDeserialize + Ord, R: Read, const MAX: usize>(
    reader: &mut R,
) -> Result<BTreeSet<K>> {
    let keys = vec::<K, R, MAX>(reader)?;
    check_order(&keys)?;
    Ok(keys.into_iter().collect())
}

/// Reads at most `MAX` entries, their keys strictly ascending.
pub(super) fn map<K: BorshDeserialize + Ord, V: BorshDeserialize, R: Read, const MAX: usize>(
    reader: &mut R,
) -> Result<BTreeMap<K, V>> {
    let entries = vec::<(K, V), R, MAX>(reader)?;
    check_order(&entries.iter().map(|(key, _)| key).collect::<Vec<_>>())?;
    Ok(entries.into_iter().collect())
}

fn check_order<K: Ord>(keys: &[K]) -> Result<()> {
    if keys.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidData, "keys are not strictly ascending"))
}
