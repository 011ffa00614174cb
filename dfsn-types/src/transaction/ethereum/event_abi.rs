//! Events in the ABI: which field of ours is which of IDfsn.sol (rule ETH-11).

use alloy_primitives::{Address as Abi20, B256, LogData};
use alloy_sol_types::SolEvent;

use super::abi::IDfsn;
use crate::address::Address;
use crate::block::{Event, Fault, RefundReason};
use crate::bounded::BoundedVec;
use crate::hash::{JobId, ModelId, ProfileId, TraceRoot};
use crate::job::{Attempt, ImageCommitment, ImageResult, Role, TensorPart};
use crate::unit::{Amount, ChainClock, Timestamp};

/// A value as the ABI has it.
trait ToAbi {
    /// Its type there.
    type Abi;

    fn to_abi(&self) -> Self::Abi;
}

macro_rules! to_abi {
    ($($type:ty => $abi:ty: |$value:ident| $to_abi:expr;)*) => { $(
        impl ToAbi for $type {
            type Abi = $abi;

            fn to_abi(&self) -> $abi {
                let $value = self;
                $to_abi
            }
        }
    )* };
}

to_abi! {
    bool => bool: |value| *value;
    u8 => u8: |value| *value;
    u16 => u16: |value| *value;
    u32 => u32: |value| *value;
    u64 => u64: |value| *value;
    Amount => u128: |amount| amount.base_units();
    Attempt => u8: |attempt| attempt.get();
    ChainClock => u64: |clock| clock.get();
    Timestamp => u64: |time| time.get();
    Role => u8: |role| *role as u8;
    Fault => u8: |fault| *fault as u8;
    RefundReason => u8: |reason| *reason as u8;
    Address => Abi20: |address| Abi20::new(*address.as_bytes());
    JobId => B256: |hash| B256::new(*hash.as_bytes());
    ModelId => B256: |hash| B256::new(*hash.as_bytes());
    ProfileId => B256: |hash| B256::new(*hash.as_bytes());
    TraceRoot => B256: |hash| B256::new(*hash.as_bytes());
    BoundedVec<Address, 16> => Vec<Abi20>: |addresses| addresses.iter().map(ToAbi::to_abi).collect();
    BoundedVec<ImageResult, 4> => Vec<IDfsn::ImageResult>: |images| images.iter().map(image).collect();
}

fn image(image: &ImageResult) -> IDfsn::ImageResult {
    let (boundary, file, bytes, pixels) = match image {
        ImageResult::Picture(ImageCommitment { file, file_bytes, pixels }) => {
            (0, B256::new(*file.as_bytes()), *file_bytes, B256::new(*pixels.as_bytes()))
        }
        ImageResult::Failed { t } => (*t, B256::ZERO, 0, B256::ZERO),
    };
    IDfsn::ImageResult { failed: image.failed().is_some(), boundary, file, fileBytes: bytes, pixels }
}

/// Whether a part is a level of hashes, and which piece it is otherwise.
const fn part_of(part: &TensorPart) -> (bool, u32) {
    match part {
        TensorPart::Level => (true, 0),
        TensorPart::Piece(piece) => (false, *piece),
    }
}

/// The log of `Name { field, field: value }`, with all values in the ABI.
macro_rules! log {
    (@ $field:ident) => { $field };
    (@ $field:ident $value:expr) => { $value };
    ($name:ident { $($field:ident $(: $value:expr)?),* }) => {
        IDfsn::$name { $($field: ToAbi::to_abi(log!(@ $field $($value)?))),* }.encode_log_data()
    };
}

/// Each event under its own name: a new one does not compile without a form.
pub(super) fn log_data(event: &Event) -> LogData {
    match event {
        Event::JobRequested { job, requester, pair, price } => {
            log!(JobRequested { job, requester, model: &pair.model, profile: &pair.profile, price })
        }
        Event::JobDrawn { job, attempt, worker, accept_by } => {
            log!(JobDrawn { job, worker, attempt, acceptBy: accept_by })
        }
        Event::JobPassedOver { job, attempt, worker } => log!(JobPassedOver { job, worker, attempt }),
        Event::JobAccepted { job, attempt, worker, collateral, deadline } => {
            log!(JobAccepted { job, worker, attempt, collateral, deadline })
        }
        Event::JobCommitted { job, attempt, worker, commitment } => log!(JobCommitted {
            job,
            worker,
            attempt,
            traceRoot: &commitment.trace_root,
            images: &commitment.images
        }),
        Event::AuditClaimed { job, attempt, auditor, role } => {
            log!(AuditClaimed { job, auditor, attempt, role })
        }
        Event::AuditAnswered { job, attempt, auditor, role } => {
            log!(AuditAnswered { job, auditor, attempt, role })
        }
        Event::AuditOpened { job, attempt, answers } => log!(AuditOpened { job, attempt, answers }),
        Event::Contested { job, attempt, answer } => log!(Contested {
            job,
            auditor: &answer.auditor,
            attempt,
            round: &answer.round,
            question: &answer.question
        }),
        Event::RootsPosted { job, attempt, boundary, tensors } => {
            log!(RootsPosted { job, attempt, image: &boundary.image, t: &boundary.t, tensors })
        }
        Event::TensorDemanded { job, attempt, by, tensor, part } => {
            let (is_level, piece) = part_of(part);
            log!(TensorDemanded { job, by, attempt, tensor, isLevel: &is_level, piece: &piece })
        }
        Event::TensorPosted { job, attempt, tensor, part } => {
            let (is_level, piece) = part_of(part);
            log!(TensorPosted { job, attempt, tensor, isLevel: &is_level, piece: &piece })
        }
        Event::FaultProven { job, attempt, worker, by, tensor, element } => {
            log!(FaultProven { job, worker, by, attempt, tensor, element })
        }
        Event::JuryCalled { job, attempt, answer } => log!(JuryCalled {
            job,
            auditor: &answer.auditor,
            attempt,
            round: &answer.round,
            question: &answer.question
        }),
        Event::JuryHung { job, attempt, worker, worker_paid, burned } => {
            log!(JuryHung { job, worker, attempt, workerPaid: worker_paid, burned })
        }
        Event::Judged { job, attempt, worker, auditor, worker_right } => {
            log!(Judged { job, worker, auditor, attempt, workerRight: worker_right })
        }
        Event::Slashed { job, attempt, validator, fault, amount } => {
            log!(Slashed { job, validator, attempt, fault, amount })
        }
        Event::HoldPaid { job, validator, fault, paid, burned } => {
            log!(HoldPaid { job, validator, fault, paid, burned })
        }
        Event::HoldReleased { job, validator, fault, amount } => {
            log!(HoldReleased { job, validator, fault, amount })
        }
        Event::DataDemanded { job, attempt, by, boundary } => {
            log!(DataDemanded { job, by, attempt, image: &boundary.image, t: &boundary.t })
        }
        Event::DataPosted { job, attempt, boundary, index, complete } => {
            log!(DataPosted { job, attempt, image: &boundary.image, t: &boundary.t, index, complete })
        }
        Event::AnswerLeaked { job, attempt, boundary, shown_by } => {
            log!(AnswerLeaked { job, shownBy: shown_by, attempt, image: &boundary.image, t: &boundary.t })
        }
        Event::AuditRequested { job, attempt, deposit } => log!(AuditRequested { job, attempt, deposit }),
        Event::WitnessesDrawn { job, attempt, witnesses } => log!(WitnessesDrawn { job, attempt, witnesses }),
        Event::Stored { job, attempt, witness } => log!(Stored { job, witness, attempt }),
        Event::AttemptFailed { job, attempt, worker, fault } => {
            log!(AttemptFailed { job, worker, attempt, fault })
        }
        Event::Delivered { job } => log!(Delivered { job }),
        Event::JobSettled { job, attempt, worker, worker_paid, auditors_paid } => {
            log!(JobSettled { job, worker, attempt, workerPaid: worker_paid, auditorsPaid: auditors_paid })
        }
        Event::JobRefunded { job, requester, amount, reason } => {
            log!(JobRefunded { job, requester, amount, reason })
        }
        Event::TestFailed { job, validator, burned } => log!(TestFailed { job, validator, burned }),
        Event::PairActivated { validator, pair } => {
            log!(PairActivated { validator, model: &pair.model, profile: &pair.profile })
        }
        Event::Jailed { validator } => log!(Jailed { validator }),
        Event::Unbonded { owner, amount } => log!(Unbonded { owner, amount }),
        Event::Unjailed { validator } => log!(Unjailed { validator }),
        Event::Exiting { validator } => log!(Exiting { validator }),
        Event::Tombstoned { validator } => log!(Tombstoned { validator }),
        Event::Exited { validator } => log!(Exited { validator }),
        Event::OwnerChanging { validator, to, at } => log!(OwnerChanging { validator, to, time: at }),
        Event::OwnerChanged { validator, owner } => log!(OwnerChanged { validator, owner }),
        Event::JobsPaused { until } => log!(JobsPaused { until }),
        Event::JobsResumed => log!(JobsResumed {}),
    }
}
