//! What concerned an account, newest first, page by page.

use dfsn_types::{Address, BlockHeight, TransactionId};
use serde::{Deserialize, Serialize};

/// The most transactions of one page.
pub const HISTORY_PAGE: u16 = 256;

/// Where a transaction stands: by block, and in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The block.
    pub height: BlockHeight,
    /// Among its transactions, from 0.
    pub index: u32,
}

/// Which transactions are asked for: those that an account has sent, and transfers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// The account.
    pub address: Address,
    /// Only what stands before this: [`HistoryPage::next`].
    #[serde(default)]
    pub before: Option<Place>,
    /// Transactions of a page, [`HISTORY_PAGE`] at most; that many when it is not said.
    #[serde(default)]
    pub limit: Option<u16>,
}

impl HistoryQuery {
    /// The latest of an account.
    pub const fn of(address: Address) -> Self {
        Self { address, before: None, limit: None }
    }

    /// Transactions of the page, from 1 to [`HISTORY_PAGE`].
    pub fn page_len(&self) -> usize {
        usize::from(self.limit.unwrap_or(HISTORY_PAGE).clamp(1, HISTORY_PAGE))
    }
}

/// A transaction of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Where it stands.
    pub place: Place,
    /// Its name.
    pub id: TransactionId,
}

/// Some of the transactions that were asked for, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// The transactions.
    pub entries: Vec<HistoryEntry>,
    /// Before which the next page begins; nothing after the last one.
    pub next: Option<Place>,
}
