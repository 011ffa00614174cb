//! `register`: what the owner of a stake signs to put this node and its ComputeClient to work.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dfsn_client::transport::{Http, RetryPolicy, Transport as _};
use dfsn_client::view::{NetworkInfo, ValidatorInfo};
use dfsn_compute::service::node::{Exchange, HttpLink, Link, LinkError, LinkRequest, RemoteWorker};
use dfsn_compute::service::wire::RefusalBody;
use dfsn_types::{Address, ChainIdentity, ComputeUpdate, GenesisHash};
use fusionvm::keystore::NodeSecret;
use fusionvm::plugin::PluginConfig;
use fusionvm::{Compute, Config, NodeError, Operated, RegistrationError, Terms, read_genesis, shared_pairs};

use crate::cli::RegisterArgs;

/// What is read where neither a configuration nor a keystore is named.
const CONFIG: &str = "fusionvm.toml";
/// How often the node is asked for an answer: a person waits, and it is on this machine or near.
const TRIES: u32 = 2;

/// Prints a registration that every key has signed.
pub(super) fn register(args: &RegisterArgs) -> Result<(), NodeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(NodeError::io(Path::new("tokio")))?;
    let (update, notes) = runtime.block_on(make(args))?;
    let text = if args.json { serde_json::to_string(&update) } else { serde_json::to_string_pretty(&update) };
    let text = text.map_err(|error| NodeError::Compute(error.to_string()))?;
    if !args.json {
        // Whoever closed the stream has read enough.
        let _ = std::io::stderr().write_all(notes.as_bytes());
    }
    super::write(&(text + "\n"))
}

async fn make(args: &RegisterArgs) -> Result<(ComputeUpdate, String), NodeError> {
    let setting = Setting::find(args)?;
    let Setting { operated, compute, url, .. } = &setting;
    let at = |error| RegistrationError::Node { url: url.clone(), error };
    let mut builder = Http::builder(url).retry(RetryPolicy { tries: TRIES, ..RetryPolicy::default() });
    if let Some(genesis) = setting.genesis {
        builder = builder.genesis(genesis);
    }
    let node = builder.connect().await.map_err(at)?;
    let network = node.network().await.map_err(at)?;
    let validators = node.validators().await.map_err(at)?;
    let worker = worker(&operated.secret, compute, url)?;
    let info = worker.info().await;
    let info = info.map_err(|error| RegistrationError::Worker { key: compute.key, error })?;
    let terms = Terms {
        pairs: shared_pairs(&info, &network)?,
        capacity: args.capacity,
        min_price: args.price,
        payout: args.payout,
        relay: args.relay,
    };
    let chain = ChainIdentity { chain_id: network.chain_id, genesis: network.genesis };
    let update = operated.register(&chain, &worker, &terms).await?;
    let standing = validators.iter().find(|validator| validator.address == operated.validator);
    let notes = notes(&setting, &update, &network, standing);
    Ok((update, notes))
}

/// What is registered, and where it is found.
struct Setting {
    operated: Operated,
    compute: Compute,
    /// The node.
    url: String,
    /// The network, where the configuration tells.
    genesis: Option<GenesisHash>,
    /// Whether the node works for this validator already.
    is_configured: bool,
}

impl Setting {
    /// Reads the configuration; what the command line says goes before it.
    fn find(args: &RegisterArgs) -> Result<Self, NodeError> {
        let found = Found::read(args)?;
        let owner = match (args.owner, found.owner) {
            (Some(given), Some(configured)) if given != configured => {
                return Err(RegistrationError::OtherOwner { given, configured }.into());
            }
            (given, configured) => given.or(configured).ok_or(RegistrationError::NoOwner)?,
        };
        let compute = match (&args.compute, found.compute.as_slice()) {
            (Some(Compute { key, url: None }), known) => {
                let url =
                    known.iter().find(|client| client.key == *key).and_then(|client| client.url.clone());
                Compute { key: *key, url }
            }
            (Some(named), _) => named.clone(),
            (None, [one]) => one.clone(),
            (None, []) => return Err(RegistrationError::NoCompute.into()),
            (None, more) => return Err(RegistrationError::Computes(more.len()).into()),
        };
        let url = match (&args.node, found.listen) {
            (Some(url), _) => url.clone(),
            (None, Some(address)) if address.port() != 0 => format!("http://{}", reachable(address)),
            (None, _) => return Err(RegistrationError::NoNode.into()),
        };
        let (operated, is_configured) = (Operated::new(found.secret, Some(owner)), found.owner.is_some());
        Ok(Self { operated, compute, url, genesis: found.genesis, is_configured })
    }
}

/// What a configuration says.
struct Found {
    secret: NodeSecret,
    owner: Option<Address>,
    compute: Vec<Compute>,
    listen: Option<SocketAddr>,
    genesis: Option<GenesisHash>,
}

impl Found {
    fn read(args: &RegisterArgs) -> Result<Self, NodeError> {
        let path = match (&args.config, &args.keystore) {
            (Some(path), _) => path.clone(),
            (None, None) if !Path::new(CONFIG).exists() => {
                return Err(RegistrationError::NoConfig(CONFIG).into());
            }
            (None, None) => PathBuf::from(CONFIG),
            (None, Some(keystore)) => {
                let secret = NodeSecret::find(keystore)?;
                let listen = Some(Config::default().listen);
                return Ok(Self { secret, owner: None, compute: Vec::new(), listen, genesis: None });
            }
        };
        if path.extension().is_some_and(|extension| extension == "json") {
            return Self::of_plugin(&path, args.keystore.as_deref());
        }
        let config = Config::read(&path)?;
        let secret = NodeSecret::find(args.keystore.as_ref().unwrap_or(&config.keystore))?;
        let genesis = Some(read_genesis(&config.genesis)?.identity().genesis);
        Ok(Self {
            secret,
            owner: config.owner,
            compute: config.compute,
            listen: Some(config.listen),
            genesis,
        })
    }

    /// `config.json` of a chain at its node of AvalancheGo.
    fn of_plugin(path: &Path, keystore: Option<&Path>) -> Result<Self, NodeError> {
        let config = PluginConfig::read(&std::fs::read(path).map_err(NodeError::io(path))?)?;
        let secret = match keystore {
            Some(keystore) => NodeSecret::find(keystore)?,
            None => match <[Operated; 1]>::try_from(config.operated()?) {
                Ok([operated]) => operated.secret,
                Err(none) if none.is_empty() => return Err(RegistrationError::NoKeystore.into()),
                Err(more) => return Err(RegistrationError::Keystores(more.len()).into()),
            },
        };
        let PluginConfig { owner, compute, listen, .. } = config;
        Ok(Self { secret, owner, compute, listen, genesis: None })
    }
}

/// An address that listens everywhere is reached on this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// The ComputeClient, at its URL or through the node that it calls.
fn worker(secret: &NodeSecret, compute: &Compute, node: &str) -> Result<RemoteWorker, NodeError> {
    let link = |url: &str| HttpLink::new(url).map_err(|error| NodeError::Compute(error.to_string()));
    let link: Arc<dyn Link> = match &compute.url {
        Some(url) => Arc::new(link(url)?),
        None => Arc::new(ThroughNode(link(node)?)),
    };
    Ok(RemoteWorker::new(Arc::new(secret.node()), compute.key, link))
}

/// The way through the node to the ComputeClient that calls it.
#[derive(Debug)]
struct ThroughNode(HttpLink);

impl Link for ThroughNode {
    fn exchange(&self, request: LinkRequest) -> Exchange<'_> {
        Box::pin(async move {
            let reply = self.0.exchange(request).await?;
            if reply.signature.is_some() {
                return Ok(reply);
            }
            // Not by the worker: the node says why it was not asked.
            let said = serde_json::from_slice::<RefusalBody>(&reply.body);
            let said =
                said.map_or_else(|_| format!("status {}", reply.status), |body| body.message.to_string());
            Err(LinkError::Unreachable(format!("its node says: {said}")))
        })
    }
}

/// What a person should know beside the registration.
fn notes(
    setting: &Setting,
    update: &ComputeUpdate,
    network: &NetworkInfo,
    standing: Option<&ValidatorInfo>,
) -> String {
    let Setting { operated, is_configured, .. } = setting;
    let owner = operated.validator.to_eip55();
    let mut notes = format!("for validator {owner} of chain {}:\n", network.chain_id);
    for offer in update.registration.offers.iter() {
        let model = network.models.iter().find(|model| model.id == offer.pair.model);
        let profile = network.profile(offer.pair.profile);
        if let (Some(model), Some(profile)) = (model, profile) {
            let (name, price) = (&model.name, offer.min_price);
            notes += &format!("  {name} in {profile}, from {price} a unit of work\n");
        }
    }
    notes +=
        &format!("sign it with {owner}: on the node's web page under Validators, or by registerCompute\n");
    let minimum = network.params.economics.stake_min;
    if standing.is_none_or(|standing| standing.stake < minimum) {
        notes += &format!("before that, stake: {owner} has less than {minimum}\n");
    }
    if !is_configured {
        notes += &format!(
            "the node works for it with owner = \"{owner}\" in its configuration, from its next start on\n"
        );
    }
    notes
}
