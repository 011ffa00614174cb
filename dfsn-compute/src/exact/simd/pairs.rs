use super::Kernels;
use super::aligned::AlignedI16;
use super::room::Room;
use super::tile::Shape;

/// Rows `[out][k]` as panels of a tile's width, `[out/width][k/2][width][2]`, the last one narrower, padded with zeros.
///
/// With them goes how long accumulators may add.
#[derive(Debug)]
pub(crate) struct PairPanels {
    lanes: usize,
    k: usize,
    data: AlignedI16,
    panels: Vec<Panel>,
}

/// Columns that one tile covers.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) first: usize,
    pub(crate) columns: usize,
    pub(crate) vectors: usize,
    offset: usize,
    pub(crate) room: Room,
}

impl PairPanels {
    /// `room` looks at a panel's rows.
    pub(crate) fn new(kernels: Kernels, rows: &[i16], k: usize, room: impl Fn(&[i16]) -> Room) -> Self {
        let shape = Shape::of(kernels.isa());
        let out = rows.len() / k;
        let pairs = k.div_ceil(2);
        let mut panels = Vec::new();
        let mut offset = 0;
        for first in (0..out).step_by(shape.columns()) {
            let columns = shape.columns().min(out - first);
            let vectors = columns.div_ceil(shape.lanes);
            let room = room(&rows[first * k..(first + columns) * k]);
            panels.push(Panel { first, columns, vectors, offset, room });
            offset += (pairs * vectors * shape.lanes * 2).next_multiple_of(32);
        }
        let mut data = AlignedI16::zeroed(offset);
        for panel in &panels {
            let width = panel.vectors * shape.lanes;
            let packed = &mut data.as_mut_slice()[panel.offset..][..pairs * width * 2];
            let rows = &rows[panel.first * k..(panel.first + panel.columns) * k];
            // Blocks of 16 pairs stay in the nearest cache while the columns go by.
            for (block, packed) in packed.chunks_mut(16 * width * 2).enumerate() {
                for (column, row) in rows.chunks_exact(k).enumerate() {
                    let row = &row[block * 32..k.min(block * 32 + 32)];
                    let (whole, odd) = row.as_chunks::<2>();
                    for (packed, pair) in packed[2 * column..].chunks_mut(2 * width).zip(whole) {
                        packed[..2].copy_from_slice(pair);
                    }
                    if let [last] = odd {
                        packed[2 * (whole.len() * width + column)] = *last;
                    }
                }
            }
        }
        Self { lanes: shape.lanes, k, data, panels }
    }

    pub(crate) fn panels(&self) -> &[Panel] {
        &self.panels
    }

    /// A panel's pairs, `[pairs][width][2]`.
    pub(crate) fn panel(&self, panel: &Panel) -> &[i16] {
        &self.data.as_slice()[panel.offset..][..self.k.div_ceil(2) * panel.vectors * self.lanes * 2]
    }
}
