//! The chain of a node in a thread of its own, and the handle that everybody else has of it.

mod chain;
pub(crate) mod desk;
mod handle;
mod recent;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use dfsn_client::transport::{Notification, in_process};
use dfsn_consensus::state::ChainState;
use dfsn_consensus::store::RedbStore;
use dfsn_consensus::vm::{ChainVm, InstantSeal, VmConfig};
use dfsn_consensus::{Mempool, MempoolLimits};
use dfsn_types::{Block, GenesisConfig, SignedDuty, Timestamp};
use tokio::sync::{broadcast, mpsc, watch};

pub use desk::system_time;
pub use handle::NodeHandle;
pub(crate) use recent::RecentStates;

use crate::blobs::BlobStore;
use crate::error::NodeError;
use crate::index::Index;
use crate::keystore::NodeSecret;
use crate::metrics::ChainMetrics;
use crate::operated::Operated;
use crate::upgrades::Upgrades;
use chain::Chain;
use desk::Desk;

/// Duties that may wait for the chain's thread.
pub(crate) const DUTIES_MAX: usize = 1_024;
/// Blocks with data that may wait for the validators.
pub(crate) const POSTED_MAX: usize = 1_024;

/// What a node is made of.
#[derive(Debug)]
pub struct NodeParts<'a> {
    /// Where the chain and its index are kept.
    pub data_dir: &'a Path,
    /// The network.
    pub genesis: &'a GenesisConfig,
    /// Seals blocks.
    pub sealer: &'a NodeSecret,
    /// A validator that adds to the beacon, and earns the tips.
    pub beacon: Option<&'a Operated>,
    /// The network's upgrades.
    pub upgrades: Upgrades,
    /// Pictures.
    pub blobs: Arc<BlobStore>,
    /// Tells the time: [`system_time`], but where a day should pass in minutes.
    pub clock: fn() -> Timestamp,
}

/// A running node that seals its own blocks.
#[derive(Debug)]
pub struct Node {
    handle: NodeHandle,
    posted: Option<mpsc::Receiver<Arc<Block>>>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<Result<(), NodeError>>,
}

impl Node {
    /// Opens the chain, or begins it, and starts its thread.
    ///
    /// # Errors
    /// [`NodeError`] when a file is not what it should be, or is in use.
    pub fn start(parts: NodeParts<'_>) -> Result<Self, NodeError> {
        let NodeParts { data_dir, genesis, sealer, beacon, upgrades, blobs, clock } = parts;
        let state = ChainState::genesis(genesis)?;
        let config = VmConfig {
            only_builder: Some(state.sealer),
            builder_key: sealer.sealer(),
            fee_recipient: beacon.map_or_else(|| sealer.address(), |it| it.validator),
            beacon: beacon.map(|it| (it.validator, it.secret.vrf())),
            rules: upgrades.rules(),
        };
        std::fs::create_dir_all(data_dir).map_err(NodeError::io(data_dir))?;
        let store = RedbStore::open(data_dir.join("chain.redb"))?;
        let vm = ChainVm::open(store, &state, Mempool::new(MempoolLimits::default()), config)?;
        upgrades.check(vm.state(), clock())?;
        let index_path = data_dir.join("index.redb");
        let broken = |error: dfsn_consensus::store::StoreError| NodeError::Index {
            path: index_path.clone(),
            reason: error.to_string(),
        };
        let index = Index::open(RedbStore::open(&index_path)?).map_err(broken)?;
        let metrics = Arc::new(ChainMetrics::default());
        let (calls, server) = in_process();
        let (duties, duties_in) = mpsc::channel(DUTIES_MAX);
        let (posted, posted_out) = mpsc::channel(POSTED_MAX);
        let (stop, stopping) = watch::channel(false);
        let recent = Arc::new(RecentStates::new(&state));
        let current = Arc::new(vm.state().clone());
        recent.push(Arc::clone(&current));
        let (states, state) = watch::channel(current);
        let publisher = server.publisher();
        let handle = NodeHandle {
            calls,
            state,
            duties,
            publisher: publisher.downgrade(),
            blobs,
            metrics: Arc::clone(&metrics),
            recent: Arc::clone(&recent),
            // Nobody else seals.
            syncing: watch::channel(false).1,
            neighbours: None,
        };
        let desk = Desk { index, publisher, states, recent, posted, metrics };
        let chain =
            Chain { engine: InstantSeal::new(vm), desk, server, duties: duties_in, stop: stopping, clock };
        let thread = std::thread::Builder::new().name("chain".to_owned());
        let thread = thread.spawn(move || chain.run()).map_err(NodeError::io(data_dir))?;
        Ok(Self { handle, posted: Some(posted_out), stop, thread })
    }

    /// The handle. Clones are the same node.
    pub const fn handle(&self) -> &NodeHandle {
        &self.handle
    }

    /// Blocks with something in their data lane, in order, for those who answer for validators; once.
    pub const fn posted(&mut self) -> Option<mpsc::Receiver<Arc<Block>>> {
        self.posted.take()
    }

    /// Waits until the chain's thread has ended by itself, which only an error makes it do.
    pub async fn ended(&self) {
        let mut state = self.handle.state.clone();
        while state.changed().await.is_ok() {}
    }

    /// Ends the thread after the block at hand. Everything accepted is on disk.
    ///
    /// # Errors
    /// What had ended it before.
    pub fn stop(self) -> Result<(), NodeError> {
        self.stop.send_replace(true);
        self.thread.join().unwrap_or(Err(NodeError::Stopped("chain")))
    }
}

/// Duties for the chain's thread.
pub(crate) type DutySender = mpsc::Sender<SignedDuty>;
/// Progress for subscribers. It does not keep them waiting once the chain is gone.
pub(crate) type Publisher = broadcast::WeakSender<Arc<Notification>>;
