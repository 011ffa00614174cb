//! The node's one secret: 32 bytes, in a file that a password opens, or in the environment.
//!
//! All keys come from it, each by a context of its own, so that one secret is kept and a standby with the same one can go on
//! for its node. The file is JSON: Argon2id makes a key of the password, XChaCha20-Poly1305 closes the secret with it.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use dfsn_types::{Address, SecretKey, VrfSecretKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::file::too_long;
use crate::genesis::PublicKeys;

/// The variable that holds the password of a keystore.
pub const PASSWORD_VARIABLE: &str = "FUSIONVM_PASSWORD";
/// The variable that holds the secret itself, in hexadecimal digits; then no file is read.
pub const SECRET_VARIABLE: &str = "FUSIONVM_SECRET";

/// The most bytes of a keystore file.
const MAX_BYTES: u64 = 4_096;
/// The shortest password.
const MIN_PASSWORD: usize = 8;
/// Argon2id: memory in KiB, passes, lanes; the second choice of RFC 9106.
const COST: (u32, u32, u32) = (65_536, 3, 4);
/// The most memory that a file may ask for, in KiB, and passes.
const COST_MAX: (u32, u32, u32) = (1 << 20, 16, 16);
/// Bound to what is closed, so that a file of another kind does not pass for one of these.
const PURPOSE: &[u8] = b"dfsn fusionvm keystore 1";

/// Why there is no secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// The file.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of that name is there.
    #[error("{0} exists and is left as it is: a key that is overwritten is lost for ever")]
    Exists(PathBuf),
    /// Not a keystore.
    #[error("{path} is no keystore of this program: {reason}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The wrong password, or a damaged file.
    #[error("{0} does not open: the password is wrong, or the file is damaged")]
    Password(PathBuf),
    /// Too short a password.
    #[error("a password has at least {MIN_PASSWORD} characters")]
    ShortPassword,
    /// No password at all.
    #[error("no password: set {PASSWORD_VARIABLE}, or call from a terminal")]
    NoPassword,
    /// The variable does not hold a secret.
    #[error("{SECRET_VARIABLE} does not hold 64 hexadecimal digits")]
    Variable,
    /// The system's randomness.
    #[error("no randomness from the system: {0}")]
    Random(getrandom::Error),
}

/// The node's secret. It is wiped when it is dropped.
#[derive(Clone)]
pub struct NodeSecret(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for NodeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeSecret")
    }
}

impl NodeSecret {
    /// A new one.
    ///
    /// # Errors
    /// [`KeystoreError::Random`].
    pub fn generate() -> Result<Self, KeystoreError> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(KeystoreError::Random)?;
        Ok(Self(secret))
    }

    /// A secret that everybody knows, for networks without value.
    pub fn public(name: &str) -> Self {
        Self(Zeroizing::new(blake3::derive_key("dfsn fusionvm 1 public secret", name.as_bytes())))
    }

    /// The secret of the environment, or of a file whose password is in the environment or asked for in a terminal.
    ///
    /// # Errors
    /// [`KeystoreError`].
    pub fn find(path: &Path) -> Result<Self, KeystoreError> {
        match std::env::var(SECRET_VARIABLE) {
            Ok(text) => Self::from_hex(&Zeroizing::new(text)),
            Err(_) => Self::read(path, &password(false)?),
        }
    }

    fn from_hex(text: &str) -> Result<Self, KeystoreError> {
        let mut secret = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), secret.as_mut_slice()).map_err(|_| KeystoreError::Variable)?;
        Ok(Self(secret))
    }

    /// Signs blocks, where this node seals them.
    pub fn sealer(&self) -> SecretKey {
        SecretKey::from_seed(&self.derive("dfsn fusionvm 1 sealer"))
    }

    /// Signs duties.
    pub fn duty(&self) -> SecretKey {
        SecretKey::from_seed(&self.derive("dfsn fusionvm 1 duty"))
    }

    /// Runs the sortition.
    pub fn vrf(&self) -> VrfSecretKey {
        VrfSecretKey::from_seed(&self.derive("dfsn fusionvm 1 vrf"))
    }

    /// Signs calls to ComputeClients; its public half goes into their configuration.
    pub fn node(&self) -> SecretKey {
        SecretKey::from_seed(&self.derive("dfsn fusionvm 1 node"))
    }

    /// Pays for small transactions of the node, and owns its stake where nobody else does.
    pub fn account(&self) -> SecretKey {
        SecretKey::from_seed(&self.derive("dfsn fusionvm 1 account"))
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        Address::from_public_key(&self.account().public_key())
    }

    /// A ComputeClient's key, for one that this node starts itself.
    pub fn compute(&self) -> Zeroizing<[u8; 32]> {
        self.derive("dfsn fusionvm 1 compute")
    }

    /// What others may know.
    pub fn public_keys(&self) -> PublicKeys {
        PublicKeys {
            address: self.address(),
            sealer: self.sealer().public_key(),
            duty_key: self.duty().public_key(),
            vrf_key: self.vrf().public_key(),
            node: self.node().public_key(),
            compute_key: SecretKey::from_seed(&self.compute()).public_key(),
            relay: None,
        }
    }

    fn derive(&self, context: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(context, self.0.as_slice()))
    }

    /// Opens a keystore.
    ///
    /// # Errors
    /// [`KeystoreError`].
    pub fn read(path: &Path, password: &str) -> Result<Self, KeystoreError> {
        let malformed = |reason: String| KeystoreError::Malformed { path: path.to_owned(), reason };
        let io = |source| KeystoreError::Io { path: path.to_owned(), source };
        if let Some(reason) = too_long(path, MAX_BYTES).map_err(io)? {
            return Err(malformed(reason));
        }
        let text = fs::read_to_string(path).map_err(io)?;
        let file: File = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        let (memory, passes, lanes) = COST_MAX;
        if file.version != 1 || file.memory_kib > memory || file.passes > passes || file.lanes > lanes {
            return Err(malformed(format!("version {} or its cost is not known here", file.version)));
        }
        let bytes =
            |name: &str, text: &str| hex::decode(text).map_err(|_| malformed(format!("{name} is no hex")));
        let (salt, nonce) = (bytes("salt", &file.salt)?, bytes("nonce", &file.nonce)?);
        let closed = bytes("closed", &file.closed)?;
        let nonce: [u8; 24] = nonce.try_into().map_err(|_| malformed("a nonce has 24 bytes".to_owned()))?;
        let key = stretch(password, &salt, (file.memory_kib, file.passes, file.lanes)).map_err(malformed)?;
        let cipher = XChaCha20Poly1305::new((&*key).into());
        let payload = Payload { msg: &closed, aad: PURPOSE };
        let open = cipher.decrypt(&XNonce::from(nonce), payload);
        let open = Zeroizing::new(open.map_err(|_| KeystoreError::Password(path.to_owned()))?);
        let secret = <[u8; 32]>::try_from(open.as_slice());
        Ok(Self(Zeroizing::new(secret.map_err(|_| malformed("a secret has 32 bytes".to_owned()))?)))
    }

    /// Writes a keystore that only its owner may read, and nothing over what is there.
    ///
    /// # Errors
    /// [`KeystoreError`].
    pub fn write(&self, path: &Path, password: &str) -> Result<(), KeystoreError> {
        if password.chars().count() < MIN_PASSWORD {
            return Err(KeystoreError::ShortPassword);
        }
        let malformed = |reason: String| KeystoreError::Malformed { path: path.to_owned(), reason };
        let (mut salt, mut nonce) = ([0; 16], [0; 24]);
        getrandom::fill(&mut salt).map_err(KeystoreError::Random)?;
        getrandom::fill(&mut nonce).map_err(KeystoreError::Random)?;
        let key = stretch(password, &salt, COST).map_err(malformed)?;
        let cipher = XChaCha20Poly1305::new((&*key).into());
        let payload = Payload { msg: self.0.as_slice(), aad: PURPOSE };
        let closed = cipher.encrypt(&XNonce::from(nonce), payload);
        let closed = closed.map_err(|_| malformed("the cipher refuses".to_owned()))?;
        let file = File {
            version: 1,
            kdf: "argon2id".to_owned(),
            memory_kib: COST.0,
            passes: COST.1,
            lanes: COST.2,
            salt: hex::encode(salt),
            cipher: "xchacha20poly1305".to_owned(),
            nonce: hex::encode(nonce),
            closed: hex::encode(closed),
        };
        let text = serde_json::to_string_pretty(&file).map_err(|error| malformed(error.to_string()))?;
        create(path, &text)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    kdf: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    cipher: String,
    nonce: String,
    closed: String,
}

fn create(path: &Path, text: &str) -> Result<(), KeystoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => KeystoreError::Exists(path.to_owned()),
        _ => KeystoreError::Io { path: path.to_owned(), source },
    })?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"));
    let written = written.and_then(|()| file.sync_all());
    written.map_err(|source| KeystoreError::Io { path: path.to_owned(), source })
}

fn stretch(
    password: &str,
    salt: &[u8],
    (memory_kib, passes, lanes): (u32, u32, u32),
) -> Result<Zeroizing<[u8; 32]>, String> {
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|error| error.to_string())?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, key.as_mut_slice())
        .map_err(|error| error.to_string())?;
    Ok(key)
}

/// The password of the environment, or of a terminal; a new one is asked for twice.
///
/// # Errors
/// [`KeystoreError::NoPassword`] without either.
pub fn password(is_new: bool) -> Result<Zeroizing<String>, KeystoreError> {
    if let Ok(password) = std::env::var(PASSWORD_VARIABLE) {
        return Ok(Zeroizing::new(password));
    }
    let terminal = console::Term::stderr();
    if !terminal.is_term() {
        return Err(KeystoreError::NoPassword);
    }
    let ask = |question: &str| {
        terminal.write_str(question).and_then(|()| terminal.read_secure_line()).map(Zeroizing::new)
    };
    loop {
        let password = ask("password: ").map_err(|_| KeystoreError::NoPassword)?;
        if !is_new || *password == *ask("once more: ").map_err(|_| KeystoreError::NoPassword)? {
            return Ok(password);
        }
        let _ = terminal.write_line("they differ");
    }
}
