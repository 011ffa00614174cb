//! Takes the list of wire types from the tests of dfsn-types, so that a new type is fuzzed without being listed again.

use std::path::Path;
use std::{env, fs};

const REGISTRY: &str = "../dfsn-types/tests/it/registry.rs";

fn main() {
    println!("cargo::rerun-if-changed={REGISTRY}");
    let source = fs::read_to_string(REGISTRY).expect("the registry of wire types is there");
    let list = source
        .split_once("macro_rules! for_each_wire_type")
        .and_then(|(_, rest)| rest.split_once("$([$argument])?"))
        .and_then(|(_, rest)| rest.split_once('}'))
        .map(|(list, _)| list)
        .expect("the registry lists wire types");
    assert!(list.lines().filter(|line| line.contains(": ")).count() > 50, "the list is not where it was");
    let text = format!(
        "/// Calls a macro with `name: Type,` for every type that has a byte form and a JSON form.\n\
         #[macro_export]\nmacro_rules! for_each_wire_type {{\n    \
         ($callback:ident) => {{ $callback! {{ {list} }} }};\n}}\n"
    );
    let out = env::var("OUT_DIR").expect("cargo gives a folder");
    fs::write(Path::new(&out).join("wire_types.rs"), text).expect("the folder is writable");
}
