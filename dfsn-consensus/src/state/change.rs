//! Changes of validators that wait for their time.

use borsh::BorshSerialize;

/// What happens to a validator at a time that is known now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize)]
pub enum Change {
    /// It gets the owner that was announced (rule VAL-04).
    Owner,
    /// Its stake has been under the minimum for long (rule VAL-02).
    UnderMinimum,
    /// Its record goes, if nothing is left of it (rule VAL-06).
    Exit,
}
