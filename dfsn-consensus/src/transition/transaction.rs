//! A transaction: whether a block may hold it, its fee, and what it does.

use dfsn_types::{
    Address, Amount, Gas, SYSTEM_ADDRESS, SignedTransaction, TransactionId, TransactionKind,
    TransactionReceipt, TransactionStatus, VerifiedTransaction, codec,
};

use super::Execution;
use super::execution::Call;
use crate::error::{BlockRuleError, IncludeError, Rule, TransactionFailure};
use crate::gas;
use crate::state::ChainState;

impl Execution {
    /// Executes a transaction in the user lane.
    ///
    /// # Errors
    /// [`IncludeError`] when no block may hold it now; nothing has changed then. A transaction that fails otherwise is
    /// included: its nonce is used, its fee paid, and its receipt says which rule it broke (rule TX-06).
    pub fn apply_transaction(&mut self, transaction: &VerifiedTransaction) -> Result<(), IncludeError> {
        let gas_used = self.check_includable(transaction)?;
        let sender = transaction.sender();
        let index = self.used.transactions;
        self.used.transactions = index.saturating_add(1);
        self.used.gas = self.used.gas.saturating_add(gas_used.get());
        self.used.user_bytes = self.used.user_bytes.saturating_add(len(transaction));
        let fee = self.charge(transaction, gas_used);
        self.call = Call { value: transaction.value(), moved: Amount::ZERO };
        let status = match self.run(sender, &transaction.transaction().kind, transaction.id(), index) {
            Ok(()) => TransactionStatus::Succeeded,
            Err(failure) => TransactionStatus::Failed { rule: failure.rule() },
        };
        self.receipts.transactions.push(TransactionReceipt { id: transaction.id(), status, gas_used, fee });
        Ok(())
    }

    /// What rule BLK-09 says of transactions that nobody has verified: each uses the gas of a transfer at least. A block of more is
    /// refused before it costs thousands of signatures.
    pub(super) fn check_user_lane(&self, transactions: &[SignedTransaction]) -> Result<(), BlockRuleError> {
        let params = &self.state.params.chain;
        let (gas_limit, bytes_limit) = (params.gas_limit.get(), u64::from(params.user_lane_bytes));
        let (mut gas, mut bytes) = (0u64, 0u64);
        for transaction in transactions {
            gas = gas.saturating_add(gas::TRANSFER_GAS);
            bytes = bytes.saturating_add(u64::try_from(codec::encoded_len(transaction)).unwrap_or(u64::MAX));
            for (what, used, limit) in [("gas", gas, gas_limit), ("bytes", bytes, bytes_limit)] {
                if used > limit {
                    let (id, error) = (transaction.id(), IncludeError::LaneFull { what, used, limit });
                    return Err(BlockRuleError::Include { id, error });
                }
            }
        }
        Ok(())
    }

    /// Rules TX-02 to TX-05, and the bounds of the lane (rule BLK-09).
    fn check_includable(&self, verified: &VerifiedTransaction) -> Result<Gas, IncludeError> {
        let (sender, actual) = (verified.sender(), verified.transaction().nonce);
        let expected = self.state.accounts.get(&sender).map(|account| account.nonce).unwrap_or_default();
        if actual != expected {
            return Err(IncludeError::Nonce { sender, actual, expected });
        }
        let needed = check_sender(&self.state, verified)?;
        self.check_lane(verified, needed)?;
        Ok(needed)
    }

    fn check_lane(&self, verified: &VerifiedTransaction, needed: Gas) -> Result<(), IncludeError> {
        let params = &self.state.params.chain;
        let (used, limit) = (self.used.gas.saturating_add(needed.get()), params.gas_limit.get());
        if used > limit {
            return Err(IncludeError::LaneFull { what: "gas", used, limit });
        }
        let (used, limit) =
            (self.used.user_bytes.saturating_add(len(verified)), u64::from(params.user_lane_bytes));
        if used > limit {
            return Err(IncludeError::LaneFull { what: "bytes", used, limit });
        }
        Ok(())
    }

    /// Takes the fee (rule FEE-01), burns the base part, tips the builder, uses the nonce and pins the key.
    fn charge(&mut self, verified: &VerifiedTransaction, gas_used: Gas) -> Amount {
        let transaction = verified.transaction();
        let base_fee = self.state.tip.base_fee_per_gas;
        let tip =
            transaction.max_priority_fee_per_gas.min(transaction.max_fee_per_gas.saturating_sub(base_fee));
        let cost = |price: Amount| price.checked_mul(gas_used.get()).unwrap_or_default();
        let account = self.state.accounts.get_or_default(verified.sender());
        account.nonce = account.nonce.next();
        account.key = Some(verified.key());
        // Covered: the balance holds the highest fee for the whole limit.
        let burned = account.balance.take_up_to(cost(base_fee));
        let tipped = account.balance.take_up_to(cost(tip));
        let fee = burned.amount().checked_add(tipped.amount()).unwrap_or_default();
        self.burn(burned);
        self.pay(self.fee_recipient, tipped);
        fee
    }

    pub(super) fn run(
        &mut self,
        sender: Address,
        kind: &TransactionKind,
        id: TransactionId,
        index: u32,
    ) -> Result<(), TransactionFailure> {
        if !kind.is_payable() {
            self.check_value(Amount::ZERO)?;
        }
        match kind {
            TransactionKind::Transfer { to, amount } => self.transfer(sender, *to, *amount),
            TransactionKind::Stake { amount } => self.stake(sender, *amount),
            TransactionKind::Unstake { amount } => self.unstake(sender, *amount),
            TransactionKind::RegisterCompute(update) => self.register_compute(sender, update),
            TransactionKind::TestHardware { pair } => self.test_hardware(sender, *pair, id, index),
            TransactionKind::GenerationRequest(request) => {
                self.generation_request(sender, request, id, index)
            }
            TransactionKind::Receipt { job } => self.receipt(sender, *job),
            TransactionKind::Unjail => self.unjail(sender),
            TransactionKind::ChangeOwner { to } => self.change_owner(sender, *to),
            TransactionKind::RegisterModel(record) => self.register_model(sender, record),
            TransactionKind::RemoveModel { model } => self.remove_model(sender, *model),
            TransactionKind::CancelRequest { job } => self.cancel_request(sender, *job),
            TransactionKind::RequestAudit { job } => self.request_audit(sender, *job),
            TransactionKind::EvidenceNote { note } => self.evidence_note(*note),
            TransactionKind::SubmitEvidence(evidence) => self.submit_evidence(sender, evidence),
            TransactionKind::PauseJobs { until } => self.pause_jobs(sender, *until),
            TransactionKind::ReleaseHolds { fault, from, to } => {
                self.vote_to_release(sender, *fault, *from, *to)
            }
            // Kinds that this version of the rules does not know cannot be decoded.
            _ => Err(TransactionFailure::Zero),
        }
    }

    /// Moves money between balances (rules MON-02, MON-03, ETH-09).
    fn transfer(&mut self, from: Address, to: Address, amount: Amount) -> Result<(), TransactionFailure> {
        if to == SYSTEM_ADDRESS {
            return Err(TransactionFailure::ToSystemAddress);
        }
        let coins = self.spend(&from, amount)?;
        self.pay(to, coins);
        Ok(())
    }

    /// Takes money that a transaction moves: all that it moves, at once.
    pub(super) fn spend(
        &mut self,
        from: &Address,
        amount: Amount,
    ) -> Result<crate::state::Coins, TransactionFailure> {
        if amount.is_zero() {
            return Err(TransactionFailure::Zero);
        }
        self.check_value(amount)?;
        self.call.moved = amount;
        let balance = self.state.balance(from);
        self.withdraw(from, amount).ok_or(TransactionFailure::Balance { needed: amount, balance })
    }

    /// A wallet shows its user the value of what it signs: that, and nothing else, may leave the account (rule ETH-08).
    fn check_value(&self, moved: Amount) -> Result<(), TransactionFailure> {
        match self.call.value {
            Some(value) if value != moved => Err(TransactionFailure::Value { moved, value }),
            _ => Ok(()),
        }
    }
}

/// Rules TX-03 to TX-05: key, fees, gas and balance, whatever the nonce. Gives the gas that is charged.
pub(crate) fn check_sender(state: &ChainState, verified: &VerifiedTransaction) -> Result<Gas, IncludeError> {
    check_sender_at(state, verified, state.tip.base_fee_per_gas)
}

/// The same in a block with another base fee.
///
/// # Errors
/// [`IncludeError`] as above.
pub(crate) fn check_sender_at(
    state: &ChainState,
    verified: &VerifiedTransaction,
    base_fee: Amount,
) -> Result<Gas, IncludeError> {
    let (sender, transaction) = (verified.sender(), verified.transaction());
    let account = state.accounts.get(&sender);
    let pinned = account.and_then(|account| account.key);
    if pinned.is_some_and(|key| key != verified.key()) {
        return Err(IncludeError::KeyPinned { sender, key: verified.key() });
    }
    let (max_fee, tip) = (transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas);
    if max_fee < base_fee {
        return Err(IncludeError::FeeTooLow { max_fee, base_fee });
    }
    if tip > max_fee {
        return Err(IncludeError::TipOverFee { tip, max_fee });
    }
    let (needed, limit) = (gas::gas_needed(verified), transaction.gas_limit);
    if limit < needed {
        return Err(IncludeError::GasLimit { needed, limit });
    }
    let balance = account.map_or(Amount::ZERO, |account| account.balance.amount());
    let fee = max_fee.checked_mul(limit.get()).unwrap_or(Amount::from_base_units(u128::MAX));
    if fee > balance {
        return Err(IncludeError::Balance { fee, balance });
    }
    Ok(needed)
}

fn len(transaction: &VerifiedTransaction) -> u64 {
    u64::try_from(transaction.byte_len()).unwrap_or(u64::MAX)
}
