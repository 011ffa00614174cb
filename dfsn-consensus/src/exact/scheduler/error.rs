//! What a schedule cannot give.

use dfsn_types::SchedulerKind;
use thiserror::Error;

use super::super::expression::ExpressionError;

/// A scheduler that a model and a number of steps do not give.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchedulerError {
    /// A kind that has no definition.
    #[error("scheduler {0} is not supported")]
    Unsupported(SchedulerKind),
    /// A kind that reads a setting of the model which is not computed.
    #[error("scheduler {0} reads a setting of this model that is not supported: ask for another one")]
    Refused(SchedulerKind),
    /// A setting of the model that the scheduler would have to follow and does not.
    #[error(
        "scheduler_config.json: {key} = {value} is not supported with scheduler {kind}, only {supported}"
    )]
    Setting {
        /// Scheduler asked for.
        kind: SchedulerKind,
        /// The key.
        key: &'static str,
        /// What is there.
        value: String,
        /// What would be taken.
        supported: String,
    },
    /// A number of the model's settings that is out of its range; floats as bit patterns.
    #[error("scheduler setting {key} is {value}, must be {min} to {max} (floats as bit patterns)")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// What is there.
        value: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// More or fewer steps than the model's schedule has.
    #[error("num_inference_steps {steps} is not between {min} and {max}, which the model's schedule gives")]
    Steps {
        /// Steps asked for.
        steps: u32,
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
    /// No step is left.
    #[error("leaving out {start} of {steps} steps leaves none")]
    Start {
        /// Steps left out.
        start: u32,
        /// Steps asked for.
        steps: u32,
    },
    /// Runge-Kutta steps, which cannot be begun in the middle.
    #[error("scheduler_config.json: with skip_prk_steps false pndm cannot start from an image")]
    StartWithPrk,
    /// The offset pushes a timestep past the trained ones.
    #[error(
        "{steps} steps with steps_offset {steps_offset} reach timestep {timestep}, past the trained ones"
    )]
    TimestepOutOfRange {
        /// Steps asked for.
        steps: u32,
        /// Offset in the scheduler's config.
        steps_offset: u32,
        /// The timestep.
        timestep: u32,
    },
    /// An evaluation that does not fit the bounds of expressions.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
}
