//! What can be wrong with the JSON files of a model folder.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A model folder that this crate does not load, and why.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is missing or unreadable.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is longer than any of its kind should be.
    #[error("{file} is over {max} bytes")]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The limit in bytes.
        max: u64,
    },
    /// Not JSON.
    #[error("{file} is not valid JSON: {source}")]
    Parse {
        /// The file.
        file: PathBuf,
        /// Where the parser stopped.
        source: serde_json::Error,
    },
    /// JSON, but no object.
    #[error("{file}: the root of the JSON is not an object")]
    NotAnObject {
        /// The file.
        file: PathBuf,
    },
    /// A key without which nothing works.
    #[error("{file}: key {key:?} is missing")]
    Missing {
        /// The file.
        file: PathBuf,
        /// The key.
        key: &'static str,
    },
    /// A value of another JSON type.
    #[error("{file}: {key} must be {expected}, found {found}")]
    Type {
        /// The file.
        file: PathBuf,
        /// The key.
        key: &'static str,
        /// What is wanted.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A number outside its bounds.
    #[error("{file}: {key} is {value}, must be between {min} and {max}")]
    Range {
        /// The file.
        file: PathBuf,
        /// The key.
        key: &'static str,
        /// What is there.
        value: String,
        /// The least allowed.
        min: String,
        /// The most allowed.
        max: String,
    },
    /// A well-formed value that this crate does not compute.
    #[error("{file}: {key} = {value} is not supported, only {supported}")]
    Unsupported {
        /// The file.
        file: PathBuf,
        /// The key.
        key: &'static str,
        /// What is there.
        value: String,
        /// What would be taken.
        supported: String,
    },
    /// A key that this crate does not know and so cannot follow.
    #[error("{file}: unknown key {key:?}, which may change what the model computes")]
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
    },
    /// Two files that do not belong together.
    #[error("{left} = {left_value} does not fit {right} = {right_value}")]
    Mismatch {
        /// First key, with its file.
        left: &'static str,
        /// Its value.
        left_value: u32,
        /// Second key, with its file.
        right: &'static str,
        /// Its value.
        right_value: u32,
    },
}
