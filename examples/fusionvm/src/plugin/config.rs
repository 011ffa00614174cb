//! The chain's configuration at its node, and the secret that it names.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use dfsn_types::Address;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::config::{Blobs, Compute, Config, Faucet, Limits};
use crate::error::NodeError;
use crate::keystore::NodeSecret;
use crate::operated::Operated;

/// Named in errors: the node keeps the file, and gives only its bytes.
const FILE: &str = "configuration of the chain";

/// `config.json` in the chain's folder at the node: JSON with absolute paths, since a node passes neither folder nor environment.
/// A node that validates nothing needs none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginConfig {
    /// A secret for each validator, all opened by the same password; the first is the node's.
    keystores: Vec<PathBuf>,
    /// The file with the password, for its owner only.
    password_file: Option<PathBuf>,
    /// The validator of the one secret, by the account that first staked it; by default the secret's own account.
    pub owner: Option<Address>,
    /// A port of the plugin's own, for WebSockets, ComputeClients that call in, and who should not go through the node.
    pub listen: Option<SocketAddr>,
    origins: Option<Vec<String>>,
    limits: Limits,
    faucet: Option<Faucet>,
    pub(super) blobs: Blobs,
    /// ComputeClients.
    pub compute: Vec<Compute>,
}

impl PluginConfig {
    /// Reads what the node gives.
    ///
    /// # Errors
    /// [`NodeError::Config`].
    pub fn read(bytes: &[u8]) -> Result<Self, NodeError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let config: Self = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        let calls_in = config.compute.iter().any(|client| client.url.is_none());
        if calls_in && config.listen.is_none() {
            return Err(wrong("a compute client without a url calls in: set listen".to_owned()));
        }
        if config.owner.is_some() && config.keystores.len() != 1 {
            let keystores = config.keystores.len();
            return Err(wrong(format!(
                "owner is for the validator of one keystore, keystores names {keystores}"
            )));
        }
        config.limits.check().map_err(wrong)?;
        Ok(config)
    }

    /// All validators, with their secrets; none for a node that validates nothing.
    ///
    /// # Errors
    /// [`NodeError::Config`] without a password file; [`NodeError`] when a file is not what it should be.
    pub fn operated(&self) -> Result<Vec<Operated>, NodeError> {
        if self.keystores.is_empty() {
            return Ok(Vec::new());
        }
        let Some(file) = &self.password_file else {
            return Err(wrong("keystores without password_file".to_owned()));
        };
        let password = Zeroizing::new(std::fs::read_to_string(file).map_err(NodeError::io(file))?);
        let open = |path: &PathBuf| NodeSecret::read(path, password.trim_end_matches(['\r', '\n']));
        self.keystores.iter().map(|path| Ok(Operated::new(open(path)?, self.owner))).collect()
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
            (r#"{"owner":"0x00"}"#, "neither a dfsn1 address nor 40 hex digits"),
            (r#"{"owner":"0x000000000000000000000000000000000000dEaD"}"#, "keystores names 0"),
            (
                r#"{"owner":"0x000000000000000000000000000000000000dEaD","keystores":["/a","/b"]}"#,
                "keystores names 2",
            ),
        ] {
            let error = PluginConfig::read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains(FILE), "{error}");
        }
        let config = PluginConfig::read(br#"{"keystores":["/nowhere"]}"#).unwrap();
        assert!(config.operated().unwrap_err().to_string().contains("password_file"));
    }
}
