use std::marker::PhantomData;

/// A slice that tasks on several threads write disjoint parts of.
#[derive(Debug)]
pub(crate) struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

#[allow(unsafe_code, reason = "disjoint parts of one slice from several threads")]
// SAFETY: it is a unique borrow of a slice of T, and `part` is the only way to reach it.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

#[allow(unsafe_code, reason = "disjoint parts of one slice from several threads")]
impl<'a, T> Shared<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// `len` elements from `start` on; a panic if the slice has fewer.
    ///
    /// # Safety
    /// No two parts that live at once overlap.
    #[allow(clippy::mut_from_ref, reason = "the caller keeps the parts disjoint")]
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start <= self.len && len <= self.len - start, "a part outside of its slice");
        // SAFETY: within the slice, and disjoint from all others by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}
