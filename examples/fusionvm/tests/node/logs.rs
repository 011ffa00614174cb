//! `eth_getLogs` over a whole chain: the index finds what reading every block finds, over restarts, without its file, and with one
//! that is behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use dfsn_client::transport::Transport;
use dfsn_types::{
    Address, Amount, BlockHeight, ChainIdentity, DurationMs, EthereumLog, Event, Gas, GenerationParams,
    GenerationRequest, Hash, ImageSize, JobId, Nonce, Pair, ProfileRecord, SecretKey, Transaction,
    TransactionKind,
};
use fusionvm::{DevNetwork, Limits};
use serde_json::{Value, json};

use super::{DevNode, emoji};

pub(super) const INDEX: &str = "index.redb";
/// Jobs that one account may have open (rule REQ-05), less two.
const OPEN: usize = 30;
/// The most logs of one answer.
const LOGS_MAX: usize = 10_000;
/// Blocks of one query before there was an index.
const ONCE: u64 = 2_048;

/// Starts a node that serves a model and has nobody to draw with it: requests wait until they are taken back.
pub(super) async fn start(folder: &Path) -> DevNode {
    DevNetwork::open(folder, Some(emoji())).unwrap();
    let limits = Limits { requests_per_second: 1_000_000, burst: 1_000_000, ..Limits::default() };
    DevNode::start_with(folder, limits, None).await
}

/// Somebody with coins.
pub(super) struct Caller {
    key: SecretKey,
    nonce: u64,
    chain: ChainIdentity,
    pair: Pair,
}

impl Caller {
    pub(super) async fn new(node: &DevNode, key: SecretKey) -> Self {
        let network = node.node.handle().network().await.unwrap();
        let chain = ChainIdentity { chain_id: network.chain_id, genesis: network.genesis };
        let pair = Pair { model: network.models[0].id, profile: ProfileRecord::EXACT_V1.id() };
        Self { key, nonce: 0, chain, pair }
    }

    /// One that has got coins.
    pub(super) async fn funded(node: &DevNode, seed: u8, bank: &mut Self) -> Self {
        let caller = Self::new(node, SecretKey::from_seed(&[seed; 32])).await;
        bank.send(
            node,
            TransactionKind::Transfer { to: caller.address(), amount: Amount::from_dfsn(10_000) },
        )
        .await;
        bank.settle(node).await;
        caller
    }

    pub(super) fn address(&self) -> Address {
        Address::from_public_key(&self.key.public_key())
    }

    /// Hands a transaction to the node; the job that it opens, if it is a request.
    async fn send(&mut self, node: &DevNode, kind: TransactionKind) -> JobId {
        let transaction = Transaction {
            chain_id: self.chain.chain_id,
            nonce: Nonce::new(self.nonce),
            gas_limit: Gas::new(200_000),
            max_fee_per_gas: Amount::from_base_units(10_000_000_000_000),
            max_priority_fee_per_gas: Amount::ZERO,
            kind,
        };
        self.nonce += 1;
        let signed = transaction.sign(&self.chain, &self.key);
        node.node.handle().submit(signed).await.unwrap().job_id()
    }

    pub(super) async fn ask(&mut self, node: &DevNode) -> JobId {
        let size = ImageSize::new(64, 64).unwrap();
        let params = GenerationParams::builder(self.pair.model, self.pair.profile, "pizza", size);
        let request = GenerationRequest {
            params: params.num_inference_steps(4).build().unwrap(),
            price_per_unit: Amount::from_base_units(1_000_000_000_000),
            expires_ms: DurationMs::new(600_000),
            unaudited: false,
        };
        self.send(node, TransactionKind::GenerationRequest(Box::new(request))).await
    }

    pub(super) async fn take_back(&mut self, node: &DevNode, job: JobId) {
        self.send(node, TransactionKind::CancelRequest { job }).await;
    }

    pub(super) async fn pay(&mut self, node: &DevNode) {
        let amount = Amount::from_base_units(1);
        self.send(node, TransactionKind::Transfer { to: Address::from_bytes([0x50; 20]), amount }).await;
    }

    /// Waits until all that it sent is in blocks.
    pub(super) async fn settle(&self, node: &DevNode) {
        let (address, mut states) = (self.address(), node.node.handle().states());
        let is_there = |state: &std::sync::Arc<dfsn_consensus::state::ChainState>| {
            state.accounts.get(&address).is_some_and(|account| account.nonce.get() >= self.nonce)
        };
        tokio::time::timeout(Duration::from_secs(60), states.wait_for(is_there))
            .await
            .expect("blocks")
            .unwrap();
    }
}

/// What is told of a log, for comparison: its block and its topics.
pub(super) type Told = (u64, Vec<String>);

/// All events of the chain, read block by block, as logs.
pub(super) async fn read_all(node: &DevNode) -> Vec<Told> {
    let (handle, mut all, mut next) = (node.node.handle(), Vec::new(), 1);
    loop {
        let blocks = handle.blocks(BlockHeight::new(next)).await.unwrap();
        let Some(last) = blocks.last() else { return all };
        next = last.height().get() + 1;
        for block in &blocks {
            all.extend(block.events.iter().map(|event| (block.height().get(), topics(event))));
        }
    }
}

fn topics(event: &Event) -> Vec<String> {
    EthereumLog::of(event).topics.iter().map(|topic| format!("0x{topic}")).collect()
}

/// What a filter must find.
fn expected(all: &[Told], filter: &[Vec<String>]) -> Vec<Told> {
    let matches = |(_, topics): &&Told| {
        filter
            .iter()
            .enumerate()
            .all(|(place, any)| any.is_empty() || topics.get(place).is_some_and(|topic| any.contains(topic)))
    };
    let mut found: Vec<_> = all.iter().filter(matches).cloned().collect();
    found.sort();
    found
}

pub(super) async fn call(node: &DevNode, filter: &Value) -> Value {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [filter] });
    let answer = node.post("/eth", &call.to_string()).await;
    serde_json::from_slice(&answer.body).unwrap()
}

/// What a node finds over a range of blocks.
pub(super) async fn find(node: &DevNode, filter: &[Vec<String>], from: u64, to: &Value) -> Vec<Told> {
    let topics: Vec<_> =
        filter.iter().map(|any| if any.is_empty() { Value::Null } else { json!(any) }).collect();
    let asked = json!({ "fromBlock": format!("{from:#x}"), "toBlock": to, "topics": topics });
    let answer = call(node, &asked).await;
    let logs = answer["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let place = |log: &Value| (number(&log["blockNumber"]), number(&log["logIndex"]));
    assert!(logs.is_sorted_by_key(place), "in the order of the chain");
    let told =
        |log: &Value| (number(&log["blockNumber"]), serde_json::from_value(log["topics"].clone()).unwrap());
    let mut found: Vec<Told> = logs.iter().map(told).collect();
    found.sort();
    found
}

fn number(quantity: &Value) -> u64 {
    u64::from_str_radix(quantity.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

pub(super) fn padded(address: &Address) -> String {
    format!("0x{}{}", "00".repeat(12), hex::encode(address.as_bytes()))
}

/// The first topic of an event by its place in what was read.
pub(super) fn kind_of(all: &[Told], of: &JobId, nth: usize) -> String {
    let job = format!("0x{of}");
    let mut events = all.iter().filter(|(_, topics)| topics.get(1) == Some(&job));
    events.nth(nth).unwrap().1[0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_are_found_over_the_whole_chain_and_after_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let mut bank = Caller::new(&node, DevNetwork::sealer().account()).await;
    let mut first = Caller::funded(&node, 1, &mut bank).await;
    let mut second = Caller::funded(&node, 2, &mut bank).await;
    let mut jobs = Vec::new();
    for round in 0..6_usize {
        // A block of several requests, many without an event, and one of cancellations.
        for _ in 0..=round {
            jobs.push(first.ask(&node).await);
        }
        jobs.push(second.ask(&node).await);
        first.settle(&node).await;
        second.settle(&node).await;
        for _ in 0..ONCE / 5 {
            bank.pay(&node).await;
            bank.settle(&node).await;
        }
        for job in jobs.iter().rev().skip(1).take(round + 1) {
            first.take_back(&node, *job).await;
        }
        second.take_back(&node, jobs[jobs.len() - 1]).await;
        first.settle(&node).await;
        second.settle(&node).await;
    }
    let all = read_all(&node).await;
    let tip = node.node.handle().state().tip.height.get();
    assert!(tip > ONCE && all.len() > 60, "{tip} blocks, {} logs", all.len());

    let requested = kind_of(&all, &jobs[0], 0);
    let refunded =
        all.iter().rfind(|(_, topics)| topics[1] == format!("0x{}", jobs[0])).unwrap().1[0].clone();
    assert_ne!(requested, refunded);
    let (ours, theirs) = (padded(&first.address()), padded(&second.address()));
    let any = Vec::new;
    let filters = [
        vec![],
        vec![vec![requested.clone()]],
        vec![any(), vec![format!("0x{}", jobs[3])]],
        vec![any(), any(), vec![ours.clone()]],
        vec![vec![requested.clone()], any(), vec![theirs.clone()]],
        vec![vec![requested, refunded.clone()], any(), vec![ours.clone(), theirs]],
        vec![vec![refunded], jobs[..4].iter().map(|job| format!("0x{job}")).collect(), vec![ours]],
        vec![vec![padded(&Address::from_bytes([0x50; 20]))]],
    ];
    let check = async |node: &DevNode| {
        for filter in &filters {
            let expected = expected(&all, filter);
            assert_eq!(find(node, filter, 0, &json!("latest")).await, expected, "{filter:?}");
            // Ranges are whole at both ends.
            if let [.., (height, _)] = expected[..] {
                let last: Vec<_> = expected.iter().filter(|(at, _)| *at == height).cloned().collect();
                assert_eq!(find(node, filter, height, &json!(format!("{height:#x}"))).await, last);
            }
        }
        assert!(expected(&all, &filters[7]).is_empty() && !expected(&all, &filters[6]).is_empty());
    };
    check(&node).await;
    let old = fs::read(folder.path().join(INDEX)).unwrap();
    bank.pay(&node).await;
    bank.settle(&node).await;
    node.stop().await;

    // As it is; lost; behind, as a power cut between both writes leaves it, if by more than a block.
    for change in ["none", "lost", "behind"] {
        match change {
            "lost" => fs::remove_file(folder.path().join(INDEX)).unwrap(),
            "behind" => fs::write(folder.path().join(INDEX), &old).unwrap(),
            _ => {}
        }
        let node = start(folder.path()).await;
        check(&node).await;
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_an_answer_holds_is_refused_with_a_range_that_fits() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let mut bank = Caller::new(&node, DevNetwork::sealer().account()).await;
    let mut callers = Vec::new();
    for seed in 1..=3 {
        callers.push(Caller::funded(&node, seed, &mut bank).await);
    }
    // Each request is told of at least twice: asked for, and taken back.
    for _ in 0..=LOGS_MAX / (2 * OPEN * callers.len()) {
        for caller in &mut callers {
            let mut jobs = Vec::new();
            for _ in 0..OPEN {
                jobs.push(caller.ask(&node).await);
            }
            for job in jobs {
                caller.take_back(&node, job).await;
            }
        }
        for caller in &callers {
            caller.settle(&node).await;
        }
    }
    let all = read_all(&node).await;
    assert!(all.len() > LOGS_MAX, "{}", all.len());
    let mut from = 0;
    let mut found = Vec::new();
    loop {
        let answer = call(&node, &json!({ "fromBlock": format!("{from:#x}"), "toBlock": "latest" })).await;
        if answer["error"].is_null() {
            found.extend(find(&node, &[], from, &json!("latest")).await);
            break;
        }
        assert_eq!(answer["error"]["code"], -32_005);
        let message = answer["error"]["message"].as_str().unwrap();
        let range =
            message.strip_prefix("query returned more than 10000 results. Try with this block range [");
        let (first, last) =
            range.and_then(|range| range.strip_suffix("].")?.split_once(", ")).expect(message);
        assert_eq!(number(&json!(first)), from.max(1));
        let part = find(&node, &[], from, &json!(last)).await;
        assert!(!part.is_empty() && part.len() <= LOGS_MAX, "{}", part.len());
        found.extend(part);
        from = number(&json!(last)) + 1;
    }
    assert!(from > 0, "one answer was not enough");
    assert_eq!(found, expected(&all, &[]));

    let many: Vec<_> = (0..129_u8).map(|number| format!("0x{}", Hash::from_bytes([number; 32]))).collect();
    let answer = call(&node, &json!({ "topics": [many] })).await;
    assert_eq!(answer["error"]["code"], -32_602, "{answer}");
    node.stop().await;
}
