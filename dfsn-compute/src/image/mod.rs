//! Pictures: from the decoder's numbers to pixels, files and hashes.

mod png;
mod preview;
mod provenance;
mod resize;

use dfsn_types::PixelHash;
use thiserror::Error;

pub use self::png::PngText;
pub use preview::Preview;
pub use provenance::Provenance;

use crate::state::{StateError, check_finite, floats_from_bytes};

/// What the VAE decoder gave for one picture, before rounding.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodedImage {
    height: u32,
    width: u32,
    /// `[3, height, width]`, row-major, about -1 to 1.
    values: Vec<f32>,
}

/// A picture of 8-bit red, green and blue.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbImage {
    height: u32,
    width: u32,
    /// `[height, width, 3]`, row-major.
    pixels: Vec<u8>,
}

/// Data that is no picture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Another amount of data than the size asks for.
    #[error("a picture of {height} x {width} needs {expected} values, found {found}")]
    Length {
        /// Pixels from top to bottom.
        height: u32,
        /// Pixels from left to right.
        width: u32,
        /// Values wanted.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// The PNG encoder.
    #[error("cannot encode the picture: {0}")]
    Encoding(#[from] ::png::EncodingError),
    /// The PNG decoder.
    #[error("not a PNG file that can be read: {0}")]
    Decoding(String),
    /// A file over its limit.
    #[error("the file has {length} bytes, at most {max} are read", max = RgbImage::MAX_FILE_BYTES)]
    FileTooLarge {
        /// Its length in bytes.
        length: usize,
    },
    /// A file with too many pixels.
    #[error("the picture has {height} x {width} pixels, sides over {max} are not read", max = RgbImage::MAX_FILE_SIDE)]
    SideTooLong {
        /// Pixels from top to bottom.
        height: u32,
        /// Pixels from left to right.
        width: u32,
    },
    /// A text that does not tell where a picture comes from.
    #[error("the text about the picture cannot be used: {0}")]
    Provenance(String),
    /// A text over its limit.
    #[error("text {keyword:?} has {length} bytes, at most {max} are written", max = PngText::MAX_BYTES)]
    TextTooLong {
        /// Its name.
        keyword: &'static str,
        /// Its length in bytes.
        length: usize,
    },
}

fn check_length(height: u32, width: u32, found: usize) -> Result<(), ImageError> {
    let expected = 3_usize.saturating_mul(height as usize).saturating_mul(width as usize);
    if found == expected { Ok(()) } else { Err(ImageError::Length { height, width, expected, found }) }
}

impl DecodedImage {
    /// Takes `[3, height, width]` numbers.
    ///
    /// # Errors
    /// [`ImageError::Length`] for another amount.
    pub fn new(height: u32, width: u32, values: Vec<f32>) -> Result<Self, ImageError> {
        check_length(height, width, values.len())?;
        Ok(Self { height, width, values })
    }

    /// Pixels from top to bottom.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Pixels from left to right.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// The numbers, `[3, height, width]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The canonical bytes, the last leaf of a trace: each number as little-endian f32.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`StateError::Length`] unless there are exactly `12 * height * width` bytes; [`StateError::NotFinite`].
    pub fn from_bytes(height: u32, width: u32, bytes: &[u8]) -> Result<Self, StateError> {
        let count = 3_usize.saturating_mul(height as usize).saturating_mul(width as usize);
        Ok(Self { height, width, values: floats_from_bytes(bytes, count)? })
    }

    pub(crate) fn check_finite(&self) -> Result<(), StateError> {
        check_finite(&self.values)
    }

    /// The pixels, rounded as in diffusers: `x / 2 + 1/2`, cut to 0..=1, times 255, half to even.
    pub fn to_rgb(&self) -> RgbImage {
        let plane = self.height as usize * self.width as usize;
        let pixels = (0..plane)
            .flat_map(|at| (0..3).map(move |channel| to_u8(self.values[channel * plane + at])))
            .collect();
        RgbImage { height: self.height, width: self.width, pixels }
    }
}

fn to_u8(value: f32) -> u8 {
    // Between 0 and 255 after the clamp; the cast drops nothing.
    ((value * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u8
}

impl RgbImage {
    /// Takes `[height, width, 3]` bytes.
    ///
    /// # Errors
    /// [`ImageError::Length`] for another amount.
    pub fn new(height: u32, width: u32, pixels: Vec<u8>) -> Result<Self, ImageError> {
        check_length(height, width, pixels.len())?;
        Ok(Self { height, width, pixels })
    }

    /// Pixels from top to bottom.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Pixels from left to right.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// The bytes, `[height, width, 3]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The numbers that a VAE encodes, `[3, height, width]`: 0 is -1, 255 is 1.
    pub fn to_input(&self) -> Vec<f32> {
        (0..3)
            .flat_map(|channel| self.pixels.iter().skip(channel).step_by(3))
            .map(|&value| 2.0 * (f32::from(value) / 255.0) - 1.0)
            .collect()
    }

    /// How bright each pixel is, 0 to 255, with the weights of ITU-R 601 as Pillow rounds them.
    pub fn to_luma(&self) -> Vec<u8> {
        let weigh = |pixel: &[u8]| {
            let sum =
                19_595 * u32::from(pixel[0]) + 38_470 * u32::from(pixel[1]) + 7_471 * u32::from(pixel[2]);
            // The weights add up to 2^16, so this is at most 255.
            ((sum + 0x8000) >> 16) as u8
        };
        self.pixels.chunks_exact(3).map(weigh).collect()
    }

    /// Red, green and blue at a place, unless it lies outside.
    pub fn pixel(&self, row: u32, column: u32) -> Option<[u8; 3]> {
        if row >= self.height || column >= self.width {
            return None;
        }
        let at = 3 * (row as usize * self.width as usize + column as usize);
        Some([self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]])
    }

    /// The name of the pixels on chain.
    pub fn pixel_hash(&self) -> PixelHash {
        PixelHash::of_rgb8(self.height, self.width, &self.pixels)
    }
}

impl std::fmt::Debug for RgbImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RgbImage")
            .field("height", &self.height)
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_clamped_and_scaled() {
        for (value, expected) in [(-9.0, 0), (-1.0, 0), (1.0, 255), (9.0, 255), (0.0, 128), (0.9999, 255)] {
            assert_eq!(to_u8(value), expected, "{value}");
        }
    }

    #[test]
    fn halves_round_to_even() {
        let mut halves = 0;
        for even in (0..=254_u8).step_by(2) {
            let target = f32::from(even) + 0.5;
            let near = (target / 255.0 - 0.5) * 2.0;
            let around =
                (-40..=40_i32).map(|ulps| f32::from_bits(near.to_bits().saturating_add_signed(ulps)));
            for value in around.filter(|value| (value * 0.5 + 0.5) * 255.0 == target) {
                assert_eq!(to_u8(value), even, "{value}");
                halves += 1;
            }
        }
        assert!(halves > 50);
    }

    #[test]
    fn channels_are_interleaved() {
        let values = [[-1.0; 2], [0.0; 2], [1.0; 2]].concat();
        let image = DecodedImage::new(1, 2, values).unwrap().to_rgb();
        assert_eq!(image.pixels(), [0, 128, 255, 0, 128, 255]);
        assert_eq!(image.pixel(0, 1), Some([0, 128, 255]));
        assert_eq!(image.pixel(1, 0), None);
    }

    #[test]
    fn png_holds_the_pixels_and_is_reproducible() {
        let pixels: Vec<u8> = (0..5 * 7 * 3).map(|i| (i * 37 % 251) as u8).collect();
        let image = RgbImage::new(5, 7, pixels.clone()).unwrap();
        let file = image.to_png().unwrap();
        assert_eq!(file, image.to_png().unwrap());
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let mut decoded = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut decoded).unwrap();
        assert_eq!((info.height, info.width, info.color_type), (5, 7, ::png::ColorType::Rgb));
        assert_eq!(decoded, pixels);
    }

    #[test]
    fn the_size_is_part_of_the_pixel_hash() {
        let (tall, wide) =
            (RgbImage::new(2, 1, vec![7; 6]).unwrap(), RgbImage::new(1, 2, vec![7; 6]).unwrap());
        assert_ne!(tall.pixel_hash(), wide.pixel_hash());
    }

    #[test]
    fn other_amounts_of_data_are_refused() {
        assert!(RgbImage::new(2, 2, vec![0; 11]).is_err());
        assert!(DecodedImage::new(2, 2, vec![0.0; 13]).is_err());
        assert!(DecodedImage::from_bytes(1, 1, &[0; 11]).is_err());
        assert!(RgbImage::new(0, 0, Vec::new()).unwrap().to_png().is_err());
    }
}
