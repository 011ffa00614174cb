//! Progress on stderr: a bar on a terminal, a line every tenth elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// Bytes done of a known total.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Redrawn in place.
    Bar(ProgressBar),
    /// One line for each tenth, for logs.
    Lines { what: String, total: u64, tenth: u64 },
}

impl Progress {
    /// Starts at nothing of `total` bytes; `what` names them, in a word or two.
    pub(crate) fn new(what: &str, total: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { what: what.to_owned(), total, tenth: 0 };
        }
        let style =
            ProgressStyle::with_template("  {msg} [{bar:28}] {decimal_bytes}/{decimal_total_bytes} {eta}")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ");
        let bar = ProgressBar::new(total).with_style(style);
        bar.set_message(what.to_owned());
        Self::Bar(bar)
    }

    /// Shows `done` bytes; more than the total counts as the total.
    pub(crate) fn set(&mut self, done: u64) {
        match self {
            Self::Bar(bar) => bar.set_position(done.min(bar.length().unwrap_or(done))),
            Self::Lines { what, total, tenth } => {
                if let Some(line) = next_line(what, *total, done, tenth) {
                    eprintln!("{line}");
                }
            }
        }
    }

    /// Ends the bar and leaves its last state on the screen.
    pub(crate) fn finish(mut self) {
        match &mut self {
            Self::Bar(bar) => bar.finish(),
            Self::Lines { total, .. } => {
                let total = *total;
                self.set(total);
            }
        }
    }
}

/// The line to print when `done` has reached a new tenth of `total`.
fn next_line(what: &str, total: u64, done: u64, tenth: &mut u64) -> Option<String> {
    let done = done.min(total);
    let now = if total == 0 { 10 } else { u64::try_from(u128::from(done) * 10 / u128::from(total)).ok()? };
    if now <= *tenth {
        return None;
    }
    *tenth = now;
    Some(format!("  {what}: {} of {} MB", megabytes(done), megabytes(total)))
}

/// Megabytes (of a million bytes) for people to read.
pub(crate) fn megabytes(bytes: u64) -> String {
    if bytes >= 10_000_000 {
        (bytes / 1_000_000).to_string()
    } else {
        format!("{}.{}", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_tenth_and_no_more() {
        let mut tenth = 0;
        let lines: Vec<String> = (0..=1000).filter_map(|n| next_line("x", 1000, n, &mut tenth)).collect();
        assert_eq!(lines.len(), 10);
        assert_eq!(next_line("x", 1000, 5000, &mut tenth), None);
    }

    #[test]
    fn an_empty_total_ends_at_once() {
        assert_eq!(next_line("x", 0, 0, &mut 0).as_deref(), Some("  x: 0.0 of 0.0 MB"));
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(megabytes(2_243_632), "2.2");
        assert_eq!(megabytes(530_604_548), "530");
    }
}
