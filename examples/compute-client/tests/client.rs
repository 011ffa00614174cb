//! The program as its owner runs it, with emoji-64 in the exact profile and, with feature `torch`, on libtorch.

use std::io::{BufRead, BufReader};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use dfsn_compute::exact::{ExactEngine, ExactOptions, Isa, load_pipeline};
use dfsn_compute::service::BoxedPipeline;
use dfsn_compute::service::node::{DialledWorker, HttpLink, RemoteWorker};
use dfsn_compute::service::wire::{AuditCall, AuditReply, JobOffer, JobResult, JobState, WorkerInfo};
use dfsn_compute::{ImageRequest, NoObserver, RgbImage, TraceContext};
use dfsn_types::{
    Address, Attempt, Boundary, FileHash, GenerationParams, GenesisHash, ImageSize, JobId, ProfileRecord,
    PublicKey, SecretKey,
};
use serde_json::Value;

const NODE_SEED: [u8; 32] = [2; 32];

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/emoji-64")
}

fn client(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_compute-client"));
    command.arg("--config").arg(config).args(arguments);
    command.env_remove("LD_LIBRARY_PATH").env("DFSN_CACHE", env!("CARGO_TARGET_TMPDIR"));
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn fails(output: &Output, expected: &str) {
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
}

fn node_key() -> SecretKey {
    SecretKey::from_seed(&NODE_SEED)
}

/// Makes a configuration with one thread and ports that the system chooses; gives the worker's key.
fn init(config: &Path, arguments: &[&str]) -> PublicKey {
    let (node, model) = (node_key().public_key().to_string(), model());
    let mut all = vec!["init", "--json", "--node", &node, "--model", model.to_str().unwrap()];
    all.extend(arguments);
    let output = client(config, &all).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let written = std::fs::read_to_string(config).unwrap();
    let written = written.replace("127.0.0.1:9464", "127.0.0.1:0").replace("# threads = 1", "threads = 1");
    std::fs::write(config, written).unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["public_key"].as_str().unwrap().parse().unwrap()
}

#[test]
fn init_writes_a_key_that_nobody_else_reads_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("folder/client.toml");
    let key = init(&config, &["--listen", "127.0.0.1:0"]);
    let file = config.with_file_name("compute.key");
    let seed: Vec<u8> = hex::decode(std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(SecretKey::from_seed(&seed.try_into().unwrap()).public_key(), key);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        fails(&client(&config, &["run"]).output().unwrap(), "can be read by others; run: chmod 600");
    }
    fails(&client(&config, &["init"]).output().unwrap(), "is there already");
}

#[test]
fn what_is_missing_is_named_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("client.toml");
    fails(&client(&config, &["run"]).output().unwrap(), "`compute-client init` writes one");
    assert!(client(&config, &["init"]).output().unwrap().status.success());
    fails(&client(&config, &["run"]).output().unwrap(), "set `node` to your node's public key");
    let written = std::fs::read_to_string(&config).unwrap();
    let with_node = format!("node = \"{}\"\n{written}", "00".repeat(32));
    std::fs::write(&config, &with_node).unwrap();
    fails(&client(&config, &["run"]).output().unwrap(), "set `dial` to your node's URL, or `listen`");
    std::fs::write(&config, format!("listen = \"127.0.0.1:0\"\n{with_node}")).unwrap();
    fails(&client(&config, &["run"]).output().unwrap(), "name at least one model folder");
    let model = model().display().to_string();
    for (profile, device, expected) in [
        ("half", "auto", "a profile is exact-v1 or float"),
        ("exact-v1", "tpu", "a device is auto, cpu, or cuda:N"),
        ("exact-v1", "cuda:0", "no model has profile = \"float\""),
    ] {
        let text = format!("{written}[[models]]\npath = \"{model}\"\nprofile = \"{profile}\"\n");
        std::fs::write(&config, text.replace("\"auto\"", &format!("\"{device}\""))).unwrap();
        fails(&client(&config, &["check"]).output().unwrap(), expected);
    }
    let entry = format!("[[models]]\npath = \"{model}\"\n");
    std::fs::write(&config, format!("{written}{entry}{entry}")).unwrap();
    fails(&client(&config, &["check"]).output().unwrap(), "is configured twice with profile exact-v1");
    std::fs::write(&config, written.replace("queue = 8", "queues = 8")).unwrap();
    fails(&client(&config, &["check"]).output().unwrap(), "unknown field `queues`");
    std::fs::write(config.with_file_name("compute.key"), "none").unwrap();
    std::fs::write(&config, &written).unwrap();
    fails(&client(&config, &["check"]).output().unwrap(), "holds no key");
}

#[cfg(not(feature = "torch"))]
#[test]
fn the_float_profile_is_refused_without_libtorch_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("client.toml");
    let model = model();
    let arguments = ["init", "--profile", "float", "--model", model.to_str().unwrap()];
    fails(&client(&config, &arguments).output().unwrap(), "install it with --features torch");
    assert!(!config.exists());
}

#[test]
fn check_measures_and_reckons() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("client.toml");
    init(&config, &["--listen", "127.0.0.1:0"]);
    let output = client(&config, &["check", "--json", "--price", "2"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let model = &report["models"][0];
    let number = |name: &str| model[name].as_f64().unwrap();
    assert_eq!((&model["name"], &model["side"]), (&"emoji-64".into(), &64.into()));
    assert_eq!(model["profile"], "exact-v1");
    assert!(number("steps_per_second") > 0.0);
    let earned = number("pictures_per_hour") * 2.0 * 0.9;
    assert!((number("dfsn_per_hour") - earned).abs() < 1e-6 * earned);
    let plain = client(&config, &["check"]).output().unwrap();
    let lines = text(&plain.stdout);
    assert!(lines.contains("DFSN an hour") && lines.contains("ready        compute-client run"), "{lines}");
}

/// `run`, killed with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where a test waited for it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `run` and reads its log up to a line with this message, whose `address` it gives.
fn start(config: &Path, message: &str) -> (Running, String) {
    let mut child = client(config, &["run", "--json"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = String::new();
    let found = lines.by_ref().map(|line| line.unwrap()).find_map(|line| {
        let log: Value = serde_json::from_str(&line).unwrap_or_default();
        seen.push_str(&line);
        (log["fields"]["message"] == message)
            .then(|| log["fields"]["address"].as_str().unwrap_or("").to_owned())
    });
    // Whoever writes a log that nobody reads may block.
    std::thread::spawn(move || lines.for_each(drop));
    (Running(child), found.unwrap_or_else(|| panic!("{message:?} is not in {seen}")))
}

/// For the `number`th model.
fn offer(info: &WorkerInfo, number: usize) -> JobOffer {
    let (size, model) = (ImageSize::new(64, 64).unwrap(), &info.models[number]);
    let params = GenerationParams::builder(model.model, model.profile, "a fox on a blue background", size);
    JobOffer {
        genesis: GenesisHash::from_bytes([7; 32]),
        job: JobId::from_bytes([1; 32]),
        attempt: Attempt::FIRST,
        worker: Address::from_bytes([3; 20]),
        params: params.num_inference_steps(4).seed(7).build().unwrap(),
        deadline_ms: 300_000,
        keep_ms: 3_600_000,
        previews: 1,
    }
}

async fn drawn(node: &RemoteWorker, offer: &JobOffer) -> JobResult {
    node.submit(offer).await.unwrap();
    let mut after = 0;
    loop {
        match node.status(offer.key()).await.unwrap().state {
            JobState::Done { result } => return result,
            JobState::Ended { reason } => panic!("{reason:?}"),
            _ => after = node.events(None, after, 10_000).await.unwrap().next,
        }
    }
}

#[cfg(unix)]
fn terminate(running: &mut Running) {
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(running.0.wait().unwrap().success());
}

/// A picture has the pixels that a pipeline draws in this process, and a step of its trace, re-executed by the worker as
/// for an audit, has the digest that was committed to.
#[cfg(unix)]
async fn check_result(
    worker: &RemoteWorker,
    offer: &JobOffer,
    result: &JobResult,
    mut pipeline: BoxedPipeline,
) {
    let request = ImageRequest::from_params(&offer.params, 0).unwrap();
    let draw = move || pipeline.generate(&request, &mut NoObserver).unwrap().image;
    let direct = tokio::task::spawn_blocking(draw).await.unwrap();
    assert_eq!(result.commitment.images[0].picture().unwrap().pixels, direct.pixel_hash());
    let file = worker.blob(&result.commitment.images[0].picture().unwrap().file).await.unwrap();
    assert_eq!(RgbImage::from_png(&file).unwrap(), direct);

    let root = result.commitment.trace_root;
    let tree = worker.trace(offer.key(), &offer.params, &root).await.unwrap();
    let context =
        TraceContext { genesis: offer.genesis, job: offer.job, attempt: offer.attempt, worker: offer.worker };
    let (before, asked) = (Boundary { image: 0, t: 2 }, Boundary { image: 0, t: 3 });
    let state = worker.state(&context, before, &tree.open(before).unwrap().digest).await.unwrap();
    let call = AuditCall {
        genesis: offer.genesis,
        job: offer.job,
        attempt: offer.attempt,
        worker: offer.worker,
        params: offer.params.clone(),
        boundary: asked,
        input: Some(FileHash::of(&state)),
        fails: false,
        deadline_ms: 60_000,
        wait_ms: 0,
    };
    let digest = tree.open(asked).unwrap().digest;
    let reply = worker.audit(&call, std::slice::from_ref(&state)).await.unwrap();
    assert_eq!(reply, AuditReply::Done { digest, malformed: false });
}

fn node_of(address: &str, key: PublicKey) -> RemoteWorker {
    let link = HttpLink::new(&format!("http://{address}")).unwrap();
    RemoteWorker::new(Arc::new(node_key()), key, Arc::new(link))
}

#[cfg(unix)]
#[tokio::test]
async fn a_picture_an_audit_a_shutdown_and_the_result_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("client.toml");
    let key = init(&config, &["--listen", "127.0.0.1:0"]);
    let (mut running, address) = start(&config, "waiting for the node");
    let worker = node_of(&address, key);
    let info = worker.info().await.unwrap();
    assert_eq!(info.models[0].record, ProfileRecord::EXACT_V1);
    let offer = offer(&info, 0);
    let result = drawn(&worker, &offer).await;
    // Other kernels and threads than the worker's: the bits are the same.
    let options =
        ExactOptions { threads: NonZeroU16::new(2), engine: ExactEngine::Simd(Some(Isa::Portable)) };
    check_result(&worker, &offer, &result, load_pipeline(model(), options).unwrap().boxed()).await;

    terminate(&mut running);
    let (mut running, address) = start(&config, "waiting for the node");
    assert_eq!(drawn(&node_of(&address, key), &offer).await, result);
    terminate(&mut running);
}

#[cfg(all(unix, feature = "torch"))]
#[tokio::test]
async fn one_model_is_served_in_both_profiles() {
    use dfsn_compute::torch::{DeviceChoice, TorchOptions, load_pipeline};

    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("client.toml");
    let key = init(&config, &["--listen", "127.0.0.1:0", "--profile", "float"]);
    let written = std::fs::read_to_string(&config).unwrap();
    let exact = format!("{written}[[models]]\npath = \"{}\"\n", model().display());
    std::fs::write(&config, exact.replace("device = \"auto\"", "device = \"cpu\"")).unwrap();
    let (mut running, address) = start(&config, "waiting for the node");
    let worker = node_of(&address, key);
    let info = worker.info().await.unwrap();
    assert_eq!(info.models[1].record, ProfileRecord::EXACT_V1);
    assert_eq!(info.models[0].model, info.models[1].model);

    let offer_float = offer(&info, 0);
    let float = drawn(&worker, &offer_float).await;
    let options =
        TorchOptions { threads: NonZeroU16::new(1), device: DeviceChoice::Cpu, ..TorchOptions::default() };
    check_result(&worker, &offer_float, &float, load_pipeline(model(), options).unwrap().boxed()).await;
    let offer_exact = JobOffer { job: JobId::from_bytes([2; 32]), ..offer(&info, 1) };
    let exact = drawn(&worker, &offer_exact).await;
    assert_ne!(exact.commitment.trace_root, float.commitment.trace_root);
    terminate(&mut running);
}

#[tokio::test]
async fn a_worker_behind_a_router_calls_its_node() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("client.toml");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let key = init(&config, &["--dial", &url]);
    let dialled = DialledWorker::new(node_key().public_key(), key);
    let router = dialled.router();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let starting = tokio::task::spawn_blocking(move || (start(&config, "ready"), config));
    let ((_running, _), _config) = starting.await.unwrap();
    let worker = RemoteWorker::new(Arc::new(node_key()), key, Arc::new(dialled));
    let info = worker.info().await.unwrap();
    let result = drawn(&worker, &offer(&info, 0)).await;
    assert_eq!(result.commitment.images.len(), 1);
}

#[test]
fn help_has_examples() {
    for arguments in [&["--help"][..], &["init", "--help"], &["check", "--help"], &["run", "--help"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_compute-client")).args(arguments).output().unwrap();
        assert!(text(&output.stdout).contains("Examples:\n  compute-client "), "{}", text(&output.stdout));
    }
}

/// A line of a process's status on Linux, in KiB.
#[cfg(target_os = "linux")]
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Milliseconds that a process has spent on CPUs; Linux counts in ticks of 10.
#[cfg(target_os = "linux")]
fn cpu_ms(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap())
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "takes minutes; prints memory over 500 pictures of emoji-64 and the CPU time of an idle worker"]
async fn soak() {
    soak_in("exact-v1").await;
}

#[cfg(all(target_os = "linux", feature = "torch"))]
#[tokio::test]
#[ignore = "takes minutes; as soak, on libtorch"]
async fn soak_on_libtorch() {
    soak_in("float").await;
}

#[cfg(target_os = "linux")]
async fn soak_in(profile: &str) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("client.toml");
    let key = init(&config, &["--listen", "127.0.0.1:0", "--profile", profile]);
    let (running, address) = start(&config, "waiting for the node");
    let worker = node_of(&address, key);
    let (info, pid) = (worker.info().await.unwrap(), running.0.id());
    println!("{profile}, before the first picture: {} KiB resident", resident_kib(pid));
    let mut memory = Vec::new();
    for picture in 1..=500_u32 {
        let offer = JobOffer {
            job: dfsn_types::Domain::File.hash_bytes(&picture.to_le_bytes()).into(),
            // Other programs may take the cores for minutes.
            deadline_ms: 3_600_000,
            ..offer(&info, 0)
        };
        drawn(&worker, &offer).await;
        worker.release(offer.key()).await.unwrap();
        if picture % 100 == 0 {
            memory.push(resident_kib(pid));
            println!("after {picture} pictures: {} KiB resident", resident_kib(pid));
        }
    }
    let before = cpu_ms(pid);
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    println!("idle for 10 s: {} ms of CPU", cpu_ms(pid) - before);
    // The first hundred fill rings and caches.
    assert!(memory[4] < memory[0] + memory[0] / 10, "memory grows: {memory:?} KiB");
}
