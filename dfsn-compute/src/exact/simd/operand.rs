use super::SimdError;
use super::error::{expect_len, expect_range};
use std::borrow::Cow;

/// The left factor of a product: quantised activations, each row a list of segments of one buffer.
///
/// A linear layer has one segment a row. A convolution reads its window from a zero-haloed NHWC buffer, where
/// `(kernel x, channel)` lie together, so it needs neither im2col nor a copy. Values must stay within the limit that
/// the weights were packed for; beyond it sums are wrong, though nothing else is.
#[derive(Debug)]
pub struct Operand<'a> {
    data: Cow<'a, [i16]>,
    rows: usize,
    segments: usize,
    len: usize,
    starts: Starts,
}

#[derive(Debug)]
enum Starts {
    /// Row m starts at m * stride; one segment.
    Strided(usize),
    /// `[row][segment]`.
    Table(Vec<u32>),
}

/// How a convolution's windows lie over an image `[height + 2 * halo][width + 2 * halo][channels]` with zeros around.
#[derive(Clone, Copy, Debug)]
pub struct ConvWindow {
    /// Rows of the image, without halo.
    pub height: usize,
    /// Columns of the image, without halo.
    pub width: usize,
    /// Channels, contiguous.
    pub channels: usize,
    /// Rows and columns of zeros on every side of the buffer.
    pub halo: usize,
    /// The kernel is square.
    pub kernel: usize,
    /// Distance of windows.
    pub stride: usize,
    /// Zeros before the first row and column; those after the last follow from the output's size. At most `halo`.
    pub padding: usize,
    /// Rows and columns after nearest-neighbour resizing of the image, before the convolution.
    pub resized: Option<(usize, usize)>,
    /// Rows of the output.
    pub out_height: usize,
    /// Columns of the output.
    pub out_width: usize,
}

impl<'a> Operand<'a> {
    /// Rows of `k` contiguous values, `stride` apart.
    ///
    /// # Errors
    /// If the last row ends beyond the buffer, or a dimension is zero or too large.
    pub fn rows(data: &'a [i16], rows: usize, k: usize, stride: usize) -> Result<Self, SimdError> {
        check_shape(data, rows, 1, k)?;
        expect_range("the stride of rows", stride, k, u32::MAX as usize)?;
        let end = (rows - 1) * stride + k;
        if end > data.len() {
            let (row, start) = (rows - 1, end - k);
            return Err(SimdError::Segment { row, segment: 0, start, end, len: data.len() });
        }
        Self { data: Cow::Borrowed(data), rows, segments: 1, len: k, starts: Starts::Strided(stride) }.even()
    }

    /// Rows of `segments` stretches of `len` values; `starts[row][segment]` index the buffer.
    ///
    /// # Errors
    /// If a segment ends beyond the buffer, or a dimension is zero or too large.
    pub fn gather(data: &'a [i16], starts: Vec<u32>, segments: usize, len: usize) -> Result<Self, SimdError> {
        let rows = starts.len() / segments.max(1);
        check_shape(data, rows, segments, len)?;
        expect_len("the starts of segments", starts.len(), rows * segments)?;
        if let Some(index) = starts.iter().position(|&start| start as usize + len > data.len()) {
            let start = starts[index] as usize;
            let (row, segment) = (index / segments, index % segments);
            return Err(SimdError::Segment { row, segment, start, end: start + len, len: data.len() });
        }
        Self { data: Cow::Borrowed(data), rows, segments, len, starts: Starts::Table(starts) }.even()
    }

    /// The windows of a convolution over images one after the other, row by row of the output, for weights `[out][kernel y][kernel x][in]`.
    ///
    /// # Errors
    /// If a window leaves the haloed image, the buffer has another size, or a dimension is zero or too large.
    pub fn conv(data: &'a [i16], window: &ConvWindow, images: usize) -> Result<Self, SimdError> {
        let w = window;
        for (what, found) in [("image height", w.height), ("image width", w.width), ("channels", w.channels)]
        {
            expect_range(what, found, 1, 1 << 16)?;
        }
        expect_range("halo", w.halo, 0, 16)?;
        expect_range("kernel", w.kernel, 1, 16)?;
        expect_range("stride", w.stride, 1, 16)?;
        expect_range("padding", w.padding, 0, w.halo)?;
        let row = (w.width + 2 * w.halo) * w.channels;
        let size = (w.height + 2 * w.halo) * row;
        expect_range("images", images, 1, 64)?;
        expect_len("the haloed images", data.len(), images * size)?;
        let lines = source_lines("height", w.height, w.out_height, w.resized.map(|size| size.0), w)?;
        let columns = source_lines("width", w.width, w.out_width, w.resized.map(|size| size.1), w)?;
        let together = w.resized.is_none();
        let across = if together { 1 } else { w.kernel };
        let mut starts = Vec::with_capacity(images * w.out_height * w.out_width * w.kernel * across);
        for image in 0..images {
            for lines in lines.chunks_exact(w.kernel) {
                for columns in columns.chunks_exact(w.kernel) {
                    for &line in lines {
                        // The buffer is bounded to u32 elements by `gather`, and lines and columns lie in it.
                        let start = |&c: &usize| (image * size + line * row + c * w.channels) as u32;
                        starts.extend(columns[..across].iter().map(start));
                    }
                }
            }
        }
        let len = if together { w.kernel * w.channels } else { w.channels };
        Self::gather(data, starts, w.kernel * across, len)
    }

    /// Kernels read pairs, so segments of odd length are copied into rows of even length.
    fn even(self) -> Result<Self, SimdError> {
        if self.len.is_multiple_of(2) {
            return Ok(self);
        }
        let k = self.k();
        let mut copy = vec![0; self.rows * (k + k % 2)];
        for (row, to) in copy.chunks_exact_mut(k + k % 2).enumerate() {
            for segment in 0..self.segments {
                let start = self.start(row, segment);
                to[segment * self.len..][..self.len].copy_from_slice(&self.data[start..start + self.len]);
            }
        }
        let len = k + k % 2;
        Ok(Self { data: Cow::Owned(copy), rows: self.rows, segments: 1, len, starts: Starts::Strided(len) })
    }

    /// Rows of the product.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.rows
    }

    /// Length of the reduction, made even with a zero.
    #[must_use]
    pub fn k(&self) -> usize {
        self.segments * self.len
    }

    pub(crate) fn segments(&self) -> usize {
        self.segments
    }

    /// Elements of a segment; even once constructed.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether all segments start at, and have, multiples of `step` elements.
    pub(crate) fn is_in_steps_of(&self, step: usize) -> bool {
        self.len.is_multiple_of(step)
            && match &self.starts {
                Starts::Strided(stride) => stride.is_multiple_of(step),
                Starts::Table(starts) => starts.iter().all(|start| (*start as usize).is_multiple_of(step)),
            }
    }

    pub(crate) fn data(&self) -> &[i16] {
        &self.data
    }

    /// Where a segment starts; it ends within the data.
    pub(crate) fn start(&self, row: usize, segment: usize) -> usize {
        match &self.starts {
            Starts::Strided(stride) => row * stride,
            Starts::Table(starts) => starts[row * self.segments + segment] as usize,
        }
    }
}

fn check_shape(data: &[i16], rows: usize, segments: usize, len: usize) -> Result<(), SimdError> {
    expect_range("elements of the operand's buffer", data.len(), 1, u32::MAX as usize)?;
    expect_range("rows", rows, 1, 1 << 28)?;
    expect_range("segments", segments, 1, 1 << 10)?;
    expect_range("the length of a segment", len, 1, 1 << 20)?;
    expect_range("the length of the reduction", segments * len, 1, 1 << 20)
}

/// For each output line and kernel offset, the line of the haloed image that is read.
fn source_lines(
    what: &'static str,
    size: usize,
    out: usize,
    resized: Option<usize>,
    w: &ConvWindow,
) -> Result<Vec<usize>, SimdError> {
    let full = resized.unwrap_or(size);
    expect_range(what, full, 1, 1 << 16)?;
    expect_range(what, out, 1, 1 << 16)?;
    let mut lines = Vec::with_capacity(out * w.kernel);
    for line in 0..out {
        for offset in 0..w.kernel {
            // In the resized image with `padding` zeros before it.
            let at = line * w.stride + offset;
            let from = if at < w.padding {
                w.halo - w.padding + at
            } else if at - w.padding < full {
                w.halo + (at - w.padding) * size / full
            } else {
                w.halo + size + (at - w.padding - full)
            };
            expect_range("the line that a window reads", from, 0, size + 2 * w.halo - 1)?;
            lines.push(from);
        }
    }
    Ok(lines)
}
