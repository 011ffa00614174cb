//! The exact profile on another processor: an AArch64 build under qemu.

use super::instructions;
use crate::process;
use crate::steps::Outcome;
use crate::workspace::Workspace;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

const TARGET: &str = "aarch64-unknown-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";
const OBJDUMP: &str = "aarch64-linux-gnu-objdump";
const EMULATOR: &str = "qemu-aarch64";
/// Where Debian's cross compiler keeps the target's C library.
const SYSROOT: &str = "/usr/aarch64-linux-gnu";

/// The tests that take the emulator at most about a minute together.
const SELECTION: [&str; 5] = ["one_picture_is", "environment::", "attention::", "product::", "elementwise::"];

/// Builds the tests of the exact profile, looks at their instructions and runs some.
pub(super) fn tests(workspace: &Workspace) -> Outcome {
    if cfg!(all(target_arch = "aarch64", target_os = "linux")) {
        return Outcome::Skipped("this machine is one, and the tests ran on it".to_owned());
    }
    let programs = [LINKER, OBJDUMP, EMULATOR];
    let missing: Vec<&str> = programs.into_iter().filter(|name| !runs(name)).collect();
    if !missing.is_empty() || !Path::new(SYSROOT).is_dir() {
        return Outcome::Skipped(format!(
            "{} missing: on Debian, `apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user`",
            if missing.is_empty() { SYSROOT.to_owned() } else { missing.join(", ") }
        ));
    }
    if let Err(outcome) = workspace.add_target(TARGET) {
        return outcome;
    }
    let mut cargo = cargo(workspace);
    match Outcome::of(cargo.arg("--").args(SELECTION)) {
        Outcome::Passed => {}
        other => return other,
    }
    let mut cargo = self::cargo(workspace);
    instructions::check(&mut cargo, OBJDUMP)
}

fn cargo(workspace: &Workspace) -> Command {
    let mut args: Vec<OsString> = ["test", "--release", "--target", TARGET].map(OsString::from).into();
    args.extend(["--package", "dfsn-compute", "--test", "exact"].map(OsString::from));
    // Most of the time goes into crates that these tests hardly run through.
    for setting in ["debug=false", "package.dfsn-types.opt-level=1", "package.dfsn-consensus.opt-level=1"] {
        args.extend(["--config".into(), format!("profile.release.{setting}").into()]);
    }
    let mut cargo = workspace.cargo(args);
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER);
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", format!("{EMULATOR} -L {SYSROOT}"));
    cargo.env("CC_aarch64_unknown_linux_gnu", LINKER);
    cargo
}

fn runs(program: &str) -> bool {
    process::output(Command::new(program).arg("--version")).is_ok()
}
