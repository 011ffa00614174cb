//! Tells the linker where libtorch lies, for this crate's tests and for the crates that link it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_TORCH").is_none() {
        return;
    }
    // Set by torch-sys, only for crates that depend on it directly.
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") else {
        println!("cargo::warning=torch-sys names no libtorch folder; programs will need LD_LIBRARY_PATH");
        return;
    };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    // Link arguments end at this crate. Final programs read DEP_DFSN_COMPUTE_LIBTORCH_LIB in a
    // build.rs of their own and print the same line.
    println!("cargo::metadata=libtorch_lib={lib}");
}
