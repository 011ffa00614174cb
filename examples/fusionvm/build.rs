//! Compiles the wire of AvalancheGo's plugins, in Rust alone, and lets the program find libtorch where another package of the same
//! build asks dfsn-compute for it (`cargo test --workspace --features dfsn-compute/torch`); alone, the program needs none.

use std::error::Error;
use std::path::{Path, PathBuf};

/// What the plugin calls, and what it serves.
const CALLED: [&str; 3] = ["vm/runtime/runtime.proto", "rpcdb/rpcdb.proto", "appsender/appsender.proto"];
const SERVED: [&str; 2] = ["vm/vm.proto", "http/http.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-env-changed=DEP_DFSN_COMPUTE_LIBTORCH_LIB");
    if let Ok(lib) = std::env::var("DEP_DFSN_COMPUTE_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: cargo sets it")?);
    wire(&CALLED, End::Caller, &out, None)?;
    wire(&SERVED, End::Server, &out, None)?;
    // The node's ends, for the tests, with the messages of the plugin's.
    let node = out.join("node");
    std::fs::create_dir_all(&node)?;
    let messages = Some("::fusionvm::plugin::proto");
    wire(&CALLED, End::Server, &node, messages)?;
    wire(&SERVED, End::Caller, &node, messages)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Caller,
    Server,
}

/// One end of some services; `messages` is where their messages are already.
fn wire(files: &[&str], end: End, out: &Path, messages: Option<&str>) -> Result<(), Box<dyn Error>> {
    let mut builder = tonic_prost_build::configure()
        .build_transport(false)
        .build_client(end == End::Caller)
        .build_server(end == End::Server)
        .bytes(".vm")
        .out_dir(out);
    for (package, module) in [
        (".vm", "vm"),
        (".rpcdb", "rpcdb"),
        (".appsender", "appsender"),
        (".http", "http"),
        (".io.prometheus.client", "io::prometheus::client"),
    ] {
        if let Some(path) = messages {
            builder = builder.extern_path(package, format!("{path}::{module}"));
        }
    }
    Ok(builder.compile_fds(protox::compile(files, ["proto"])?)?)
}
