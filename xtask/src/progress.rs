//! Progress on stderr: a bar on a terminal, some lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// Bytes done of a known total.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Redrawn in place.
    Bar(ProgressBar),
    /// One line for each part done, for logs.
    Lines { what: String, total: u64, part: u64 },
}

impl Progress {
    /// Starts at nothing of `total` bytes; `what` names them, in a word or two.
    pub(crate) fn new(what: &str, total: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { what: what.to_owned(), total, part: 0 };
        }
        let style = ProgressStyle::with_template(
            "  {msg:30} [{wide_bar}] {decimal_bytes:>9} of {decimal_total_bytes:9} {eta:>4}",
        )
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
            Self::Lines { what, total, part } => {
                if let Some(line) = next_line(what, *total, done, part) {
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

/// Below this size one line, at the end, says enough.
const SMALL_BYTES: u64 = 50_000_000;

/// The line to print when `done` has reached a new part of `total`: a tenth, or all of something small.
fn next_line(what: &str, total: u64, done: u64, part: &mut u64) -> Option<String> {
    let parts = if total < SMALL_BYTES { 1 } else { 10 };
    let done = done.min(total);
    let now = (done * parts).checked_div(total).unwrap_or(parts);
    if now <= *part {
        return None;
    }
    *part = now;
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

    fn lines(total: u64) -> usize {
        let mut part = 0;
        let steps = (0..=1000).chain([1000, 5000]);
        steps.filter_map(|n| next_line("x", total, total / 1000 * n, &mut part)).count()
    }

    #[test]
    fn a_line_for_each_part_and_no_more() {
        assert_eq!(lines(SMALL_BYTES), 10);
        assert_eq!(lines(SMALL_BYTES / 2), 1);
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
