//! Starting the network: model, workers, genesis, node.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dfsn_client::Client;
use dfsn_client::transport::{Http, InProcess, Transport, in_process};
use dfsn_compute::exact::{ExactModel, ExactOptions, load_pipeline, write_weights};
use dfsn_compute::{ComputeError, ModelConfig, Worker, manifest};
use dfsn_consensus::state::ChainState;
use dfsn_consensus::store::MemoryStore;
use dfsn_consensus::vm::{ChainVm, VmConfig};
use dfsn_consensus::{Mempool, MempoolLimits, Rules};
use dfsn_types::{Address, BoundedVec, ExactRecord, Hash, ImageSize, Pair};
use tokio::task::JoinHandle;

use crate::cli::Args;
use crate::error::DemoError;
use crate::network::{BlobStore, Genesis, Node, ValidatorKeys, secret_key};
use crate::validator::{CheatPlan, Peers, Shared, ValidatorNode, WeightsFile};

/// Validators of the network, the fewest that audited jobs need.
const NAMES: [char; 4] = ['A', 'B', 'C', 'D'];
/// Jobs that may wait at one worker.
const QUEUE: usize = 64;

/// A network to ask, in this process or behind a URL.
#[derive(Debug)]
pub(super) struct Network<T> {
    /// The way to its node.
    pub(super) transport: T,
    /// Validators by name.
    pub(super) validators: Vec<(char, Address)>,
    /// What all of them serve.
    pub(super) pair: Pair,
    /// Size of pictures.
    pub(super) size: ImageSize,
    /// What the timeline says of it.
    pub(super) about: String,
}

/// A network in this process.
#[derive(Debug)]
pub(super) struct Embedded {
    /// The network.
    pub(super) network: Network<InProcess>,
    /// The faucet's client.
    pub(super) faucet: Client<InProcess>,
    node: JoinHandle<Result<ChainState, DemoError>>,
}

impl Embedded {
    /// Lets the node end its jobs and gives the last state. Clients made elsewhere must be gone.
    pub(super) async fn stop(self) -> Result<ChainState, DemoError> {
        let Self { network, faucet, node } = self;
        drop((network, faucet));
        node.await.map_err(|_| DemoError::NetworkStopped)?
    }
}

/// The network of a running node, and its first model.
pub(super) async fn connect(url: &str) -> Result<Network<Http>, DemoError> {
    let transport = Http::connect(url).await?;
    let info = transport.network().await?;
    let validators = transport.validators().await?;
    let (Some(model), Some(profile)) = (info.models.first(), info.profiles.first()) else {
        return Err(DemoError::NoModel(url.to_owned()));
    };
    let about = format!("{} validators serve {} in profile {profile}", validators.len(), model.name);
    Ok(Network {
        validators: ('A'..='Z').zip(validators.iter().map(|validator| validator.address)).collect(),
        pair: Pair { model: model.id, profile: profile.id() },
        size: model.test_size,
        about,
        transport,
    })
}

/// Loads the model into four workers and starts the chain.
pub(super) async fn start(args: &Args) -> Result<Embedded, DemoError> {
    let dir = args.model.clone().unwrap_or_else(embedded_model);
    let model = manifest(&dir)?.id();
    let workers = load_workers(&dir).await?;
    let keys = NAMES.iter().map(|_| ValidatorKeys::generate()).collect::<Result<Vec<_>, _>>()?;
    let validators: Vec<(char, Address)> =
        NAMES.into_iter().zip(keys.iter().map(|keys| keys.owner)).collect();
    let (sealer, faucet) = (secret_key()?, secret_key()?);
    let Some(worker) = workers.first() else { return Err(DemoError::NetworkStopped) };
    let config = worker.config().clone();
    let weights = weights_file(&config)?;
    let architecture = ExactModel::of(&config).map_err(ComputeError::from)?.architecture();
    let exact =
        ExactRecord { weights_root: weights.root, architecture: BoundedVec::new(architecture.to_bytes())? };
    let genesis = Genesis {
        model,
        config: &config,
        profile: worker.profile().clone(),
        exact: Some(exact),
        validators: &keys,
        sealer: sealer.public_key(),
        faucet: Address::from_public_key(&faucet.public_key()),
    };
    let (pair, size, profile) = (genesis.pair(), genesis.size()?, genesis.profile.to_string());
    let state = ChainState::genesis(&genesis.build()?)?;
    let chain = state.chain;
    let (transport, server) = in_process();
    let shared = Arc::new(Shared {
        blobs: Arc::default(),
        peers: Peers::default(),
        cheat: CheatPlan::new(args.cheat),
        weights: Some(Arc::new(weights)),
        publisher: server.publisher(),
    });
    let beacon = keys.first().map(|keys| (keys.owner, keys.vrf()));
    let fee_recipient = keys.first().map_or(Address::from_bytes([0; 20]), |keys| keys.owner);
    let nodes = keys
        .into_iter()
        .zip(workers)
        .map(|(keys, worker)| Arc::new(ValidatorNode::new(chain, keys, worker, Arc::clone(&shared))));
    let nodes: Vec<_> = nodes.collect();
    shared.peers.introduce(&nodes);
    let vm_config = VmConfig {
        only_builder: Some(state.sealer),
        builder_key: sealer,
        fee_recipient,
        beacon,
        rules: Rules::default(),
    };
    let mempool = Mempool::new(MempoolLimits::default());
    let vm = ChainVm::open(MemoryStore::default(), &state, mempool, vm_config)?;
    let blobs: Arc<BlobStore> = Arc::clone(&shared.blobs);
    let node = tokio::spawn(Node::new(vm, server, nodes, blobs).run());
    let model_name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let about = format!("4 validators serve {model_name} in profile {profile}");
    let faucet = Client::new(transport.clone(), faucet);
    Ok(Embedded { network: Network { transport, validators, pair, size, about }, faucet, node })
}

/// The canonical file of the model's weights, in memory: the demo's model is small.
fn weights_file(config: &ModelConfig) -> Result<WeightsFile, ComputeError> {
    let mut bytes = Vec::new();
    let root = write_weights(config, ExactOptions::default(), &mut bytes)?;
    let layout = ExactModel::of(config)?.layout()?;
    Ok(WeightsFile { bytes, root: Hash::from_bytes(root), layout })
}

/// One worker a validator; they load at the same time.
async fn load_workers(dir: &Path) -> Result<Vec<Worker>, DemoError> {
    let load = |name: char| {
        let dir = dir.to_owned();
        let options = ExactOptions { threads: NonZeroU16::new(1), ..ExactOptions::default() };
        tokio::task::spawn_blocking(move || {
            Worker::spawn(&format!("compute {name}"), QUEUE, move || load_pipeline(dir, options))
        })
    };
    let loading: Vec<JoinHandle<Result<Worker, ComputeError>>> = NAMES.into_iter().map(load).collect();
    let mut workers = Vec::new();
    for worker in loading {
        workers.push(worker.await.map_err(|_| DemoError::NetworkStopped)??);
    }
    Ok(workers)
}

/// The model that stands in the repository.
fn embedded_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/emoji-64")
}
