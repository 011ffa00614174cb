//! The worker thread: order, progress, cancellation, limits, shutdown.

use std::sync::mpsc;
use std::time::Duration;

use dfsn_compute::{ComputeError, Event, NoObserver, Progress, Question, TraceRecorder, Worker, WorkerError};

use crate::toy::{ToyBackend, request, toy_pipeline};

fn worker(capacity: usize, delay_ms: u64) -> Worker {
    let delay = Duration::from_millis(delay_ms);
    Worker::spawn("test", capacity, move || Ok(toy_pipeline(ToyBackend { delay, ..ToyBackend::default() })))
        .unwrap()
}

#[test]
fn pictures_and_answers_equal_those_without_a_worker() {
    let worker = worker(4, 0);
    assert_eq!(worker.profile().to_string(), "toy/cpu/any/f32/threads=1");
    assert_eq!(worker.config().vae_scale_factor(), 4);
    let job = worker.generate(request("a fox"), TraceRecorder::default()).unwrap();
    let (generated, trace) = job.wait_blocking().unwrap();
    let mut direct = TraceRecorder::default();
    let expected = toy_pipeline(ToyBackend::default()).generate(&request("a fox"), &mut direct).unwrap();
    assert_eq!(generated, expected);
    assert_eq!(trace.boundaries(), direct.boundaries());

    let question = Question::Step { step: 2, state: trace.boundaries()[1].clone() };
    let answer = worker.answer(request("a fox"), question).unwrap().wait_blocking().unwrap();
    assert_eq!(answer, trace.boundaries()[2]);
}

#[test]
fn an_error_ends_its_job_and_not_the_worker() {
    let worker = worker(4, 0);
    let bad = worker.answer(request("a fox"), Question::Decode { state: vec![0; 3] }).unwrap();
    assert_eq!(bad.wait_blocking().unwrap_err().to_string(), "state has 3 bytes, expected 960");
    assert!(worker.generate(request("a fox"), NoObserver).unwrap().wait_blocking().is_ok());
}

#[test]
fn a_failed_load_is_the_error_of_spawn() {
    let error = Worker::spawn("test", 1, || {
        Err::<dfsn_compute::Pipeline<ToyBackend>, _>(ComputeError::Backend("no weights".to_owned()))
    })
    .unwrap_err();
    assert_eq!(error.to_string(), "backend: no weights");
}

/// An observer that tells when the first step is done and then waits to be let on.
fn gate() -> (impl FnMut(Event<'_>) -> std::ops::ControlFlow<()> + Send, mpsc::Receiver<()>, mpsc::Sender<()>)
{
    let (reached, is_reached) = mpsc::channel();
    let (open, is_open) = mpsc::channel();
    let observer = move |event: Event<'_>| {
        if matches!(event, Event::State { step: 1, .. }) {
            let _ = reached.send(());
            let _ = is_open.recv();
        }
        std::ops::ControlFlow::Continue(())
    };
    (observer, is_reached, open)
}

#[test]
fn a_full_queue_refuses_at_once() {
    let worker = worker(1, 0);
    let (observer, reached, open) = gate();
    let running = worker.generate(request("a fox"), observer).unwrap();
    reached.recv().unwrap();
    let waiting = worker.generate(request("pizza"), NoObserver).unwrap();
    let error = worker.generate(request("rocket"), NoObserver).unwrap_err();
    assert!(matches!(error, ComputeError::Worker(WorkerError::QueueFull { capacity: 1 })), "{error}");
    open.send(()).unwrap();
    assert!(running.wait_blocking().is_ok());
    assert!(waiting.wait_blocking().is_ok());
}

#[test]
fn cancelling_stops_running_and_waiting_jobs() {
    let worker = worker(4, 0);
    let (observer, reached, open) = gate();
    let mut running = worker.generate(request("a fox"), observer).unwrap();
    let mut waiting = worker.generate(request("pizza"), NoObserver).unwrap();
    reached.recv().unwrap();
    assert_eq!(*running.progress().borrow(), Progress::Step { step: 1, num_steps: 6 });
    assert_eq!(*waiting.progress().borrow(), Progress::Queued);
    running.cancel();
    waiting.cancel();
    open.send(()).unwrap();
    assert!(matches!(running.wait_blocking(), Err(ComputeError::Cancelled)));
    assert!(matches!(waiting.wait_blocking(), Err(ComputeError::Cancelled)));
}

#[test]
fn dropping_a_handle_cancels_its_job() {
    let worker = worker(4, 0);
    let (observer, reached, open) = gate();
    let (done, is_done) = mpsc::channel();
    let mut observer = observer;
    let watching = move |event: Event<'_>| {
        if let Event::State { step, .. } = event {
            done.send(step).unwrap();
        }
        observer(event)
    };
    let running = worker.generate(request("a fox"), watching).unwrap();
    reached.recv().unwrap();
    drop(running);
    open.send(()).unwrap();
    worker.finish();
    // Step 1 is the last that was told: the worker stops at the boundary after the drop.
    assert_eq!(is_done.iter().collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn dropping_the_worker_cancels_and_finishing_does_not() {
    let busy = worker(4, 5);
    let first = busy.generate(request("a fox"), NoObserver).unwrap();
    let second = busy.generate(request("pizza"), NoObserver).unwrap();
    busy.finish();
    assert!(first.wait_blocking().is_ok());
    assert!(second.wait_blocking().is_ok());

    let busy = worker(4, 0);
    let (observer, reached, open) = gate();
    let running = busy.generate(request("a fox"), observer).unwrap();
    let waiting = busy.generate(request("pizza"), NoObserver).unwrap();
    reached.recv().unwrap();
    let dropping = std::thread::spawn(move || drop(busy));
    std::thread::sleep(Duration::from_millis(50));
    open.send(()).unwrap();
    dropping.join().unwrap();
    assert!(matches!(running.wait_blocking(), Err(ComputeError::Cancelled)));
    assert!(matches!(waiting.wait_blocking(), Err(ComputeError::Cancelled)));
}

#[test]
fn results_can_be_awaited() {
    let worker = worker(1, 0);
    let job = worker.generate(request("a fox"), NoObserver).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (generated, _) = runtime.block_on(job.wait()).unwrap();
    assert_eq!((generated.image.height(), generated.image.width()), (24, 40));
}
