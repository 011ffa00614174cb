//! `new`: an example becomes a project of one's own.

use crate::error::Error;
use crate::steps::{Outcome, Steps};
use crate::workspace::{Workspace, cargo_here};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value, value};

/// The examples that are meant to be begun with.
pub(crate) const TEMPLATES: [&str; 4] = ["quickstart", "bot", "compute-client", "fusionvm"];

/// Why no project was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewError {
    #[error("{0} is not empty: name a folder that is, or that is not there yet")]
    NotEmpty(PathBuf),
    #[error("cannot write {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path}: {reason}")]
    Manifest { path: PathBuf, reason: String },
}

/// Makes the project and says what comes next.
pub(crate) fn new(template: &str, dir: &Path) -> Result<ExitCode, Error> {
    let workspace = Workspace::locate()?;
    make(&workspace, template, dir)?;
    eprintln!(
        "{template} is in {}; its tests stayed behind, which need this clone around them. Next:",
        dir.display()
    );
    eprintln!("  cd {} && cargo run --release -- --help", dir.display());
    Ok(ExitCode::SUCCESS)
}

/// Makes one of each, and lets cargo check it.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) {
    steps.run("templates as projects of their own", || {
        let Ok(target) = workspace.target_dir() else {
            return Outcome::Failed(vec!["no build folder".to_owned()]);
        };
        let folder = target.join("templates");
        let _ = fs::remove_dir_all(&folder);
        let findings = TEMPLATES.iter().filter_map(|template| {
            let dir = folder.join(template);
            if let Err(error) = make(workspace, template, &dir) {
                return Some(format!("{template}: {error}"));
            }
            let mut cargo = cargo_here();
            cargo
                .args(["check", "--release"])
                .current_dir(&dir)
                .env("CARGO_TARGET_DIR", target.join("templates-target"));
            match Outcome::of(&mut cargo) {
                Outcome::Failed(lines) => Some(format!("{template}: {}", lines.join("; "))),
                _ => None,
            }
        });
        Outcome::from_findings(findings.collect())
    });
}

fn make(workspace: &Workspace, template: &str, dir: &Path) -> Result<(), NewError> {
    let from = workspace.root().join("examples").join(template);
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(NewError::NotEmpty(dir.to_owned()));
    }
    copy(&from, dir)?;
    for file in
        ["Cargo.lock", "rust-toolchain.toml", "rustfmt.toml", "clippy.toml", "LICENSE-MIT", "LICENSE-APACHE"]
    {
        copy_file(&workspace.root().join(file), &dir.join(file))?;
    }
    write(&dir.join(".gitignore"), "/target\n")?;
    let manifest = alone(
        &read(&from.join("Cargo.toml"))?,
        &read(&workspace.root().join("Cargo.toml"))?,
        workspace.root(),
    );
    let manifest = manifest.map_err(|reason| NewError::Manifest { path: from.join("Cargo.toml"), reason })?;
    write(&dir.join("Cargo.toml"), &manifest)
}

/// Everything but the tests and what is built.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), NewError> {
    let fail = |source| NewError::Io { path: to.to_owned(), source };
    fs::create_dir_all(to).map_err(fail)?;
    for entry in fs::read_dir(from).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let (name, path) = (entry.file_name(), entry.path());
        if name == "tests" || name == "target" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            copy_file(&path, &to.join(name))?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), NewError> {
    fs::copy(from, to).map(drop).map_err(|source| NewError::Io { path: to.to_owned(), source })
}

fn read(path: &Path) -> Result<String, NewError> {
    fs::read_to_string(path).map_err(|source| NewError::Io { path: path.to_owned(), source })
}

fn write(path: &Path, text: &str) -> Result<(), NewError> {
    fs::write(path, text).map_err(|source| NewError::Io { path: path.to_owned(), source })
}

/// A member's manifest with everything in it that it has from the workspace, which lies at `root`.
fn alone(member: &str, workspace: &str, root: &Path) -> Result<String, String> {
    let mut member: DocumentMut = member.parse().map_err(|error| format!("{error}"))?;
    let workspace: DocumentMut = workspace.parse().map_err(|error| format!("{error}"))?;
    let shared = workspace.get("workspace").ok_or("the workspace's manifest has no [workspace]")?;
    let package = member.get_mut("package").and_then(Item::as_table_mut).ok_or("no [package]")?;
    for (key, item) in package.iter_mut() {
        if is_shared(item) {
            let name = key.get().to_owned();
            *item = shared["package"].get(&name).cloned().ok_or(format!("no {name} in the workspace"))?;
        }
    }
    if let Some(lints) = shared.get("lints") {
        member["lints"] = lints.clone();
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        if let Some(table) = member.get_mut(section).and_then(Item::as_table_mut) {
            dependencies(table, &shared["dependencies"], root)?;
        }
    }
    if let Some(profile) = workspace.get("profile") {
        member["profile"] = profile.clone();
    }
    member["workspace"] = Item::Table(Table::new());
    Ok(member.to_string())
}

/// Writes out what `workspace = true` stands for. Other examples are left out: only tests need them.
fn dependencies(table: &mut Table, shared: &Item, root: &Path) -> Result<(), String> {
    let is_example = |name: &str| {
        let path = shared.get(name).and_then(|item| item.get("path")).and_then(Item::as_str);
        path.is_some_and(|path| path.starts_with("examples/"))
    };
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        if is_example(&name) {
            table.remove(&name);
            continue;
        }
        let Some(own) = table.get(&name).filter(|item| is_shared(item)).cloned() else { continue };
        let base = shared.get(&name).ok_or(format!("no {name} in the workspace"))?;
        table[&name] = value(merged(base, &own, root));
    }
    Ok(())
}

fn merged(base: &Item, own: &Item, root: &Path) -> InlineTable {
    let mut all = match base.as_value() {
        Some(Value::InlineTable(table)) => table.clone(),
        Some(version) => InlineTable::from_iter([("version", version.clone())]),
        None => InlineTable::new(),
    };
    if let Some(path) = all.get("path").and_then(Value::as_str) {
        let path = root.join(path).display().to_string();
        all.insert("path", path.into());
    }
    let mut features: Vec<Value> =
        all.get("features").and_then(Value::as_array).into_iter().flatten().cloned().collect();
    for (key, item) in own.as_table_like().into_iter().flat_map(|table| table.iter()) {
        match (key, item.as_value()) {
            ("workspace", _) | (_, None) => {}
            ("features", Some(more)) => features.extend(more.as_array().into_iter().flatten().cloned()),
            (_, Some(other)) => drop(all.insert(key, other.clone())),
        }
    }
    if !features.is_empty() {
        all.insert("features", Value::Array(features.into_iter().collect()));
    }
    all.fmt();
    all
}

fn is_shared(item: &Item) -> bool {
    item.get("workspace").and_then(Item::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = r#"
[workspace]
members = ["a"]
[workspace.package]
version = "0.1.0"
[workspace.dependencies]
dfsn-types = { path = "dfsn-types", version = "0.1.0" }
fusionvm = { path = "examples/fusionvm" }
hex = "0.4"
serde = { version = "1", features = ["derive"] }
[workspace.lints.rust]
unsafe_code = "deny"
[profile.release]
debug = 1
"#;

    #[test]
    fn what_the_workspace_says_is_written_out() {
        let member = r#"
[package]
name = "a"
version.workspace = true
[lints]
workspace = true
[dependencies]
dfsn-types.workspace = true
hex.workspace = true
serde = { workspace = true, features = ["rc"], optional = true }
[dev-dependencies]
fusionvm.workspace = true
"#;
        let text = alone(member, WORKSPACE, Path::new("/clone")).unwrap();
        let made: DocumentMut = text.parse().unwrap();
        assert_eq!(made["package"]["version"].as_str(), Some("0.1.0"));
        let dependencies = &made["dependencies"];
        assert_eq!(dependencies["dfsn-types"]["path"].as_str(), Some("/clone/dfsn-types"));
        assert_eq!(dependencies["hex"]["version"].as_str(), Some("0.4"));
        assert_eq!(dependencies["serde"]["optional"].as_bool(), Some(true));
        assert_eq!(dependencies["serde"]["features"].as_array().unwrap().len(), 2);
        assert!(made["dev-dependencies"].get("fusionvm").is_none());
        assert_eq!(made["lints"]["rust"]["unsafe_code"].as_str(), Some("deny"));
        assert!(made.get("workspace").is_some() && made.get("profile").is_some());
        assert!(!text.contains("workspace = true"), "{text}");
    }

    #[test]
    fn a_name_that_the_workspace_does_not_know_is_told() {
        let member = "[package]\nname = \"a\"\n[dependencies]\nnone.workspace = true\n";
        assert_eq!(alone(member, WORKSPACE, Path::new("/")).unwrap_err(), "no none in the workspace");
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let workspace = Workspace::locate().unwrap();
        let full = workspace.root().join("docs");
        assert!(matches!(make(&workspace, "bot", &full), Err(NewError::NotEmpty(_))));
    }
}
