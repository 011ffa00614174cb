//! The plugin's whole life, driven by a node that is one only on the wire: the calls, their order and their mistakes are those of
//! AvalancheGo, the database fails where the test wants it to, and nothing is decided by more than one machine. AvalancheGo itself
//! is driven by `cargo xtask avalanche-net`.

#![cfg(unix)]

mod crash;
mod database;
mod figures;
mod host;
mod hostile;
mod life;
mod upgrades;
mod wire;

use std::sync::Arc;

use dfsn_client::api::RawTransaction;
use dfsn_types::{
    Address, Amount, ChainIdentity, Gas, GenesisConfig, Nonce, SecretKey, SignedTransaction, Transaction,
    TransactionKind,
};
use fusionvm::DevNetwork;
use host::{Host, Network};

const SOMEBODY: Address = Address::from_bytes([0x50; 20]);

/// A network without models, and the key of whoever has all its coins.
fn network() -> (Network, Sender) {
    let data_dir = Arc::new(tempfile::tempdir().unwrap());
    let DevNetwork { genesis, sealer, .. } = DevNetwork::open(data_dir.path(), None).unwrap();
    let sender = Sender { key: sealer.account(), genesis: genesis.clone() };
    (
        Network {
            genesis: serde_json::to_vec(&genesis).unwrap(),
            config: Vec::new(),
            upgrades: Vec::new(),
            data_dir,
        },
        sender,
    )
}

/// Signs transfers.
struct Sender {
    key: SecretKey,
    genesis: GenesisConfig,
}

impl Sender {
    fn transfer(&self, nonce: u64) -> SignedTransaction {
        self.transfer_of(nonce, Amount::DFSN)
    }

    fn transfer_of(&self, nonce: u64, amount: Amount) -> SignedTransaction {
        self.sign(nonce, TransactionKind::Transfer { to: SOMEBODY, amount })
    }

    fn sign(&self, nonce: u64, kind: TransactionKind) -> SignedTransaction {
        let chain: ChainIdentity = self.genesis.identity();
        let transaction = Transaction {
            chain_id: chain.chain_id,
            nonce: Nonce::new(nonce),
            gas_limit: Gas::new(100_000),
            max_fee_per_gas: Amount::from_base_units(1_000_000_000_000),
            max_priority_fee_per_gas: Amount::ZERO,
            kind,
        };
        transaction.sign(&chain, &self.key)
    }
}

/// Submits a transaction as a user does.
async fn submit(host: &mut Host, transaction: &SignedTransaction) {
    let id = host.call("dfsn_submitTransaction", serde_json::json!([RawTransaction::new(transaction)])).await;
    assert_eq!(id, serde_json::json!(transaction.id()));
}

/// What a node has of somebody's coins.
async fn balance(host: &mut Host) -> serde_json::Value {
    let account = host.call("dfsn_getAccount", serde_json::json!([SOMEBODY])).await;
    account["answer"]["balance"].clone()
}
