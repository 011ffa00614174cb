//! The key file: 32 bytes in hexadecimal digits that only their owner reads.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::ClientError;

/// Most that is read of a key file.
const MAX_BYTES: usize = 256;

/// Makes a key and writes it to a new file that nobody else may read.
pub(crate) fn create(path: &Path) -> Result<Zeroizing<[u8; 32]>, ClientError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(ClientError::Random)?;
    let text = Zeroizing::new(hex::encode(seed.as_slice()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => ClientError::Exists(path.to_owned()),
        _ => ClientError::Io { path: path.to_owned(), source },
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(ClientError::io(path))?;
    Ok(seed)
}

/// Reads a key, unless others could, too.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<[u8; 32]>, ClientError> {
    let file = File::open(path).map_err(ClientError::io(path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(ClientError::io(path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(ClientError::OpenKey(path.to_owned()));
        }
    }
    // Room for all that is read, so that no part of a key is left behind where a buffer grew.
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES));
    file.take(MAX_BYTES as u64).read_to_string(&mut text).map_err(ClientError::io(path))?;
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), seed.as_mut_slice())
        .map_err(|_| ClientError::BadKey(path.to_owned()))?;
    Ok(seed)
}
