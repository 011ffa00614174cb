//! What becomes of the sums of a product.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use std::ops::Range;

use super::Kernels;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::amx;
use super::epilogue::{Epilogue, Scale, add_row, bound_row, scale_row, score_row, sum_row};
use super::shared::Shared;

/// Columns that the widest panel has.
const MAX_COLUMNS: usize = 64;

/// Takes the sums of tiles, a row of one panel at a time.
pub(crate) trait Sink: Sync {
    /// What a task keeps while it goes down a panel.
    type Column: Default;

    fn row(&self, column: &mut Self::Column, row: usize, first: usize, high: &[i32], low: &[i32]);

    /// A row of some columns as sums of digits.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn line(
        &self,
        kernels: Kernels,
        column: &mut Self::Column,
        row: usize,
        columns: Range<usize>,
        sums: &[amx::Sums],
        line: usize,
    ) {
        let (mut high, mut low) = ([0; MAX_COLUMNS], [0; MAX_COLUMNS]);
        amx::join_line(kernels, sums, line, true, &mut high, &mut low);
        self.row(column, row, columns.start, &high[..columns.len()], &low[..columns.len()]);
    }

    /// The end of a task's rows in this panel.
    fn finish(&self, _column: Self::Column, _first: usize, _columns: usize) {}
}

pub(super) struct Floats<'a> {
    pub(super) epilogue: &'a Epilogue<'a>,
    pub(super) out: Shared<'a, f32>,
    pub(super) n: usize,
    pub(super) kernels: Kernels,
}

/// The range of a panel's columns so far, in the image that a task is in.
pub(crate) struct ColumnRange {
    image: usize,
    min: [i32; MAX_COLUMNS],
    max: [i32; MAX_COLUMNS],
}

impl Default for ColumnRange {
    fn default() -> Self {
        Self { image: 0, min: [i32::MAX; MAX_COLUMNS], max: [i32::MIN; MAX_COLUMNS] }
    }
}

#[allow(unsafe_code, reason = "each row of a panel is one task's")]
impl Sink for Floats<'_> {
    type Column = ColumnRange;

    fn row(&self, range: &mut ColumnRange, row: usize, first: usize, high: &[i32], low: &[i32]) {
        let (e, n, columns) = (self.epilogue, self.n, high.len());
        // SAFETY: tasks share neither rows nor panels.
        let out = unsafe { self.out.part(row * self.n + first, columns) };
        let scale = match e.activations {
            Scale::One(scale) => scale,
            Scale::Rows(scales) => scales[row],
        };
        let image = row / e.rows_per_image;
        scale_row(self.kernels, high, low, &e.weights[first..first + columns], scale, out);
        if let Some(bias) = e.bias {
            add_row(self.kernels, out, &bias[first..first + columns]);
        }
        if let Some(temb) = e.temb {
            add_row(self.kernels, out, &temb[image * n + first..][..columns]);
        }
        if let Some(residual) = e.residual {
            add_row(self.kernels, out, &residual[row * n + first..][..columns]);
        }
        if e.bounds.is_some() {
            if image != range.image {
                self.finish(std::mem::take(range), first, columns);
                range.image = image;
            }
            bound_row(self.kernels, out, &mut range.min[..columns], &mut range.max[..columns]);
        }
    }

    fn finish(&self, range: ColumnRange, first: usize, columns: usize) {
        if let Some(bounds) = self.epilogue.bounds {
            let first = range.image * self.n + first;
            bounds.merge(first, &range.min[..columns], &range.max[..columns]);
        }
    }
}

pub(super) struct Scores<'a> {
    pub(super) shift: u32,
    pub(super) out: Shared<'a, i32>,
    pub(super) n: usize,
    pub(super) kernels: Kernels,
}

#[allow(unsafe_code, reason = "each row of a panel is one task's")]
impl Sink for Scores<'_> {
    type Column = ();

    fn row(&self, (): &mut (), row: usize, first: usize, high: &[i32], low: &[i32]) {
        // SAFETY: tasks share neither rows nor panels.
        let out = unsafe { self.out.part(row * self.n + first, high.len()) };
        score_row(self.kernels, high, low, self.shift, out);
    }

    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn line(
        &self,
        kernels: Kernels,
        (): &mut (),
        row: usize,
        columns: Range<usize>,
        sums: &[amx::Sums],
        line: usize,
    ) {
        // SAFETY: tasks share neither rows nor panels.
        let out = unsafe { self.out.part(row * self.n + columns.start, columns.len()) };
        amx::score_line(kernels, sums, line, self.shift, out);
    }
}

pub(super) struct Sums<'a> {
    pub(super) out: Shared<'a, f64>,
    pub(super) n: usize,
    pub(super) kernels: Kernels,
}

#[allow(unsafe_code, reason = "each row of a panel is one task's")]
impl Sink for Sums<'_> {
    type Column = ();

    fn row(&self, (): &mut (), row: usize, first: usize, high: &[i32], low: &[i32]) {
        // SAFETY: tasks share neither rows nor panels.
        let out = unsafe { self.out.part(row * self.n + first, high.len()) };
        sum_row(self.kernels, high, low, out);
    }
}
