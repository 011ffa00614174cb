//! The four crates as they would be published, and projects outside of the workspace that use them.

use crate::error::Error;
use crate::new;
use crate::steps::{Outcome, Steps};
use crate::workspace::{LIBRARIES, Workspace, cargo_here};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const WASM: &str = "wasm32-unknown-unknown";
/// The tests' projects, in `xtask/downstream`, and what cargo does with each.
const PROJECTS: [(&str, &[&str]); 4] = [
    ("client", &["run"]),
    ("types-wasm", &["build", "--target", WASM]),
    ("compute", &["run"]),
    ("guides", &["test", "--doc"]),
];
/// Where the last of them finds its text.
const GUIDES: (&str, &str) = ("DFSN_GUIDES", "docs/guides");

/// What there is for users beyond the clone, by itself.
pub(crate) fn package() -> Result<ExitCode, Error> {
    let workspace = Workspace::locate()?;
    let mut steps = Steps::default();
    run(&mut steps, &workspace);
    Ok(steps.finish())
}

/// Packs the crates and builds each project with what is in the packages; makes a project of each template.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) {
    steps.run("the crates as packages, used from outside", || match packages(workspace) {
        Ok(folder) => downstream(workspace, &folder),
        Err(outcome) => outcome,
    });
    new::run(steps, workspace);
}

/// Packs the crates, and unpacks them into a folder of their own.
fn packages(workspace: &Workspace) -> Result<PathBuf, Outcome> {
    let target = workspace.target_dir().map_err(|error| failed(&error))?;
    let mut cargo = workspace.cargo(["package", "--quiet", "--no-verify", "--allow-dirty"]);
    for library in LIBRARIES {
        cargo.args(["--package", library]);
    }
    passed(&mut cargo)?;
    let folder = target.join("downstream");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
    for library in LIBRARIES {
        let file = target.join("package").join(format!("{library}-{}.crate", env!("CARGO_PKG_VERSION")));
        // Files in a package are of 2006, from which cargo would conclude that nothing has changed since the last run.
        passed(Command::new("tar").arg("-xmzf").arg(file).arg("-C").arg(&folder))?;
    }
    Ok(folder)
}

fn downstream(workspace: &Workspace, folder: &Path) -> Outcome {
    if let Err(outcome) = workspace.add_target(WASM) {
        return outcome;
    }
    let findings = PROJECTS.iter().filter_map(|(name, args)| {
        let outcome = project(workspace, folder, name, args).unwrap_or_else(|error| failed(&error));
        let Outcome::Failed(lines) = outcome else { return None };
        Some(format!("downstream project {name}: {}", lines.join("; ")))
    });
    Outcome::from_findings(findings.collect())
}

/// Copies a project beside the packages and hands it to cargo, with the versions that the workspace was tested with.
fn project(workspace: &Workspace, folder: &Path, name: &str, args: &[&str]) -> std::io::Result<Outcome> {
    let (from, to) = (workspace.root().join("xtask/downstream").join(name), folder.join(name));
    new::copy(&from, &to).map_err(std::io::Error::other)?;
    let patches = LIBRARIES
        .map(|library| format!("{library} = {{ path = \"../{library}-{}\" }}\n", env!("CARGO_PKG_VERSION")));
    let manifest = fs::read_to_string(from.join("Cargo.toml"))?;
    fs::write(to.join("Cargo.toml"), format!("{manifest}\n[patch.crates-io]\n{}", patches.concat()))?;
    fs::copy(workspace.root().join("Cargo.lock"), to.join("Cargo.lock"))?;
    let mut cargo = cargo_here();
    cargo.current_dir(&to).arg(args[0]).args(["--config", "profile.dev.debug=false"]).args(&args[1..]);
    // The kernels' crate is slow without optimisation.
    cargo.args(["--config", "profile.dev.package.dfsn-compute.opt-level=1"]);
    cargo.env("CARGO_TARGET_DIR", folder.with_file_name("downstream-target"));
    cargo.env(GUIDES.0, workspace.root().join(GUIDES.1));
    // That a machine has libtorch must not matter.
    cargo.env_remove("LIBTORCH");
    if args[0] == "run" {
        cargo.arg("--").arg(workspace.root().join("models/emoji-64"));
    }
    Ok(Outcome::of(&mut cargo))
}

fn passed(command: &mut Command) -> Result<(), Outcome> {
    match Outcome::of(command) {
        Outcome::Passed => Ok(()),
        other => Err(other),
    }
}

fn failed(error: &dyn std::fmt::Display) -> Outcome {
    Outcome::Failed(vec![error.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rust_of_every_guide_is_compiled() {
        let workspace = Workspace::locate().unwrap();
        let root = workspace.root();
        let project = fs::read_to_string(root.join("xtask/downstream/guides/src/lib.rs")).unwrap();
        let guides = fs::read_dir(root.join(GUIDES.1)).unwrap();
        let guides = guides.map(|file| file.unwrap().path());
        let with_code: Vec<_> = guides
            .filter(|path| fs::read_to_string(path).unwrap().contains("```rust"))
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert!(!with_code.is_empty());
        for name in with_code {
            assert!(project.contains(&format!("\"/{name}\"")), "{name} has code that is never compiled");
        }
    }
}
