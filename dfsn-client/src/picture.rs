//! A picture that was fetched and checked.

use dfsn_types::{FileHash, ImageCommitment, ImageSize, PixelHash};

use crate::error::ClientError;

/// The most bytes of one file: the largest picture, uncompressed, with room for its chunks.
pub(crate) const FILE_MAX: usize = 3 * (ImageSize::MAX as usize) * (ImageSize::MAX as usize) + (1 << 20);

/// A picture whose file and pixels have the hashes on chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The PNG file.
    pub file: Vec<u8>,
    /// Hash of the file.
    pub file_hash: FileHash,
    /// Hash of the pixels.
    pub pixel_hash: PixelHash,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Pixels from left to right.
    pub width: u32,
}

impl Picture {
    /// Checks a file against its commitment: hash of the file, then hash of the pixels in it.
    ///
    /// # Errors
    /// [`ClientError`] when either differs or the file is no picture.
    pub fn check(file: Vec<u8>, commitment: &ImageCommitment) -> Result<Self, ClientError> {
        let (actual, expected) = (FileHash::of(&file), commitment.file);
        if actual != expected {
            return Err(ClientError::FileMismatch { actual, expected });
        }
        let (height, width, pixels) = decode(&file, expected)?;
        let pixel_hash = PixelHash::of_rgb8(height, width, &pixels);
        if pixel_hash != commitment.pixels {
            return Err(ClientError::PixelMismatch {
                file: expected,
                actual: pixel_hash,
                expected: commitment.pixels,
            });
        }
        Ok(Self { file, file_hash: expected, pixel_hash, height, width })
    }
}

fn decode(file: &[u8], hash: FileHash) -> Result<(u32, u32, Vec<u8>), ClientError> {
    let not = |reason: String| ClientError::NotAPicture { file: hash, reason };
    let limits = png::Limits { bytes: FILE_MAX };
    let decoder = png::Decoder::new_with_limits(std::io::Cursor::new(file), limits);
    let mut reader = decoder.read_info().map_err(|error| not(error.to_string()))?;
    let info = reader.info();
    let (height, width) = (info.height, info.width);
    if info.color_type != png::ColorType::Rgb || info.bit_depth != png::BitDepth::Eight {
        return Err(not(format!("{:?} with {:?} bits", info.color_type, info.bit_depth)));
    }
    let side = u32::from(ImageSize::MAX);
    if height > side || width > side {
        return Err(not(format!("{height} x {width} pixels")));
    }
    let bytes = reader.output_buffer_size().ok_or_else(|| not("its size overflows".to_owned()))?;
    let mut pixels = vec![0; bytes];
    let frame = reader.next_frame(&mut pixels).map_err(|error| not(error.to_string()))?;
    pixels.truncate(frame.buffer_size());
    Ok((height, width, pixels))
}
