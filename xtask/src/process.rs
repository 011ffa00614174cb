//! Running other programs and passing on how they ended.

use std::ffi::OsStr;
use std::io;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

/// Why a program could not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    #[error("cannot start `{command}`: {source}")]
    Start { command: String, source: io::Error },
    #[error("`{command}` failed ({status}): {stderr}")]
    Failed { command: String, status: ExitStatus, stderr: String },
}

/// Runs `command` with this process's own streams.
///
/// # Errors
/// [`ProcessError::Start`]; a program that ends with a failure is not an error here.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus, ProcessError> {
    command.status().map_err(|source| ProcessError::Start { command: describe(command), source })
}

/// Runs `command` and returns what it wrote on stdout.
///
/// # Errors
/// [`ProcessError::Start`], or [`ProcessError::Failed`] with the last line of its stderr.
pub(crate) fn output(command: &mut Command) -> Result<String, ProcessError> {
    let done = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| ProcessError::Start { command: describe(command), source })?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&done.stderr);
    let stderr = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
    Err(ProcessError::Failed { command: describe(command), status: done.status, stderr })
}

/// The exit status as this process's own: a signal counts as 128 plus its number, as in a shell.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| signal(status).map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// The command line as one would type it.
pub(crate) fn describe(command: &Command) -> String {
    let name = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args()).map(quote);
    words.collect::<Vec<_>>().join(" ")
}

fn quote(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.into_owned() } else { shell_quote(&text) }
}

/// `text` as one word of a POSIX shell.
pub(crate) fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_when_a_shell_would_split_them() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["run", "-p", "quickstart", "--", "a red fox", "it's", ""]);
        assert_eq!(describe(&command), r"cargo run -p quickstart -- 'a red fox' 'it'\''s' ''");
    }

    #[cfg(unix)]
    #[test]
    fn how_a_child_ended_is_passed_on() {
        for (script, expected) in [("exit 0", 0), ("exit 7", 7), ("exit 101", 101), ("kill -TERM $$", 143)] {
            let ended = status(Command::new("sh").args(["-c", script])).expect("run sh");
            assert_eq!(exit_code(ended), ExitCode::from(expected), "{script}");
        }
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = status(&mut Command::new("no-such-program-dfsn")).expect_err("not there");
        assert!(error.to_string().contains("no-such-program-dfsn"), "{error}");
    }
}
