//! What kinds of validators there are, and how each does its work.

use dfsn_consensus::economics::{Fakes, Place, Workload};

/// How a validator behaves, as a worker and as an auditor. Who is named for one of the two is honest in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strategy {
    Honest,
    Garbage,
    OtherModel,
    HalfOfTheSteps,
    OneStep,
    DecoderOnly,
    /// Garbage, and no word when asked to open.
    Silent,
    /// One accepted job in twenty is late.
    Careless,
    /// Accepts and never commits.
    Deadbeat,
    /// Draws the picture and keeps it.
    Withholder,
    /// Audits by inventing answers.
    Inventor,
    /// Claims audits and does not answer.
    Mute,
    /// Answers what the worker says.
    Trusting,
    /// Never claims an audit.
    Absent,
    /// Draws garbage, and its members audit each other in their favour.
    Ring,
}

impl Strategy {
    pub(crate) const ALL: [Self; 15] = [
        Self::Honest,
        Self::Garbage,
        Self::OtherModel,
        Self::HalfOfTheSteps,
        Self::OneStep,
        Self::DecoderOnly,
        Self::Silent,
        Self::Careless,
        Self::Deadbeat,
        Self::Withholder,
        Self::Inventor,
        Self::Mute,
        Self::Trusting,
        Self::Absent,
        Self::Ring,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Garbage => "garbage",
            Self::OtherModel => "other model",
            Self::HalfOfTheSteps => "half of the steps",
            Self::OneStep => "one step left out",
            Self::DecoderOnly => "decoder left out",
            Self::Silent => "garbage, then silence",
            Self::Careless => "late once in twenty",
            Self::Deadbeat => "accepts, never commits",
            Self::Withholder => "keeps the picture",
            Self::Inventor => "invents answers",
            Self::Mute => "claims, never answers",
            Self::Trusting => "asks the worker",
            Self::Absent => "never claims",
            Self::Ring => "ring of friends",
        }
    }

    /// In which role it differs from an honest one.
    pub(crate) const fn role(self) -> &'static str {
        match self {
            Self::Honest | Self::Ring => "both",
            Self::Inventor | Self::Mute | Self::Trusting | Self::Absent => "auditor",
            _ => "worker",
        }
    }

    /// What is wrong in its results, if it cheats.
    pub(super) fn fakes(self, work: &Workload) -> Option<Fakes> {
        let none =
            Fakes { images: work.images, initial: false, steps: 0, place: Place::Best, decoder: false };
        match self {
            Self::Garbage | Self::Silent | Self::Ring => {
                Some(Fakes { steps: work.steps, decoder: true, ..none })
            }
            Self::OtherModel => Some(Fakes { steps: work.steps, ..none }),
            Self::HalfOfTheSteps => Some(Fakes { steps: work.steps / 2, ..none }),
            Self::OneStep => Some(Fakes { steps: 1, ..none }),
            Self::DecoderOnly => Some(Fakes { decoder: true, ..none }),
            _ => None,
        }
    }

    /// Whether the answer at a boundary of its result is a fake.
    pub(super) fn fakes_boundary(self, boundary: u16, steps: u16) -> bool {
        let decoder = boundary == steps + 1;
        match self {
            Self::Garbage | Self::Silent | Self::Ring => boundary > 0,
            Self::OtherModel => boundary > 0 && !decoder,
            // Every second step: no two questions are adjacent, so that this is found least often.
            Self::HalfOfTheSteps => boundary > 0 && !decoder && boundary.is_multiple_of(2),
            Self::OneStep => boundary == (steps / 2).max(1),
            Self::DecoderOnly => decoder,
            _ => false,
        }
    }

    /// The share of a job's work that it does.
    pub(super) fn effort(self, work: &Workload) -> f64 {
        let saved = self.fakes(work).map_or(0.0, |fakes| super::number(work.saved_by(&fakes)));
        match self {
            // The other model costs a quarter.
            Self::OtherModel => 1.0 - 0.75 * saved,
            Self::Garbage | Self::Silent | Self::Ring | Self::Deadbeat => 0.0,
            _ => 1.0 - saved,
        }
    }
}
