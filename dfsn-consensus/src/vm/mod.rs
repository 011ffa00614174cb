//! The chain as ordering engines see it: blocks to parse, build, verify, accept or reject.
//!
//! We write no consensus protocol. An engine decides which block is next; the [`Vm`] says what blocks mean. [`InstantSeal`] is
//! the engine of one process; AvalancheGo's Snowman drives the same interface through a plugin.

mod chain_vm;
mod instant_seal;

pub use chain_vm::{Accepted, ChainVm, VmConfig, VmError};
pub use instant_seal::InstantSeal;

use dfsn_types::{Block, BlockHash, Timestamp};

/// What an engine needs of a chain.
pub trait Vm {
    /// Why a call fails.
    type Error;

    /// The last accepted block.
    fn last_accepted(&self) -> BlockHash;

    /// Decodes a block and checks its form.
    ///
    /// # Errors
    /// When the bytes are no block of this network.
    fn parse(&self, bytes: &[u8]) -> Result<Block, Self::Error>;

    /// Builds a block on the preferred one, if one is wanted at `now`.
    ///
    /// # Errors
    /// When the preferred block is not known, or time runs backwards.
    fn build(&mut self, now: Timestamp) -> Result<Option<Block>, Self::Error>;

    /// Verifies a block on its parent, which must be accepted last or processing, and keeps it processing.
    ///
    /// # Errors
    /// When the block is invalid, or cannot be judged yet.
    fn verify(&mut self, block: Block, now: Timestamp) -> Result<(), Self::Error>;

    /// Makes a processing block final.
    ///
    /// # Errors
    /// When it is not a processing child of the last accepted block, or storage fails.
    fn accept(&mut self, hash: &BlockHash) -> Result<Accepted, Self::Error>;

    /// Forgets a processing block; what was in it waits again, if it is still valid (rule MEM-10).
    fn reject(&mut self, hash: &BlockHash);

    /// Names the block to build on.
    ///
    /// # Errors
    /// When the block is neither accepted last nor processing.
    fn set_preference(&mut self, hash: &BlockHash) -> Result<(), Self::Error>;
}
