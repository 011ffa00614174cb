//! Lets the program find libtorch without LD_LIBRARY_PATH: link arguments of dfsn-compute end at dfsn-compute,
//! so every program that uses its feature `torch` prints this line itself.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_DFSN_COMPUTE_LIBTORCH_LIB");
    if let Ok(lib) = std::env::var("DEP_DFSN_COMPUTE_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    }
}
