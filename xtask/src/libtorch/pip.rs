//! Wheels through the user's own pip, so that mirrors, proxies and certificates set for it hold here too.

use super::error::SetupError;
use super::platform::Wheel;
use crate::progress::Progress;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread::{sleep, spawn};
use std::time::Duration;

const POLL: Duration = Duration::from_millis(200);
const MAX_LOG_BYTES: u64 = 1 << 20;
const PROGRAMS: [&str; 2] = ["python3", "python"];

/// A Python that has pip.
#[derive(Debug)]
pub(crate) struct Pip {
    python: &'static str,
}

impl Pip {
    /// Looks for `python3`, then `python`, and asks it for pip.
    ///
    /// # Errors
    /// [`SetupError::PythonMissing`] or [`SetupError::PipMissing`].
    pub(crate) fn find() -> Result<Self, SetupError> {
        let mut without_pip = None;
        for python in PROGRAMS {
            let answer = Command::new(python).args(["-m", "pip", "--version"]).stdin(Stdio::null()).output();
            match answer {
                Ok(output) if output.status.success() => return Ok(Self { python }),
                Ok(_) => without_pip = without_pip.or(Some(python)),
                Err(_) => {}
            }
        }
        Err(without_pip.map_or(SetupError::PythonMissing, |python| SetupError::PipMissing { python }))
    }

    /// Downloads `wheel` into the folder `staging`, showing progress, and returns its path.
    ///
    /// `staging` also takes pip's temporary files; the caller deletes it.
    ///
    /// # Errors
    /// One of the network, pip, disk and delivery variants of [`SetupError`].
    pub(crate) fn download(&self, wheel: &'static Wheel, staging: &Path) -> Result<PathBuf, SetupError> {
        fs::create_dir_all(staging).map_err(SetupError::io("create", staging))?;
        let mut child = self.start(wheel, staging)?;
        // Kept in memory: on a full disk a log file would lose the very line that says so.
        let log = child.stderr.take().map(|stderr| spawn(move || read_log(stderr)));
        let status = watch(child, wheel, staging)?;
        if !status.success() {
            let log = log.and_then(|thread| thread.join().ok()).unwrap_or_default();
            return Err(diagnose(wheel, staging, &log));
        }
        let path = staging.join(wheel.file);
        if path.is_file() { Ok(path) } else { Err(SetupError::NotDelivered { file: wheel.file }) }
    }

    fn start(&self, wheel: &Wheel, staging: &Path) -> Result<Child, SetupError> {
        Command::new(self.python)
            .args(arguments(wheel))
            .arg("--dest")
            .arg(staging)
            // pip writes a download to its temporary folder first; there the growth can be watched.
            .env("TMPDIR", staging)
            // Nothing is installed, so these guards of the user's do not apply.
            .env("PIP_REQUIRE_VIRTUALENV", "0")
            .env("PIP_USER", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|_| SetupError::PythonMissing)
    }
}

/// What pip says, up to a bound; the pipe is drained beyond it, so that pip never blocks.
fn read_log(mut stderr: ChildStderr) -> String {
    let mut bytes = Vec::new();
    // A broken pipe only means that there is no more to read.
    let _ = stderr.by_ref().take(MAX_LOG_BYTES).read_to_end(&mut bytes);
    let _ = io::copy(&mut stderr, &mut io::sink());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn arguments(wheel: &Wheel) -> Vec<&'static str> {
    let mut list = vec!["-m", "pip", "download", "--no-deps", "--only-binary=:all:"];
    // The wheel is kept unpacked once; a second copy in pip's cache would only cost disk.
    list.extend(["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]);
    list.extend(["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]);
    list.extend(["--platform", wheel.platform_tag, wheel.requirement]);
    list
}

fn watch(mut child: Child, wheel: &Wheel, staging: &Path) -> Result<ExitStatus, SetupError> {
    let before = folder_bytes(staging);
    let name = wheel.requirement.split('=').next().unwrap_or(wheel.requirement);
    let mut progress = Progress::new(&format!("fetching {name}"), wheel.bytes);
    loop {
        let status = child.try_wait().map_err(SetupError::io("wait for", staging))?;
        if let Some(status) = status {
            if status.success() {
                progress.finish();
            }
            return Ok(status);
        }
        progress.set(folder_bytes(staging).saturating_sub(before));
        sleep(POLL);
    }
}

/// Bytes in the files below `dir`; what vanishes meanwhile counts as nothing.
fn folder_bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Reads pip's log for the cause that has a remedy of its own.
fn diagnose(wheel: &Wheel, staging: &Path, log: &str) -> SetupError {
    const NETWORK: [&str; 6] = [
        "NewConnectionError",
        "Max retries exceeded",
        "ReadTimeoutError",
        "ConnectTimeoutError",
        "ProxyError",
        "SSLError",
    ];
    if log.contains("No space left on device") || log.contains("Disk quota exceeded") {
        return SetupError::DiskFull { path: staging.to_owned() };
    }
    let requirement = wheel.requirement;
    if let Some(sign) = NETWORK.into_iter().find(|sign| log.contains(sign)) {
        return SetupError::Offline { requirement, detail: sign.to_owned() };
    }
    // "ERROR: Exception:" heads a traceback, whose last line is the one that says something.
    let line = log.lines().find(|line| line.starts_with("ERROR:") && *line != "ERROR: Exception:");
    let line = line.or_else(|| log.lines().rfind(|line| !line.trim().is_empty()));
    let detail = line.unwrap_or("it said nothing").trim_start_matches("ERROR:").trim();
    SetupError::Pip { requirement, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libtorch::platform::Platform;

    fn torch() -> &'static Wheel {
        let platform = Platform::find("linux", "x86_64").expect("a row for Linux");
        platform.wheels.last().expect("a wheel")
    }

    #[test]
    fn pip_is_asked_for_one_exact_file() {
        let list = arguments(torch()).join(" ");
        assert!(list.ends_with(
            "--python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 torch==2.11.0"
        ));
        assert!(list.contains("--no-deps --only-binary=:all:"), "{list}");
    }

    #[test]
    fn causes_are_told_apart() {
        let say = |log: &str| diagnose(torch(), Path::new("/staging"), log);
        let offline = "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(...)'\n\
                       ERROR: Could not find a version that satisfies the requirement torch==2.11.0";
        assert!(matches!(say(offline), SetupError::Offline { .. }));
        let full = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device";
        assert!(matches!(say(full), SetupError::DiskFull { .. }));
        let absent = "Looking in indexes: x\nERROR: Could not find a version that satisfies torch (from versions: none)\nERROR: No matching";
        let SetupError::Pip { detail, .. } = say(absent) else { panic!("an index without the wheel") };
        assert_eq!(detail, "Could not find a version that satisfies torch (from versions: none)");
        let crash = "ERROR: Exception:\nTraceback (most recent call last):\n  File \"x\"\nValueError: odd\n";
        assert!(matches!(say(crash), SetupError::Pip { detail, .. } if detail == "ValueError: odd"));
        assert!(matches!(say(""), SetupError::Pip { .. }));
    }
}
