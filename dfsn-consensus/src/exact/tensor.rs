//! What a program's ops read and write.

use std::ops::Range;

use borsh::BorshSerialize;

/// A tensor of a program, by its place in [`Program::tensors`](super::Program::tensors).
#[derive(BorshSerialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub(super) u32);

impl TensorId {
    /// The place.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A parameter of the model, by its place in [`Program::weights`](super::Program::weights).
#[derive(BorshSerialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WeightId(pub(super) u32);

impl WeightId {
    /// The place.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The type of a tensor's elements. Bytes are little-endian.
#[derive(BorshSerialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// Bit patterns of binary32.
    F32,
    /// Quantised values.
    I16,
    /// Token ids, and sort keys of binary32.
    I32,
    /// Exact sums.
    I64,
}

impl Element {
    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::I64 => 8,
        }
    }
}

/// Type and shape of a tensor, row-major: the last dimension is contiguous.
#[derive(BorshSerialize, Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorSpec {
    /// Type of the elements.
    pub element: Element,
    /// Sizes, none of them 0.
    pub dims: Vec<usize>,
}

impl TensorSpec {
    /// Elements in all.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Bytes in all.
    pub fn bytes(&self) -> u64 {
        (self.len() as u64).saturating_mul(self.element.size() as u64)
    }

    /// The bytes of some elements.
    pub fn byte_range(&self, elements: &Range<usize>) -> Range<u64> {
        let place = |index: usize| (index as u64).saturating_mul(self.element.size() as u64);
        place(elements.start)..place(elements.end)
    }

    /// Never: dimensions are not 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size of the last dimension.
    pub fn width(&self) -> usize {
        self.dims.last().copied().unwrap_or(1)
    }

    /// All dimensions but the last as one.
    pub fn rows(&self) -> usize {
        self.dims.split_last().map_or(1, |(_, rest)| rest.iter().product())
    }
}

/// A parameter of the model: its name in a diffusers folder, after the part's (`unet.conv_in.weight`), and its form.
#[derive(BorshSerialize, Clone, Debug, PartialEq, Eq, Hash)]
pub struct WeightSpec {
    /// The name.
    pub name: String,
    /// What is stored of it.
    pub form: WeightForm,
}

/// What is stored of a parameter.
#[derive(BorshSerialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeightForm {
    /// A matrix or a convolution's kernel, quantised: `rows` of `width` i16 and a scale (f32) for each. Kernels lie
    /// as `[out][kernel height][kernel width][in]`.
    Quantised {
        /// Output channels.
        rows: usize,
        /// Numbers that one output sums over.
        width: usize,
        /// Kernel height times width: how many parts of `width` the file's order exchanges with the input channels.
        taps: usize,
    },
    /// f32 as in the model: biases, gammas, betas, embedding tables.
    Plain {
        /// Rows; 1 for a vector.
        rows: usize,
        /// Numbers in a row.
        width: usize,
    },
}

impl WeightForm {
    /// Rows, of a vector 1.
    pub const fn rows(self) -> usize {
        match self {
            Self::Quantised { rows, .. } | Self::Plain { rows, .. } => rows,
        }
    }

    /// Numbers in a row.
    pub const fn width(self) -> usize {
        match self {
            Self::Quantised { width, .. } | Self::Plain { width, .. } => width,
        }
    }
}
