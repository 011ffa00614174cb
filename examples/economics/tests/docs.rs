//! docs/economics.md and its plot are what the program prints. After a change of parameters:
//! `DFSN_BLESS=1 cargo test -p economics --test docs`.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const BEGIN: &str = "<!-- generated: cargo run --release -p economics -- --markdown -->\n";
const END: &str = "<!-- end of generated -->\n";
/// A plot in the repository is small.
const PLOT_BYTES_MAX: usize = 60_000;

fn docs(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

#[test]
fn the_document_holds_what_the_program_prints() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_economics"));
    let output = command.arg("--markdown").arg("--out").arg(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let plot = fs::read_to_string(dir.path().join("economics.svg")).unwrap();
    assert!(plot.len() < PLOT_BYTES_MAX, "{} bytes", plot.len());

    let text = fs::read_to_string(docs("economics.md")).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("docs/economics.md has a generated part");
    let (generated, behind) = rest.split_once(END).expect("the generated part has an end");
    if env::var_os("DFSN_BLESS").is_some() {
        fs::write(docs("economics.md"), format!("{before}{BEGIN}\n{printed}{END}{behind}")).unwrap();
        fs::write(docs("economics.svg"), plot).unwrap();
        return;
    }
    let advice = "is not what the program prints now: DFSN_BLESS=1 cargo test -p economics --test docs";
    for (line, (old, new)) in generated.trim().lines().zip(printed.trim().lines()).enumerate() {
        assert_eq!(old, new, "line {line} of the generated part of docs/economics.md {advice}");
    }
    assert!(generated.trim() == printed.trim(), "docs/economics.md {advice}");
    assert!(fs::read_to_string(docs("economics.svg")).unwrap() == plot, "docs/economics.svg {advice}");
}
