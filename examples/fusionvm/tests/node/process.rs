//! The program as its operator sees it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use dfsn_client::transport::{Http, Transport};
use dfsn_client::view::JobStatus;
use dfsn_client::{Client, JobEvent};
use dfsn_types::{Pair, ProfileRecord, SecretKey};
use fusionvm::PublicKeys;
use fusionvm::keystore::{KeystoreError, NodeSecret};

use super::emoji;
use super::jobs::{params, request};

pub(super) fn fusionvm(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fusionvm"));
    command.current_dir(folder).env_remove("FUSIONVM_SECRET").env("FUSIONVM_PASSWORD", "correct horse");
    command
}

pub(super) fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the program starts")
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Starts a node and reads where it listens.
pub(super) fn start(command: &mut Command) -> (Child, String) {
    start_as(command.stderr(Stdio::null()))
}

/// The same, and what it logs.
pub(super) fn start_logging(command: &mut Command) -> (Child, String, Log) {
    let (mut child, url) = start_as(command.stderr(Stdio::piped()));
    let (lines, log) = tokio::sync::mpsc::unbounded_channel();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
    (child, url, Log(tokio::sync::Mutex::new(log)))
}

/// What a node logs.
pub(super) struct Log(tokio::sync::Mutex<tokio::sync::mpsc::UnboundedReceiver<String>>);

impl Log {
    /// Waits for a line with these words.
    pub(super) async fn says(&self, words: &str) {
        let mut lines = self.0.lock().await;
        let found = async {
            while let Some(line) = lines.recv().await {
                if line.contains(words) {
                    return;
                }
            }
            panic!("it ended without saying {words}");
        };
        tokio::time::timeout(Duration::from_secs(60), found)
            .await
            .unwrap_or_else(|_| panic!("it did not say {words}"));
    }
}

fn start_as(command: &mut Command) -> (Child, String) {
    let mut child = command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line:?}"));
    (child, line["url"].as_str().unwrap().to_owned())
}

#[cfg(unix)]
pub(super) fn terminate(mut child: Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(child.wait().unwrap().success(), "it ends in good order");
}

#[cfg(unix)]
#[tokio::test]
async fn a_development_node_runs_until_it_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (child, url) = start(fusionvm(folder.path()).args(["run", "--dev"]));
    let node = Http::connect(&url).await.unwrap();
    assert_eq!(node.validators().await.unwrap().len(), 4);
    terminate(child);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_goes_on_after_the_node_was_killed_in_the_middle_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let begin = || start(fusionvm(folder.path()).args(["run", "--dev", "--model"]).arg(emoji()));
    let user = async |url: &str| {
        let node = Http::connect(url).await.unwrap();
        Client::new(node, SecretKey::from_seed(&[1; 32]))
    };
    let (mut child, url) = begin();
    let asking = user(&url).await;
    Http::connect(&url).await.unwrap().ask_faucet(asking.address()).await.unwrap();
    let pair =
        Pair { model: asking.network().await.unwrap().models[0].id, profile: ProfileRecord::EXACT_V1.id() };
    let price = asking.quote(&params(pair, 5)).await.unwrap().price_per_unit;
    let mut job = asking.generate(request(pair, price, 5)).await.unwrap();
    while !matches!(job.next_event().await.unwrap(), Some(JobEvent::Progress { .. })) {}
    child.kill().unwrap();
    child.wait().unwrap();

    let (child, url) = begin();
    let (user, mut pictures, mut looks) = (user(&url).await, Vec::new(), 0);
    let info = loop {
        let info = user.job(job.id()).await.unwrap();
        if info.commitment.is_some() && pictures.is_empty() {
            pictures = user.fetch(&info).await.unwrap();
            user.acknowledge(job.id()).await.unwrap();
        }
        if info.status.is_final() {
            break info;
        }
        looks += 1;
        assert!(looks < 2_400, "{info:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((info.status, pictures.len()), (JobStatus::Settled, 2));
    terminate(child);
}

#[cfg(unix)]
#[tokio::test]
async fn from_a_key_to_a_network_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let keygen = run(fusionvm(path).args(["keygen", "keystore.json"]));
    assert!(keygen.status.success(), "{}", text(&keygen.stderr));
    let keys: PublicKeys = serde_json::from_slice(&keygen.stdout).unwrap();
    std::fs::write(path.join("public.json"), &keygen.stdout).unwrap();
    let shown = run(fusionvm(path).args(["keys", "keystore.json"]));
    assert_eq!(shown.stdout, keygen.stdout);
    let again = run(fusionvm(path).args(["keygen", "keystore.json"]));
    assert!(
        !again.status.success() && text(&again.stderr).contains("left as it is"),
        "{}",
        text(&again.stderr)
    );

    let allocation = format!("{}=5000", keys.address);
    let genesis = ["genesis", "--chain-id", "4242", "--sealer", "public.json", "--validator", "public.json"];
    let genesis = run(fusionvm(path).args(genesis).args(["--allocate", &allocation]));
    assert!(genesis.status.success(), "{}", text(&genesis.stderr));
    std::fs::write(path.join("genesis.json"), &genesis.stdout).unwrap();
    let config = run(fusionvm(path).arg("config"));
    std::fs::write(path.join("fusionvm.toml"), &config.stdout).unwrap();

    let (child, url) = start(fusionvm(path).args(["run", "--config", "fusionvm.toml"]));
    let node = Http::connect(&url).await.unwrap();
    assert_eq!(node.account(keys.address).await.unwrap().balance, dfsn_types::Amount::from_dfsn(5_000));
    assert_eq!(node.validators().await.unwrap()[0].address, keys.address);
    terminate(child);

    // The chain has no block yet, and rules that this program does not know are due.
    let upgrades =
        r#"{"upgrades":[{"announced":1,"activation":1700000000000,"rule_version":2,"new_params":null}]}"#;
    std::fs::write(path.join("upgrades.json"), upgrades).unwrap();
    let with = format!("upgrades = \"upgrades.json\"\n{}", text(&config.stdout));
    std::fs::write(path.join("upgraded.toml"), with).unwrap();
    let unknown = run(fusionvm(path).args(["run", "--config", "upgraded.toml"]));
    let said = text(&unknown.stderr);
    assert!(!unknown.status.success() && said.contains("upgrades.json: UPG-04"), "{said}");

    let wrong =
        run(fusionvm(path).args(["run", "--config", "fusionvm.toml"]).env("FUSIONVM_PASSWORD", "wrong"));
    assert!(
        !wrong.status.success() && text(&wrong.stderr).contains("does not open"),
        "{}",
        text(&wrong.stderr)
    );
}

#[test]
fn the_keystore_opens_with_its_password_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keystore.json");
    let secret = NodeSecret::generate().unwrap();
    assert!(matches!(secret.write(&path, "short"), Err(KeystoreError::ShortPassword)));
    secret.write(&path, "long enough").unwrap();
    assert_eq!(NodeSecret::read(&path, "long enough").unwrap().public_keys(), secret.public_keys());
    assert!(matches!(NodeSecret::read(&path, "long enougH"), Err(KeystoreError::Password(_))));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // A file that asks for more memory than there is, and one that is cut.
    let text = std::fs::read_to_string(&path).unwrap();
    for (name, changed) in [("big", text.replace("65536", "4294967295")), ("cut", text[..80].to_owned())] {
        let path = folder.path().join(name);
        std::fs::write(&path, changed).unwrap();
        let error = NodeSecret::read(&path, "long enough").unwrap_err();
        assert!(matches!(error, KeystoreError::Malformed { .. }), "{error}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (args, says) in [
        (&["run", "--config", "nowhere.toml"][..], "nowhere.toml"),
        (&["genesis", "--chain-id", "1", "--sealer", "nowhere.json"], "nowhere.json"),
        (&["run"], "--dev"),
        (&["run", "--dev", "--keystore", "nowhere.json"], "nowhere.json"),
    ] {
        let output = run(fusionvm(folder.path()).args(args));
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains(says), "{args:?}: {}", text(&output.stderr));
    }
}
