//! One thread for all tests that call libtorch.
//!
//! The test harness starts a thread for each test. libtorch would make a pool of threads for every one of them,
//! and the pools get in each other's way.

use std::num::NonZeroU16;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{LazyLock, Mutex, mpsc};

use dfsn_compute::torch::{DeviceChoice, TorchBackend, load_pipeline};
use dfsn_compute::{Pipeline, TorchOptions};

use crate::golden::emoji_64;

type Task = Box<dyn FnOnce(&mut Pipeline<TorchBackend>) + Send>;

/// One thread: where other programs take the cores, several would spend their time waiting for each other.
pub(crate) fn options() -> TorchOptions {
    TorchOptions { threads: NonZeroU16::new(1), device: DeviceChoice::Cpu, ..TorchOptions::default() }
}

/// Runs a test with the embedded model, which is loaded once.
pub(crate) fn with_pipeline(test: impl FnOnce(&mut Pipeline<TorchBackend>) + Send + 'static) {
    static TASKS: LazyLock<Mutex<mpsc::Sender<Task>>> = LazyLock::new(|| {
        let (tasks, queue) = mpsc::channel::<Task>();
        std::thread::spawn(move || {
            let mut pipeline = load_pipeline(emoji_64(), options()).unwrap();
            queue.into_iter().for_each(|task| task(&mut pipeline));
        });
        Mutex::new(tasks)
    });
    let (done, is_done) = mpsc::channel();
    let task: Task = Box::new(move |pipeline| {
        let _ = done.send(catch_unwind(AssertUnwindSafe(|| test(pipeline))));
    });
    TASKS.lock().unwrap().send(task).unwrap();
    if let Err(panic) = is_done.recv().unwrap() {
        resume_unwind(panic);
    }
}
