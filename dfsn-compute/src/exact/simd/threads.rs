use super::{SimdError, check_environment};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::ops::Range;

/// Who runs a kernel's tasks. The bytes do not depend on it.
#[derive(Clone, Copy, Debug)]
pub enum Threads<'a> {
    /// The calling thread.
    Caller,
    /// The threads of a pool of the caller's.
    Pool(&'a ThreadPool),
}

/// Elements of one task where each takes little work.
const TASK: usize = 1 << 15;

/// Products in which others are not worth waking: a few microseconds.
const ALONE: usize = 1 << 20;

impl Threads<'_> {
    /// How many may run at once.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Caller => 1,
            Self::Pool(pool) => pool.current_num_threads(),
        }
    }

    /// The threads that a work of so many products is worth.
    pub(crate) fn worth(self, products: usize) -> Self {
        if products < ALONE { Self::Caller } else { self }
    }

    /// Runs `work` on one of the threads, so that none of its tasks is handed over from a thread outside of them.
    pub(crate) fn within<T: Send>(self, work: impl FnOnce() -> T + Send) -> T {
        match self {
            Self::Caller => work(),
            Self::Pool(pool) => pool.install(work),
        }
    }

    /// What `task` makes of 0 to `tasks`, in order.
    pub(crate) fn map<T: Send>(
        &self,
        tasks: usize,
        task: impl Fn(usize) -> Result<T, SimdError> + Sync,
    ) -> Result<Vec<T>, SimdError> {
        let checked = |index| {
            check_environment()?;
            task(index)
        };
        match self {
            Self::Pool(pool) => {
                pool.install(|| (0..tasks).into_par_iter().with_max_len(1).map(checked).collect())
            }
            Self::Caller => (0..tasks).map(checked).collect(),
        }
    }

    /// Runs `task` for all of `rows` rows of `width` elements, as many at a time as are worth a task.
    pub(crate) fn run_rows(
        &self,
        rows: usize,
        width: usize,
        task: impl Fn(Range<usize>) -> Result<(), SimdError> + Sync,
    ) -> Result<(), SimdError> {
        let part = TASK.div_ceil(width);
        self.run(rows.div_ceil(part), |index| task(index * part..rows.min((index + 1) * part)))
    }

    /// Runs `task` for 0 to `tasks`, each after a look at its thread's floating-point environment.
    pub(crate) fn run(
        &self,
        tasks: usize,
        task: impl Fn(usize) -> Result<(), SimdError> + Sync,
    ) -> Result<(), SimdError> {
        let checked = |index| {
            check_environment()?;
            task(index)
        };
        match self {
            Self::Pool(pool) if pool.current_num_threads() > 1 && tasks > 1 => {
                pool.install(|| (0..tasks).into_par_iter().with_max_len(1).try_for_each(checked))
            }
            Self::Pool(pool) => pool.install(|| (0..tasks).try_for_each(checked)),
            Self::Caller => (0..tasks).try_for_each(checked),
        }
    }
}
