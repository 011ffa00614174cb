//! Which bits a model's pictures have, and where the networks run.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;

use crate::error::ClientError;

/// Arithmetic of a model, by its name in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Profile {
    /// The same bits on every machine; needs no libtorch.
    #[default]
    ExactV1,
    /// Those of libtorch with these settings on this machine.
    Float,
}

/// Where libtorch runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Device {
    /// A GPU if there is one.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number.
    Cuda(u8),
}

impl Profile {
    /// That this program computes the profile, for a model.
    pub(crate) fn check_built(self, model: &Path) -> Result<(), ClientError> {
        if self == Self::Float && !cfg!(feature = "torch") {
            return Err(ClientError::NoTorch(model.to_owned()));
        }
        Ok(())
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExactV1 => "exact-v1",
            Self::Float => "float",
        })
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::ExactV1, Self::Float];
        let found = known.into_iter().find(|profile| profile.to_string() == text);
        found.ok_or_else(|| format!("a profile is exact-v1 or float, not {text:?}"))
    }
}

impl TryFrom<String> for Profile {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            other => {
                let number = other.strip_prefix("cuda:").and_then(|number| number.parse().ok());
                number
                    .map(Self::Cuda)
                    .ok_or_else(|| format!("a device is auto, cpu, or cuda:N, not {text:?}"))
            }
        }
    }
}
