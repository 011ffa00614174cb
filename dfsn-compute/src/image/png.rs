//! PNG files in and out, with what a picture was drawn with in their text.

use std::io::Cursor;

use png::{BitDepth, ColorType, Transformations};

use super::{ImageError, RgbImage};

/// What a PNG file tells besides its pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PngText {
    /// Prompt and settings in the form that AUTOMATIC1111's web UI reads and writes.
    pub parameters: Option<String>,
    /// Where the picture comes from, as JSON.
    pub dfsn: Option<String>,
}

impl PngText {
    /// Most bytes of one text.
    pub const MAX_BYTES: usize = 64 << 10;
    const PARAMETERS: &str = "parameters";
    const DFSN: &str = "dfsn";
}

impl RgbImage {
    /// Longest side of a file that is read, in pixels.
    pub const MAX_FILE_SIDE: u32 = 4096;
    /// Most bytes of a file that is read.
    pub const MAX_FILE_BYTES: usize = 64 << 20;

    /// The picture as a PNG file. One version of this crate always writes the same bytes.
    ///
    /// # Errors
    /// [`ImageError::Encoding`], for a picture without pixels.
    pub fn to_png(&self) -> Result<Vec<u8>, ImageError> {
        self.to_png_with(&PngText::default())
    }

    /// The picture as a PNG file with text.
    ///
    /// # Errors
    /// [`ImageError::TextTooLong`]; [`ImageError::Encoding`], for a picture without pixels.
    pub fn to_png_with(&self, text: &PngText) -> Result<Vec<u8>, ImageError> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width, self.height);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        encoder.set_filter(png::Filter::Paeth);
        for (keyword, text) in [(PngText::PARAMETERS, &text.parameters), (PngText::DFSN, &text.dfsn)] {
            let Some(text) = text else { continue };
            if text.len() > PngText::MAX_BYTES {
                return Err(ImageError::TextTooLong { keyword, length: text.len() });
            }
            // Text chunks hold Latin-1; the web UI writes what is not in the form for UTF-8, too.
            if text.is_ascii() {
                encoder.add_text_chunk(keyword.to_owned(), text.clone())?;
            } else {
                encoder.add_itxt_chunk(keyword.to_owned(), text.clone())?;
            }
        }
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(file)
    }

    /// Reads a PNG file of any colour type. Transparency is dropped, 16 bits are cut to 8, of an animation the first
    /// frame is taken.
    ///
    /// # Errors
    /// [`ImageError::FileTooLarge`]; [`ImageError::Decoding`] for what is no PNG file or one with larger sides than
    /// [`Self::MAX_FILE_SIDE`].
    pub fn from_png(file: &[u8]) -> Result<Self, ImageError> {
        Ok(Self::from_png_with(file)?.0)
    }

    /// Reads a PNG file and its text. Texts over [`PngText::MAX_BYTES`] count as absent.
    ///
    /// # Errors
    /// As [`Self::from_png`].
    pub fn from_png_with(file: &[u8]) -> Result<(Self, PngText), ImageError> {
        if file.len() > Self::MAX_FILE_BYTES {
            return Err(ImageError::FileTooLarge { length: file.len() });
        }
        // Room for the file's texts and one row; the pixels are bounded by the sides.
        let limits = png::Limits { bytes: Self::MAX_FILE_BYTES };
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
        decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
        let header = decoder.read_header_info()?;
        let (height, width) = (header.height, header.width);
        if height.max(width) > Self::MAX_FILE_SIDE {
            return Err(ImageError::SideTooLong { height, width });
        }
        let mut reader = decoder.read_info()?;
        let Some(size) = reader.output_buffer_size() else {
            return Err(ImageError::SideTooLong { height, width });
        };
        let mut data = vec![0; size];
        let frame = reader.next_frame(&mut data)?;
        data.truncate(frame.buffer_size());
        // Texts may follow the pixels. A file that is cut off after them has none there.
        let _ = reader.finish();
        let text = read_text(reader.info());
        let pixels = match frame.color_type {
            ColorType::Rgb => data,
            ColorType::Rgba => {
                data.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
            }
            ColorType::Grayscale => data.iter().flat_map(|&grey| [grey; 3]).collect(),
            ColorType::GrayscaleAlpha => data.chunks_exact(2).flat_map(|pixel| [pixel[0]; 3]).collect(),
            ColorType::Indexed => {
                let reason = "the palette was not expanded".to_owned();
                return Err(ImageError::Decoding(reason));
            }
        };
        Ok((Self::new(frame.height, frame.width, pixels)?, text))
    }
}

/// The first text under each keyword.
fn read_text(info: &png::Info<'_>) -> PngText {
    let read = |keyword: &str| {
        let latin = info.uncompressed_latin1_text.iter().find(|chunk| chunk.keyword == keyword);
        let text = match latin {
            Some(chunk) => Some(chunk.text.clone()),
            None => info.utf8_text.iter().find(|chunk| chunk.keyword == keyword).and_then(|chunk| {
                let mut chunk = chunk.clone();
                chunk.decompress_text_with_limit(PngText::MAX_BYTES).ok()?;
                chunk.get_text().ok()
            }),
        };
        text.filter(|text| text.len() <= PngText::MAX_BYTES)
    };
    PngText { parameters: read(PngText::PARAMETERS), dfsn: read(PngText::DFSN) }
}

impl From<png::DecodingError> for ImageError {
    fn from(error: png::DecodingError) -> Self {
        Self::Decoding(error.to_string())
    }
}
