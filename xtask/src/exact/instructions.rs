//! No fused multiply-add, no approximate reciprocal: what the compiler made of the exact code, disassembled.
//!
//! The sources name none of them, and the compiler may not make them of what stands there; but one flag would let it.

use crate::process;
use crate::steps::Outcome;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const OBJDUMP: &str = "objdump";
/// Where the exact code is: functions whose names hold one of these.
const MODULES: [&str; 2] = ["dfsn_compute::exact", "dfsn_consensus::exact"];
/// Beginnings of mnemonics on x86-64 and AArch64 whose results are rounded otherwise than their parts would be.
const FORBIDDEN: [&str; 17] = [
    "vfm", "vfnm", "rcp", "vrcp", "rsqrt", "vrsqrt", "fmadd", "fmsub", "fnmadd", "fnmsub", "fmla", "fmls",
    "fcmla", "frecp", "frsqrt", "bfmla", "bfdot",
];
/// Beginnings of ordinary multiplications: where there are none, this is the wrong code.
const ORDINARY: [&str; 5] = ["mulss", "mulsd", "mulps", "vmul", "fmul"];
/// Fewer functions than there are kernels mean that names are not read.
const FEWEST_FUNCTIONS: usize = 100;

/// Of this machine's tests of the exact profile, which `cargo` builds.
pub(super) fn tests(cargo: &mut Command) -> Outcome {
    if process::output(Command::new(OBJDUMP).arg("--version")).is_err() {
        return Outcome::Skipped(format!("{OBJDUMP} was not found: it comes with binutils"));
    }
    check(cargo.args(["--test", "exact"]), OBJDUMP)
}

/// Looks through the test program `exact` of dfsn-compute that a call of cargo builds.
pub(super) fn check(cargo: &mut Command, objdump: &str) -> Outcome {
    let program = match program(cargo) {
        Ok(program) => program,
        Err(error) => return Outcome::Failed(vec![error]),
    };
    match disassemble(&program, objdump) {
        Ok(found) => {
            eprintln!("    {} functions, {} multiplications", found.functions, found.ordinary);
            Outcome::from_findings(found.findings())
        }
        Err(error) => Outcome::Failed(vec![format!("cannot disassemble {}: {error}", program.display())]),
    }
}

/// Where cargo put the program.
fn program(cargo: &mut Command) -> Result<PathBuf, String> {
    let text = process::output(cargo.args(["--no-run", "--message-format", "json"]))
        .map_err(|error| error.to_string())?;
    text.lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "exact")
        .filter(|message| message["package_id"].as_str().is_some_and(|id| id.contains("dfsn-compute")))
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| "cargo built no test program `exact` of dfsn-compute".to_owned())
}

fn disassemble(program: &Path, objdump: &str) -> std::io::Result<Found> {
    let mut command = Command::new(objdump);
    command.args(["--disassemble", "--demangle", "--no-show-raw-insn"]).arg(program);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut found = Found::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            found.line(&String::from_utf8_lossy(&line?));
        }
    }
    let status = child.wait()?;
    if status.success() {
        Ok(found)
    } else {
        Err(std::io::Error::other(format!("{objdump} ended with {status}")))
    }
}

/// What was seen so far.
#[derive(Default)]
struct Found {
    /// The exact function that the lines belong to.
    function: Option<String>,
    functions: usize,
    ordinary: usize,
    forbidden: Vec<String>,
}

impl Found {
    fn line(&mut self, line: &str) {
        if let Some(name) = line.strip_suffix(">:").and_then(|line| line.split_once(" <")) {
            let is_exact = MODULES.iter().any(|module| name.1.contains(module));
            self.functions += usize::from(is_exact);
            self.function = is_exact.then(|| name.1.to_owned());
            return;
        }
        let Some(function) = &self.function else { return };
        let instruction = line.split('\t').nth(1).map(str::trim).unwrap_or_default();
        let begins = |list: &[&str]| list.iter().any(|beginning| instruction.starts_with(beginning));
        if begins(&FORBIDDEN) {
            self.forbidden.push(format!("{function}: {instruction}"));
        } else if begins(&ORDINARY) {
            self.ordinary += 1;
        }
    }

    fn findings(self) -> Vec<String> {
        if self.functions < FEWEST_FUNCTIONS || self.ordinary == 0 {
            let (functions, ordinary) = (self.functions, self.ordinary);
            return vec![format!(
                "{functions} functions with {ordinary} multiplications cannot be all: this check is blind"
            )];
        }
        self.forbidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Found {
        let mut found = Found::default();
        text.lines().for_each(|line| found.line(line));
        found
    }

    #[test]
    fn instructions_count_in_exact_functions_only() {
        let found = seen(
            "0000000000001000 <dfsn_compute::exact::simd::norm::silu_pixels::avx2>:\n\
             \x20   1000:\tvmulps %ymm1,%ymm0,%ymm0\n\
             \x20   1004:\tvfmadd213ps %ymm2,%ymm1,%ymm0\n\
             \x20   1008:\tvrcpps %ymm0,%ymm1\n\
             \n\
             0000000000002000 <core::ptr::drop<dfsn_consensus::exact::Program>>:\n\
             \x20   2000:\tfmul v0.4s, v1.4s, v2.4s\n\
             \x20   2004:\tfmla v0.4s, v1.4s, v2.4s\n\
             \n\
             0000000000003000 <fma>:\n\
             \x20   3000:\tvfmadd213sd %xmm2,%xmm1,%xmm0\n",
        );
        assert_eq!((found.functions, found.ordinary), (2, 2));
        let names: Vec<&str> = found.forbidden.iter().map(|line| line.rsplit(": ").next().unwrap()).collect();
        assert_eq!(
            names,
            ["vfmadd213ps %ymm2,%ymm1,%ymm0", "vrcpps %ymm0,%ymm1", "fmla v0.4s, v1.4s, v2.4s"]
        );
    }

    #[test]
    fn a_program_without_the_exact_code_is_no_proof() {
        assert!(!seen("0000000000001000 <main>:\n\x20   1000:\tret\n").findings().is_empty());
        let function = |index| {
            format!("0000000000001000 <dfsn_compute::exact::f{index}>:\n\x20   1000:\tmulss %xmm1,%xmm0\n")
        };
        assert!(seen(&(0..100).map(function).collect::<String>()).findings().is_empty());
    }
}
