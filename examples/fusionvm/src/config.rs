//! The configuration of a node.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dfsn_types::{Address, Amount, PublicKey};
use serde::{Deserialize, Deserializer};

use crate::error::NodeError;

/// All that can be set; relative paths start at the file's folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where chain, index and pictures are kept.
    pub data_dir: PathBuf,
    /// The network.
    pub genesis: PathBuf,
    /// The node's secret.
    pub keystore: PathBuf,
    /// The validator that this node works for, by the account that first staked it; by default the secret's own account.
    pub owner: Option<Address>,
    /// The network's upgrades, as its people have published them; none by default.
    pub upgrades: Option<PathBuf>,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Origins of web pages that may use the API; `*` for all.
    pub origins: Vec<String>,
    /// A built web page to serve at `/`; none by default.
    pub web: Option<PathBuf>,
    /// Where the page sends people who want coins; nowhere by default.
    pub buy: Option<String>,
    /// Bounds of the API.
    pub limits: Limits,
    /// Hands out coins; none by default.
    pub faucet: Option<Faucet>,
    /// Pictures.
    pub blobs: Blobs,
    /// ComputeClients.
    pub compute: Vec<Compute>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "data".into(),
            genesis: "genesis.json".into(),
            keystore: "keystore.json".into(),
            owner: None,
            upgrades: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9750)),
            origins: vec!["*".to_owned()],
            web: None,
            buy: None,
            limits: Limits::default(),
            faucet: None,
            blobs: Blobs::default(),
            compute: Vec::new(),
        }
    }
}

/// Bounds of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at a time; the next one waits.
    pub connections: u32,
    /// Calls that are answered at a time, WebSockets included; more are refused with status 429.
    pub calls: u32,
    /// Requests a second of one address in the long run.
    pub requests_per_second: u32,
    /// Requests of one address at once.
    pub burst: u32,
    /// Bytes of a request.
    pub body_bytes: u32,
    /// Calls in one JSON-RPC batch.
    pub batch: u32,
    /// Subscriptions of one WebSocket.
    pub subscriptions: u32,
    /// Seconds that a request may take.
    pub timeout_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            calls: 512,
            requests_per_second: 200,
            burst: 1_000,
            body_bytes: 2 << 20,
            batch: 256,
            subscriptions: 16,
            timeout_seconds: 30,
        }
    }
}

impl Limits {
    /// Says which limit lets nothing through.
    pub(crate) fn check(&self) -> Result<(), String> {
        let numbers = [
            ("connections", self.connections),
            ("calls", self.calls),
            ("requests_per_second", self.requests_per_second),
            ("burst", self.burst),
            ("body_bytes", self.body_bytes),
            ("batch", self.batch),
            ("subscriptions", self.subscriptions),
        ];
        match numbers.into_iter().find(|(_, number)| *number == 0) {
            Some((name, _)) => Err(format!("limits.{name} is 0: nothing would be answered")),
            None => Ok(()),
        }
    }
}

/// A faucet: ordinary transfers from the account of the node's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faucet {
    /// Coins of one transfer, for example `"1.5"`.
    #[serde(deserialize_with = "coins")]
    pub amount: Amount,
    /// Seconds before the same address gets more.
    pub every_seconds: u64,
}

impl Faucet {
    pub(crate) const fn pause(&self) -> Duration {
        Duration::from_secs(self.every_seconds)
    }
}

/// How many pictures are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Blobs {
    /// Bytes at most.
    pub mib: u64,
    /// Hours after which they go.
    pub hours: u64,
}

impl Default for Blobs {
    fn default() -> Self {
        Self { mib: 4_096, hours: 7 * 24 }
    }
}

/// A ComputeClient of this node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compute {
    /// Its public key.
    pub key: PublicKey,
    /// Where it listens; without, it calls this node.
    pub url: Option<String>,
}

fn coins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
    Amount::parse_dfsn(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`NodeError::Io`], [`NodeError::Config`].
    pub fn read(path: &Path) -> Result<Self, NodeError> {
        let text = std::fs::read_to_string(path).map_err(NodeError::io(path))?;
        let wrong = |reason: String| NodeError::Config { path: path.to_owned(), reason };
        let config: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.limits.check().map_err(wrong)?;
        Ok(Self {
            data_dir: folder.join(&config.data_dir),
            genesis: folder.join(&config.genesis),
            keystore: folder.join(&config.keystore),
            upgrades: config.upgrades.map(|file| folder.join(file)),
            web: config.web.map(|page| folder.join(page)),
            ..config
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_file_is_read_and_says_the_defaults() {
        let text = include_str!("commands/fusionvm.toml");
        let printed: Config = toml::from_str(text).unwrap();
        assert_eq!(format!("{printed:?}"), format!("{:?}", Config::default()));
        // What is commented out is valid, too.
        let whole: String = text.lines().map(uncomment).collect::<Vec<_>>().join("\n");
        let whole: Config = toml::from_str(&whole).unwrap_or_else(|error| panic!("{error} in {whole}"));
        assert_eq!(whole.limits, Limits::default());
        assert_eq!(whole.blobs, Blobs::default());
        assert_eq!(whole.faucet.unwrap().amount, Amount::from_dfsn(10));
        assert_eq!(whole.compute.len(), 1);
        assert!(whole.web.is_some() && whole.owner.is_some() && whole.upgrades.is_some());
    }

    fn uncomment(line: &str) -> &str {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let is_setting =
            bare.starts_with('[') || bare.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '));
        if is_setting { bare } else { "" }
    }

    #[test]
    fn nothing_is_answered_with_a_limit_of_zero() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fusionvm.toml");
        std::fs::write(&path, "[limits]\nburst = 0").unwrap();
        let error = Config::read(&path).unwrap_err().to_string();
        assert!(error.contains("limits.burst is 0"), "{error}");
    }
}
