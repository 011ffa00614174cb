//! What an Ethereum transaction asks for (rules ETH-04 to ETH-06).

use alloy_sol_types::SolInterface;
use alloy_sol_types::abi::AbiDecoderConfig;

use super::abi::IDfsn::{self, IDfsnCalls};
use super::error::{EthereumCallError, EthereumError};
use crate::address::Address;
use crate::block::Fault;
use crate::hash::{JobId, ModelId, ProfileId};
use crate::model::Pair;
use crate::transaction::TransactionKind;
use crate::unit::{Amount, Timestamp};

/// The one address that takes calls: the ASCII bytes of "DFSN system contract". Nobody has a key for it.
pub const SYSTEM_ADDRESS: Address = Address::from_bytes(*b"DFSN system contract");

/// Kinds that the system address has no function for, by name, each with the reason.
pub const NATIVE_ONLY: &[(&str, &str)] = &[
    ("evidence_note", "it announces evidence of the same account, which only a native transaction shows"),
    ("submit_evidence", "evidence is found by nodes, which sign natively"),
];

/// Memory that reading a call's input may take; the longest input has 16 KiB.
const INPUT_MEMORY_MAX: usize = 1 << 17;

/// Receiver, value and data of an Ethereum transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EthereumCall {
    /// An account, or [`SYSTEM_ADDRESS`].
    pub to: Address,
    /// What it moves.
    pub value: Amount,
    /// Nothing, or a function's selector and input.
    pub data: Vec<u8>,
}

impl EthereumCall {
    /// The call that is a transaction of this kind, moving `value`.
    ///
    /// # Errors
    /// [`EthereumCallError`] when there is none, or a transfer or a stake has another amount.
    pub fn new(kind: &TransactionKind, value: Amount) -> Result<Self, EthereumCallError> {
        let call = match kind {
            TransactionKind::Transfer { to, amount } => {
                return Ok(Self { to: *to, value: exactly(*amount, value)?, data: Vec::new() });
            }
            TransactionKind::Stake { amount } => {
                exactly(*amount, value)?;
                IDfsnCalls::stake(IDfsn::stakeCall {})
            }
            TransactionKind::Unstake { amount } => {
                IDfsnCalls::unstake(IDfsn::unstakeCall { amount: amount.base_units() })
            }
            TransactionKind::RegisterCompute(update) => IDfsnCalls::registerCompute(update.as_ref().into()),
            TransactionKind::TestHardware { pair } => IDfsnCalls::testHardware(IDfsn::testHardwareCall {
                model: pair.model.as_bytes().into(),
                profile: pair.profile.as_bytes().into(),
            }),
            TransactionKind::GenerationRequest(request) => {
                IDfsnCalls::generationRequest(request.as_ref().try_into()?)
            }
            TransactionKind::Receipt { job } => {
                IDfsnCalls::receipt(IDfsn::receiptCall { job: job.as_bytes().into() })
            }
            TransactionKind::Unjail => IDfsnCalls::unjail(IDfsn::unjailCall {}),
            TransactionKind::ChangeOwner { to } => {
                IDfsnCalls::changeOwner(IDfsn::changeOwnerCall { to: (*to.as_bytes()).into() })
            }
            TransactionKind::RegisterModel(record) => IDfsnCalls::registerModel(record.as_ref().into()),
            TransactionKind::RemoveModel { model } => {
                IDfsnCalls::removeModel(IDfsn::removeModelCall { model: model.as_bytes().into() })
            }
            TransactionKind::CancelRequest { job } => {
                IDfsnCalls::cancelRequest(IDfsn::cancelRequestCall { job: job.as_bytes().into() })
            }
            TransactionKind::RequestAudit { job } => {
                IDfsnCalls::requestAudit(IDfsn::requestAuditCall { job: job.as_bytes().into() })
            }
            TransactionKind::EvidenceNote { .. } | TransactionKind::SubmitEvidence(_) => {
                return Err(EthereumCallError::NativeOnly(kind.name()));
            }
            TransactionKind::PauseJobs { until } => {
                IDfsnCalls::pauseJobs(IDfsn::pauseJobsCall { until: until.get() })
            }
            TransactionKind::ReleaseHolds { fault, from, to } => {
                IDfsnCalls::releaseHolds(IDfsn::releaseHoldsCall {
                    fault: *fault as u8,
                    from: from.get(),
                    to: to.get(),
                })
            }
        };
        Ok(Self { to: SYSTEM_ADDRESS, value, data: call.abi_encode() })
    }

    /// The kind of transaction that the call is.
    ///
    /// # Errors
    /// [`EthereumError`] when it is none.
    pub fn kind(&self) -> Result<TransactionKind, EthereumError> {
        match (self.to == SYSTEM_ADDRESS, self.data.as_slice()) {
            (false, []) => Ok(TransactionKind::Transfer { to: self.to, amount: self.value }),
            (false, _) => Err(EthereumError::DataToAccount(self.to)),
            (true, []) => Err(EthereumError::NoFunction),
            (true, data) => kind_of(decode(data)?, self.value),
        }
    }
}

/// The one encoding of a call, and no other.
pub(super) fn decode(data: &[u8]) -> Result<IDfsnCalls, EthereumError> {
    let Some(selector) = data.first_chunk().copied() else {
        return Err(EthereumError::Input("a selector has 4 bytes".to_owned()));
    };
    if !IDfsnCalls::valid_selector(selector) {
        return Err(EthereumError::UnknownFunction(selector));
    }
    let config = AbiDecoderConfig::new().strict(true).memory_limit(INPUT_MEMORY_MAX);
    let input = data.get(4..).unwrap_or_default();
    let call = IDfsnCalls::abi_decode_raw_with_config(selector, input, config)
        .map_err(|error| EthereumError::Input(error.to_string()))?;
    if call.abi_encode() == data { Ok(call) } else { Err(EthereumError::InputNotCanonical) }
}

fn kind_of(call: IDfsnCalls, value: Amount) -> Result<TransactionKind, EthereumError> {
    Ok(match call {
        IDfsnCalls::stake(_) => TransactionKind::Stake { amount: value },
        IDfsnCalls::unstake(call) => {
            TransactionKind::Unstake { amount: Amount::from_base_units(call.amount) }
        }
        IDfsnCalls::registerCompute(call) => TransactionKind::RegisterCompute(Box::new(call.try_into()?)),
        IDfsnCalls::testHardware(call) => {
            let (model, profile) = (ModelId::from_bytes(call.model.0), ProfileId::from_bytes(call.profile.0));
            TransactionKind::TestHardware { pair: Pair { model, profile } }
        }
        IDfsnCalls::generationRequest(call) => TransactionKind::GenerationRequest(Box::new(call.try_into()?)),
        IDfsnCalls::receipt(call) => TransactionKind::Receipt { job: JobId::from_bytes(call.job.0) },
        IDfsnCalls::unjail(_) => TransactionKind::Unjail,
        IDfsnCalls::changeOwner(call) => {
            TransactionKind::ChangeOwner { to: Address::from_bytes(call.to.into_array()) }
        }
        IDfsnCalls::cancelRequest(call) => {
            TransactionKind::CancelRequest { job: JobId::from_bytes(call.job.0) }
        }
        IDfsnCalls::requestAudit(call) => {
            TransactionKind::RequestAudit { job: JobId::from_bytes(call.job.0) }
        }
        IDfsnCalls::registerModel(call) => TransactionKind::RegisterModel(Box::new(call.try_into()?)),
        IDfsnCalls::removeModel(call) => {
            TransactionKind::RemoveModel { model: ModelId::from_bytes(call.model.0) }
        }
        IDfsnCalls::pauseJobs(call) => TransactionKind::PauseJobs { until: Timestamp::new(call.until) },
        IDfsnCalls::releaseHolds(call) => TransactionKind::ReleaseHolds {
            fault: fault(call.fault)?,
            from: Timestamp::new(call.from),
            to: Timestamp::new(call.to),
        },
        IDfsnCalls::quote(_) => return Err(EthereumError::Question("quote")),
        IDfsnCalls::valueFor(_) => return Err(EthereumError::Question("valueFor")),
    })
}

fn fault(number: u8) -> Result<Fault, EthereumError> {
    let fault = Fault::ALL.iter().find(|fault| **fault as u8 == number).copied();
    fault.ok_or_else(|| EthereumError::Range { field: "fault", reason: number.to_string() })
}

fn exactly(moved: Amount, value: Amount) -> Result<Amount, EthereumCallError> {
    if moved == value { Ok(value) } else { Err(EthereumCallError::Value { moved, value }) }
}
