//! Changes of validators that wait for their time.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::merkle::{KeyBytes, MerkleKey};

/// What happens to a validator at a time that is known now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Change {
    /// It gets the owner that was announced (rule VAL-04).
    Owner,
    /// Its stake has been under the minimum for long (rule VAL-02).
    UnderMinimum,
    /// Its record goes, if nothing is left of it (rule VAL-06).
    Exit,
}

impl Change {
    const ALL: [Self; 3] = [Self::Owner, Self::UnderMinimum, Self::Exit];
}

impl MerkleKey for Change {
    const WIDTH: usize = 1;

    fn write_key(&self, bytes: &mut KeyBytes) {
        (*self as u8).write_key(bytes);
    }

    fn read_key(bytes: &mut &[u8]) -> Option<Self> {
        Self::ALL.get(usize::from(u8::read_key(bytes)?)).copied()
    }
}
