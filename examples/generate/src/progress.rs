//! What the user sees while a picture is drawn, and what is kept of it.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use dfsn_compute::{Event, LatentShape, Observer, Preview, StepState};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::{self, OutputError};
use crate::trace::Trace;

/// A bar on the error stream (none if that is no terminal), the trace, and the check for Ctrl-C.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    bar: ProgressBar,
    stop: &'a AtomicBool,
    image: u8,
    trace: Option<Trace>,
    previews: Option<Previews>,
}

/// Where and how small pictures of the latents are written.
#[derive(Debug)]
pub(crate) struct Previews {
    dir: PathBuf,
    look: Preview,
    shape: Option<LatentShape>,
    /// Pictures written; a second pass counts on.
    count: usize,
    /// Why one could not be written.
    error: Option<OutputError>,
}

impl Previews {
    pub(crate) fn new(dir: PathBuf, look: Preview) -> Self {
        Self { dir, look, shape: None, count: 0, error: None }
    }

    /// Whether it went well.
    fn write(&mut self, image: u8, state: &StepState) -> bool {
        let drawn = self.shape.and_then(|shape| self.look.draw(state, shape));
        let Some(file) = drawn.and_then(|picture| picture.to_png().ok()) else { return true };
        let path = self.dir.join(format!("preview-{image}-{:03}.png", self.count));
        self.count += 1;
        self.error = output::write_atomically(&path, &file).err();
        self.error.is_none()
    }
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(
        image: u8,
        steps: u16,
        stop: &'a AtomicBool,
        previews: Option<Previews>,
        trace: Option<Trace>,
    ) -> Self {
        let bar = ProgressBar::new(u64::from(steps)).with_prefix(format!("picture {}", image + 1));
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} step {pos}/{len} {elapsed} {msg}")
        {
            bar.set_style(style);
        }
        Self { bar, stop, image, trace, previews }
    }

    /// Why the watcher itself broke off, if it did.
    pub(crate) fn take_error(&mut self) -> Option<OutputError> {
        self.previews.as_mut().and_then(|previews| previews.error.take())
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn record(&self, bytes: impl FnOnce() -> Vec<u8>) {
        if let Some(trace) = &self.trace {
            trace.boundary(&bytes());
        }
    }
}

impl Observer for Watcher<'_> {
    fn on_event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::TextEncoded { prepared } => {
                if let Some(previews) = &mut self.previews {
                    previews.shape = Some(prepared.latents());
                }
            }
            Event::State { step, num_steps, state } => {
                self.bar.set_length(num_steps as u64);
                self.bar.set_position(step as u64);
                self.record(|| state.to_bytes());
                if self.previews.as_mut().is_some_and(|previews| !previews.write(self.image, state)) {
                    return ControlFlow::Break(());
                }
            }
            Event::Decoded { decoded } => self.record(|| decoded.to_bytes()),
            _ => {}
        }
        if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
