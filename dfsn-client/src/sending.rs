//! A transaction on its way from a nonce to its receipt.

use dfsn_types::{
    Amount, ChainIdentity, Nonce, Transaction, TransactionId, TransactionKind, TransactionStatus,
};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::client::Client;
use crate::error::ClientError;
use crate::key::ClientKey;
use crate::transport::{Notification, Subscription, Transport, TransportError};
use crate::view::Preview;

/// How far a transaction is on its way to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendStage {
    /// It is signed.
    Signed(TransactionId),
    /// The node has checked it and lets it wait for a block.
    InMempool(TransactionId),
}

/// Is told each stage as it is reached.
pub(crate) type Watch<'a> = &'a mut (dyn FnMut(SendStage) + Send);

/// A transaction that the node may have and whose outcome the client has not seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsettled {
    id: TransactionId,
    nonce: Nonce,
    max_fee_per_gas: Amount,
}

impl<T: Transport> Client<T> {
    /// Signs a transaction with the account's next nonce, sends it, and waits until a block has it.
    ///
    /// Clones of one client send one after the other. When no block takes the transaction within
    /// [`ClientConfig::inclusion_timeout`](crate::ClientConfig::inclusion_timeout), or the call is dropped before its end, the next
    /// call replaces the transaction at a higher fee, or sends nothing and says that it was included after all. So a call that is
    /// made again after [`ClientError::NotIncluded`] pays nothing twice.
    ///
    /// # Errors
    /// [`ClientError::Transport`] when the node refuses it, [`ClientError::Failed`] when a block has it and it failed,
    /// [`ClientError::NotIncluded`] when no block has it in time, [`ClientError::EarlierSettled`] when nothing was sent. With an
    /// Ethereum key [`ClientError::WouldFail`] and [`ClientError::NoEthereumForm`], too: nothing was sent.
    pub async fn send(&self, kind: TransactionKind) -> Result<TransactionId, ClientError> {
        self.send_in_turn(&mut *self.turn().await, kind, &mut |_| {}).await
    }

    pub(crate) async fn send_in_turn(
        &self,
        unsettled: &mut Option<Unsettled>,
        kind: TransactionKind,
        watch: Watch<'_>,
    ) -> Result<TransactionId, ClientError> {
        let network = self.network().await?;
        let nonce = self.account(self.address()).await?.nonce;
        let earlier = *unsettled;
        if let Some(Unsettled { id, nonce, .. }) = earlier.filter(|earlier| nonce > earlier.nonce) {
            *unsettled = None;
            return Err(ClientError::EarlierSettled { earlier: id, nonce });
        }
        let tip = self.config().max_priority_fee_per_gas;
        let max_fee_per_gas =
            self.highest_fee(network.base_fee_per_gas, earlier.as_ref()).ok_or(ClientError::FeeOverflow)?;
        let value = self.value(&kind).await?;
        let transaction = Transaction {
            chain_id: network.chain_id,
            nonce,
            gas_limit: self.key().gas(&kind, value)?,
            max_fee_per_gas,
            max_priority_fee_per_gas: tip,
            kind,
        };
        let chain = ChainIdentity { chain_id: network.chain_id, genesis: network.genesis };
        let signed = self.key().sign(transaction, value, &chain)?;
        let sent = Unsettled { id: signed.id(), nonce, max_fee_per_gas };
        watch(SendStage::Signed(sent.id));
        let mut blocks = self.transport().subscribe();
        *unsettled = Some(sent);
        if let Err(error) = self.ask(self.transport().submit(signed)).await {
            if matches!(error, ClientError::Transport(TransportError::Refused(_))) {
                *unsettled = earlier;
            }
            return Err(error);
        }
        watch(SendStage::InMempool(sent.id));
        let waited = self.config().inclusion_timeout;
        let outcome = tokio::time::timeout(waited, self.outcome(&mut blocks, &sent)).await;
        let outcome = outcome.unwrap_or(Err(ClientError::NotIncluded { id: sent.id, nonce, waited }));
        if is_settled(&outcome) {
            *unsettled = None;
        }
        outcome.map(|()| sent.id)
    }

    /// What an Ethereum transaction says to move (rule ETH-08); a native one says it in its kind. A node that tells too much makes
    /// the transaction fail, and nothing else.
    async fn value(&self, kind: &TransactionKind) -> Result<Amount, ClientError> {
        match (self.key(), kind) {
            (ClientKey::Native(_), _) => Ok(Amount::ZERO),
            (_, TransactionKind::Transfer { amount, .. } | TransactionKind::Stake { amount }) => Ok(*amount),
            (_, kind) if !kind.is_payable() => Ok(Amount::ZERO),
            (_, kind) => match self.preview(kind).await? {
                Preview::Moves(value) => Ok(value),
                Preview::Fails(rule) => Err(ClientError::WouldFail { rule }),
            },
        }
    }

    /// The base fee of the moment with its headroom and the tip; enough to replace an earlier transaction (rule MEM-03).
    fn highest_fee(&self, base_fee: Amount, earlier: Option<&Unsettled>) -> Option<Amount> {
        let config = self.config();
        let fee = base_fee
            .checked_mul(u64::from(config.fee_multiple.max(1)))?
            .checked_add(config.max_priority_fee_per_gas)?;
        let Some(earlier) = earlier.map(|earlier| earlier.max_fee_per_gas) else { return Some(fee) };
        let tenth = earlier.split(10).max(Amount::from_base_units(1));
        Some(fee.max(earlier.checked_add(tenth)?))
    }

    /// Reads blocks until one has the transaction, or another one with its nonce.
    async fn outcome(&self, blocks: &mut Subscription, sent: &Unsettled) -> Result<(), ClientError> {
        let mut has_missed = false;
        loop {
            match blocks.recv().await {
                Ok(notification) => match notification.as_ref() {
                    Notification::Block { .. } => {
                        if let Some(outcome) = receipt_in(&notification, sent.id) {
                            return outcome;
                        }
                    }
                    Notification::Progress { .. } | Notification::Preview { .. } => continue,
                },
                Err(RecvError::Lagged(_)) => has_missed = true,
                Err(RecvError::Closed) => return Err(TransportError::Closed.into()),
            }
            if self.account(self.address()).await?.nonce > sent.nonce {
                return last_words(blocks, sent, has_missed);
            }
        }
    }
}

/// The nonce is used: what is left in the subscription tells by whom, since a node announces a block before it answers from it.
fn last_words(blocks: &mut Subscription, sent: &Unsettled, mut has_missed: bool) -> Result<(), ClientError> {
    let (id, nonce) = (sent.id, sent.nonce);
    loop {
        match blocks.try_recv() {
            Ok(notification) => {
                if let Some(outcome) = receipt_in(&notification, id) {
                    return outcome;
                }
            }
            Err(TryRecvError::Lagged(_)) => has_missed = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) if has_missed => {
                return Err(ClientError::OutcomeUnknown { id, nonce });
            }
            Err(TryRecvError::Empty | TryRecvError::Closed) => {
                return Err(ClientError::Replaced { id, nonce });
            }
        }
    }
}

fn receipt_in(notification: &Notification, id: TransactionId) -> Option<Result<(), ClientError>> {
    let Notification::Block { receipts, .. } = notification else { return None };
    let receipt = receipts.iter().find(|receipt| receipt.id == id)?;
    Some(match &receipt.status {
        TransactionStatus::Succeeded => Ok(()),
        TransactionStatus::Failed { rule } => Err(ClientError::Failed { id, rule: rule.clone() }),
    })
}

/// Whether the nonce is known to be used.
const fn is_settled(outcome: &Result<(), ClientError>) -> bool {
    matches!(
        outcome,
        Ok(())
            | Err(ClientError::Failed { .. }
                | ClientError::Replaced { .. }
                | ClientError::OutcomeUnknown { .. })
    )
}
