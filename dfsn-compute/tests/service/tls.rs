//! TLS at both ends, with certificates made for the test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use dfsn_compute::service::dial::Dialler;
use dfsn_compute::service::listen::Listener;
use dfsn_compute::service::node::{DialledWorker, HttpLink, Link, RemoteWorker, WebSocketLink};
use dfsn_compute::service::server;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::sync::watch;

use crate::harness::Harness;
use crate::links::{draws, node_key};

const DIR: &str = "DFSN_TLS_TEST_DIR";
/// An authority of one's own, for whoever is told to trust it.
const AUTHORITY: &str = "authority.pem";
/// Names of the certificates: the right one, and one for another host.
const HOSTS: [&str; 2] = ["127.0.0.1", "node.example.org"];

fn make_certificates(dir: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    std::fs::write(dir.join(AUTHORITY), authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, key);
    for host in HOSTS {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let [certificate_file, key_file] = files(dir, host);
        std::fs::write(certificate_file, certificate.pem()).unwrap();
        std::fs::write(key_file, key.serialize_pem()).unwrap();
    }
}

fn files(dir: &Path, host: &str) -> [PathBuf; 2] {
    [dir.join(format!("{host}.pem")), dir.join(format!("{host}.key"))]
}

/// Serves with the certificate for `host`, for as long as the switch is held.
async fn serve(router: Router, dir: &Path, host: &str) -> (SocketAddr, watch::Sender<bool>) {
    let (stop, stopping) = watch::channel(false);
    let [certificate, key] = files(dir, host);
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let listener = listener.with_tls(&certificate, &key).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(listener.serve(router, stopping));
    (address, stop)
}

/// The two ways in which a node connects.
fn nodes(address: SocketAddr, worker: &Harness) -> [RemoteWorker; 2] {
    let name = worker.service.public_key();
    let http = HttpLink::new(&format!("https://{address}")).unwrap();
    let websocket = WebSocketLink::new(&format!("wss://{address}"), node_key(), name).unwrap();
    let links: [Arc<dyn Link>; 2] = [Arc::new(http), Arc::new(websocket)];
    links.map(|link| RemoteWorker::new(node_key(), name, link))
}

/// Not a test by itself: which authorities a process trusts is read once, from its environment.
#[tokio::test]
#[ignore = "is started by jobs_are_drawn_over_tls"]
async fn process_that_trusts_the_authority() {
    let dir = PathBuf::from(std::env::var_os(DIR).expect("the test that starts this names a folder"));
    let worker = Harness::start(0).await;
    let (address, _stop) = serve(server::router(worker.service.clone()), &dir, HOSTS[0]).await;
    for (number, node) in (1..).zip(nodes(address, &worker)) {
        draws(&node, number).await;
    }

    let name = worker.service.public_key();
    let dialled = DialledWorker::new(node_key().public_key(), name);
    let (address, _stop) = serve(dialled.router(), &dir, HOSTS[0]).await;
    let (stop, stopping) = watch::channel(false);
    let dialler = Dialler::new(&format!("wss://{address}"), worker.service.clone()).unwrap();
    let dialling = tokio::spawn(dialler.run(stopping));
    draws(&RemoteWorker::new(node_key(), name, Arc::new(dialled)), 3).await;
    stop.send_replace(true);
    dialling.await.unwrap();

    let (address, _stop) = serve(server::router(worker.service.clone()), &dir, HOSTS[1]).await;
    for node in nodes(address, &worker) {
        let error = node.info().await.unwrap_err().to_string();
        assert!(error.starts_with("the worker cannot be reached: "), "{error}");
        assert!(error.contains("certificate not valid for name \"127.0.0.1\""), "{error}");
    }
}

#[test]
fn jobs_are_drawn_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    make_certificates(dir.path());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tls::process_that_trusts_the_authority", "--ignored", "--nocapture"])
        .env(DIR, dir.path())
        .env("SSL_CERT_FILE", dir.path().join(AUTHORITY))
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    make_certificates(dir.path());
    let worker = Harness::start(0).await;
    let (address, _stop) = serve(server::router(worker.service.clone()), dir.path(), HOSTS[0]).await;
    for node in nodes(address, &worker) {
        let error = node.info().await.unwrap_err().to_string();
        assert!(error.starts_with("the worker cannot be reached: "), "{error}");
        assert!(error.contains("invalid peer certificate: UnknownIssuer"), "{error}");
    }
    // Without TLS nothing is answered either.
    let plain = Arc::new(HttpLink::new(&format!("http://{address}")).unwrap());
    let node = RemoteWorker::new(node_key(), worker.service.public_key(), plain);
    let error = node.info().await.unwrap_err().to_string();
    assert!(error.starts_with("the connection to the worker broke: "), "{error}");
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    make_certificates(dir.path());
    let [certificate, key] = files(dir.path(), HOSTS[0]);
    let [missing, other] = [dir.path().join("missing.pem"), files(dir.path(), HOSTS[1])[1].clone()];
    for (certificate, key) in [(&missing, &key), (&certificate, &missing), (&certificate, &other)] {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let error = listener.with_tls(certificate, key).unwrap_err().to_string();
        let named = format!("cannot use certificate {} with key {}: ", certificate.display(), key.display());
        assert!(error.starts_with(&named), "{error}");
    }
}
