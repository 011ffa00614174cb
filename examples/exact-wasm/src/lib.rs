//! The exact profile where there are no files and no threads: a [`Session`] holds a model from bytes in memory, draws
//! pictures and re-executes single steps of others' pictures; [`read_picture`] and [`check_job`] need no model.
//!
//! [`abi`] is what WebAssembly exports; `exact.mjs` beside the manifest calls it from a page, a worker or Node.

pub mod abi;
mod proof;
mod request;
mod session;

pub use proof::{NotProven, PictureFile, ProvenJob, RedoneStep, StepClaim, check_job, read_picture};
pub use request::{RequestError, read_request};
pub use session::{Drawn, Session, SessionError};
