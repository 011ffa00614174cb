//! What one validator can have waiting once.

use dfsn_types::{Address, AnswerRef, Attempt, Boundary, Duty, DutyKind, JobId, Seat};

/// The place of a duty: a later one for the same place takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DutySlot {
    validator: Address,
    job: JobId,
    attempt: Attempt,
    kind: &'static str,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Whole,
    Draw(u32),
    Seat(Seat),
    Answer(AnswerRef),
    Question(Seat, u8),
    Piece(Boundary, u8),
}

impl DutySlot {
    pub(super) fn of(duty: &Duty) -> Self {
        let part = match &duty.kind {
            DutyKind::AcceptJob { draw } => Part::Draw(*draw),
            DutyKind::ClaimAudit { seat, .. } | DutyKind::SubmitAudit { seat, .. } => Part::Seat(*seat),
            DutyKind::Contest { answer, .. }
            | DutyKind::RevealAnswer { answer, .. }
            | DutyKind::PostRoots { answer, .. }
            | DutyKind::PostTensor { answer, .. }
            | DutyKind::DemandTensor { answer, .. }
            | DutyKind::ProveFault { answer, .. }
            | DutyKind::CallJury { answer } => Part::Answer(*answer),
            DutyKind::DemandData { seat, question } => Part::Question(*seat, *question),
            DutyKind::PostData(chunk) => Part::Piece(chunk.boundary, chunk.index),
            _ => Part::Whole,
        };
        let Duty { validator, job, attempt, kind } = duty;
        Self { validator: *validator, job: *job, attempt: *attempt, kind: kind.name(), part }
    }
}
