//! The file of the key that pays: 32 bytes in hexadecimal digits that only their owner reads.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use dfsn_types::SecretKey;
use zeroize::Zeroizing;

use crate::error::BotError;

/// Most that is read of a key file.
const MAX_BYTES: usize = 256;

/// Reads the key, unless others could, too; makes one where there is no file.
pub(crate) fn read_or_create(path: &Path) -> Result<SecretKey, BotError> {
    match File::open(path) {
        Ok(file) => read(file, path),
        Err(error) if error.kind() == ErrorKind::NotFound => create(path),
        Err(source) => Err(BotError::io(path)(source)),
    }
}

fn read(file: File, path: &Path) -> Result<SecretKey, BotError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(BotError::io(path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(BotError::OpenKey(path.to_owned()));
        }
    }
    // Room for all that is read, so that no part of a key is left behind where a buffer grew.
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES));
    file.take(MAX_BYTES as u64).read_to_string(&mut text).map_err(BotError::io(path))?;
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), seed.as_mut_slice()).map_err(|_| BotError::BadKey(path.to_owned()))?;
    Ok(SecretKey::from_seed(&seed))
}

fn create(path: &Path) -> Result<SecretKey, BotError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(BotError::Random)?;
    let text = Zeroizing::new(hex::encode(seed.as_slice()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(BotError::io(path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(BotError::io(path))?;
    Ok(SecretKey::from_seed(&seed))
}
