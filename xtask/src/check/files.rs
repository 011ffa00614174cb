//! The files that the house rules are about.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders that hold nothing written by hand.
const SKIPPED: [&str; 4] = ["target", "out", "node_modules", "dist"];

/// A text file of the workspace.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Relative to the root, for messages.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Files with `extension` below `dir`, in a stable order; hidden folders and build outputs are left out.
///
/// # Errors
/// Those of reading; a `dir` that does not exist holds no files.
pub(crate) fn read(root: &Path, dir: &str, extension: &str) -> io::Result<Vec<SourceFile>> {
    let mut paths = Vec::new();
    let start = root.join(dir);
    if start.is_dir() {
        collect(&start, extension, &mut paths)?;
    }
    paths.sort();
    paths.into_iter().map(|path| read_one(root, &path)).collect()
}

fn read_one(root: &Path, path: &Path) -> io::Result<SourceFile> {
    let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
    Ok(SourceFile { path: path.strip_prefix(root).unwrap_or(path).to_owned(), text })
}

fn collect(dir: &Path, extension: &str, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (kind, path, name) = (entry.file_type()?, entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if kind.is_dir() {
            // Build outputs lie beside a manifest; a module called `out` does not.
            let is_built = ["Cargo.toml", "package.json"].iter().any(|manifest| dir.join(manifest).exists());
            let output = SKIPPED.contains(&&*name) && is_built;
            if !name.starts_with('.') && !output {
                collect(&path, extension, paths)?;
            }
        } else if kind.is_file() && path.extension().is_some_and(|ext| ext == extension) {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn outputs_and_hidden_folders_are_left_out() {
        let dir = TempDir::new("files");
        for path in ["a.rs", "x/b.rs", "x/c.md", "target/d.rs", ".git/e.rs", "x/out/f.rs", "Cargo.toml"] {
            dir.write(path, "text");
        }
        let found = read(dir.path(), "", "rs").expect("read");
        let found: Vec<String> = found.iter().map(|file| file.path.display().to_string()).collect();
        assert_eq!(found, ["a.rs", "x/b.rs", "x/out/f.rs"]);
        assert!(read(dir.path(), "absent", "rs").expect("no folder").is_empty());
    }
}
