//! How validators of the simulated network act.

/// What a validator does in each of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Behaviour {
    pub(crate) working: Working,
    pub(crate) auditing: Answering,
    pub(crate) judging: Answering,
    pub(crate) hides_reveal: bool,
    /// As a witness, fetches and keeps the pictures.
    pub(crate) stores: bool,
}

/// As a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Working {
    #[default]
    Honest,
    /// Commits to noise.
    Garbage,
    /// Draws with another seed.
    OtherSeed,
    /// Runs half the steps and shows each twice.
    FewerSteps,
    /// Runs the steps of a cheaper model.
    OtherModel,
    /// Rounds every state.
    LowerPrecision,
    /// One step comes out wrong, the rest builds upon it.
    WrongStep(u16),
    /// Lets every turn pass.
    NeverAccepts,
    /// Accepts and commits nothing.
    MissesDeadline,
    /// Commits to noise and opens nothing.
    NeverOpens,
    /// Draws honestly and opens nothing.
    Mute,
    /// Commits to noise, contests, and does not reveal.
    ContestsAndHides,
    /// Draws honestly, serves no states, and posts them when they are demanded.
    Withholds,
    /// Commits to garbage whose first state says that no state could follow, so that nobody could contradict it.
    Malformed,
    /// Draws honestly, serves no states and posts none.
    WithholdsAll,
    /// Draws honestly and contests the first right answer before opening.
    ContestsBaselessly,
}

/// As an auditor or a juror.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answering {
    #[default]
    Honest,
    /// Does not claim.
    Absent,
    /// Answers at random.
    Random,
    /// Gives the answers that another one gave.
    Copies,
    /// Claims and gives no answer.
    Silent,
    /// Answers with what the worker committed to.
    Friend,
}

impl Behaviour {
    pub(crate) const HONEST: Self = Self {
        working: Working::Honest,
        auditing: Answering::Honest,
        judging: Answering::Honest,
        hides_reveal: false,
        stores: true,
    };

    pub(crate) const fn working(working: Working) -> Self {
        Self { working, ..Self::HONEST }
    }

    pub(crate) const fn auditing(auditing: Answering) -> Self {
        Self { auditing, ..Self::HONEST }
    }

    pub(crate) const fn judging(judging: Answering) -> Self {
        Self { judging, ..Self::HONEST }
    }
}
