//! The exact profile in WebAssembly: built with and without vector instructions, run in Node.

use crate::process;
use crate::steps::Outcome;
use crate::workspace::Workspace;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";
/// The oldest Node that has all that the test's script uses.
const NODE_MAJOR: u32 = 18;

/// A build, and the compiler's flags for it.
const BUILDS: [(&str, &str); 2] = [("portable", ""), ("simd128", "-Ctarget-feature=+simd128")];

/// Builds both, and draws the first golden picture with each in Node.
pub(super) fn pictures(workspace: &Workspace) -> Outcome {
    if let Err(outcome) = workspace.add_target(TARGET) {
        return outcome;
    }
    let mut programs = Vec::new();
    for (name, flags) in BUILDS {
        match build(workspace, name, flags) {
            Ok(program) => programs.push(program),
            Err(outcome) => return outcome,
        }
    }
    match node_major() {
        Some(major) if major >= NODE_MAJOR => {}
        Some(major) => {
            return Outcome::Skipped(format!("built, not run: Node {major} is older than {NODE_MAJOR}"));
        }
        None => {
            return Outcome::Skipped("built, not run: node was not found (https://nodejs.org)".to_owned());
        }
    }
    let mut node = Command::new("node");
    node.current_dir(workspace.root());
    node.args([
        "examples/exact-wasm/tests/node.mjs",
        "models/emoji-64",
        "dfsn-compute/tests/exact/golden.json",
    ]);
    Outcome::of(node.args(programs))
}

/// The program with vector instructions, which every browser of the last years has.
///
/// # Errors
/// How the step ends that needs it.
pub(super) fn page_program(workspace: &Workspace) -> Result<PathBuf, Outcome> {
    workspace.add_target(TARGET)?;
    let [_, (name, flags)] = BUILDS;
    build(workspace, name, flags)
}

fn build(workspace: &Workspace, name: &str, flags: &str) -> Result<PathBuf, Outcome> {
    let mut cargo = workspace.cargo(["build", "--release", "--target", TARGET, "--package", "exact-wasm"]);
    // Only the kernels' crate and the hash of its files are worth the compiler's time here.
    cargo.args(["--config", "profile.release.debug=false"]);
    cargo.args(["--config", r#"profile.release.package."*".opt-level=0"#]);
    cargo.args(["--config", "profile.release.package.blake3.opt-level=3"]);
    for package in ["dfsn-types", "dfsn-consensus", "exact-wasm"] {
        cargo.args(["--config", &format!("profile.release.package.{package}.opt-level=0")]);
    }
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
    match Outcome::of(&mut cargo) {
        Outcome::Passed => {}
        other => return Err(other),
    }
    keep(workspace, name).map_err(|error| Outcome::Failed(vec![error]))
}

/// The next build writes to the same place.
fn keep(workspace: &Workspace, name: &str) -> Result<PathBuf, String> {
    let target = workspace.target_dir().map_err(|error| error.to_string())?;
    let built = target.join(TARGET).join("release/exact_wasm.wasm");
    let kept = target.join("exact-wasm").join(format!("{name}.wasm"));
    let fail = |error| format!("cannot copy {} to {}: {error}", built.display(), kept.display());
    fs::create_dir_all(kept.parent().unwrap_or(Path::new("."))).map_err(fail)?;
    let bytes = fs::read(&built).map_err(fail)?;
    fs::write(&kept, &bytes).map_err(fail)?;
    check_features(name, &bytes)?;
    Ok(kept)
}

/// The list of instruction sets that the compiler was allowed, which the linker leaves in the file: relaxed ones, whose
/// results differ between machines, are not among them.
fn check_features(name: &str, program: &[u8]) -> Result<(), String> {
    let allowed = |feature: &str| {
        // As the section `target_features` writes it: a sign, a length, the name.
        let entry = [&[b'+', feature.len() as u8], feature.as_bytes()].concat();
        program.windows(entry.len()).any(|window| window == entry)
    };
    if !allowed("mutable-globals") {
        return Err(format!("{name}.wasm does not list its instruction sets: this check is blind"));
    }
    if allowed("relaxed-simd") {
        return Err(format!("{name}.wasm may use relaxed-simd, whose results differ between machines"));
    }
    if allowed("simd128") == (name == "simd128") {
        Ok(())
    } else {
        Err(format!("{name}.wasm is not what it is called: simd128 is {}", allowed("simd128")))
    }
}

fn node_major() -> Option<u32> {
    let text = process::output(Command::new("node").arg("--version")).ok()?;
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_instruction_sets_is_read() {
        let list = |features: &[&str]| {
            let entry = |feature: &&str| format!("+{}{feature}", feature.len() as u8 as char).into_bytes();
            features.iter().flat_map(entry).collect::<Vec<u8>>()
        };
        assert!(check_features("portable", &list(&["mutable-globals"])).is_ok());
        assert!(check_features("simd128", &list(&["mutable-globals", "simd128"])).is_ok());
        for (name, features) in [
            ("portable", &["mutable-globals", "simd128"][..]),
            ("simd128", &["mutable-globals"]),
            ("simd128", &["mutable-globals", "simd128", "relaxed-simd"]),
            ("portable", &[]),
        ] {
            assert!(check_features(name, &list(features)).is_err(), "{name} {features:?}");
        }
    }
}
