//! RegisterModel and RemoveModel.

use dfsn_types::{Address, ModelId, ModelRecord};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::{Job, ModelDeposit, Validator, model_check};

impl Execution {
    /// Registers a model for a deposit (rules MOD-01, MOD-02).
    pub(super) fn register_model(
        &mut self,
        sender: Address,
        record: &ModelRecord,
    ) -> Result<(), TransactionFailure> {
        if self.state.models.contains_key(&record.id) {
            return Err(TransactionFailure::ModelExists(record.id));
        }
        let (needed, balance) = (self.state.params.economics.model_deposit, self.state.balance(&sender));
        // Who lacks the deposit makes nobody build networks.
        if balance < needed {
            return Err(TransactionFailure::Balance { needed, balance });
        }
        model_check::check(record).map_err(TransactionFailure::Model)?;
        let coins = self.spend(&sender, needed)?;
        self.state.model_deposits.insert(record.id, ModelDeposit { registrant: sender, coins });
        self.state.models.insert(record.id, record.clone());
        Ok(())
    }

    /// Removes a model that nobody offers or waits for, and gives its deposit back (rules MOD-03, MOD-04).
    pub(super) fn remove_model(&mut self, sender: Address, model: ModelId) -> Result<(), TransactionFailure> {
        if !self.state.models.contains_key(&model) {
            return Err(TransactionFailure::UnknownModel(model));
        }
        let registrant = self.state.model_deposits.get(&model).map(|deposit| deposit.registrant);
        if registrant != Some(sender) {
            return Err(TransactionFailure::NotRegistrant { model, registrant });
        }
        let offers = |validator: &&Validator| validator.pairs.keys().any(|pair| pair.model == model);
        if let Some(validator) = self.state.validators.values().find(offers) {
            return Err(TransactionFailure::ModelOffered { model, validator: validator.address });
        }
        let uses = |job: &&Job| job.params.model() == model;
        if let Some(job) = self.open_jobs().find(uses) {
            return Err(TransactionFailure::ModelInUse { model, job: job.id });
        }
        self.state.models.remove(&model);
        if let Some(deposit) = self.state.model_deposits.remove(&model) {
            self.pay(deposit.registrant, deposit.coins);
        }
        Ok(())
    }
}
