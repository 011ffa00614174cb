//! What the user sees while a picture is drawn, and what is kept of it.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use dfsn_compute::{Event, Observer};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

/// A bar on the error stream (none if that is no terminal), the trace, and the check for Ctrl-C.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    bar: ProgressBar,
    stop: &'a AtomicBool,
    image: u8,
    trace: Vec<Value>,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(image: u8, steps: u16, stop: &'a AtomicBool) -> Self {
        let bar = ProgressBar::new(u64::from(steps)).with_prefix(format!("picture {}", image + 1));
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} step {pos}/{len} {elapsed} {msg}")
        {
            bar.set_style(style);
        }
        Self { bar, stop, image, trace: Vec::new() }
    }

    /// One entry for each boundary: its number, the length of its canonical bytes and their blake3.
    pub(crate) fn into_trace(self) -> Vec<Value> {
        self.bar.finish_and_clear();
        self.trace
    }

    fn record(&mut self, bytes: &[u8]) {
        let t = self.trace.len();
        let hash = blake3::hash(bytes).to_hex();
        self.trace.push(json!({"image": self.image, "t": t, "length": bytes.len(), "blake3": hash.as_str()}));
    }
}

impl Observer for Watcher<'_> {
    fn on_event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::State { step, state, .. } => {
                self.bar.set_position(step as u64);
                self.record(&state.to_bytes());
            }
            Event::Decoded { decoded } => self.record(&decoded.to_bytes()),
            _ => {}
        }
        if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
