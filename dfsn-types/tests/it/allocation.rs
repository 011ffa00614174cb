//! Counts what a thread allocates, to show that a claimed length costs nothing before its bytes arrive.

#![allow(unsafe_code, reason = "a global allocator is an unsafe trait; this one only counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    // Without destructor and lazy start, so that the allocator may touch it at any time.
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static GLOBAL: Counting = Counting;

// SAFETY: every call goes to the system allocator unchanged; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, and it is passed on as it is.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System`, by the methods beside this one.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.saturating_sub(layout.size()));
        // SAFETY: as for `dealloc` and `alloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(bytes: usize) {
    ALLOCATED.with(|allocated| allocated.set(allocated.get().saturating_add(bytes)));
}

/// Runs `work` and tells how many bytes this thread asked for meanwhile, freed or not.
pub(crate) fn allocated_by<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATED.with(Cell::get);
    let value = work();
    (value, ALLOCATED.with(Cell::get) - before)
}

#[test]
fn allocations_are_counted() {
    let (vector, bytes) = allocated_by(|| Vec::<u8>::with_capacity(123_456));
    assert_eq!(vector.capacity(), bytes);
}
