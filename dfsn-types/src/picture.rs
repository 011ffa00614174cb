//! How pictures and files are named.

use crate::domain::Domain;
use crate::hash::{FileHash, PixelHash};

impl PixelHash {
    /// Names pixels: `rgb` holds red, green and blue bytes, row by row.
    pub fn of_rgb8(height: u32, width: u32, rgb: &[u8]) -> Self {
        let mut hasher = Domain::Pixels.hasher();
        hasher.update(&height.to_le_bytes());
        hasher.update(&width.to_le_bytes());
        hasher.update(rgb);
        Self::from_bytes(*hasher.finalize().as_bytes())
    }
}

impl FileHash {
    /// Names a file by all of its bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Domain::File.hash_bytes(bytes).into()
    }
}
