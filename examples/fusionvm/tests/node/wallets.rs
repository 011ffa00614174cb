//! Ethereum's libraries against a node: viem and ethers, as wallets and pages use them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dfsn_client::transport::Transport;
use dfsn_types::{Amount, Gas, Nonce, Secp256k1SecretKey, Transaction, TransactionKind};
use fusionvm::Limits;

use super::{DevNode, emoji};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wallets");
const ABI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dfsn-types/abi/IDfsn.json");

/// The folder with the libraries in their locked versions, or why there is none. It is kept between runs.
fn libraries() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wallets");
    let read = |folder: &Path| std::fs::read(folder.join("package-lock.json")).ok();
    let is_installed = folder.join("node_modules/.package-lock.json").exists();
    if !is_installed || read(&folder) != read(Path::new(SCRIPTS)) {
        copy(&folder, &["package.json", "package-lock.json"]);
        let mut npm = Command::new("npm");
        npm.current_dir(&folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        let output = npm.output().map_err(|error| format!("npm: {error} (https://nodejs.org)"))?;
        if !output.status.success() {
            // Half of it would be taken for all next time.
            let _ = std::fs::remove_dir_all(folder.join("node_modules"));
            return Err(format!("npm ci: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    copy(&folder, &["network.mjs", "viem.mjs", "ethers.mjs"]);
    Ok(folder)
}

fn copy(folder: &Path, names: &[&str]) {
    std::fs::create_dir_all(folder).unwrap();
    for name in names {
        std::fs::copy(Path::new(SCRIPTS).join(name), folder.join(name)).unwrap();
    }
}

fn run(folder: &Path, script: &str, url: &str) -> Output {
    let mut node = Command::new("node");
    node.current_dir(folder).args([script, url]).env("DFSN_ABI", ABI);
    node.output().expect("npm was there, so node is")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libraries_of_wallets_work_unmodified() {
    let folder = match libraries() {
        Ok(folder) => folder,
        Err(reason) => {
            // Not by `eprintln`, which nobody sees when a test passes.
            writeln!(std::io::stderr(), "skipped libraries_of_wallets_work_unmodified: {reason}").unwrap();
            return;
        }
    };
    let data = tempfile::tempdir().unwrap();
    let node = DevNode::start_giving(data.path(), Limits::default(), Some(emoji()), 2_000).await;
    for script in ["viem.mjs", "ethers.mjs"] {
        let (folder, url) = (folder.clone(), node.url());
        let output = tokio::task::spawn_blocking(move || run(&folder, script, &url)).await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (said, failed) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{script}: {said}{failed}");
    }
    node.stop().await;
}

/// What the libraries would not even send.
#[tokio::test]
async fn a_tip_over_the_fee_is_refused_in_words_that_wallets_know() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start(folder.path()).await;
    let key = Secp256k1SecretKey::from_bytes(&[9; 32]).unwrap();
    let transport = node.transport().await;
    transport.ask_faucet(key.address()).await.unwrap();
    let network = transport.network().await.unwrap();
    let transfer = Transaction {
        chain_id: network.chain_id,
        nonce: Nonce::ZERO,
        gas_limit: Gas::new(21_000),
        max_fee_per_gas: network.base_fee_per_gas,
        max_priority_fee_per_gas: Amount::DFSN,
        kind: TransactionKind::Transfer { to: key.address(), amount: Amount::DFSN },
    };
    let raw = hex::encode(transfer.sign_ethereum(Amount::DFSN, &key).unwrap().as_bytes());
    let call = |id: u8, method: &str, param: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":["{param}"]}}"#)
    };
    let (send, read) = (
        call(1, "eth_sendRawTransaction", &format!("0x{raw}")),
        call(2, "eth_getBalance", &key.address().to_eip55()),
    );
    let answer = node.post("/eth", &format!("[{send},{read}]")).await;
    let answers: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let of = |id: u8| answers.as_array().unwrap().iter().find(|answer| answer["id"] == id).unwrap();
    let error = &of(1)["error"];
    let message = error["message"].as_str().unwrap();
    assert_eq!(error["code"], -32_000);
    assert!(
        message.starts_with("max priority fee per gas higher than max fee per gas: MEM-06: TX-03"),
        "{message}"
    );
    assert_eq!(of(2)["result"], "0x8ac7230489e80000", "10 coins, and the rest of the batch is answered");
    node.stop().await;
}
