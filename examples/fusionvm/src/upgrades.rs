//! The network's schedule of upgrades (ADR 0023): read, and held against the chain before the node begins.

use std::path::{Path, PathBuf};

use dfsn_consensus::state::ChainState;
use dfsn_consensus::{RULE_VERSION, Rules};
use dfsn_types::{Timestamp, UpgradeSchedule};

use crate::error::NodeError;
use crate::file::too_long;

/// The most bytes of a schedule: 256 upgrades with all parameters.
const BYTES_MAX: u64 = 4 << 20;

/// A schedule, and where it stands. The default has no upgrades.
#[derive(Clone, Debug, Default)]
pub struct Upgrades {
    rules: Rules,
    path: PathBuf,
}

impl Upgrades {
    /// Reads a file.
    ///
    /// # Errors
    /// [`NodeError::Io`], [`NodeError::Upgrades`].
    pub fn read(path: &Path) -> Result<Self, NodeError> {
        if let Some(reason) = too_long(path, BYTES_MAX).map_err(NodeError::io(path))? {
            return Err(wrong(path, reason));
        }
        Self::parse(&std::fs::read(path).map_err(NodeError::io(path))?, path)
    }

    /// Reads what is in a file; nothing is a schedule without upgrades.
    ///
    /// # Errors
    /// [`NodeError::Upgrades`] names the upgrade and the rule that it breaks (UPG-01 to UPG-03).
    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Self, NodeError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let schedule: UpgradeSchedule =
            serde_json::from_slice(bytes).map_err(|error| wrong(path, error.to_string()))?;
        let rules = Rules::new(schedule).map_err(|error| wrong(path, error.to_string()))?;
        Ok(Self { rules, path: path.to_owned() })
    }

    /// For the chain's machine.
    pub(crate) fn rules(&self) -> Rules {
        self.rules.clone()
    }

    /// Whether a chain that stands at `state` can go on now; says what is coming that this program does not know.
    ///
    /// # Errors
    /// [`NodeError::Upgrades`] when rules are due that this program does not know (UPG-04), or the chain went past an upgrade
    /// without it (UPG-05).
    pub(crate) fn check(&self, state: &ChainState, now: Timestamp) -> Result<(), NodeError> {
        self.rules
            .at(state, now.max(state.tip.timestamp))
            .map_err(|error| wrong(&self.path, error.to_string()))?;
        if let Some(unknown) = self.rules.unknown() {
            let (version, activation) = (unknown.rule_version, unknown.activation);
            tracing::warn!(
                %version, %activation, known = %RULE_VERSION,
                "this node stops at an upgrade to rules that it does not know: install a release that does before"
            );
        }
        Ok(())
    }
}

fn wrong(path: &Path, reason: String) -> NodeError {
    NodeError::Upgrades { path: path.to_owned(), reason }
}
