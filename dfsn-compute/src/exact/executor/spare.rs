//! Memory of tensors that nobody reads any more, for the next ones.
//!
//! A step of a large model writes gigabytes of tensors. Each taken from the system anew is cleared page by page first,
//! which takes longer than some of the ops that fill them. The steps of a picture take them from each other.

use super::Held;
use crate::exact::simd::pages;

/// What is smaller is the allocator's business.
const LEAST_BYTES: usize = 1 << 16;

/// Kept beyond what was in use at once: sizes differ, so some tensors find none that fits.
const SLACK_BYTES: usize = 1 << 26;

/// What an allocator may keep for itself without anybody minding.
const LARGE_BYTES: usize = 1 << 24;

/// Freed tensors: at no time many more than together with those in use have been in use at once.
#[derive(Debug, Default)]
pub(in crate::exact) struct Spare {
    floats: Vec<Vec<f32>>,
    shorts: Vec<Vec<i16>>,
    /// Bytes given out, and the most that ever were.
    used: usize,
    most_used: usize,
}

impl Spare {
    /// As many numbers, whatever they are: to be written over.
    pub(super) fn floats(&mut self, len: usize) -> Vec<f32> {
        let found = take(&mut self.floats, len);
        self.hand_out(found, len)
    }

    /// As [`Self::floats`].
    pub(super) fn shorts(&mut self, len: usize) -> Vec<i16> {
        let found = take(&mut self.shorts, len);
        self.hand_out(found, len)
    }

    pub(super) fn give(&mut self, held: Held) {
        match held {
            Held::Floats(floats) if is_kept(&floats) => {
                self.used = self.used.saturating_sub(bytes(&floats));
                self.floats.push(floats);
            }
            Held::Shorts(shorts) if is_kept(&shorts) => {
                self.used = self.used.saturating_sub(bytes(&shorts));
                self.shorts.push(shorts);
            }
            _ => {}
        }
    }

    /// Gives all back to the system.
    pub(in crate::exact) fn clear(&mut self) {
        let was_large = self.bytes() > LARGE_BYTES;
        *self = Self::default();
        if was_large {
            pages::give_back();
        }
    }

    fn hand_out<T: Copy + Default>(&mut self, found: Option<Vec<T>>, len: usize) -> Vec<T> {
        let new = found.as_ref().map_or(len * size_of::<T>(), bytes);
        if new >= LEAST_BYTES {
            self.used += new;
            self.most_used = self.most_used.max(self.used);
            self.shrink();
        }
        match found {
            Some(mut memory) => {
                memory.resize(len, T::default());
                memory
            }
            None => pages::zeros(len),
        }
    }

    /// Lets the oldest of either kind go, the larger of both first, until there is room.
    fn shrink(&mut self) {
        let room = self.most_used + SLACK_BYTES - self.used;
        let mut kept = self.bytes();
        while kept > room {
            let (floats, shorts) =
                (self.floats.first().map_or(0, bytes), self.shorts.first().map_or(0, bytes));
            kept -= floats.max(shorts);
            if floats > shorts {
                self.floats.remove(0);
            } else {
                self.shorts.remove(0);
            }
        }
    }

    fn bytes(&self) -> usize {
        self.floats.iter().map(bytes).chain(self.shorts.iter().map(bytes)).sum()
    }
}

fn bytes<T>(memory: &Vec<T>) -> usize {
    memory.capacity() * size_of::<T>()
}

fn is_kept<T>(memory: &Vec<T>) -> bool {
    bytes(memory) >= LEAST_BYTES
}

/// The smallest that is large enough, and not so large that most of it would lie idle.
fn take<T>(kept: &mut Vec<Vec<T>>, len: usize) -> Option<Vec<T>> {
    let fits = |memory: &Vec<T>| (len..=2 * len).contains(&memory.capacity());
    let best = (0..kept.len()).filter(|at| fits(&kept[*at])).min_by_key(|at| kept[*at].capacity())?;
    Some(kept.remove(best))
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
        let again = spare.floats(60_000);
        assert_eq!((again.len(), again.as_ptr()), (60_000, place));
        assert_eq!(spare.floats(200_000).len(), 200_000);
    }

    #[test]
    fn little_more_is_kept_than_was_used_at_once() {
        const ONE: usize = SLACK_BYTES;
        let mut spare = Spare::default();
        let first = spare.floats(ONE / 4);
        spare.give(Held::Floats(first));
        // Neither fits into the one before.
        let (second, third) = (spare.floats(4 * ONE / 4), spare.floats(2 * ONE / 4));
        assert_eq!((spare.used, spare.bytes()), (6 * ONE, ONE));
        spare.give(Held::Floats(second));
        spare.give(Held::Floats(third));
        assert_eq!((spare.used, spare.bytes()), (0, 7 * ONE));
        let other = spare.shorts(ONE / 2);
        assert_eq!((spare.used, spare.bytes()), (ONE, 6 * ONE), "the oldest has made room");
        spare.give(Held::Shorts(other));
        spare.clear();
        assert_eq!(spare.bytes(), 0);
    }
}
