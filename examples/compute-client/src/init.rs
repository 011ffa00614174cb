//! `init`: a configuration to read and change, and a key.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use dfsn_types::SecretKey;

use crate::cli::InitArgs;
use crate::error::ClientError;
use crate::key;

const KEY_FILE: &str = "compute.key";

/// Writes both files, and nothing over what is there.
pub(crate) fn run(path: &Path, args: &InitArgs) -> Result<(), ClientError> {
    if path.exists() {
        return Err(ClientError::Exists(path.to_owned()));
    }
    args.model.iter().try_for_each(|model| args.profile.check_built(model))?;
    let text = text(args)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(ClientError::io(folder))?;
    let key_file = folder.join(KEY_FILE);
    // A key that is there is kept: the node knows its public half.
    let (seed, is_new) = match key::create(&key_file) {
        Ok(seed) => (seed, true),
        Err(ClientError::Exists(_)) => (key::read(&key_file)?, false),
        Err(error) => return Err(error),
    };
    let public_key = SecretKey::from_seed(&seed).public_key();
    fs::write(path, text).map_err(ClientError::io(path))?;
    if args.json {
        let report = serde_json::json!({
            "config": path, "key_file": key_file, "public_key": public_key, "key_is_new": is_new,
        });
        println!("{report}");
    } else {
        println!("configuration  {}", path.display());
        println!("key            {}{}", key_file.display(), if is_new { "" } else { " (was there)" });
        println!("public key     {public_key}");
        println!("Tell your node this public key. Next: compute-client check");
    }
    Ok(())
}

/// The commented file.
fn text(args: &InitArgs) -> Result<String, ClientError> {
    let quoted = |text: &str| toml::Value::String(text.to_owned());
    let set = |name: &str, value: Option<String>, example: &str| match value {
        Some(value) => format!("{name} = {}", quoted(&value)),
        None => format!("# {name} = \"{example}\""),
    };
    let mut models = String::new();
    for dir in &args.model {
        // The file may be read from another folder.
        let dir = fs::canonicalize(dir).map_err(ClientError::io(dir))?;
        // Writing to a String cannot fail.
        let (path, profile) = (quoted(&dir.to_string_lossy()), args.profile);
        let _ = writeln!(models, "[[models]]\npath = {path}\nprofile = \"{profile}\"");
    }
    if models.is_empty() {
        let profile = args.profile;
        let _ = write!(models, "# [[models]]\n# path = \"~/models/sd-1.5\"\n# profile = \"{profile}\"\n");
    }
    let node = set("node", args.node.map(|key| key.to_string()), "64 hexadecimal digits");
    let dial = set("dial", args.dial.clone(), "wss://node.example.org");
    let listen = set("listen", args.listen.map(|address| address.to_string()), "0.0.0.0:7733");
    Ok(format!(
        "# Configuration of compute-client. Relative paths start at this file's folder.

# Public key of the one node that is served.
{node}

# The way between the node and this machine: one of these, or both.
# Call the node and stay connected; no port needs to be open here.
{dial}
# Wait for the node here; it needs a URL that leads to this address.
{listen}

# Health, readiness and Prometheus figures; keep it local.
admin = \"127.0.0.1:9464\"

# The worker's own key. Only you may read it (mode 0600).
key_file = \"{KEY_FILE}\"
# Results and traces, kept until their audits are over. A lost trace costs the node its lock: use a disk that lasts.
data_dir = \"compute-data\"
# Weights as exact-v1 computes with them, 2 bytes a parameter, written once; without it, dfsn in your cache folder.
# cache_dir = \"/big/disk/dfsn\"

# Threads of the CPU kernels; without it, one for each core. In the float profile the bits of results depend on it: it
# then belongs to the profile that the node registers.
# threads = 1
# Where libtorch computes the float profile: auto, cpu, or cuda:0. exact-v1 runs on the CPU.
device = \"auto\"

[limits]
# Jobs that wait; more are refused.
queue = 8
# Most pixels of a picture. Lower it when the device runs out of memory.
max_pixels = 4194304
# Disk space of results.
store_gib = 20
# Longest time that a node may have a result kept.
keep_hours = 24
# How long a shutdown waits for the running job before it is handed back.
shutdown_seconds = 60

# A certificate of your own for `listen`. Without one, put a proxy that ends TLS before a public address.
# [tls]
# certificate = \"fullchain.pem\"
# key = \"privkey.pem\"

# Model folders in the layout of Hugging Face diffusers. Profile exact-v1 gives the same bits on every machine, float those
# of libtorch on this one (a compute-client built with --features torch).
{models}"
    ))
}
