//! A picture that was fetched and checked.

use std::io::Cursor;

use dfsn_types::{FileHash, ImageCommitment, ImageSize, PixelHash};
use thiserror::Error;

use crate::error::ClientError;

/// The longest side of a picture.
const SIDE_MAX: u32 = ImageSize::MAX as u32;
/// Bytes of the largest picture's pixels.
const PIXEL_BYTES_MAX: u32 = 3 * SIDE_MAX * SIDE_MAX;
/// The most bytes of one file: the largest picture, uncompressed, with room for its chunks.
const FILE_BYTES_MAX: u32 = PIXEL_BYTES_MAX + (1 << 20);

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

/// How much of a picture's file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Download {
    /// The image, from 0.
    pub image: usize,
    /// Bytes that are here.
    pub bytes: u32,
    /// Bytes committed on chain.
    pub of: u32,
}

/// Why a file is no picture: pictures are plain PNG files of 8-bit RGB, and show everywhere exactly the pixels that were hashed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PictureFault {
    /// No PNG file.
    #[error("it does not start like a PNG file")]
    NotPng,
    /// More pixels than any request asks for; nothing was decoded.
    #[error("{height}x{width} pixels, at most {SIDE_MAX}x{SIDE_MAX} are allowed")]
    Size {
        /// Pixels from top to bottom.
        height: u32,
        /// Pixels from left to right.
        width: u32,
    },
    /// Another kind of colour than RGB.
    #[error("its colour type is {0}, not RGB")]
    Color(&'static str),
    /// Another depth than 8 bits.
    #[error("{0} bits a channel, not 8")]
    Depth(u8),
    /// Something that a plain picture does without.
    #[error("it has {0}, which a plain picture does without")]
    Feature(&'static str),
    /// The file ends too early.
    #[error("it ends too early")]
    Truncated,
    /// What stands in the file contradicts itself.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl Picture {
    /// Checks a file against its commitment: length, hash of the file, form, hash of the pixels in it.
    ///
    /// No more memory is used than the file takes, the pixels of the largest picture (12 MiB), and as much again for the decoder.
    ///
    /// # Errors
    /// [`ClientError`] when one of them differs or the file is no picture.
    pub fn check(file: Vec<u8>, commitment: &ImageCommitment) -> Result<Self, ClientError> {
        let bytes_max = file_bytes_max(commitment)?;
        let bytes = u64::try_from(file.len()).unwrap_or(u64::MAX);
        if bytes != u64::from(bytes_max) {
            return Err(file_length(commitment, bytes));
        }
        let (actual, expected) = (FileHash::of(&file), commitment.file);
        if actual != expected {
            return Err(ClientError::FileMismatch { actual, expected });
        }
        let (height, width, pixels) =
            decode(&file).map_err(|fault| ClientError::NotAPicture { file: expected, fault })?;
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

/// Bytes that a committed file has; an error when no picture needs so many.
pub(crate) fn file_bytes_max(commitment: &ImageCommitment) -> Result<u32, ClientError> {
    if commitment.file_bytes > FILE_BYTES_MAX {
        return Err(file_length(commitment, u64::from(commitment.file_bytes)));
    }
    Ok(commitment.file_bytes)
}

/// The error for a file of `actual` bytes.
pub(crate) const fn file_length(commitment: &ImageCommitment, actual: u64) -> ClientError {
    ClientError::FileLength {
        file: commitment.file,
        actual,
        committed: commitment.file_bytes,
        allowed: FILE_BYTES_MAX,
    }
}

fn decode(file: &[u8]) -> Result<(u32, u32, Vec<u8>), PictureFault> {
    if !file.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Err(PictureFault::NotPng);
    }
    let limits = png::Limits { bytes: PIXEL_BYTES_MAX as usize };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
    check_header(decoder.read_header_info().map_err(fault)?)?;
    let mut reader = decoder.read_info().map_err(fault)?;
    check_chunks(reader.info())?;
    let (height, width) = (reader.info().height, reader.info().width);
    let bytes = reader.output_buffer_size().ok_or(PictureFault::Size { height, width })?;
    let mut pixels = vec![0; bytes];
    reader.next_frame(&mut pixels).map_err(fault)?;
    // A chunk may follow the pixels, and its checksum be wrong.
    reader.finish().map_err(fault)?;
    check_chunks(reader.info())?;
    Ok((height, width, pixels))
}

/// Before anything is decoded: size, colour, depth, order of rows.
fn check_header(info: &png::Info<'_>) -> Result<(), PictureFault> {
    let (height, width) = (info.height, info.width);
    if height > SIDE_MAX || width > SIDE_MAX {
        return Err(PictureFault::Size { height, width });
    }
    let color = match info.color_type {
        png::ColorType::Rgb => None,
        png::ColorType::Grayscale => Some("grayscale"),
        png::ColorType::Indexed => Some("indexed"),
        png::ColorType::GrayscaleAlpha => Some("grayscale with alpha"),
        png::ColorType::Rgba => Some("RGBA"),
    };
    if let Some(color) = color {
        return Err(PictureFault::Color(color));
    }
    if info.bit_depth != png::BitDepth::Eight {
        return Err(PictureFault::Depth(info.bit_depth as u8));
    }
    if info.interlaced { Err(PictureFault::Feature("interlacing")) } else { Ok(()) }
}

/// What would make a viewer show other pixels than the hashed ones.
fn check_chunks(info: &png::Info<'_>) -> Result<(), PictureFault> {
    let features = [
        (info.animation_control.is_some(), "an animation"),
        (info.trns.is_some(), "a transparent colour"),
        (info.icc_profile.is_some(), "a colour profile"),
        (info.gama_chunk.is_some() || info.chrm_chunk.is_some(), "a gamma or chromaticities"),
    ];
    match features.into_iter().find(|(has, _)| *has) {
        Some((_, feature)) => Err(PictureFault::Feature(feature)),
        None => Ok(()),
    }
}

fn fault(error: png::DecodingError) -> PictureFault {
    match error {
        png::DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            PictureFault::Truncated
        }
        error => PictureFault::Damaged(error.to_string()),
    }
}
