//! The exact profile's promise, beyond the tests of this machine: the same bits from other builds and processors.

mod aarch64;
mod instructions;
mod wasm;

use crate::steps::{Outcome, Steps};
use crate::workspace::Workspace;
use std::path::PathBuf;
use std::process::Command;

/// Runs all of it. `tests` is the call of cargo by which the tests of this machine were built just before.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace, mut tests: Command) {
    steps.run("exact profile without fused or approximate instructions", || instructions::tests(&mut tests));
    steps.run("exact profile with debug assertions, hardly optimised", || debug(workspace));
    steps.run("exact profile and all below it in WebAssembly", || wasm::pictures(workspace));
    steps.run("exact profile on AArch64", || aarch64::tests(workspace));
}

/// The program that the web page checks pictures with.
///
/// # Errors
/// How the step ends that needs it.
pub(crate) fn page_program(workspace: &Workspace) -> Result<PathBuf, Outcome> {
    wasm::page_program(workspace)
}

/// A picture from a debug build of few crates, where sums are checked for overflow and nothing is reordered.
fn debug(workspace: &Workspace) -> Outcome {
    let mut cargo = workspace.cargo(["test", "--package", "exact-wasm", "--test", "golden"]);
    // Without any optimisation the kernels take minutes.
    for setting in ["profile.dev.debug=false", "profile.dev.package.dfsn-compute.opt-level=1"] {
        cargo.args(["--config", setting]);
    }
    Outcome::of(&mut cargo)
}
