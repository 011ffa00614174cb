//! The parts of the state that the state root covers, in order.

/// A part of the state with a root of its own; the numbers are their places under the state root (rule HSH-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum StateSection {
    /// What is no map: parameters, tip, totals.
    Scalars = 0,
    /// [`AccountRecord`](super::AccountRecord) by address.
    Accounts = 1,
    /// [`ValidatorRecord`](super::ValidatorRecord) by the account that staked first.
    Validators = 2,
    /// Validators by owner.
    Owners = 3,
    /// Changes of validators, by when they are due.
    Changes = 4,
    /// [`ModelRecord`](crate::ModelRecord) by id.
    Models = 5,
    /// Deposits of models.
    ModelDeposits = 6,
    /// [`ProfileRecord`](crate::ProfileRecord) by id.
    Profiles = 7,
    /// Prompts of hardware tests, by number.
    TestPrompts = 8,
    /// [`JobRecord`](super::JobRecord) by id.
    Jobs = 9,
    /// Waiting requests, by pair.
    Queues = 10,
    /// Open windows.
    Windows = 11,
    /// Ended jobs, by when their records leave.
    Ended = 12,
    /// Unstaked money, by when it is paid out.
    Unbonding = 13,
    /// Held penalties, by when they are paid out.
    Holds = 14,
    /// Announced evidence.
    Notes = 15,
    /// The same, oldest first.
    NoteOrder = 16,
}

impl StateSection {
    /// Number of parts.
    pub const COUNT: usize = 17;

    /// The place among the roots of all parts.
    pub const fn index(self) -> usize {
        self as usize
    }
}
