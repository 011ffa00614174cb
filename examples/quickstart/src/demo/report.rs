//! The JSON line for scripts.

use std::io::Write;

use dfsn_client::view::{AccountInfo, JobInfo};
use dfsn_consensus::state::Supply;
use dfsn_types::{Address, Amount};
use serde_json::{Value, json};

use super::pictures::WrittenImage;
use super::timeline::Timeline;
use crate::error::DemoError;

/// Somebody's money at one time.
#[derive(Clone, Debug)]
pub(super) struct Balance {
    /// Who, for people.
    pub(super) name: String,
    /// Who, for machines.
    pub(super) address: Address,
    /// How much.
    pub(super) account: AccountInfo,
}

/// Everything the last line says.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) info: &'a JobInfo,
    pub(super) images: &'a [WrittenImage],
    pub(super) timeline: &'a Timeline,
    pub(super) before: &'a [Balance],
    pub(super) after: &'a [Balance],
    /// What there is and what genesis made; nobody counts the coins of a network elsewhere.
    pub(super) supply: Option<(&'a Supply, Amount)>,
}

impl Report<'_> {
    /// Prints it as one line.
    pub(super) fn print(&self) -> Result<(), DemoError> {
        let images: Vec<Value> = self.images.iter().map(image).collect();
        let report = json!({
            "job": self.info.id,
            "status": self.info.status,
            "worker": self.info.worker,
            "attempt": self.info.attempt,
            "price": self.info.price,
            "images": images,
            "audits": self.timeline.audits(),
            "slashes": self.timeline.slashes(),
            "balances": { "before": accounts(self.before), "after": accounts(self.after) },
            "supply": self.supply.map(|(supply, minted)| {
                json!({ "minted": minted, "counted": supply.total(), "burned": supply.burned })
            }),
            "settled_after_ms": self.timeline.settled_after().map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        });
        writeln!(std::io::stdout(), "{report}").map_err(DemoError::Print)
    }
}

fn image(image: &WrittenImage) -> Value {
    json!({ "path": image.path, "pixel_hash": image.pixel_hash, "file_hash": image.file_hash })
}

fn accounts(balances: &[Balance]) -> Vec<Value> {
    let account = |balance: &Balance| json!({ "name": balance.name, "address": balance.address, "balance": balance.account.balance, "stake": balance.account.stake });
    balances.iter().map(account).collect()
}
