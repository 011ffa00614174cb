use dfsn_types::FileHash;

/// The first byte of a file's hash.
#[unsafe(no_mangle)]
pub extern "C" fn first_byte(of: u8) -> u8 {
    FileHash::of(&[of]).as_bytes()[0]
}
