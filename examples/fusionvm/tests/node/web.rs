//! The web page of a node, and what it asks beside the chain.

use std::fs;
use std::path::Path;

use dfsn_client::JobEvent;
use dfsn_client::transport::Transport;
use dfsn_types::{
    Address, ComputeUpdate, DurationMs, Event, GenerationParams, GenerationRequest, ImageSize, ProfileRecord,
    SecretKey,
};
use fusionvm::{Limits, NodeError};
use serde_json::{Value, json};

use super::{DevNode, emoji};

fn page(folder: &Path) {
    fs::create_dir_all(folder.join("assets")).unwrap();
    fs::write(folder.join("index.html"), "<!doctype html><head><title>page</title></head>").unwrap();
    fs::write(folder.join("assets/x.js"), "export {}").unwrap();
}

#[tokio::test]
async fn a_page_is_everywhere_that_is_no_call() {
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    page(files.path());
    let node = DevNode::start_page(folder.path(), Limits::default(), None, Some(files.path())).await;
    for path in ["/", "/explore", "/p/ab/1", "/..%2f..%2fetc/passwd", "/../Cargo.toml", "/assets/none.js"] {
        let answer = node.get(path, "").await;
        assert!(answer.text().contains("<title>page</title>"), "{path}: {answer:?}");
        assert!(
            answer.head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
            "{path}"
        );
        assert!(!answer.head.contains("unsafe-inline"));
    }
    assert!(node.get("/", "").await.head.contains("cache-control: no-cache"));
    let script = node.get("/assets/x.js", "").await;
    assert_eq!((script.status, script.text().as_str()), (200, "export {}"));
    assert!(script.head.contains("immutable") && script.head.contains("text/javascript"), "{}", script.head);
    assert_eq!(node.post("/explore", "{}").await.status, 404);

    // The API is where it was.
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"dfsn_syncing"}"#;
    assert!(node.post("/", call).await.text().contains("\"height\":"));
    assert_eq!(node.transport().await.network().await.unwrap().chain_id.get(), 33_778);
    assert_eq!(node.get("/health", "").await.status, 200);
    let about: Value = serde_json::from_str(&node.get("/web", "").await.text()).unwrap();
    assert_eq!(about["dev"], json!(true));
    assert_eq!(about["faucet"]["amount"], json!("10000000000000000000"));
    assert_eq!(node.get(&format!("/web/jobs/{}", "0".repeat(64)), "").await.status, 404);
    assert_eq!(node.get("/web/jobs?order=oldest", "").await.status, 400);
    assert_eq!(node.get("/web/jobs?from=zz", "").await.text(), r#"{"jobs":[],"next":null}"#);
    node.stop().await;
}

#[tokio::test]
async fn a_folder_without_a_page_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = fusionvm::Config { data_dir: folder.path().to_owned(), ..fusionvm::Config::default() };
    let node = DevNode::start(folder.path()).await;
    let network = fusionvm::DevNetwork::open(folder.path(), None).unwrap();
    let parts = fusionvm::WebParts {
        folder: folder.path(),
        genesis: &network.genesis,
        model: None,
        workers: fusionvm::Workers::default(),
        joining: None,
    };
    let handle = node.node.handle().clone();
    let more = axum::Router::new();
    let served = fusionvm::Served::start_with(handle, &config, &network.sealer, more, Some(parts)).await;
    let error = served.unwrap_err();
    assert!(matches!(error, NodeError::Page(_)), "{error}");
    assert!(error.to_string().contains("cargo xtask webapp"), "{error}");
    node.stop().await;
}

#[tokio::test]
async fn the_gallery_shows_finished_pictures_and_their_steps() {
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    page(files.path());
    let node = DevNode::start_page(folder.path(), Limits::default(), Some(emoji()), Some(files.path())).await;
    let user = node.user(1).await;
    let network = user.network().await.unwrap();
    let size = ImageSize::new(64, 64).unwrap();
    let params = GenerationParams::builder(network.models[0].id, ProfileRecord::EXACT_V1.id(), "pizza", size)
        .num_inference_steps(3)
        .build()
        .unwrap();
    let quote = user.quote(&params).await.unwrap();
    let request = GenerationRequest {
        params,
        price_per_unit: quote.price_per_unit,
        expires_ms: DurationMs::new(300_000),
        unaudited: false,
    };
    let mut job = user.generate(request).await.unwrap();
    let id = job.id();
    let step = format!("/web/jobs/{id}/steps/0/2");
    assert_eq!(node.get(&step, "").await.status, 409, "its states are for its auditors");
    while let Some(event) = job.next_event().await.unwrap() {
        if matches!(event, JobEvent::Chain(Event::JobCommitted { .. })) {
            job.acknowledge().await.unwrap();
        }
    }

    let read = |answer: super::Answer| serde_json::from_str::<Value>(&answer.text()).unwrap();
    let listed = loop {
        let listed = read(node.get("/web/jobs", "").await);
        if listed["jobs"][0]["job"]["id"] == json!(id) {
            break listed;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(listed["jobs"][0]["job"]["params"]["prompt"], json!("pizza"));
    let one = read(node.get(&format!("/web/jobs/{id}"), "").await);
    assert!(one["heights"].as_array().unwrap().len() >= 4, "{one}");
    let mine = read(node.get(&format!("/web/jobs?requester={}", user.address()), "").await);
    assert_eq!(mine["jobs"].as_array().unwrap().len(), 1);
    for _ in 0..2 {
        let shared = read(node.post(&format!("/web/jobs/{id}/share"), "").await);
        assert_eq!(shared, json!({ "shares": 1 }), "one visitor counts once");
    }
    assert_eq!(read(node.get("/web/jobs?order=shared", "").await)["jobs"][0]["shares"], json!(1));
    let refused = node.post(&format!("/web/jobs/{id}/unlist"), r#"{"signature":"0x00"}"#).await;
    assert_eq!(refused.status, 403);

    let card = node.get(&format!("/p/{id}/1"), "").await.text();
    let file = &listed["jobs"][0]["job"]["commitment"]["images"][0]["picture"]["file"];
    let image = format!(r#"content="http://x/blobs/{}""#, file.as_str().unwrap());
    assert!(card.contains("og:title\" content=\"pizza\"") && card.contains(&image), "{card}");

    let shown = read(node.get(&step, "").await);
    assert_eq!(shown["before"]["boundary"], json!({ "image": 0, "t": 1 }));
    assert_eq!(shown["after"]["boundary"], json!({ "image": 0, "t": 2 }));
    assert!(!shown["state"].as_str().unwrap().is_empty());
    for (path, status) in [("0/9", 400), ("0/0", 400), ("7/1", 400)] {
        assert_eq!(node.get(&format!("/web/jobs/{id}/steps/{path}"), "").await.status, status, "{path}");
    }
    node.stop().await;
}

#[tokio::test]
async fn a_visitor_of_a_development_network_gets_a_machine_to_register() {
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    page(files.path());
    let node = DevNode::start_page(folder.path(), Limits::default(), Some(emoji()), Some(files.path())).await;
    let owner = Address::from_public_key(&SecretKey::from_seed(&[9; 32]).public_key());
    let answer = node.post("/web/operators", &json!({ "owner": owner }).to_string()).await;
    let update: ComputeUpdate = serde_json::from_str(&answer.text()).unwrap();
    let chain = node.node.handle().state().chain;
    update.registration.verify_possession(&chain, &owner, &update.possession).unwrap();
    let other = Address::from_bytes([7; 20]);
    assert!(update.registration.verify_possession(&chain, &other, &update.possession).is_err());
    assert!(node.post("/web/operators", r#"{"owner":"nobody"}"#).await.status >= 400);
    node.stop().await;
}
