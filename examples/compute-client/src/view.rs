//! What a person sees in a terminal: what is being drawn, what waits, what was done.

use std::io::Write;

use dfsn_compute::service::Service;
use dfsn_compute::service::wire::{EndReason, EventKind, JobEvent};
use dfsn_types::Boundary;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::watch;

/// Two lines at the bottom of the terminal; what is over scrolls up.
#[derive(Debug)]
pub(crate) struct View {
    screen: MultiProgress,
    picture: ProgressBar,
    state: ProgressBar,
    pictures: usize,
    ended: usize,
}

impl View {
    pub(crate) fn new() -> Self {
        let screen = MultiProgress::new();
        let (picture, state) = (screen.add(ProgressBar::new(1)), screen.add(ProgressBar::new_spinner()));
        if let Ok(style) = ProgressStyle::with_template("{prefix:12} {bar:30} {msg}") {
            picture.set_style(style);
        }
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            state.set_style(style);
        }
        picture.set_prefix("starting");
        state.set_message("loading and measuring the models");
        state.tick();
        Self { screen, picture, state, pictures: 0, ended: 0 }
    }

    /// Where log lines go, so that they scroll up and leave the view in place.
    pub(crate) fn log_writer(&self) -> impl Fn() -> LogLine + Send + Sync + 'static {
        let screen = self.screen.clone();
        move || LogLine(screen.clone())
    }

    /// Redraws when something happens, and only then.
    pub(crate) async fn follow(mut self, service: Service, mut stop: watch::Receiver<bool>) {
        let info = service.info();
        self.say(&format!("compute-client {}", info.key));
        for model in &info.models {
            let rate = 1e6 / model.speed.step_us as f64;
            self.say(&format!("  {} {rate:.1} steps/s, {}", model.name, model.record));
        }
        let (mut news, mut connection) = (service.news(), service.connection());
        let (mut after, mut was_connected) = (0, false);
        loop {
            // What is lost is a warning of the log.
            let is_connected = *connection.borrow_and_update();
            if is_connected && !was_connected {
                self.say("connected to the node");
            }
            was_connected = is_connected;
            loop {
                let page = service.events(None, after);
                if page.events.is_empty() {
                    break;
                }
                after = page.next;
                page.events.iter().for_each(|event| self.show(event));
            }
            self.summarise(&service);
            tokio::select! {
                _ = news.changed() => {}
                _ = connection.changed() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        self.picture.finish_and_clear();
        self.state.finish_and_clear();
    }

    fn show(&mut self, event: &JobEvent) {
        let name: String = event.job.to_string().chars().take(12).collect();
        match &event.kind {
            EventKind::Step { image, step, steps } => {
                self.picture.set_length(u64::from(*steps));
                self.picture.set_position(u64::from(*step));
                self.picture.set_prefix(name);
                self.picture.set_message(format!("picture {}, step {step} of {steps}", image + 1));
            }
            EventKind::Done { result } => {
                self.pictures += result.commitment.pictures().count();
                let seconds = result.compute_ms as f64 / 1e3;
                self.say(&match result.commitment.failed() {
                    None => format!("{name}  done in {seconds:.2} s"),
                    Some(Boundary { image, t }) => format!(
                        "{name}  picture {} fails at boundary {t}, on every machine; committed in {seconds:.2} s",
                        image + 1
                    ),
                });
            }
            EventKind::Ended { reason } => {
                self.ended += 1;
                self.say(&format!("{name}  {}", in_words(reason)));
            }
            _ => {}
        }
    }

    fn summarise(&self, service: &Service) {
        let info = service.info();
        if info.jobs == 0 {
            self.picture.set_position(0);
            self.picture.set_prefix("idle");
            self.picture.set_message("");
        }
        let link =
            if service.is_connected() { "connected to the node" } else { "no call to the node stands" };
        let takes = if info.ready { "" } else { ", shutting down" };
        let Self { pictures, ended, .. } = self;
        let jobs = info.jobs;
        self.state.set_message(format!(
            "{link}{takes}; {jobs} jobs open, {pictures} pictures done, {ended} jobs without a result"
        ));
        self.state.tick();
    }

    /// A line that scrolls up.
    fn say(&self, line: &str) {
        // A terminal that is gone is no reason to stop working.
        let _ = self.screen.println(line);
    }
}

/// Writes whole lines above the view.
#[derive(Debug)]
pub(crate) struct LogLine(MultiProgress);

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.println(String::from_utf8_lossy(bytes).trim_end())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn in_words(reason: &EndReason) -> String {
    match reason {
        EndReason::Cancelled => "cancelled by the node".to_owned(),
        EndReason::HandedBack => "handed back".to_owned(),
        EndReason::Late => "its deadline passed".to_owned(),
        EndReason::Failed { message } => format!("failed: {message}"),
        _ => "ended".to_owned(),
    }
}
