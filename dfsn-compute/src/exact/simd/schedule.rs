//! When the i32 accumulators of a tile are emptied into their high halves.

/// A stretch of the reduction that lies in one segment of the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Which segment.
    pub(crate) segment: u32,
    /// First element in the segment.
    pub(crate) start: u32,
    /// Pairs of elements.
    pub(crate) pairs: u32,
    /// Whether to empty the accumulators afterwards.
    pub(crate) flush: bool,
}

/// A reduction of `segments` times `len` elements (`len` even), cut into runs and those into blocks of at most `block`
/// pairs. `flushes` are the pairs, ascending, after which accumulators are emptied.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    runs: Vec<Run>,
    /// First run and first pair of each block, and one past the last.
    blocks: Vec<(usize, usize)>,
}

impl Schedule {
    pub(crate) fn rebuild(&mut self, segments: usize, len: usize, flushes: &[u32], block: usize) {
        self.runs.clear();
        self.blocks.clear();
        let (per_segment, total) = (len / 2, segments * len / 2);
        let mut flushes = flushes.iter().map(|&pair| pair as usize).peekable();
        let mut at = 0;
        while at < total {
            if at.is_multiple_of(block) {
                self.blocks.push((self.runs.len(), at));
            }
            let segment = at / per_segment;
            let flush = flushes.peek().copied().unwrap_or(total);
            let end = ((segment + 1) * per_segment).min(flush).min((at / block + 1) * block).min(total);
            // An operand has at most u32::MAX elements.
            self.runs.push(Run {
                segment: segment as u32,
                start: (2 * (at - segment * per_segment)) as u32,
                pairs: (end - at) as u32,
                flush: end == flush,
            });
            if end == flush {
                flushes.next();
            }
            at = end;
        }
        self.blocks.push((self.runs.len(), total));
    }

    /// The blocks: first pair and runs of each.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (usize, &[Run])> {
        self.blocks.windows(2).map(|pair| (pair[0].1, &self.runs[pair[0].0..pair[1].0]))
    }
}
