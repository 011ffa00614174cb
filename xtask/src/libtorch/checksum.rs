//! SHA-256 of a downloaded file against the pinned one.

use super::error::SetupError;
use super::platform::Wheel;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

const BUFFER_BYTES: usize = 1 << 20;

/// Checks that the file at `path` is `wheel`, byte for byte.
///
/// # Errors
/// [`SetupError::Checksum`] with both digests when it is not; I/O errors of reading it.
pub(crate) fn verify(wheel: &Wheel, path: &Path) -> Result<(), SetupError> {
    let got = sha256_hex(path)?;
    if got == wheel.sha256 {
        Ok(())
    } else {
        Err(SetupError::Checksum { file: wheel.file, expected: wheel.sha256, got })
    }
}

fn sha256_hex(path: &Path) -> Result<String, SetupError> {
    let mut file = File::open(path).map_err(SetupError::io("open", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; BUFFER_BYTES];
    loop {
        let n = file.read(&mut buffer).map_err(SetupError::io("read", path))?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::fs;

    /// SHA-256 of "abc", FIPS 180-2 appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn wheel() -> Wheel {
        Wheel {
            requirement: "abc==1",
            platform_tag: "any",
            file: "abc-1-py3-none-any.whl",
            sha256: ABC,
            bytes: 3,
            headers: None,
            libraries: &[],
        }
    }

    #[test]
    fn accepts_the_pinned_bytes() {
        let dir = TempDir::new("checksum-good");
        let path = dir.path().join("abc");
        fs::write(&path, "abc").expect("write");
        verify(&wheel(), &path).expect("the right bytes");
    }

    #[test]
    fn a_mismatch_names_file_and_both_digests() {
        let dir = TempDir::new("checksum-bad");
        let path = dir.path().join("abc");
        fs::write(&path, "abd").expect("write");
        let text = verify(&wheel(), &path).expect_err("other bytes").to_string();
        assert!(text.starts_with("abc-1-py3-none-any.whl: sha256 is "), "{text}");
        assert!(text.contains(ABC) && text.contains("run the command again"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}
