//! A row of checks, each with its time, and what became of them at the end.

use crate::process;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// Not run, and why.
    Skipped(String),
    /// What is wrong, a line for each finding.
    Failed(Vec<String>),
}

impl Outcome {
    /// Passes when nothing was found.
    pub(crate) fn from_findings(findings: Vec<String>) -> Self {
        if findings.is_empty() { Self::Passed } else { Self::Failed(findings) }
    }

    /// Runs `command` with this process's streams.
    pub(crate) fn of(command: &mut Command) -> Self {
        match process::status(command) {
            Ok(status) if status.success() => Self::Passed,
            Ok(status) => Self::Failed(vec![format!("`{}` ended with {status}", process::describe(command))]),
            Err(error) => Self::Failed(vec![error.to_string()]),
        }
    }
}

/// The steps so far. All run, whatever became of those before, so that one run shows everything.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(String, Outcome, Duration)>,
}

impl Steps {
    /// Runs one step and says how it ended.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Outcome) {
        eprintln!("==> {name}");
        let start = Instant::now();
        let outcome = step();
        let time = start.elapsed();
        match &outcome {
            Outcome::Passed => {}
            Outcome::Skipped(reason) => eprintln!("    skipped: {reason}"),
            Outcome::Failed(findings) => findings.iter().for_each(|finding| eprintln!("    {finding}")),
        }
        eprintln!("    {} in {:.1} s", word(&outcome), time.as_secs_f64());
        self.done.push((name.to_owned(), outcome, time));
    }

    /// Runs one command as a step, showing it.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command) {
        let title = format!("{name}: {}", process::describe(command));
        self.run(&title, || Outcome::of(command));
    }

    /// Prints the summary; success when no step failed.
    pub(crate) fn finish(self) -> ExitCode {
        eprintln!("\nsummary");
        for (name, outcome, time) in &self.done {
            let name = name.split(':').next().unwrap_or(name);
            eprintln!("  {:7} {:>7.1} s  {name}", word(outcome), time.as_secs_f64());
        }
        if self.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    fn failed(&self) -> bool {
        self.done.iter().any(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)))
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "ok",
        Outcome::Skipped(_) => "skipped",
        Outcome::Failed(_) => "FAILED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_fails_the_row_and_the_rest_still_runs() {
        let mut steps = Steps::default();
        steps.run("a", || Outcome::Failed(vec!["broken".to_owned()]));
        steps.run("b", || Outcome::Skipped("no tool".to_owned()));
        let mut ran = false;
        steps.run("c", || {
            ran = true;
            Outcome::Passed
        });
        assert!(ran && steps.failed());
        assert_eq!(steps.finish(), ExitCode::FAILURE);
    }

    #[test]
    fn a_skip_is_no_failure() {
        let mut steps = Steps::default();
        steps.run("a", || Outcome::Skipped("no tool".to_owned()));
        assert_eq!(steps.finish(), ExitCode::SUCCESS);
    }

    #[test]
    fn a_command_that_cannot_start_fails_its_step() {
        assert!(matches!(Outcome::of(&mut Command::new("no-such-program-dfsn")), Outcome::Failed(_)));
    }
}
