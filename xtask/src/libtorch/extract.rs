//! Takes headers and libraries out of a verified wheel.

use super::error::SetupError;
use super::platform::{Platform, VERSION, Wheel, base_name};
use crate::progress::Progress;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use zip::ZipArchive;

const BUFFER_BYTES: usize = 1 << 20;

/// One entry to write: its place in the archive, its size, where it goes below the tree.
#[derive(Debug)]
struct Pick {
    index: usize,
    bytes: u64,
    to: PathBuf,
}

/// Writes what `wheel` contributes below `tree`.
///
/// # Errors
/// [`SetupError::WheelLacks`] when a wanted file is missing, [`SetupError::UnsafeEntry`] when an entry
/// would leave `tree`, and the reading and writing errors.
pub(crate) fn extract(wheel: &'static Wheel, archive: &Path, tree: &Path) -> Result<(), SetupError> {
    let bad = |source| SetupError::Wheel { file: wheel.file, source };
    let file = File::open(archive).map_err(SetupError::io("open", archive))?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(bad)?;
    let picks = choose(wheel, &mut zip)?;
    let name = wheel.requirement.split('=').next().unwrap_or(wheel.requirement);
    let mut progress = Progress::new(&format!("unpacking {name}"), picks.iter().map(|pick| pick.bytes).sum());
    let mut done = 0;
    for pick in &picks {
        let entry = zip.by_index(pick.index).map_err(bad)?;
        write_file(entry, &tree.join(&pick.to), |n| {
            done += n;
            progress.set(done);
        })?;
    }
    progress.finish();
    Ok(())
}

/// Writes the platform's linker scripts, links and version file below `tree`.
///
/// # Errors
/// The writing errors.
pub(crate) fn finish_tree(platform: &Platform, tree: &Path) -> Result<(), SetupError> {
    let lib = tree.join("lib");
    for (name, text) in platform.scripts {
        let path = lib.join(name);
        fs::write(&path, text).map_err(SetupError::io("write", &path))?;
    }
    for (name, target) in platform.links {
        let path = lib.join(name);
        link(target, &path).map_err(SetupError::io("link", &path))?;
    }
    let path = tree.join("build-version");
    fs::write(&path, format!("{VERSION}\n")).map_err(SetupError::io("write", &path))
}

fn choose(wheel: &'static Wheel, zip: &mut ZipArchive<BufReader<File>>) -> Result<Vec<Pick>, SetupError> {
    let mut picks = Vec::new();
    let mut missing: Vec<&'static str> = wheel.libraries.iter().chain(&wheel.headers).copied().collect();
    for index in 0..zip.len() {
        let bad = |source| SetupError::Wheel { file: wheel.file, source };
        let entry = zip.by_index_raw(index).map_err(bad)?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.name().map_err(bad)?.into_owned();
        let (found, to) = if let Some(library) = wheel.libraries.iter().find(|library| **library == name) {
            (*library, Path::new("lib").join(base_name(library)))
        } else if let Some((prefix, rest)) = header(wheel, &name) {
            (prefix, Path::new("include").join(rest))
        } else {
            continue;
        };
        if !to.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(SetupError::UnsafeEntry { file: wheel.file, entry: name });
        }
        missing.retain(|wanted| *wanted != found);
        picks.push(Pick { index, bytes: entry.size(), to });
    }
    match missing.first() {
        Some(missing) => Err(SetupError::WheelLacks { file: wheel.file, missing }),
        None => Ok(picks),
    }
}

fn header<'a>(wheel: &Wheel, name: &'a str) -> Option<(&'static str, &'a str)> {
    let prefix = wheel.headers?;
    Some((prefix, name.strip_prefix(prefix)?))
}

fn write_file(mut from: impl Read, to: &Path, mut wrote: impl FnMut(u64)) -> Result<(), SetupError> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(SetupError::io("create", parent))?;
    }
    let mut file = File::create(to).map_err(SetupError::io("create", to))?;
    let mut buffer = vec![0_u8; BUFFER_BYTES];
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(SetupError::io("unpack", to)(error)),
        };
        file.write_all(&buffer[..n]).map_err(SetupError::io("write", to))?;
        wrote(n as u64);
    }
    Ok(())
}

#[cfg(unix)]
fn link(target: &str, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
fn link(target: &str, path: &Path) -> io::Result<()> {
    let from = path.with_file_name(target);
    fs::copy(from, path).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    const WHEEL: Wheel = Wheel {
        requirement: "torch==2.11.0",
        platform_tag: "any",
        file: "torch.whl",
        sha256: "",
        bytes: 0,
        headers: Some("torch/include/"),
        libraries: &["torch/lib/libc10.so"],
    };
    static TORCH: Wheel = WHEEL;

    fn archive(dir: &TempDir, entries: &[(&str, &str)]) -> PathBuf {
        let path = dir.path().join("torch.whl");
        let mut zip = ZipWriter::new(File::create(&path).expect("create the archive"));
        for (name, text) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).expect("start an entry");
            zip.write_all(text.as_bytes()).expect("write an entry");
        }
        zip.finish().expect("finish the archive");
        path
    }

    #[test]
    fn takes_headers_and_libraries_and_nothing_else() {
        let dir = TempDir::new("extract");
        let wheel = archive(
            &dir,
            &[("torch/include/c10/a.h", "A"), ("torch/lib/libc10.so", "C"), ("torch/lib/libshm.so", "S")],
        );
        let tree = dir.path().join("tree");
        extract(&TORCH, &wheel, &tree).expect("extract");
        assert_eq!(fs::read_to_string(tree.join("include/c10/a.h")).expect("a header"), "A");
        assert_eq!(fs::read_to_string(tree.join("lib/libc10.so")).expect("a library"), "C");
        assert!(!tree.join("lib/libshm.so").exists());
    }

    #[test]
    fn a_wheel_without_a_library_is_refused() {
        let dir = TempDir::new("extract-lacks");
        let wheel = archive(&dir, &[("torch/include/c10/a.h", "A")]);
        let error = extract(&TORCH, &wheel, &dir.path().join("tree")).expect_err("no library");
        assert!(matches!(error, SetupError::WheelLacks { missing: "torch/lib/libc10.so", .. }), "{error}");
    }

    #[test]
    fn an_entry_that_leaves_the_tree_is_refused() {
        let dir = TempDir::new("extract-unsafe");
        let wheel = archive(&dir, &[("torch/include/../../../evil.h", "E"), ("torch/lib/libc10.so", "C")]);
        let error = extract(&TORCH, &wheel, &dir.path().join("tree")).expect_err("a path with dots");
        assert!(matches!(error, SetupError::UnsafeEntry { .. }), "{error}");
        assert!(!dir.path().join("tree").exists());
    }

    #[test]
    fn text_that_is_no_archive_is_refused() {
        let dir = TempDir::new("extract-text");
        dir.write("torch.whl", "not a zip file");
        let error = extract(&TORCH, &dir.path().join("torch.whl"), dir.path()).expect_err("not an archive");
        assert!(matches!(error, SetupError::Wheel { .. }), "{error}");
    }
}
