//! `Initialize`: from what the node gives to a running chain.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dfsn_client::transport::{InProcessServer, in_process};
use dfsn_consensus::state::ChainState;
use dfsn_consensus::vm::{ChainVm, VmConfig};
use dfsn_consensus::{Mempool, MempoolLimits};
use dfsn_types::{GenesisConfig, SignedDuty, Timestamp};
use jsonrpsee::server::ServerHandle;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::AbortHandle;

use super::blocks::BlockView;
use super::chain::{ChainThread, PluginChain, tick};
use super::config::PluginConfig;
use super::gossip::tell;
use super::handshake::connect;
use super::http::Requests;
use super::peers::{Answers, Peers};
use super::proto::appsender::app_sender_client::AppSenderClient;
use super::proto::io::prometheus::client::MetricFamily;
use super::proto::vm::InitializeRequest;
use super::store::RpcStore;
use crate::api::{Served, answering};
use crate::blobs::BlobStore;
use crate::compute::Remotes;
use crate::error::NodeError;
use crate::index::Index;
use crate::keystore::NodeSecret;
use crate::metrics::ChainMetrics;
use crate::node::desk::Desk;
use crate::node::{DUTIES_MAX, NodeHandle, POSTED_MAX, RecentStates, system_time};
use crate::operated::Operated;
use crate::upgrades::Upgrades;
use crate::validators::Validators;

/// Prefixes in the node's database.
const CHAIN: u8 = b'c';
const INDEX: u8 = b'i';
/// How often it is looked whether time alone makes a block due, and after how many looks others are told again what waits.
const TICK: (Duration, u32) = (Duration::from_millis(200), 50);
/// Transactions and duties that may wait to be told of.
const OUTBOX_MAX: usize = 8_192;
/// Named in errors: the node keeps the file, and gives only its bytes.
const UPGRADES: &str = "upgrade.json of the chain";
/// Chains that began before 2020-12-05 05:00 UTC began without the node's rules for who builds when.
const EARLIEST: Timestamp = Timestamp::new(1_607_144_400_000);

/// A chain that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) chain: ChainThread,
    pub(super) wants: watch::Receiver<bool>,
    node: NodeHandle,
    pub(super) peers: Peers,
    pub(super) answers: Arc<Answers>,
    syncing: watch::Sender<bool>,
    tasks: Vec<AbortHandle>,
    /// Answers what comes through the node, as long as it is there.
    _rpc: ServerHandle,
    served: Mutex<Option<Served>>,
}

/// Opens the chain in the node's database and starts what goes with it.
pub(super) async fn start(request: InitializeRequest, requests: &Requests) -> Result<Running, NodeError> {
    let genesis = genesis(&request.genesis_bytes)?;
    let settings = PluginConfig::read(&request.config_bytes)?;
    let operated = settings.operated()?;
    // One that is as good as any, for a node that validates nothing.
    let first = operated.first().cloned();
    let first = first.map_or_else(|| NodeSecret::generate().map(Operated::from), Ok)?;
    let secret = &first.secret;
    let data_dir = Path::new(&request.chain_data_dir);
    let max_bytes = settings.blobs.mib.saturating_mul(1 << 20);
    let blobs = Arc::new(BlobStore::open(&data_dir.join("blobs"), max_bytes)?);
    let database = connect(&request.db_server_addr).await.map_err(NodeError::Plugin)?;
    let sender = AppSenderClient::new(connect(&request.server_addr).await.map_err(NodeError::Plugin)?);

    let metrics = Arc::new(ChainMetrics::default());
    let recent = Arc::new(RecentStates::new(&genesis));
    let (calls, server) = in_process();
    let publisher = server.publisher();
    let (states, state) = watch::channel(Arc::new(genesis.clone()));
    let (duties, duties_in) = mpsc::channel(DUTIES_MAX);
    let (posted, posted_out) = mpsc::channel(POSTED_MAX);
    let (outbox, outbox_out) = mpsc::channel(OUTBOX_MAX);
    let (wants, wants_out) = watch::channel(false);
    let (syncing, is_syncing) = watch::channel(true);
    let keys = operated.iter().map(|it| (it.validator, it.secret.duty())).collect();
    let peers = Peers::new(sender.clone(), genesis.chain, keys);
    let node = NodeHandle {
        calls,
        state,
        duties,
        publisher: publisher.downgrade(),
        blobs: Arc::clone(&blobs),
        metrics: Arc::clone(&metrics),
        recent: Arc::clone(&recent),
        syncing: is_syncing.clone(),
        neighbours: Some(Arc::new(peers.clone())),
    };
    let upgrades = Upgrades::parse(&request.upgrade_bytes, Path::new(UPGRADES))?;
    let config = vm_config(&first, &upgrades);
    let runtime = tokio::runtime::Handle::current();
    let open = move || {
        let store = |prefix| RpcStore::new(runtime.clone(), database.clone(), prefix);
        let vm = ChainVm::open(store(CHAIN), &genesis, Mempool::new(MempoolLimits::default()), config)?;
        upgrades.check(vm.state(), system_time())?;
        let index = Index::open(store(INDEX))
            .map_err(|error| NodeError::Index { path: "index".into(), reason: error.to_string() })?;
        let current = Arc::new(vm.state().clone());
        recent.push(Arc::clone(&current));
        states.send_replace(current);
        let mut desk = Desk { index, publisher, states, recent, posted, metrics };
        desk.catch_up(&vm)?;
        let genesis = BlockView::genesis(&genesis);
        Ok(PluginChain { vm, desk, genesis, is_normal: false, wants, outbox })
    };
    let chain = ChainThread::start(open).await?;

    let keep = Duration::from_secs(settings.blobs.hours.saturating_mul(3_600));
    let mut tasks = vec![
        spawn(answer(chain.clone(), server)),
        spawn(hand_on(chain.clone(), duties_in)),
        spawn(tell(sender.clone(), outbox_out)),
        spawn(tick(chain.clone(), TICK.0, TICK.1)),
        spawn(Arc::clone(&blobs).collect_for_ever(keep)),
    ];
    let remotes = Remotes::new(secret, &settings.compute)?;
    let validators = Validators::new(node.clone(), Some(posted_out), &operated, &remotes.workers);
    let answers = Arc::new(Answers::new(node.clone(), validators.all()));
    tasks.push(spawn(begin_work(validators, is_syncing)));
    let config = settings.node(data_dir);
    let (router, rpc) = answering(node.clone(), &config, secret)?;
    requests.serve(router);
    let served = match settings.listen {
        Some(_) => {
            let served = Served::start(node.clone(), &config, secret, remotes.router).await?;
            tracing::info!(address = %served.address(), "serving on a port of its own");
            Some(served)
        }
        None => None,
    };
    let served = Mutex::new(served);
    // What `fusionvm register` is told, so that others find this node.
    tracing::info!(relay = hex::encode(&request.node_id), "ready");
    Ok(Running { chain, wants: wants_out, node, peers, answers, syncing, tasks, _rpc: rpc, served })
}

fn genesis(bytes: &[u8]) -> Result<ChainState, NodeError> {
    let wrong = |reason: String| NodeError::GenesisFile { path: "genesis of the chain".into(), reason };
    let config: GenesisConfig = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if config.timestamp < EARLIEST {
        return Err(wrong(format!("its timestamp {} lies before {EARLIEST}", config.timestamp)));
    }
    Ok(ChainState::genesis(&config)?)
}

/// Hands users' calls to the chain.
async fn answer(chain: ChainThread, mut server: InProcessServer) {
    while let Some(call) = server.next_call().await {
        chain.tell(move |chain| chain.answer(call)).await;
    }
}

/// Hands the validator's duties to the chain.
async fn hand_on(chain: ChainThread, mut duties: mpsc::Receiver<SignedDuty>) {
    while let Some(duty) = duties.recv().await {
        chain.tell(move |chain| chain.take_duty(duty)).await;
    }
}

/// A validator's work begins once all blocks of the past are here: their tasks were done, or missed.
async fn begin_work(validators: Validators, mut syncing: watch::Receiver<bool>) {
    if syncing.wait_for(|is_syncing| !is_syncing).await.is_ok() {
        validators.run().await;
    }
}

impl Running {
    /// Whether blocks that others have accepted are still to come.
    pub(super) fn set_syncing(&self, is_syncing: bool) {
        self.syncing.send_replace(is_syncing);
    }

    /// For the node's health page, as JSON.
    pub(super) async fn health(&self) -> Result<String, NodeError> {
        let height = self.chain.ask(|chain| chain.vm.state().tip.height).await?;
        let syncing = *self.syncing.borrow();
        Ok(serde_json::json!({ "initialised": true, "height": height, "syncing": syncing }).to_string())
    }

    /// Figures, as the node collects them.
    pub(super) fn families(&self) -> Vec<MetricFamily> {
        self.node.metrics().families()
    }

    /// Ends all tasks, and waits for what the chain is at. Its thread ends with the last that can give it work.
    pub(super) async fn stop(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        if let Some(served) = self.served.lock().await.take() {
            served.stop().await;
        }
        let _ = self.chain.ask(|_| ()).await;
    }
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    tokio::spawn(task).abort_handle()
}

fn vm_config(Operated { validator, secret }: &Operated, upgrades: &Upgrades) -> VmConfig {
    VmConfig {
        // The engine of many machines decides who builds.
        only_builder: None,
        builder_key: secret.sealer(),
        fee_recipient: *validator,
        beacon: Some((*validator, secret.vrf())),
        rules: upgrades.rules(),
    }
}
