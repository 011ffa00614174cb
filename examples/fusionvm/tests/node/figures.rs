//! Figures of a development node, printed by flag:
//! `cargo test --release -p fusionvm --test node figures -- --ignored --nocapture`. Callers and node share this machine.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dfsn_client::Client;
use dfsn_client::api::RawTransaction;
use dfsn_client::transport::{Http, Transport};
use dfsn_types::{Address, Amount, ChainIdentity, Gas, Nonce, SecretKey, Transaction, TransactionKind};
use fusionvm::{DevNetwork, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::DevNode;
use super::process::{fusionvm, start, terminate};

const SOMEBODY: Address = Address::from_bytes([0x50; 20]);
/// Connections, requests a second of each, and seconds.
const READS: (u32, u32, u32) = (10, 50, 10);
/// Senders, transfers of each, and how many of them are in one call: a sender has no more waiting in a mempool. Each full block
/// raises the base fee by an eighth; after fifty, nothing would be below the transfers' highest fee.
const TRANSFERS: (u8, u64, u64) = (100, 256, 64);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures, for a minute"]
async fn figures() {
    let folder = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    let (child, _) = start(fusionvm(folder.path()).args(["run", "--dev"]));
    println!("start to ready: {} ms", begin.elapsed().as_millis());
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("memory without jobs: {} MiB", memory(child.id()));
    terminate(child);

    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { requests_per_second: 1_000_000, burst: 1_000_000, ..Limits::default() };
    let node = DevNode::start_with(folder.path(), limits, None).await;
    let faucet = Client::new(node.transport().await, DevNetwork::sealer().account());
    let mut times = Vec::new();
    for seed in 0..TRANSFERS.0 {
        let start = Instant::now();
        faucet.transfer(address(seed), Amount::from_dfsn(100)).await.unwrap();
        times.push(start.elapsed());
    }
    print("request to block", times);

    let readers: Vec<_> = (0..READS.0).map(|_| tokio::spawn(read(node.api.address()))).collect();
    let mut times = Vec::new();
    for reader in readers {
        times.extend(reader.await.unwrap());
    }
    print(&format!("getAccount, {} a second", READS.0 * READS.1), times);

    let network = node.transport().await.network().await.unwrap();
    let chain = ChainIdentity { chain_id: network.chain_id, genesis: network.genesis };
    let signed: Vec<_> = (0..TRANSFERS.0).map(|seed| batches(&chain, seed)).collect();
    let (begin, count) = (Instant::now(), u64::from(TRANSFERS.0) * TRANSFERS.1);
    let senders: Vec<_> = signed
        .into_iter()
        .enumerate()
        .map(|(seed, bodies)| tokio::spawn(send(node.url(), node.api.address(), seed, bodies)))
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let took = begin.elapsed().as_secs_f64();
    let balance = faucet.account(SOMEBODY).await.unwrap().balance;
    assert_eq!(balance, Amount::from_base_units(count.into()));
    println!(
        "transfers: {:.0} a second, {count} submitted in batches and final after {took:.2} s",
        count as f64 / took
    );
    println!("memory of node and callers after that: {} MiB", memory(std::process::id()));
    node.stop().await;
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!(
        "{what}: median {:.2} ms, p99 {:.2} ms, longest {:.2} ms of {}",
        at(50),
        at(99),
        at(100),
        times.len()
    );
}

/// Asks at a steady pace; a time runs from when its request was due.
async fn read(node: SocketAddr) -> Vec<Duration> {
    let mut stream = TcpStream::connect(node).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let body =
        serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "dfsn_getAccount", "params": [SOMEBODY] })
            .to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut due = tokio::time::interval(Duration::from_secs(1) / READS.1);
    let mut times = Vec::new();
    for _ in 0..READS.1 * READS.2 {
        let begin = due.tick().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !is_whole(&answer) {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the node has closed");
        }
        times.push(begin.elapsed());
    }
    times
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

/// The calls of one sender, signed beforehand.
fn batches(chain: &ChainIdentity, seed: u8) -> Vec<(u64, String)> {
    let transfer = |nonce| Transaction {
        chain_id: chain.chain_id,
        nonce: Nonce::new(nonce),
        gas_limit: Gas::new(21_000),
        max_fee_per_gas: Amount::from_base_units(10_000_000_000_000),
        max_priority_fee_per_gas: Amount::ZERO,
        kind: TransactionKind::Transfer { to: SOMEBODY, amount: Amount::from_base_units(1) },
    };
    let batch = |first: u64| {
        let last = (first + TRANSFERS.2).min(TRANSFERS.1);
        let transfers: Vec<_> = (first..last)
            .map(|nonce| RawTransaction::new(&transfer(nonce).sign(chain, &key(seed))))
            .collect();
        let call = serde_json::json!({
            "jsonrpc": "2.0", "id": 1, "method": "dfsn_submitTransactions", "params": [transfers],
        });
        (last, call.to_string())
    };
    (0..TRANSFERS.1).step_by(usize::try_from(TRANSFERS.2).unwrap()).map(batch).collect()
}

/// Sends one call after the other, each once the one before is in blocks; a call that was not taken whole is sent again.
async fn send(url: String, node: SocketAddr, seed: usize, bodies: Vec<(u64, String)>) {
    let api = Http::connect(&url).await.unwrap();
    let account = address(u8::try_from(seed).unwrap());
    for (last, body) in bodies {
        loop {
            post(node, &body).await;
            let end = Instant::now() + Duration::from_secs(1);
            let mut nonce = 0;
            while nonce < last && Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(20)).await;
                nonce = api.account(account).await.unwrap().nonce.get();
            }
            if nonce >= last {
                break;
            }
        }
    }
}

async fn post(node: SocketAddr, body: &str) {
    let mut stream = TcpStream::connect(node).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n";
    stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn address(seed: u8) -> Address {
    Address::from_public_key(&key(seed).public_key())
}

/// Resident memory of a process, in MiB.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1_024
}
