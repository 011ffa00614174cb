//! A shell that leaves nothing behind, however it ends and however this process does.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// Runs a script that begins with the prelude. Each of its blocks makes a file in `output` when it begins, and may take as long as
/// `limit`.
///
/// The script ends everything that it has started when its input does: here, or because this process is no more.
pub(super) fn run(mut bash: Command, output: &Path, limit: Duration) -> io::Result<ExitStatus> {
    bash.stdin(Stdio::piped()).stdout(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut bash, 0);
    let mut bash = bash.spawn()?;
    let (mut begun, mut since) = (0, Instant::now());
    let mut is_late = false;
    let status = loop {
        if let Some(status) = bash.try_wait()? {
            break status;
        }
        let now_begun = fs::read_dir(output)?.count();
        if now_begun != begun {
            (begun, since) = (now_begun, Instant::now());
        }
        if since.elapsed() > limit && !is_late {
            is_late = true;
            drop(bash.stdin.take());
        }
        thread::sleep(Duration::from_millis(50));
    };
    drop(bash.stdin.take());
    // Whoever watches the input has the output open, and ends last.
    if let Some(mut stdout) = bash.stdout.take() {
        stdout.read_to_end(&mut Vec::new())?;
    }
    if is_late { Err(io::Error::other(format!("not done after {} s", limit.as_secs()))) } else { Ok(status) }
}
