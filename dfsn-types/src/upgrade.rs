//! Changes of the rules, announced beforehand: what a node reads from its `upgrades.json`.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bounded::BoundedVec;
use crate::macros::checked_decode;
use crate::params::ConsensusParams;
use crate::unit::{DurationMs, RuleVersion, Timestamp};

/// Upgrades of one schedule.
pub const UPGRADES_MAX: usize = 256;

/// From a time on, the rules of a version and the numbers they use.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// When the network was told.
    pub announced: Timestamp,
    /// The first block of this time or later is the first under the new rules.
    pub activation: Timestamp,
    /// Version of the rules from then on.
    pub rule_version: RuleVersion,
    /// All numbers of the protocol from then on; without, they stay as they are.
    pub new_params: Option<ConsensusParams>,
}

/// All upgrades of a network, oldest first. It is no part of the genesis: every node is configured with it, and nodes with
/// different schedules part ways at the first difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, Serialize)]
pub struct UpgradeSchedule {
    upgrades: BoundedVec<Upgrade, UPGRADES_MAX>,
}

/// Why a list of upgrades is no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UpgradeScheduleError {
    /// Not later than the one before.
    #[error("UPG-01: activation {activation} does not come after {before}, that of the upgrade before")]
    Order {
        /// When it would be in force.
        activation: Timestamp,
        /// When the one before is.
        before: Timestamp,
    },
    /// An older version than the one before.
    #[error("UPG-01: the upgrade of {activation} goes back to rule version {version}, from {before}")]
    Version {
        /// When it would be in force.
        activation: Timestamp,
        /// Its version.
        version: RuleVersion,
        /// The version before.
        before: RuleVersion,
    },
    /// Announced too late.
    #[error("UPG-02: the upgrade of {activation} was announced at {announced}, less than 7 days before")]
    Notice {
        /// When it would be in force.
        activation: Timestamp,
        /// When the network was told.
        announced: Timestamp,
    },
}

impl UpgradeSchedule {
    /// Time between announcement and activation, at the least (rule UPG-02).
    pub const NOTICE_MS: DurationMs = DurationMs::new(604_800_000);

    /// Checks order and notice (rules UPG-01, UPG-02).
    ///
    /// # Errors
    /// [`UpgradeScheduleError`] names the first upgrade that breaks a rule.
    pub fn new(upgrades: BoundedVec<Upgrade, UPGRADES_MAX>) -> Result<Self, UpgradeScheduleError> {
        let (mut before, mut version) = (None, RuleVersion::FIRST);
        for upgrade in upgrades.iter() {
            let (activation, announced) = (upgrade.activation, upgrade.announced);
            if let Some(before) = before.filter(|before| activation <= *before) {
                return Err(UpgradeScheduleError::Order { activation, before });
            }
            if upgrade.rule_version < version {
                let (before, version) = (version, upgrade.rule_version);
                return Err(UpgradeScheduleError::Version { activation, version, before });
            }
            if activation < announced.after(Self::NOTICE_MS) {
                return Err(UpgradeScheduleError::Notice { activation, announced });
            }
            (before, version) = (Some(activation), upgrade.rule_version);
        }
        Ok(Self { upgrades })
    }

    /// The upgrades, oldest first.
    pub fn iter(&self) -> core::slice::Iter<'_, Upgrade> {
        self.upgrades.iter()
    }
}

impl<'a> IntoIterator for &'a UpgradeSchedule {
    type Item = &'a Upgrade;
    type IntoIter = core::slice::Iter<'a, Upgrade>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The form of a schedule, before its checks.
#[derive(BorshDeserialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSchedule {
    upgrades: BoundedVec<Upgrade, UPGRADES_MAX>,
}

impl TryFrom<RawSchedule> for UpgradeSchedule {
    type Error = UpgradeScheduleError;

    fn try_from(raw: RawSchedule) -> Result<Self, UpgradeScheduleError> {
        Self::new(raw.upgrades)
    }
}

checked_decode!(UpgradeSchedule, RawSchedule);
