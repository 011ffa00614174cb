//! Lets the program find libtorch where another package of the same build asks dfsn-compute for it (`cargo test
//! --workspace --features dfsn-compute/torch`); alone, the program needs none.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_DFSN_COMPUTE_LIBTORCH_LIB");
    if let Ok(lib) = std::env::var("DEP_DFSN_COMPUTE_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    }
}
