//! What a web page needs of its node beside the chain: its own files, a gallery, the steps of finished jobs, and on a development
//! network a machine to operate. All of it is under `/web`; the page itself is everywhere else.

mod card;
mod gallery;
mod operators;
mod page;
mod steps;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use dfsn_compute::manifest;
use dfsn_compute::service::node::RemoteWorker;
use dfsn_types::{Amount, GenesisConfig, ModelId};
use serde::Serialize;
use tower_http::services::ServeDir;

use crate::config::Config;
use crate::error::NodeError;
use crate::node::NodeHandle;
use crate::validators::Joining;
use gallery::Gallery;
use page::Page;

pub(crate) use page::is_visit;

/// The ComputeClients of this node, once they are there.
pub type Workers = Arc<OnceLock<Vec<RemoteWorker>>>;

/// What a page is served with.
#[derive(Debug)]
pub struct WebParts<'a> {
    /// Where the page lies.
    pub folder: &'a Path,
    /// The network, for those who check what this node tells.
    pub genesis: &'a GenesisConfig,
    /// The files of a model, for those who check its pictures in a browser.
    pub model: Option<&'a Path>,
    /// Who shows the steps of finished jobs.
    pub workers: Workers,
    /// Lets visitors operate validators of this node: on development networks only.
    pub joining: Option<Joining>,
}

/// A page with what it asks its node for.
#[derive(Debug)]
pub(crate) struct Web {
    page: Router,
    routes: Router,
}

/// `GET /web`.
#[derive(Clone, Debug, Serialize)]
struct About {
    /// Coins are worth nothing here.
    dev: bool,
    faucet: Option<AboutFaucet>,
    /// Where coins are bought.
    buy: Option<String>,
    /// Whether a model's files are under `/web/model`.
    model: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct AboutFaucet {
    amount: Amount,
    every_seconds: u64,
}

/// `GET /web/files`: what of a model decides its pictures; each is under `/web/model`.
#[derive(Clone, Debug, Serialize)]
struct ModelFiles {
    model: ModelId,
    files: Vec<String>,
}

impl Web {
    /// Opens the gallery and finds the page. Needs a runtime, in which the gallery follows the chain until it ends.
    ///
    /// # Errors
    /// [`NodeError::Page`], [`NodeError::Store`], [`NodeError::Manifest`].
    pub(crate) fn open(node: &NodeHandle, config: &Config, parts: WebParts<'_>) -> Result<Self, NodeError> {
        let page = Page::open(parts.folder)?;
        let faucet = config
            .faucet
            .map(|faucet| AboutFaucet { amount: faucet.amount, every_seconds: faucet.every_seconds });
        let about = About {
            dev: parts.joining.is_some(),
            faucet,
            buy: config.buy.clone(),
            model: parts.model.is_some(),
        };
        let gallery = Arc::new(Gallery::open(&config.data_dir, node.clone())?);
        tokio::spawn(Arc::clone(&gallery).follow());
        let genesis = Arc::new(parts.genesis.clone());
        let mut routes = Router::new()
            .route("/web", get(async move || Json(about.clone())))
            .route("/web/genesis", get(show_genesis).with_state(genesis))
            .merge(gallery::routes(gallery))
            .merge(steps::routes(node.clone(), Arc::clone(&parts.workers)));
        if let Some(joining) = parts.joining {
            let operators = operators::Operators::new(node.clone(), parts.workers, joining);
            routes = routes.route("/web/operators", post(operators::join).with_state(Arc::new(operators)));
        }
        if let Some(model) = parts.model {
            let listed = manifest(model)?;
            let files = listed.files.iter().map(|file| file.path.to_string()).collect();
            let files = ModelFiles { model: listed.id(), files };
            routes = routes
                .route("/web/files", get(async move || Json(files.clone())))
                .nest_service("/web/model", ServeDir::new(model));
        }
        Ok(Self { page: page.router(node.clone()), routes })
    }

    /// The paths under `/web`, and a router for everything else that a browser visits.
    pub(crate) fn into_routers(self) -> (Router, Router) {
        (self.routes, self.page)
    }
}

async fn show_genesis(State(genesis): State<Arc<GenesisConfig>>) -> Json<GenesisConfig> {
    Json(GenesisConfig::clone(&genesis))
}
