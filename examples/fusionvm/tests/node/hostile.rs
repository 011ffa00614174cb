//! Callers that mean no good, or make mistakes: each gets a clear answer, and the node goes on.

use std::io::Write;
use std::net::TcpStream;

use fusionvm::Limits;

use super::DevNode;

/// The code and message of a JSON-RPC error.
fn rpc_error(text: &str) -> (i64, String) {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    let error = &value["error"];
    (error["code"].as_i64().expect("a code"), error["message"].as_str().unwrap_or_default().to_owned())
}

async fn is_well(node: &DevNode) -> bool {
    node.get("/health", "").await.status == 200
}

#[tokio::test]
async fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start(folder.path()).await;
    let call = |method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
    };
    for (body, code, says) in [
        ("{".to_owned(), -32_700, "Parse error"),
        (call("dfsn_nothing", "[]"), -32_601, "Method not found"),
        (call("dfsn_getAccount", "[]"), -32_602, ""),
        (call("dfsn_getAccount", r#"["dfsn1nobody"]"#), -32_602, ""),
        (call("dfsn_submitTransaction", r#"["0xzz"]"#), -32_602, ""),
        (call("dfsn_submitTransaction", r#"["0x00"]"#), -32_010, "TX-01"),
        (call("dfsn_getProof", r#"[{"receipt":{"height":9,"id":"00"}}]"#), -32_602, ""),
        (call("dfsn_getJobs", r#"[{"requestor":null}]"#), -32_602, ""),
    ] {
        let answer = node.post("/", &body).await;
        let (actual, message) = rpc_error(&answer.text());
        assert_eq!(actual, code, "{body}: {}", answer.text());
        assert!(message.contains(says), "{body}: {message}");
    }
    for (path, status) in
        [("/nothing", 404), ("/blobs/xyz", 400), ("/blobs/../chain.redb", 404), ("/", 200), ("/eth", 200)]
    {
        assert_eq!(node.get(path, "").await.status, status, "{path}");
    }
    let missing = format!("/blobs/{}", "0".repeat(64));
    assert_eq!(node.get(&missing, "").await.status, 404);
    for (body, says) in
        [("{}", "address"), ("[", "JSON"), (r#"{"address":"x"}"#, ""), (r#"{"adress":"x"}"#, "adress")]
    {
        let answer = node.post("/faucet", body).await;
        assert!((400..500).contains(&answer.status) && answer.text().contains(says), "{body}: {answer:?}");
    }
    assert!(is_well(&node).await);
    node.stop().await;
}

#[tokio::test]
async fn too_much_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { body_bytes: 10_000, batch: 2, ..Limits::default() };
    let node = DevNode::start_with(folder.path(), limits, None).await;
    let long =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"dfsn_syncing","params":["{}"]}}"#, "x".repeat(20_000));
    let answer = node.post("/", &long).await;
    assert!(answer.status == 413 || answer.text().contains("too big"), "{answer:?}");
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"dfsn_syncing"},{"jsonrpc":"2.0","id":2,"method":"dfsn_syncing"},
        {"jsonrpc":"2.0","id":3,"method":"dfsn_syncing"}]"#;
    let answer = node.post("/", batch).await;
    assert!(answer.text().contains("batch"), "{}", answer.text());
    // A length that never comes, and a head that never ends.
    let header = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(40_000));
    assert_eq!(node.raw(header).await.status, 431);
    assert!(is_well(&node).await);
    node.stop().await;
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { requests_per_second: 1, burst: 5, ..Limits::default() };
    let node = DevNode::start_with(folder.path(), limits, None).await;
    let mut refused = 0;
    for _ in 0..10 {
        let answer = node.get("/health", "").await;
        if answer.status == 429 {
            assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
            refused += 1;
        }
    }
    assert!(refused >= 3, "{refused} of 10");
    node.stop().await;
}

#[tokio::test]
async fn callers_that_say_nothing_keep_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { connections: 64, ..Limits::default() };
    let node = DevNode::start_with(folder.path(), limits, None).await;
    let address = node.api.address();
    let half = |index: usize| {
        let mut stream = TcpStream::connect(address).unwrap();
        let begun: &[u8] = if index.is_multiple_of(2) { b"POST / HTTP/1.1\r\nho" } else { b"" };
        stream.write_all(begun).unwrap();
        stream
    };
    // As many as there are places, less one.
    let silent: Vec<_> = (0..63).map(half).collect();
    assert!(is_well(&node).await);
    drop(silent);
    assert!(is_well(&node).await);
    node.stop().await;
}

#[tokio::test]
async fn random_bytes_are_survived() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start(folder.path()).await;
    let seeds = [
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n[[[[[[[[["
            .to_vec(),
        b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n\x81\x7f\xff\xff"
            .to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        vec![0xff; 4_096],
        b"POST /faucet HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n"
            .to_vec(),
    ];
    for seed in seeds {
        for at in (0..seed.len().min(64)).step_by(7) {
            let mut bytes = seed.clone();
            bytes[at] ^= 0x55;
            let mut stream = TcpStream::connect(node.api.address()).unwrap();
            let _ = stream.write_all(&bytes);
        }
    }
    assert!(is_well(&node).await);
    node.stop().await;
}
