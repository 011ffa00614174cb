//! Memory of tensors that nobody reads any more, for the next ones.
//!
//! A step of a large model writes gigabytes of tensors. Each taken from the system anew is cleared page by page first,
//! which takes longer than some of the ops that fill them. The steps of a picture take them from each other.

use super::Held;
use crate::exact::simd::pages;

/// Bytes kept of each kind at most.
const MOST_BYTES: usize = 1 << 28;

/// What is smaller is the allocator's business.
const LEAST_BYTES: usize = 1 << 16;

/// Freed tensors.
#[derive(Debug, Default)]
pub(in crate::exact) struct Spare {
    floats: Vec<Vec<f32>>,
    shorts: Vec<Vec<i16>>,
}

impl Spare {
    /// As many numbers, whatever they are: to be written over.
    pub(super) fn floats(&mut self, len: usize) -> Vec<f32> {
        take(&mut self.floats, len)
    }

    /// As [`Self::floats`].
    pub(super) fn shorts(&mut self, len: usize) -> Vec<i16> {
        take(&mut self.shorts, len)
    }

    pub(super) fn give(&mut self, held: Held) {
        match held {
            Held::Floats(floats) => give(&mut self.floats, floats),
            Held::Shorts(shorts) => give(&mut self.shorts, shorts),
            _ => {}
        }
    }
}

/// The smallest that is large enough, and not so large that most of it would lie idle.
fn take<T: Copy + Default>(kept: &mut Vec<Vec<T>>, len: usize) -> Vec<T> {
    let fits = |memory: &Vec<T>| (len..=4 * len).contains(&memory.capacity());
    let best = (0..kept.len()).filter(|at| fits(&kept[*at])).min_by_key(|at| kept[*at].capacity());
    match best {
        Some(at) => {
            let mut memory = kept.swap_remove(at);
            memory.resize(len, T::default());
            memory
        }
        None => pages::zeros(len),
    }
}

fn give<T>(kept: &mut Vec<Vec<T>>, memory: Vec<T>) {
    let bytes = |memory: &Vec<T>| memory.capacity() * size_of::<T>();
    if bytes(&memory) < LEAST_BYTES {
        return;
    }
    kept.push(memory);
    let mut total: usize = kept.iter().map(bytes).sum();
    while total > MOST_BYTES {
        total -= bytes(&kept.remove(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_in_the_size_asked_for() {
        let mut spare = Spare::default();
        let memory = spare.floats(100_000);
        let place = memory.as_ptr();
        spare.give(Held::Floats(memory));
        assert_eq!(spare.floats(10).len(), 10);
        assert_eq!(spare.floats(200_000).len(), 200_000);
        let again = spare.floats(60_000);
        assert_eq!((again.len(), again.as_ptr()), (60_000, place));
        for _ in 0..5 {
            spare.give(Held::Shorts(Vec::with_capacity(MOST_BYTES / 6)));
        }
        assert_eq!(spare.shorts.len(), 3);
    }
}
