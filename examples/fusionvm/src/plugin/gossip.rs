//! What nodes tell each other unasked: transactions and duties that wait.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{BoundedVec, SignedDuty, SignedTransaction, codec};
use tokio::sync::mpsc;
use tonic::transport::Channel;

use super::proto::appsender::SendAppGossipMsg;
use super::proto::appsender::app_sender_client::AppSenderClient;

/// The most bytes of a message that is read; AvalancheGo carries 2 MiB.
const MAX_BYTES: usize = 1 << 20;
/// The most bytes of a message that is sent, but for one that is longer by itself.
const SENT_BYTES: usize = 256 << 10;
/// Transactions or duties of one message.
const ITEMS_MAX: usize = 256;
/// Validators, and other nodes, that one message goes to.
const FANOUT: u64 = 20;

/// Something that waits for a block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Waiting {
    /// A user's.
    Transaction(Box<SignedTransaction>),
    /// A validator's.
    Duty(Box<SignedDuty>),
}

/// A message to other nodes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Gossip(BoundedVec<Waiting, ITEMS_MAX>);

impl Gossip {
    /// Reads a message of somebody unknown; what is none says nothing.
    pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Waiting>> {
        let Self(items) = codec::decode(bytes, MAX_BYTES).ok()?;
        Some(items.into_inner())
    }

    /// As few messages as hold all of these.
    fn pack(items: Vec<Waiting>) -> Vec<Vec<u8>> {
        let (mut messages, mut some, mut used) = (Vec::new(), Vec::new(), 0);
        for item in items {
            let bytes = codec::encode(&item).len();
            if some.len() == ITEMS_MAX || (used + bytes > SENT_BYTES && !some.is_empty()) {
                messages.push(std::mem::take(&mut some));
                used = 0;
            }
            used += bytes;
            some.push(item);
        }
        messages.push(some);
        let message = |items| Some(codec::encode(&Self(BoundedVec::new(items).ok()?)));
        messages.into_iter().filter(|items| !items.is_empty()).filter_map(message).collect()
    }
}

/// Sends what comes in to other nodes, together what comes together.
pub(super) async fn tell(mut sender: AppSenderClient<Channel>, mut outbox: mpsc::Receiver<Waiting>) {
    let mut items = Vec::new();
    while outbox.recv_many(&mut items, ITEMS_MAX).await > 0 {
        for msg in Gossip::pack(std::mem::take(&mut items)) {
            let (validators, peers) = (FANOUT, FANOUT);
            let message =
                SendAppGossipMsg { node_ids: Vec::new(), validators, non_validators: 0, peers, msg };
            // A node that cannot send it is on its way down.
            let _ = sender.send_app_gossip(message).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use dfsn_types::{
        Address, Amount, ChainId, ChainIdentity, Gas, GenesisHash, Nonce, SecretKey, Transaction,
        TransactionKind,
    };

    use super::*;

    fn transfers(count: u64) -> Vec<Waiting> {
        let chain =
            ChainIdentity { chain_id: ChainId::new(7).unwrap(), genesis: GenesisHash::from_bytes([1; 32]) };
        let transfer = |nonce| Transaction {
            chain_id: chain.chain_id,
            nonce: Nonce::new(nonce),
            gas_limit: Gas::new(21_000),
            max_fee_per_gas: Amount::DFSN,
            max_priority_fee_per_gas: Amount::ZERO,
            kind: TransactionKind::Transfer { to: Address::from_bytes([2; 20]), amount: Amount::DFSN },
        };
        let key = SecretKey::from_seed(&[3; 32]);
        (0..count).map(|nonce| Waiting::Transaction(Box::new(transfer(nonce).sign(&chain, &key)))).collect()
    }

    #[test]
    fn all_that_waits_is_told_in_few_messages() {
        let items = transfers(600);
        let messages = Gossip::pack(items.clone());
        assert_eq!(messages.len(), 3);
        let read: Vec<_> = messages.iter().flat_map(|message| Gossip::decode(message).unwrap()).collect();
        assert_eq!(read, items);
        assert!(Gossip::pack(Vec::new()).is_empty());
    }

    #[test]
    fn what_is_no_message_says_nothing() {
        let message = Gossip::pack(transfers(2)).remove(0);
        for length in 0..message.len() {
            assert_eq!(Gossip::decode(&message[..length]), None, "{length} bytes");
        }
        assert_eq!(Gossip::decode(&[0xff; 4_096]), None);
        assert_eq!(Gossip::decode(&vec![0; MAX_BYTES + 1]), None);
    }
}
