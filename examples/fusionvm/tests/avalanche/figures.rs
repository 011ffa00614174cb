//! What a network does, in numbers; `by_hand` prints them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dfsn_client::api::RawTransaction;
use dfsn_client::transport::{Http, Transport};
use dfsn_types::{Address, Amount, ChainIdentity, Gas, Nonce, SecretKey, Transaction, TransactionKind};

use super::net::{Net, user_key};
use super::{SOMEBODY, draw};

/// Whom the crowd pays.
const TREASURY: Address = Address::from_bytes([0x51; 20]);

/// How long transfers are sent.
const SUSTAINED: Duration = Duration::from_secs(30);
/// Senders at a time, and transfers that one of them may have waiting at a node.
const SENDERS: u8 = 96;
const AHEAD: u64 = 64;

/// Prints the figures of a network.
pub(super) async fn print(net: &Net) {
    let user = net.user(0, 1).await;
    let mut times = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    println!("finality: median {:.2} s, longest {:.2} s", times[5].as_secs_f64(), times[9].as_secs_f64());
    let start = Instant::now();
    let job = draw(&user, 1).await;
    println!("job: {:?} after {:.1} s", job.status, start.elapsed().as_secs_f64());
    let api = net.api(0).await;
    let before = api.sync_status().await.unwrap().height;
    let start = Instant::now();
    let _ = tokio::time::timeout(SUSTAINED, burst(net.port(0), 2)).await;
    let took = start.elapsed();
    let (mut count, mut from) = (0, before.next());
    let last = api.sync_status().await.unwrap().height;
    while from <= last {
        let blocks = api.blocks(from).await.unwrap();
        count += blocks.iter().map(|block| block.transactions.len()).sum::<usize>();
        from = blocks.last().map_or(last, |block| block.header.header.height).next();
    }
    println!(
        "transfers: {:.0} a second over {:.0} s, in {} blocks",
        count as f64 / took.as_secs_f64(),
        took.as_secs_f64(),
        last.get() - before.get(),
    );
    println!("memory: {:?} MiB of each plugin", net.plugin_memory());
}

/// Sends transfers of many users, as fast as the node takes them, until it is stopped.
pub(super) async fn burst(node: SocketAddr, first: u8) {
    let senders = (0..SENDERS).map(|index| tokio::spawn(send(node, user_key(first + index))));
    let _all = Ended(senders.collect());
    std::future::pending::<()>().await;
}

/// Tasks that end with this value.
struct Ended(Vec<tokio::task::JoinHandle<()>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

async fn send(node: SocketAddr, key: SecretKey) {
    let Ok(api) = Http::connect(&format!("http://{node}")).await else { return };
    let Ok(network) = api.network().await else { return };
    let chain = ChainIdentity { chain_id: network.chain_id, genesis: network.genesis };
    let address = Address::from_public_key(&key.public_key());
    let mut sent = 0;
    loop {
        let Ok(account) = api.account(address).await else { return };
        let used = account.nonce.get();
        let transfers: Vec<_> =
            (sent.max(used)..used + AHEAD).map(|nonce| transfer(&chain, &key, nonce)).collect();
        sent = sent.max(used + AHEAD);
        if transfers.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        let call = serde_json::json!({
            "jsonrpc": "2.0", "id": 1, "method": "dfsn_submitTransactions", "params": [transfers],
        });
        if post(node, &call.to_string()).await.is_err() {
            // The node is away: everything is sent again.
            sent = 0;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn transfer(chain: &ChainIdentity, key: &SecretKey, nonce: u64) -> RawTransaction {
    let transfer = Transaction {
        chain_id: chain.chain_id,
        nonce: Nonce::new(nonce),
        gas_limit: Gas::new(21_000),
        max_fee_per_gas: Amount::from_base_units(1_000_000_000_000_000),
        max_priority_fee_per_gas: Amount::ZERO,
        kind: TransactionKind::Transfer { to: TREASURY, amount: Amount::from_base_units(1) },
    };
    RawTransaction::new(&transfer.sign(chain, key))
}

async fn post(node: SocketAddr, body: &str) -> std::io::Result<Vec<u8>> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(node).await?;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}
