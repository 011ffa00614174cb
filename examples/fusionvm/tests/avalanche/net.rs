//! A network of AvalancheGo nodes, its validators and its ComputeClients.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use dfsn_client::Client;
use dfsn_client::transport::{Http, Transport};
use dfsn_client::view::BlockInfo;
use dfsn_types::{Address, Allocation, Amount, BlockHeight, ChainId, DurationMs, NodeId, SecretKey};
use fusionvm::keystore::NodeSecret;
use fusionvm::{DevNetwork, GenesisPlan, model_record, write_genesis};
use serde::Deserialize;
use serde_json::json;

use super::compute::ComputeClient;
use super::{PATIENCE, emoji, wait_for};

/// The file of a plugin is named by its VM ID.
const VM_ID: &str = "n8AzjcdC5RQA1ZHdM7yJZFbqtwWPwKcr2RqscwAZbBXi3sWde";
/// How long answers, openings and judgements are waited for; several seconds of work on a busy machine.
const WINDOW: DurationMs = DurationMs::new(45_000);
const PASSWORD: &str = "known to everybody";

/// What is started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Nodes that validate.
    pub(super) nodes: usize,
    /// Nodes that come late, and only follow.
    pub(super) late: usize,
    /// The account whose validator the late nodes work for.
    pub(super) owner: Option<Address>,
    /// Validators of each node that validates: 4 in all are the fewest that audited jobs need.
    pub(super) validators: usize,
}

#[derive(Debug, Deserialize)]
struct NodeName {
    id: String,
    hex: String,
}

#[derive(Debug, Deserialize)]
struct Running {
    chain: String,
    uris: Vec<String>,
}

/// A running network. It ends with this value.
pub(super) struct Net {
    program: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub(super) chain: String,
    pub(super) uris: Vec<String>,
    ports: Vec<SocketAddr>,
    /// The nodes' IDs, in hexadecimal digits.
    pub(super) relays: Vec<String>,
    /// Turns the last validating node's ComputeClient into a cheat.
    pub(super) cheat: Arc<AtomicBool>,
    _compute: Vec<ComputeClient>,
    pub(super) folder: tempfile::TempDir,
}

impl Net {
    pub(super) async fn start(programs: &Path, plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("plugins");
        std::fs::create_dir(&plugins).unwrap();
        std::fs::copy(env!("CARGO_BIN_EXE_fusionvm"), plugins.join(VM_ID)).unwrap();
        let count = plan.nodes + plan.late;
        let mut program = Command::new(programs.join("avalanche-net"))
            .arg(format!("--avalanchego={}", programs.join("avalanchego").display()))
            .arg(format!("--plugins={}", plugins.display()))
            .arg(format!("--dir={}", folder.path().join("net").display()))
            .arg(format!("--nodes={count}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        let names: Vec<NodeName> = read(&mut output);
        let relays = names.iter().map(|name| name.hex.clone()).collect();
        let cheat = Arc::<AtomicBool>::default();
        let (mut compute, mut configs, mut keys, mut ports) =
            (Vec::new(), serde_json::Map::new(), Vec::new(), Vec::new());
        std::fs::write(folder.path().join("password"), PASSWORD).unwrap();
        for (index, name) in names.iter().enumerate() {
            ports.push(free_port());
            let is_late = index >= plan.nodes;
            let validators = if is_late { plan.owner.iter().count() } else { plan.validators };
            let secrets: Vec<_> = (0..validators).map(|it| secret(index, it)).collect();
            let keystores: Vec<PathBuf> = secrets
                .iter()
                .enumerate()
                .map(|(it, secret)| {
                    let path = folder.path().join(format!("key-{index}-{it}.json"));
                    secret.write(&path, PASSWORD).unwrap();
                    path
                })
                .collect();
            let mut clients = Vec::new();
            if let Some(secret) = secrets.first() {
                let data_dir = folder.path().join(format!("compute-{index}"));
                let may_cheat = index + 1 == plan.nodes && plan.nodes > 1;
                let cheat = if may_cheat { Arc::clone(&cheat) } else { Arc::default() };
                let client = ComputeClient::start(secret, &data_dir, cheat).await;
                clients.push(json!({ "key": client.key, "url": client.url }));
                compute.push(client);
            }
            let relay = <[u8; 20]>::try_from(hex::decode(&name.hex).unwrap()).unwrap();
            // Who comes late is not in the genesis.
            keys.extend(secrets.iter().filter(|_| !is_late).map(|secret| {
                let mut keys = secret.public_keys();
                keys.relay = Some(NodeId::from_bytes(relay));
                keys
            }));
            let mut config = json!({
                "keystores": keystores,
                "password_file": folder.path().join("password"),
                "listen": ports[index],
                "compute": clients,
                "limits": { "requests_per_second": 1_000_000, "burst": 1_000_000 },
            });
            if let Some(owner) = plan.owner.filter(|_| is_late) {
                config["owner"] = json!(owner);
            }
            std::fs::write(folder.path().join(format!("config-{index}.json")), config.to_string()).unwrap();
            configs.insert(name.id.clone(), config);
        }
        let genesis = folder.path().join("genesis.json");
        // Whoever has cheated says no more, and is waited for: not for as long as where people are far away.
        let mut params = DevNetwork::params();
        let windows = &mut params.windows;
        for window in [&mut windows.answer_ms, &mut windows.open_ms, &mut windows.juror_ms] {
            *window = WINDOW;
        }
        let plan_of_genesis = GenesisPlan {
            chain_id: ChainId::new(4_242).unwrap(),
            params,
            // Nobody seals here: the nodes decide together.
            sealer: secret(0, 0).sealer().public_key(),
            allocations: (0..u8::MAX).map(user_address).chain(plan.owner).map(allocation).collect(),
            models: vec![model_record(emoji()).unwrap()],
            validators: keys,
            stake: Amount::from_dfsn(10_000),
        };
        write_genesis(&genesis, &plan_of_genesis.build(&genesis).unwrap()).unwrap();
        let mut input = program.stdin.take().unwrap();
        let begin = json!({ "genesis": genesis, "configs": configs, "start": plan.nodes });
        writeln!(input, "{begin}").unwrap();
        let Running { chain, uris } = read(&mut output);
        Self {
            program,
            input: Some(input),
            output,
            chain,
            uris,
            ports,
            relays,
            cheat,
            _compute: compute,
            folder,
        }
    }

    /// `kill`, `start` or `stop` of a node.
    pub(super) fn command(&mut self, action: &str, node: usize) {
        writeln!(self.input.as_mut().unwrap(), "{}", json!({ "do": action, "node": node })).unwrap();
        let Running { uris, .. } = read(&mut self.output);
        self.uris = uris;
    }

    /// The node's own port.
    pub(super) fn port(&self, node: usize) -> SocketAddr {
        self.ports[node]
    }

    pub(super) async fn api(&self, node: usize) -> Http {
        let url = format!("http://{}", self.port(node));
        wait_for("an answer of the node", async || Http::connect(&url).await.ok()).await
    }

    /// A user of one node; each seed is another one, and all have coins.
    pub(super) async fn user(&self, node: usize, seed: u8) -> Client<Http> {
        Client::new(self.api(node).await, user_key(seed))
    }

    pub(super) async fn block(&self, node: usize, height: BlockHeight) -> Option<BlockInfo> {
        let block = self.api(node).await.blocks(height).await.unwrap().into_iter().next();
        block.filter(|block| block.header.header.height == height)
    }

    /// Waits until a node is at least as far as a height.
    pub(super) async fn reaches(&self, node: usize, height: BlockHeight) {
        let api = self.api(node).await;
        wait_for("the block", async || (api.sync_status().await.ok()?.height >= height).then_some(())).await;
    }

    /// All of these nodes have the same block at the lowest of their heights: the same state, too, since the header holds its root.
    pub(super) async fn agree(&self, nodes: &[usize]) -> BlockHeight {
        let mut height = BlockHeight::new(u64::MAX);
        for node in nodes {
            height = height.min(self.api(*node).await.sync_status().await.unwrap().height);
        }
        let first = self.block(nodes[0], height).await.expect("a block");
        for node in &nodes[1..] {
            assert_eq!(self.block(*node, height).await.expect("a block"), first, "node {node} disagrees");
        }
        height
    }

    /// Memory of each plugin, in MiB.
    pub(super) fn plugin_memory(&self) -> Vec<u64> {
        let mut memory = Vec::new();
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let path = process.path();
            let own = self.folder.path().join("plugins").join(VM_ID);
            if std::fs::read_link(path.join("exe")).is_ok_and(|exe| exe == own) {
                let status = std::fs::read_to_string(path.join("status")).unwrap_or_default();
                let line = status.lines().find(|line| line.starts_with("VmRSS"));
                let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
                memory.extend(kib.map(|kib| kib / 1_024));
            }
        }
        memory
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // The network ends with its input.
        drop(self.input.take());
        let end = std::time::Instant::now() + PATIENCE;
        while self.program.try_wait().is_ok_and(|status| status.is_none()) {
            if std::time::Instant::now() > end {
                let _ = self.program.kill();
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let _ = self.program.wait();
        if std::thread::panicking() {
            show_logs(&self.folder.path().join("net"), &self.chain);
        }
    }
}

/// The ends of the chain's logs, since the folder goes.
fn show_logs(folder: &Path, chain: &str) {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    for node in entries(folder).flat_map(|network| entries(&network.path())) {
        let path = node.path().join("logs").join(format!("{chain}.log"));
        if let Ok(text) = std::fs::read_to_string(&path) {
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("{}:\n{}", path.display(), lines[lines.len().saturating_sub(30)..].join("\n"));
        }
    }
}

fn read<T: for<'de> Deserialize<'de>>(output: &mut BufReader<ChildStdout>) -> T {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("avalanche-net has ended ({error}): {line:?}"))
}

/// A port that no system hands out by itself (Linux begins at 32,768, others later): the node takes it long after this, and once more
/// after it was killed.
fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap_or_default();
    let ports = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed));
    let mut addresses = ports.take(1_000).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    addresses.find(|address| TcpListener::bind(address).is_ok()).expect("a free port among a thousand")
}

fn secret(node: usize, validator: usize) -> NodeSecret {
    NodeSecret::public(&format!("node {node}, validator {validator}"))
}

pub(super) fn user_key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn user_address(seed: u8) -> Address {
    Address::from_public_key(&user_key(seed).public_key())
}

fn allocation(address: Address) -> Allocation {
    Allocation { address, amount: Amount::from_dfsn(100_000) }
}
