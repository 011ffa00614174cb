//! `check`: what this machine can do, measured.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use dfsn_compute::service::wire::ModelInfo;
use dfsn_compute::service::{Service, ServiceOptions};
use dfsn_types::{PublicKey, SecretKey};
use serde_json::{Value, json};

use crate::cli::CheckArgs;
use crate::config::Config;
use crate::error::ClientError;
use crate::{key, models};

/// Steps of the picture that is reckoned with.
const STEPS: f64 = 20.0;
/// The part of a price that goes to the worker.
const WORKER_SHARE: f64 = 0.9;

/// Loads and measures every model, and prints what follows.
pub(crate) fn run(path: &Path, args: &CheckArgs) -> Result<(), ClientError> {
    let config = Config::read(path)?;
    let seed = key::read(&config.key_file())?;
    let worker = SecretKey::from_seed(&seed).public_key();
    let sources = models::sources(&config)?;
    if !args.json {
        eprintln!("loading and measuring…");
    }
    let before = available_memory();
    // Nobody is served: any node will do, and a folder that goes away.
    let scratch = std::env::temp_dir().join(format!("compute-client-check-{}", std::process::id()));
    let any_node = config.service(PublicKey::from_bytes([0; 32]));
    let service = Service::start(ServiceOptions { data_dir: scratch.clone(), ..any_node }, &seed, sources)?;
    let used = before.zip(available_memory()).map(|(before, after)| before.saturating_sub(after));
    let info = service.info();
    service.shut_down(Duration::ZERO);
    // A leftover in the temporary folder is no reason to fail.
    let _ = std::fs::remove_dir_all(&scratch);

    let mut out = std::io::stdout().lock();
    let models: Vec<Value> = info.models.iter().map(|model| report(model, args.price)).collect();
    if args.json {
        let report = json!({
            "public_key": worker, "memory_available_bytes": before, "memory_used_bytes": used, "models": models,
        });
        return writeln!(out, "{report}").map_err(ClientError::Print);
    }
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
    let mut lines = vec![format!("public key   {worker}")];
    if let (Some(before), Some(used)) = (before, used) {
        lines.push(format!("memory       {} were free, the models use {}", gib(before), gib(used)));
    }
    for (model, report) in info.models.iter().zip(&models) {
        lines.extend(describe(model, report, args.price));
    }
    lines.push(match config.node().and_then(|_| config.check_way()) {
        Ok(()) => "ready        compute-client run".to_owned(),
        Err(error) => format!("not yet      {error}"),
    });
    lines.iter().try_for_each(|line| writeln!(out, "{line}")).map_err(ClientError::Print)
}

fn report(model: &ModelInfo, price: f64) -> Value {
    let seconds = |us: u64| us as f64 / 1e6;
    let speed = model.speed;
    let picture = seconds(speed.text_us) + STEPS * seconds(speed.step_us) + seconds(speed.decode_us);
    let pictures = 3_600.0 / picture;
    json!({
        "model": model.model,
        "name": model.name,
        "profile": model.record.to_string(),
        "side": speed.side,
        "steps_per_second": 1.0 / seconds(speed.step_us),
        "decode_seconds": seconds(speed.decode_us),
        "picture_seconds": picture,
        "pictures_per_hour": pictures,
        "dfsn_per_hour": pictures * price * WORKER_SHARE,
    })
}

fn describe(model: &ModelInfo, report: &Value, price: f64) -> [String; 4] {
    let number = |name: &str| report.get(name).and_then(Value::as_f64).unwrap_or_default();
    let side = model.speed.side;
    [
        format!("model        {} {}", model.name, model.model),
        format!("  profile    {}", model.record),
        format!(
            "  speed      {:.2} steps/s at {side} x {side}; a picture of {STEPS} steps in {:.2} s",
            number("steps_per_second"),
            number("picture_seconds"),
        ),
        format!(
            "  could earn {:.2} DFSN an hour: {:.0} pictures at {price} DFSN less the network's {:.0} %, while there \
             are jobs",
            number("dfsn_per_hour"),
            number("pictures_per_hour"),
            100.0 - WORKER_SHARE * 100.0
        ),
    ]
}

/// Bytes of memory that the system could still give, where it tells.
fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
}
