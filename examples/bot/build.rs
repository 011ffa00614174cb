//! Lets the tests, which run a whole node, find libtorch where another package of the same build asks dfsn-compute for it
//! (`cargo test --workspace --features dfsn-compute/torch`); the bot itself never needs it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    if let Ok(libtorch) = std::env::var("LIBTORCH") {
        println!("cargo::rustc-link-arg-tests=-Wl,-rpath,{libtorch}/lib");
    }
}
