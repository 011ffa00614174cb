//! Frozen bytes, JSON and hashes: what is on a chain today must read the same for ever.
//!
//! `tests/vectors/types` has one file a type, `tests/vectors/derived` what is computed from values.
//! To write them anew, which breaks every existing chain, run the tests with `DFSN_BLESS=1` and say in the
//! commit why the form had to change.

mod derived;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::registry::{Wire, for_each_hashed_type, for_each_wire_type};
use crate::samples::Sample;

/// The folder of vectors: compares each file with what the code makes of it, and remembers what was read.
struct Vectors {
    folder: PathBuf,
    bless: bool,
    read: BTreeSet<PathBuf>,
    faults: Vec<String>,
}

impl Vectors {
    fn open() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let bless = std::env::var_os("DFSN_BLESS").is_some_and(|value| value == "1");
        Self { folder, bless, read: BTreeSet::new(), faults: Vec::new() }
    }

    /// Compares a file with its present content, or writes it when blessing; gives the file's content.
    fn check(&mut self, name: &str, actual: &Value) -> Option<Value> {
        let path = self.folder.join(name).with_extension("json");
        self.read.insert(path.clone());
        if self.bless {
            write(&path, actual);
        }
        let Ok(text) = fs::read_to_string(&path) else {
            self.faults.push(format!("{name}: no file {}", path.display()));
            return None;
        };
        let frozen: Value = serde_json::from_str(&text).expect("a vector file is JSON");
        if frozen != *actual {
            self.faults.push(format!("{name}: frozen\n  {frozen}\nbut the code makes\n  {actual}"));
        }
        Some(frozen)
    }

    /// Reads the frozen cases of a type back: both forms give the sample, and the bytes are found again.
    fn check_wire<T: Wire>(&mut self, name: &str) {
        let cases = T::samples().iter().map(|(description, value)| case(description, value)).collect();
        let Some(frozen) = self.check(&format!("types/{name}"), &file::<T>(cases)) else { return };
        let frozen_cases = frozen["cases"].as_array().cloned().unwrap_or_default();
        for (case, (description, value)) in frozen_cases.iter().zip(T::samples()) {
            let bytes = hex::decode(case["hex"].as_str().unwrap_or_default()).expect("hex");
            let from_bytes = dfsn_types::codec::decode::<T>(&bytes, bytes.len());
            let from_json = serde_json::from_value::<T>(case["json"].clone());
            if from_bytes.as_ref().ok() != Some(&value) {
                self.faults.push(format!("{name}, {description}: the bytes give {from_bytes:?}"));
            }
            if from_json.as_ref().ok() != Some(&value) {
                self.faults.push(format!("{name}, {description}: the JSON gives {from_json:?}"));
            }
        }
    }

    fn check_hashed<T: Sample>(&mut self, name: &str) {
        let cases = T::samples().iter().map(|(description, value)| bytes_case(description, value)).collect();
        self.check(&format!("types/{name}"), &file::<T>(cases));
    }

    /// Every file below the folder, read or not.
    fn on_disk(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the vectors' folder can be listed") {
                let path = entry.expect("an entry can be read").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path);
                }
            }
        }
        files
    }
}

fn write(path: &Path, content: &Value) {
    let text = serde_json::to_string_pretty(content).expect("a JSON value has a text") + "\n";
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
    fs::write(path, text).expect("the vector file can be written");
}

fn file<T>(cases: Vec<Value>) -> Value {
    let path = std::any::type_name::<T>().replace("dfsn_types::", "");
    let name = path.split('<').next().unwrap_or(&path).rsplit("::").next().unwrap_or(&path);
    json!({ "type": name, "cases": cases })
}

fn bytes_case<T: Sample>(description: &str, value: &T) -> Value {
    let hex = hex::encode(dfsn_types::codec::encode(value));
    json!({ "description": description, "hex": hex })
}

fn case<T: Wire>(description: &str, value: &T) -> Value {
    let mut case = bytes_case(description, value);
    case["json"] = serde_json::to_value(value).expect("every value has a JSON form");
    if let Some(id) = value.id() {
        case["id"] = id.into();
    }
    case
}

#[test]
fn frozen_vectors_hold() {
    use dfsn_types::*;

    let mut vectors = Vectors::open();
    macro_rules! check_wire {
        ($($name:ident: $type:ty,)*) => { $( vectors.check_wire::<$type>(stringify!($name)); )* };
    }
    macro_rules! check_hashed {
        ($($name:ident: $type:ty,)*) => { $( vectors.check_hashed::<$type>(stringify!($name)); )* };
    }
    for_each_wire_type!(check_wire);
    for_each_hashed_type!(check_hashed);
    for (name, content) in derived::all() {
        vectors.check(&format!("derived/{name}"), &content);
    }

    assert!(vectors.faults.is_empty(), "{}", vectors.faults.join("\n\n"));
    let unread: Vec<_> = vectors.on_disk().difference(&vectors.read).cloned().collect();
    assert!(unread.is_empty(), "vector files that no test reads: {unread:?}");
}
