//! Waiting requests of one pair, best-paying first.

use std::cmp::Reverse;

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::merkle::{KeyBytes, MerkleKey};
use dfsn_types::{Amount, BlockHeight, JobId};

/// Place in the queue of a pair: price per unit, then age (rule DRW-01). The first in order is drawn first, the last is pushed
/// out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct QueueKey {
    price_per_unit: ReverseAmount,
    height: BlockHeight,
    index: u32,
    job: JobId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ReverseAmount(Reverse<Amount>);

impl BorshSerialize for ReverseAmount {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.0.0.serialize(writer)
    }
}

impl BorshDeserialize for ReverseAmount {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        Ok(Self(Reverse(Amount::deserialize_reader(reader)?)))
    }
}

impl QueueKey {
    /// The place of a request included at `height` as transaction `index`.
    pub const fn new(price_per_unit: Amount, height: BlockHeight, index: u32, job: JobId) -> Self {
        Self { price_per_unit: ReverseAmount(Reverse(price_per_unit)), height, index, job }
    }

    /// Whose place.
    pub const fn job(&self) -> JobId {
        self.job
    }
}

impl MerkleKey for QueueKey {
    const WIDTH: usize = 60;

    fn write_key(&self, bytes: &mut KeyBytes) {
        let Self { price_per_unit, height, index, job } = self;
        // The complement turns the order around.
        (!price_per_unit.0.0.base_units(), *height, *index, *job).write_key(bytes);
    }

    fn read_key(bytes: &mut &[u8]) -> Option<Self> {
        let (price, height, index, job) = <(u128, _, _, _)>::read_key(bytes)?;
        Some(Self::new(Amount::from_base_units(!price), height, index, job))
    }
}
