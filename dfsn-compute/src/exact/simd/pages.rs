//! Memory in large pages: with small ones a walk over a model's weights waits for page tables more than for memory.

/// As many zeros.
pub(crate) fn zeros<T: Clone + Default>(len: usize) -> Vec<T> {
    // The allocator has zeros that nobody has touched yet.
    let memory = vec![T::default(); len];
    prefer_large(&memory);
    memory
}

/// As many copies of `value`.
pub(crate) fn filled<T: Clone>(value: T, len: usize) -> Vec<T> {
    let mut memory: Vec<T> = Vec::with_capacity(len);
    prefer_large(memory.spare_capacity_mut());
    memory.resize(len, value);
    memory
}

/// Has the allocator give what is free back to the system: some keep it, in case the same thread asks again.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "a function of the C library without any condition")]
    // SAFETY: it touches no memory that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Asks for large pages, before the memory is first touched: pages are chosen then.
#[cfg(target_os = "linux")]
fn prefer_large<T>(memory: &[T]) {
    const LARGE: usize = 2 << 20;
    const SMALL: usize = 1 << 12;
    let (start, bytes) = (memory.as_ptr() as usize, size_of_val(memory));
    if bytes < LARGE {
        return;
    }
    let first = start.next_multiple_of(SMALL);
    let whole = (start + bytes - first) / SMALL * SMALL;
    #[allow(unsafe_code, reason = "advice on memory that was just allocated")]
    // SAFETY: whole pages within the slice; advice changes no content, and a refusal changes nothing.
    unsafe {
        libc::madvise(first as *mut libc::c_void, whole, libc::MADV_HUGEPAGE);
    }
}

#[cfg(not(target_os = "linux"))]
fn prefer_large<T>(_memory: &[T]) {}
