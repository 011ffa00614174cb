//! `demo`, `generate` and `bench`: set-up, then cargo, with the user's arguments unchanged.

use crate::cache::Cache;
use crate::error::Error;
use crate::libtorch;
use crate::process;
use crate::workspace::{Workspace, cargo_here};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// Runs an example package; the exit status is the example's own.
///
/// It runs in the user's folder, not the root, so that relative paths among `args` mean what they say.
pub(crate) fn package(name: &str, args: &[OsString]) -> Result<ExitCode, Error> {
    let mut cargo = cargo_here();
    cargo.args(["run", "--release", "--package", name]);
    // Only the float profile computes with libtorch.
    if args.iter().any(|arg| arg.to_string_lossy().ends_with("float")) {
        let libtorch = libtorch::ensure(&Cache::locate()?, false)?;
        announce_first_build(&Workspace::locate()?)?;
        cargo.args(["--features", "torch"]).env("LIBTORCH", libtorch.home);
    }
    Ok(process::exit_code(process::status(cargo.arg("--").args(args))?))
}

/// Runs the benches.
pub(crate) fn bench(args: &[OsString]) -> Result<ExitCode, Error> {
    let libtorch = libtorch::ensure(&Cache::locate()?, false)?;
    let workspace = Workspace::locate()?;
    announce_first_build(&workspace)?;
    let mut cargo = workspace.cargo(["bench", "--package", "dfsn-benches", "--features", "torch"]);
    let status = process::status(cargo.args(args).env("LIBTORCH", libtorch.home))?;
    Ok(process::exit_code(status))
}

/// Says that the next build is a long one, when it is.
pub(crate) fn announce_first_build(workspace: &Workspace) -> Result<(), Error> {
    if !wrapper_is_built(&workspace.target_dir()?) {
        eprintln!("first build here: the C++ wrapper of libtorch takes 2 to 5 minutes to compile, once");
    }
    Ok(())
}

/// Whether torch-sys has left its static library in the build folder.
fn wrapper_is_built(target: &Path) -> bool {
    let Ok(entries) = fs::read_dir(target.join("release/build")) else { return false };
    entries.flatten().any(|entry| {
        entry.file_name().to_string_lossy().starts_with("torch-sys-")
            && entry.path().join("out/libtch.a").is_file()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn the_wrapper_is_found_where_cargo_puts_it() {
        let dir = TempDir::new("wrapper");
        assert!(!wrapper_is_built(dir.path()));
        dir.write("release/build/torch-sys-0123/out/torch_api.o", "x");
        assert!(!wrapper_is_built(dir.path()), "interrupted before the archive");
        dir.write("release/build/torch-sys-0123/out/libtch.a", "x");
        assert!(wrapper_is_built(dir.path()));
    }
}
