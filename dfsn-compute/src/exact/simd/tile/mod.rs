//! Register tiles: the innermost loops, one file for each instruction set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

use super::Isa;
use super::schedule::Run;

/// Rows that any tile has at most: the width of the table of row pointers.
pub(crate) const MAX_ROWS: usize = 8;

/// The most numbers in a tile.
pub(crate) const MAX_TILE: usize = 8 * 48;

/// How large a tile is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Rows of the operand.
    pub(crate) rows: usize,
    /// Columns in one vector.
    pub(crate) lanes: usize,
    /// Vectors side by side.
    pub(crate) vectors: usize,
}

impl Shape {
    pub(crate) fn of(isa: Isa) -> Self {
        match isa {
            // The matrix unit has loops of its own, which never ask.
            Isa::Avx512Vnni | Isa::AmxInt8 => Self { rows: 8, lanes: 16, vectors: 3 },
            Isa::Avx2 => Self { rows: 6, lanes: 8, vectors: 2 },
            Isa::WasmSimd128 => Self { rows: 4, lanes: 4, vectors: 3 },
            Isa::Neon | Isa::Portable => Self { rows: 4, lanes: 8, vectors: 2 },
        }
    }

    pub(crate) fn columns(self) -> usize {
        self.lanes * self.vectors
    }
}

/// One block of a tile's reduction.
#[derive(Debug)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "only these tiles fetch ahead"))]
pub(crate) struct Tile<'a> {
    /// 1 to the shape's rows.
    pub(crate) rows: usize,
    /// 1 to the shape's vectors.
    pub(crate) vectors: usize,
    /// The stretches of this block.
    pub(crate) runs: &'a [Run],
    /// `[segment][MAX_ROWS]`: where the segments of the rows start.
    pub(crate) starts: &'a [*const i16],
    /// The panel's pairs from this block on, `[pair][vectors * lanes][2]`.
    pub(crate) panel: &'a [i16],
    /// The high halves, `[rows][vectors * lanes]`.
    pub(crate) high: &'a mut [i32],
    /// The accumulators, likewise.
    pub(crate) low: &'a mut [i32],
    /// Whether the sums start from zero instead of from `high` and `low`.
    pub(crate) first: bool,
    /// What will be read after this block: only fetched, never dereferenced, so it may lie anywhere.
    pub(crate) next: *const i16,
    /// Elements of it to fetch.
    pub(crate) share: usize,
}

/// Adds one block's products to the sums of a tile: `high * 65536 + low` is exact.
///
/// # Safety
/// `isa` is available; for each run and row the pointer `starts[segment][row]` is valid for reads of `start + 2 * pairs`
/// elements.
#[allow(unsafe_code, reason = "row pointers: a tile reads rows of a buffer at places checked once before")]
pub(crate) unsafe fn run(isa: Isa, tile: &mut Tile<'_>) {
    let shape = Shape::of(isa);
    let width = tile.vectors * shape.lanes;
    let pairs: usize = tile.runs.iter().map(|run| run.pairs as usize).sum();
    assert!((1..=shape.rows).contains(&tile.rows) && (1..=shape.vectors).contains(&tile.vectors));
    assert!(tile.panel.len() >= pairs * width * 2, "panel shorter than its runs");
    assert!(tile.high.len() >= tile.rows * width && tile.low.len() >= tile.rows * width);
    assert!(tile.runs.iter().all(|run| (run.segment as usize + 1) * MAX_ROWS <= tile.starts.len()));
    // SAFETY: the caller's promises, and the lengths just looked at.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => avx512::run(tile),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => avx2::run(tile),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Isa::Neon => neon::run(tile),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Isa::WasmSimd128 => simd128::run(tile),
            _ => portable::run(tile),
        }
    }
}
