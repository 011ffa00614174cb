//! What the fuzz targets share.

use std::fmt::Debug;

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{ChainId, ChainIdentity, GenesisHash, codec};
use serde::{Serialize, de::DeserializeOwned};

include!(concat!(env!("OUT_DIR"), "/wire_types.rs"));

/// More than the largest message, a block.
pub const MAX_BYTES: usize = 2 << 20;

/// The network of the samples, for which the seeds were signed.
pub fn chain() -> ChainIdentity {
    let chain_id = ChainId::new(7777).expect("in range");
    let genesis = std::array::from_fn(|index| 0xC0_u8.wrapping_add(index as u8));
    ChainIdentity { chain_id, genesis: GenesisHash::from_bytes(genesis) }
}

/// Bytes of a type: refused, or the only bytes of their value.
pub fn decoded<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) -> Option<T> {
    let value: T = codec::decode(bytes, MAX_BYTES).ok()?;
    assert!(codec::encode(&value) == bytes, "decoding and encoding again gives other bytes");
    assert_eq!(codec::encoded_len(&value), bytes.len(), "the length is counted wrong");
    Some(value)
}

/// JSON of a type: refused, or written back so that it reads the same.
pub fn read_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(text).ok()?;
    let written = serde_json::to_vec(&value).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert!(again == value, "JSON written and read again is another value");
    Some(value)
}
