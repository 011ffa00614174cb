//! What is sent and is no view.

use std::borrow::Cow;

use dfsn_types::{
    AccountRecord, Address, BlockHeight, DecodeError, JobId, JobRecord, ReceiptAnswer, SignedTransaction,
    StateAnswer, TransactionId, codec,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::transport::Shown;

/// The most transactions of one call.
pub const MAX_SUBMITTED: usize = 1_024;

/// The canonical bytes of a signed transaction; in JSON their hex text, with or without `0x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawTransaction(Vec<u8>);

impl RawTransaction {
    /// Encodes a transaction.
    pub fn new(transaction: &SignedTransaction) -> Self {
        Self(codec::encode(transaction))
    }

    /// Decodes it; its signature is not checked.
    ///
    /// # Errors
    /// [`DecodeError`] when it is none.
    pub fn decode(&self) -> Result<SignedTransaction, DecodeError> {
        SignedTransaction::decode(&self.0)
    }
}

impl Serialize for RawTransaction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", hex::encode(&self.0)))
    }
}

impl<'de> Deserialize<'de> for RawTransaction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        let max = SignedTransaction::MAX_BYTES;
        if digits.len() > 2 * max {
            return Err(D::Error::custom(format!(
                "{} hex digits, a transaction has at most {max} bytes",
                digits.len()
            )));
        }
        hex::decode(digits).map(Self).map_err(|error| D::Error::custom(format!("no hex text: {error}")))
    }
}

/// What became of one transaction of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Submitted {
    /// It waits, or a block has it.
    Accepted(TransactionId),
    /// The node refuses it, and says by which rule.
    Refused(String),
}

/// What is to be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ProofQuestion {
    /// An account.
    Account(Address),
    /// A job.
    Job(JobId),
    /// The receipt of a transaction in a block.
    Receipt {
        /// The block.
        height: BlockHeight,
        /// The transaction.
        id: TransactionId,
    },
}

/// Something with its proof; the variant is that of the question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofAnswer {
    /// An account.
    Account(Shown<StateAnswer<AccountRecord>>),
    /// A job.
    Job(Box<Shown<StateAnswer<JobRecord>>>),
    /// A receipt.
    Receipt(ReceiptAnswer),
}
