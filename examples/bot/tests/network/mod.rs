//! A development network in this process, with the embedded model.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use dfsn_types::Amount;
use fusionvm::{BlobStore, Config, Faucet, LocalCompute, Node, NodeParts, Remotes, Served, Validators};
use tokio::task::JoinHandle;

pub(crate) struct DevNetwork {
    node: Node,
    api: Served,
    validators: JoinHandle<()>,
    compute: Option<LocalCompute>,
}

impl DevNetwork {
    pub(crate) async fn start(folder: &Path) -> Self {
        let model = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/emoji-64"));
        Self::start_with(folder, Some(model)).await
    }

    /// Nothing is drawn.
    pub(crate) async fn start_without_model(folder: &Path) -> Self {
        Self::start_with(folder, None).await
    }

    async fn start_with(folder: &Path, model: Option<&Path>) -> Self {
        let network = fusionvm::DevNetwork::open(folder, model).unwrap();
        let faucet = Some(Faucet { amount: Amount::from_dfsn(10), every_seconds: 60 });
        let config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), faucet, ..Config::default() };
        let blobs = Arc::new(BlobStore::open(&folder.join("blobs"), 64 << 20).unwrap());
        let node = Node::start(NodeParts {
            data_dir: folder,
            genesis: &network.genesis,
            sealer: &network.sealer,
            beacon: network.validators.first(),
            upgrades: fusionvm::Upgrades::default(),
            blobs,
            clock: fusionvm::system_time,
        });
        let mut node = node.unwrap();
        let remotes = Remotes::new(&network.sealer, &[]).unwrap();
        let api =
            Served::start(node.handle().clone(), &config, &network.sealer, remotes.router).await.unwrap();
        let compute = match model {
            Some(model) => {
                let folder = folder.join("compute");
                Some(LocalCompute::start(&network.sealer, model.to_owned(), &folder).await.unwrap())
            }
            None => None,
        };
        let workers: Vec<_> = compute.iter().map(LocalCompute::worker).collect();
        let validators = Validators::of(&mut node, &network.validators, &workers);
        let validators = tokio::spawn(validators.run());
        Self { node, api, validators, compute }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.api.address())
    }

    pub(crate) async fn stop(self) {
        self.api.stop().await;
        self.validators.abort();
        if let Some(compute) = self.compute {
            compute.stop().await;
        }
        self.node.stop().unwrap();
    }
}
