//! Which rules are in force: what a node is configured with beside the genesis.

use std::borrow::Cow;

use dfsn_types::{RuleVersion, Timestamp, Upgrade, UpgradeSchedule};
use thiserror::Error;

use crate::state::{ChainState, ParamError, params_check};

/// The latest version of the rules that this code knows. The rules of every version stay in it.
pub const RULE_VERSION: RuleVersion = RuleVersion::FIRST;

/// A schedule of upgrades, each within the bounds of the code. The default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    upgrades: UpgradeSchedule,
}

/// Why a schedule cannot be used, or a node goes on no further. No block is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// A number that is out of bounds after an upgrade.
    #[error("UPG-03: after the upgrade of {activation} {error}")]
    Params {
        /// The upgrade.
        activation: Timestamp,
        /// The number.
        error: ParamError,
    },
    /// Rules that this code does not have.
    #[error(
        "UPG-04: from {activation} on the network has rule version {version}, this node knows {RULE_VERSION}: \
         install a release that knows {version}, and go on from here"
    )]
    UnknownVersion {
        /// From when on.
        activation: Timestamp,
        /// The version.
        version: RuleVersion,
    },
    /// A state that an upgrade was not made in.
    #[error(
        "UPG-05: the state at {tip} went past the upgrade of {activation} without it: \
         go back to a state from before, with this schedule"
    )]
    Missed {
        /// From when on.
        activation: Timestamp,
        /// The state's last block.
        tip: Timestamp,
    },
}

impl Rules {
    /// Takes a schedule whose numbers are within bounds (rule UPG-03). A version that this code does not know is taken: the node
    /// stops when its time comes.
    ///
    /// # Errors
    /// [`UpgradeError::Params`] names the first number out of bounds.
    pub fn new(upgrades: UpgradeSchedule) -> Result<Self, UpgradeError> {
        for upgrade in &upgrades {
            if let Some(error) =
                upgrade.new_params.as_ref().and_then(|params| params_check::check(params).err())
            {
                return Err(UpgradeError::Params { activation: upgrade.activation, error });
            }
        }
        Ok(Self { upgrades })
    }

    /// The first upgrade that this code cannot follow: until then there is time to install another release.
    pub fn unknown(&self) -> Option<&Upgrade> {
        self.upgrades.iter().find(|upgrade| upgrade.rule_version > RULE_VERSION)
    }

    /// What the block after `parent` builds upon when its timestamp is `timestamp`: the parent's state, under the rules of that
    /// time (rules UPG-03 to UPG-05).
    ///
    /// # Errors
    /// [`UpgradeError`] when the rules of that time are not known, or the state missed an upgrade. That is no fault of any block,
    /// which other nodes may well accept.
    pub fn at<'a>(
        &self,
        parent: &'a ChainState,
        timestamp: Timestamp,
    ) -> Result<Cow<'a, ChainState>, UpgradeError> {
        let mut state = Cow::Borrowed(parent);
        let is_due =
            |upgrade: &&Upgrade| upgrade.activation > parent.upgraded_at && upgrade.activation <= timestamp;
        for upgrade in self.upgrades.iter().filter(is_due) {
            let (activation, version, tip) = (upgrade.activation, upgrade.rule_version, parent.tip.timestamp);
            // What is older than the network is in force from its first block on.
            if activation <= tip && parent.tip.height.get() > 0 {
                return Err(UpgradeError::Missed { activation, tip });
            }
            if version > RULE_VERSION {
                return Err(UpgradeError::UnknownVersion { activation, version });
            }
            state.to_mut().upgrade(upgrade, timestamp);
        }
        Ok(state)
    }
}
