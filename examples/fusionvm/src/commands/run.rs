//! `run`: a node until Ctrl-C.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dfsn_types::{Amount, GenesisConfig};
use fusionvm::keystore::NodeSecret;
use fusionvm::{
    BlobStore, Config, DevNetwork, Faucet, Joining, LocalCompute, Node, NodeError, NodeParts, Operated,
    Remotes, Served, Upgrades, Validators, WebParts, Workers, read_genesis, system_time,
};

use crate::cli::RunArgs;

/// What the faucet of a development network gives: enough for a validator's stake.
const DEV_FAUCET: Faucet = Faucet { amount: Amount::from_dfsn(1_200), every_seconds: 10 };

/// Runs until a signal, or until the chain cannot go on.
pub(super) fn run(args: &RunArgs) -> Result<(), NodeError> {
    super::log(args.json);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(io("tokio"))?.block_on(async {
        match &args.config {
            Some(path) => {
                let config = Config::read(path)?;
                let genesis = read_genesis(&config.genesis)?;
                let secret = NodeSecret::find(&config.keystore)?;
                let validators = vec![Operated::new(secret.clone(), config.owner)];
                let upgrades =
                    config.upgrades.as_deref().map(Upgrades::read).transpose()?.unwrap_or_default();
                let (caller, model, is_dev) = (secret.clone(), None, false);
                serve(args, Parts { config, genesis, secret, caller, validators, upgrades, model, is_dev })
                    .await
            }
            None => {
                let network = DevNetwork::open(&args.data_dir, args.model.as_deref())?;
                let data_dir = args.data_dir.clone();
                let config = Config { data_dir, faucet: Some(DEV_FAUCET), ..Config::default() };
                let DevNetwork { genesis, sealer: secret, mut validators } = network;
                let own = args.keystore.as_deref().map(NodeSecret::find).transpose()?;
                validators.extend(own.clone().map(|secret| Operated::new(secret, args.owner)));
                let (caller, upgrades) = (own.unwrap_or_else(|| secret.clone()), Upgrades::default());
                let (model, is_dev) = (args.model.clone(), true);
                serve(args, Parts { config, genesis, secret, caller, validators, upgrades, model, is_dev })
                    .await
            }
        }
    })
}

/// What a node is started with.
struct Parts {
    config: Config,
    genesis: GenesisConfig,
    /// Seals, pays from the faucet.
    secret: NodeSecret,
    /// Calls ComputeClients.
    caller: NodeSecret,
    validators: Vec<Operated>,
    upgrades: Upgrades,
    /// A model to draw with in this process.
    model: Option<PathBuf>,
    /// Whether its coins are worth nothing.
    is_dev: bool,
}

async fn serve(args: &RunArgs, parts: Parts) -> Result<(), NodeError> {
    let Parts { mut config, genesis, secret, caller, validators, upgrades, model, is_dev } = parts;
    config.listen = args.listen.unwrap_or(config.listen);
    config.compute.extend(args.compute.clone());
    config.web = args.web.clone().or(config.web);
    let blobs = BlobStore::open(&config.data_dir.join("blobs"), config.blobs.mib.saturating_mul(1 << 20))?;
    let blobs = Arc::new(blobs);
    let mut node = Node::start(NodeParts {
        data_dir: &config.data_dir,
        genesis: &genesis,
        sealer: &secret,
        beacon: validators.first(),
        upgrades,
        blobs: Arc::clone(&blobs),
        clock: system_time,
    })?;
    let remotes = Remotes::new(&caller, &config.compute)?;
    let (web_workers, (joining, joins)) = (Workers::default(), Joining::new());
    let web = config.web.as_deref().map(|folder| WebParts {
        folder,
        genesis: &genesis,
        model: model.as_deref(),
        workers: Arc::clone(&web_workers),
        joining: is_dev.then_some(joining),
    });
    let api = Served::start_with(node.handle().clone(), &config, &secret, remotes.router, web).await?;
    let state = node.handle().state();
    let (url, node_key) = (format!("http://{}", api.address()), caller.node().public_key());
    tracing::info!(url, genesis = %state.chain.genesis, height = %state.tip.height, %node_key, "ready");
    // For scripts that let the system choose the port; who does not read it is none of them.
    let _ = writeln!(std::io::stdout(), "{}", serde_json::json!({ "url": url, "node_key": node_key }));
    let mut workers = remotes.workers;
    let local = match model {
        Some(model) if workers.is_empty() => {
            let local = LocalCompute::start(&secret, model, &config.data_dir.join("compute")).await?;
            tracing::info!(key = %local.worker().worker(), "the compute client of this process is ready");
            workers.push(local.worker());
            Some(local)
        }
        _ => None,
    };
    // Nobody else sets it.
    let _ = web_workers.set(workers.clone());
    let at_work = Validators::of(&mut node, &validators, &workers).with(joins).run();
    let keep = Duration::from_secs(config.blobs.hours.saturating_mul(3_600));
    tokio::select! {
        () = signal() => tracing::info!("shutting down"),
        () = node.ended() => {}
        () = at_work => {}
        () = blobs.collect_for_ever(keep) => {}
    }
    api.stop().await;
    if let Some(local) = local {
        local.stop().await;
    }
    node.stop()
}

/// Ends with Ctrl-C or SIGTERM.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler the system's default ends the program.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn io(name: &str) -> impl FnOnce(std::io::Error) -> NodeError {
    let path = Path::new(name).to_owned();
    move |source| NodeError::Io { path, source }
}
