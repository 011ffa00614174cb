//! The chain's configuration at its node, and the secret that it names.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::config::{Blobs, Compute, Config, Faucet, Limits};
use crate::error::NodeError;
use crate::keystore::NodeSecret;

/// Named in errors: the node keeps the file, and gives only its bytes.
const FILE: &str = "configuration of the chain";

/// `config.json` in the chain's folder at the node: JSON with absolute paths, since a node passes neither folder nor environment.
/// A node that validates nothing needs none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PluginConfig {
    /// A secret for each validator, all opened by the same password; the first is the node's.
    keystores: Vec<PathBuf>,
    /// The file with the password, for its owner only.
    password_file: Option<PathBuf>,
    /// A port of the plugin's own, for WebSockets, ComputeClients that call in, and who should not go through the node.
    pub(super) listen: Option<SocketAddr>,
    origins: Option<Vec<String>>,
    limits: Limits,
    faucet: Option<Faucet>,
    pub(super) blobs: Blobs,
    pub(super) compute: Vec<Compute>,
}

impl PluginConfig {
    /// Reads what the node gives.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, NodeError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let config: Self = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        let calls_in = config.compute.iter().any(|client| client.url.is_none());
        if calls_in && config.listen.is_none() {
            return Err(wrong("a compute client without a url calls in: set listen".to_owned()));
        }
        config.limits.check().map_err(wrong)?;
        Ok(config)
    }

    /// The secrets of all validators; none for a node that validates nothing.
    pub(super) fn secrets(&self) -> Result<Vec<NodeSecret>, NodeError> {
        if self.keystores.is_empty() {
            return Ok(Vec::new());
        }
        let Some(file) = &self.password_file else {
            return Err(wrong("keystores without password_file".to_owned()));
        };
        let password = Zeroizing::new(std::fs::read_to_string(file).map_err(NodeError::io(file))?);
        let open = |path: &PathBuf| Ok(NodeSecret::read(path, password.trim_end_matches(['\r', '\n']))?);
        self.keystores.iter().map(open).collect()
    }

    /// Where pictures are kept, as a node alone would have it.
    pub(super) fn node(&self, data_dir: &Path) -> Config {
        let default = Config::default();
        Config {
            data_dir: data_dir.to_owned(),
            listen: self.listen.unwrap_or(default.listen),
            origins: self.origins.clone().unwrap_or(default.origins),
            limits: self.limits,
            faucet: self.faucet,
            ..Config::default()
        }
    }
}

fn wrong(reason: String) -> NodeError {
    NodeError::Config { path: FILE.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_configuration_and_mistakes_are_named() {
        assert!(PluginConfig::read(b"").is_ok() && PluginConfig::read(b" \n").is_ok());
        for (text, says) in [
            (r#"{"keystor":"x"}"#, "keystor"),
            ("[", "EOF"),
            (r#"{"limits":{"burst":0}}"#, "limits.burst is 0"),
        ] {
            let error = PluginConfig::read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains(FILE), "{error}");
        }
        let config = PluginConfig::read(br#"{"keystores":["/nowhere"]}"#).unwrap();
        assert!(config.secrets().unwrap_err().to_string().contains("password_file"));
    }
}
