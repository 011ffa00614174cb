//! The operations that a program is made of.
//!
//! Each output element depends on at most 64 KiB of each input, so that one element can be shown to be wrong by
//! opening that much. Longer reductions are therefore several ops. Every value is exact or rounded once in a written
//! order: a backend may fuse and reorder as it likes and must get the same bytes.

use borsh::{BorshDeserialize, BorshSerialize};

use super::expression::Expression;
use super::tensor::{TensorId, WeightId};

/// One operation: what it does, what it reads, what it writes.
#[derive(BorshSerialize, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Op {
    /// What it does.
    pub kind: OpKind,
    /// What it reads, in the order that the kind names.
    pub inputs: Vec<TensorId>,
    /// What it writes, in the order that the kind names.
    pub outputs: Vec<TensorId>,
}

/// Elementwise functions of the networks.
#[derive(BorshSerialize, BorshDeserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x * sigmoid(x)`.
    Silu,
    /// `x * sigmoid(1.702 x)`.
    QuickGelu,
    /// The Gaussian error linear unit.
    Gelu,
}

/// Gamma and beta of a norm.
#[derive(BorshSerialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Affine {
    /// One factor a channel.
    pub gamma: WeightId,
    /// One addend a channel.
    pub beta: WeightId,
}

/// A convolution's window.
#[derive(BorshSerialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Side of the kernel.
    pub kernel: usize,
    /// Pixels from one window to the next.
    pub stride: usize,
    /// Zeros above and to the left; below and to the right there are as many as the last window needs.
    pub padding: usize,
    /// Whether the input is doubled first, each pixel becoming four, to this height and width.
    pub upsample: Option<(usize, usize)>,
}

/// What an operation does. In shapes, `rows` are tokens or pixels; `M` is the largest magnitude of a scope, from which
/// its scale follows.
#[derive(BorshSerialize, Clone, Debug, PartialEq, Eq, Hash)]
pub enum OpKind {
    /// ids i32 `[n]` -> f32 `[n][width]`: a token's row plus its position's.
    Embed {
        /// Table of tokens.
        tokens: WeightId,
        /// Table of positions.
        positions: WeightId,
    },
    /// f32 `[n]` -> f32 `[1][n * width]`: sines and cosines of each number at falling frequencies.
    Waves {
        /// Sines and cosines of one number.
        width: usize,
        /// Whether the cosines come first.
        cosines_first: bool,
        /// Shift in the frequencies, bits of an f64.
        shift: u64,
    },
    /// f32 `[rows][a]`, `[rows][b]` -> f32 `[rows][a + b]`.
    Concat,
    /// f32 -> f32 of the same shape.
    Activate(Activation),
    /// f32 -> f32 of the same shape: divided by a constant, bits of an f32.
    Divide(u32),
    /// f32 `[rows][k]` -> i16 `[rows][k]`, M f32 `[rows]`.
    QuantRow,
    /// As [`Self::QuantRow`], of the activation of the input.
    ActivateQuant(Activation),
    /// f32 `[rows][2 k]` -> i16 `[rows][k]`, M f32 `[rows]`: the first half times the GELU of the second.
    GegluQuant,
    /// f32 `[rows][k]` -> f32 `[rows][k]`: LayerNorm; the epsilon as bits of an f64.
    LayerNorm(Affine, u64),
    /// As [`Self::LayerNorm`], then as [`Self::QuantRow`].
    LayerNormQuant(Affine, u64),
    /// i16 `[rows][k]`, M f32 `[rows]`, and a residual f32 `[rows][n]` if there are three inputs -> f32 `[rows][n]`.
    Linear {
        /// Quantised `[n][k]`.
        weight: WeightId,
        /// One addend an output channel.
        bias: Option<WeightId>,
    },
    /// i16 `[h][w][c]`, M f32 `[1]`, then, as told, an embedding f32 `[1][n]` and a residual f32 `[h'][w'][n]` -> f32
    /// `[h'][w'][n]`.
    Conv {
        /// Quantised `[n][kernel][kernel][c]`.
        weight: WeightId,
        /// One addend an output channel.
        bias: WeightId,
        /// The window.
        window: Window,
        /// The limit of the quantised input.
        limit: i32,
        /// Whether an embedding is added.
        embedding: bool,
        /// Whether a residual is added.
        residual: bool,
    },
    /// f32 `[pixels][c]` -> i32 `[c][blocks][2]`: least and greatest sort key of each channel and block of pixels.
    MinMaxPart,
    /// i32 `[c][blocks][2]` -> i32 `[c][joined][2]`: of [`JOINED_BLOCKS`] blocks each.
    MinMaxJoin,
    /// i32 `[c][blocks][2]` -> i32 `[c][2]`.
    MinMax,
    /// i32 `[c][2]` -> f32 `[1]`: M of the whole image.
    ImageMax,
    /// f32 `[h][w][c]`, M f32 `[1]` -> i16 `[h][w][c]`.
    QuantImage,
    /// f32 `[pixels][c]`, i32 `[c][2]` -> i64 `[groups][blocks][2]`: sums of the group's quantised values and of their
    /// squares.
    SumPart {
        /// Groups of the norm.
        groups: usize,
    },
    /// i64 `[groups][blocks][2]` -> i64 `[groups][joined][2]`: of [`JOINED_BLOCKS`] blocks each.
    SumJoin,
    /// i64 `[groups][blocks][2]`, i32 `[c][2]` -> f32 `[groups][2]`: mean and reciprocal standard deviation.
    GroupStats {
        /// Numbers in a group.
        count: usize,
        /// Epsilon, bits of an f64.
        eps: u64,
    },
    /// i32 `[c][2]`, f32 `[groups][2]` -> f32 `[1]`: a bound of the SiLU of the normalised image, which serves as M.
    NormBound(Affine),
    /// f32 `[h][w][c]`, f32 `[groups][2]`, M f32 `[1]` -> i16 `[h][w][c]`: GroupNorm, SiLU, quantised as an image.
    NormQuantImage(Affine),
    /// f32 `[pixels][c]`, f32 `[groups][2]` -> i16 `[pixels][c]`, M f32 `[pixels]`: GroupNorm, quantised by pixels.
    NormQuantRow(Affine),
    /// f32 `[rows][heads * d]` -> f32 `[heads][blocks]`: the largest magnitude in blocks of rows.
    HeadMaxPart {
        /// Heads.
        heads: usize,
    },
    /// f32 `[heads][blocks]` -> M f32 `[heads]`.
    HeadMax,
    /// f32 `[rows][heads * d]`, M f32 `[heads]` -> i16 `[heads][rows][d]`, or `[heads][d][rows]`.
    HeadQuant {
        /// Heads.
        heads: usize,
        /// The limit.
        limit: i32,
        /// Whether rows come last.
        transposed: bool,
    },
    /// queries i16 `[heads][rows][d]`, M `[heads]`, keys i16 `[heads][tokens][d]`, M, values i16 `[heads][d][tokens]`,
    /// M -> f32 `[rows][heads * d]`.
    Attention {
        /// Whether a query sees only the keys up to its own place.
        causal: bool,
    },
    /// queries i16 `[heads][rows][d]`, keys i16 `[heads][tokens][d]` -> i32 `[heads][rows][tokens]`: where the keys of
    /// one head are more than an element may depend on.
    Scores,
    /// scores i32 `[heads][rows][tokens]`, M of queries `[heads]`, M of keys, values i16 `[heads][d][tokens]`, M -> f32
    /// `[rows][heads * d]`.
    Attend,
    /// f32 tensors of one shape -> f32 of that shape: an expression of the elements at one place.
    Elementwise(Expression),
    /// Nothing -> f32: noise of unit variance (EXA-28).
    Noise {
        /// Seed of the generator.
        seed: u32,
        /// Numbers that it has given before.
        offset: usize,
    },
    /// f32 `[rows][columns]` -> f32 `[columns][rows]`, of which either may stand for several dimensions.
    Transpose {
        /// Rows of the input.
        rows: usize,
    },
    /// f32 -> f32 of any shape: as many elements from one on.
    Part {
        /// The first one.
        start: usize,
    },
    /// f32 tensors -> f32 of any shape: one behind the other.
    Join,
}

impl OpKind {
    /// The kind's name without its parameters, such as `Conv`.
    pub fn name(&self) -> String {
        let whole = format!("{self:?}");
        whole.split(['(', ' ']).next().unwrap_or_default().to_owned()
    }
}

/// Limit of the inputs of linear layers and of convolutions after a norm.
pub const LIMIT_ROW: i32 = 16_383;
/// Limit of the inputs of other convolutions.
pub const LIMIT_RAW: i32 = 32_639;
/// Limit of queries and keys.
pub const LIMIT_QUERY: i32 = 8_191;
/// Limit of values.
pub const LIMIT_VALUE: i32 = 4_095;
/// Limit of weights.
pub const LIMIT_WEIGHT: i32 = 8_191;
/// Limit of the integers whose sums give mean and variance.
pub const LIMIT_STATISTICS: i32 = (1 << 19) - 1;

/// Blocks of a reduction that are joined at once: 64 KiB of sums.
pub const JOINED_BLOCKS: usize = 4_096;

/// Rows of `width` numbers that a partial reduction takes at once: at most 64 KiB of f32.
pub const fn block_rows(width: usize) -> usize {
    match 16_384_usize.checked_div(width) {
        None | Some(0) => 1,
        Some(rows) => rows,
    }
}
