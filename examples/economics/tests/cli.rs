//! The program as a user runs it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn economics(arguments: &[&str], out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_economics"));
    command.args(arguments).arg("--out").arg(out).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn table<'a>(json: &'a Value, title: &str) -> &'a Value {
    let tables = json["tables"].as_array().unwrap();
    let found = tables.iter().find(|table| table["title"].as_str().unwrap().starts_with(title));
    &found.unwrap_or_else(|| panic!("no table {title:?}"))["rows"]
}

fn row<'a>(rows: &'a Value, column: &str, name: &str) -> &'a Value {
    let found = rows.as_array().unwrap().iter().find(|row| row[column] == name);
    found.unwrap_or_else(|| panic!("no row {name:?}"))
}

#[test]
fn the_table_of_margins_has_the_designs_figures() {
    let dir = tempfile::tempdir().unwrap();
    let json = json(&economics(&["--jobs", "0", "--json"], dir.path()));
    let rows = table(&json, "Margins of a worker's cheats: exact profile, 50 steps");
    for (cheat, margins) in [
        ("garbage", [8.4, 6.4, 4.3]),
        ("other model", [11.6, 8.7, 5.9]),
        ("half of the steps", [13.2, 9.9, 6.7]),
        ("one step", [13.9, 10.4, 6.9]),
    ] {
        let row = row(rows, "cheat", cheat);
        assert_eq!(
            ["rho 1/3", "rho 1/2", "rho 2/3"].map(|rho| row[rho].as_f64().unwrap()),
            margins,
            "{cheat}"
        );
    }
    let scenarios =
        table(&json, "What misbehaving gains and loses: exact profile, 50 steps").as_array().unwrap();
    assert!(scenarios.len() > 15 && scenarios.iter().all(|scenario| scenario["holds"] == "yes"));
    assert_eq!(json["plot"], Value::Null);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "without jobs nothing is written");
}

#[test]
fn one_seed_gives_the_same_bytes_and_another_seed_others() {
    let run = |seed: &str| {
        let dir = tempfile::tempdir().unwrap();
        let output =
            economics(&["--jobs", "3000", "--seed", seed, "--markdown"], &dir.path().join("new/folder"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (output.stdout, fs::read(dir.path().join("new/folder/economics.svg")).unwrap())
    };
    let first = run("42");
    assert!(first == run("42"));
    let other = run("43");
    assert!(first.0 != other.0 && first.1 != other.1);
}

#[test]
fn the_plot_is_a_document_with_a_line_for_each_strategy() {
    let dir = tempfile::tempdir().unwrap();
    let output = economics(&["--jobs", "2000", "--json"], dir.path());
    let text = fs::read_to_string(json(&output)["plot"].as_str().unwrap()).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    assert_eq!(document.root_element().tag_name().name(), "svg");
    let words: Vec<&str> = document.descendants().filter_map(|node| node.text()).map(str::trim).collect();
    for name in ["honest", "garbage", "asks the worker", "ring of friends"] {
        assert!(words.iter().any(|word| word.starts_with(&format!("{name} ("))), "{name} in {words:?}");
    }
    let lines = document.descendants().filter(|node| node.tag_name().name() == "polyline").count();
    assert!(lines >= 15, "{lines}");
}

/// In every profile, whoever does not do its work ends below who does.
#[test]
fn honest_validators_win() {
    for profile in ["exact", "float"] {
        for seed in ["1", "2"] {
            let dir = tempfile::tempdir().unwrap();
            let arguments = ["--profile", profile, "--seed", seed, "--jobs", "20000", "--json"];
            let json = json(&economics(&arguments, dir.path()));
            let rows = table(&json, "Who wins").as_array().unwrap();
            assert_eq!(rows.len(), 15);
            let honest = row(table(&json, "Who wins"), "strategy", "honest");
            assert!(honest["balance"].as_f64().unwrap() > 0.0, "{profile} {seed}: {honest}");
            for row in rows.iter().filter(|row| row["strategy"] != "honest") {
                assert!(row["against honest"].as_f64().unwrap() < 0.0, "{profile} {seed}: {row}");
            }
        }
    }
}

#[test]
fn parameters_under_which_cheating_pays_end_with_status_3() {
    let dir = tempfile::tempdir().unwrap();
    let printed = economics(&["--print-params"], dir.path());
    let mut params = json(&printed);
    params["penalties"]["collateral_prices"] = 40.into();
    let file = dir.path().join("mine.json");
    fs::write(&file, params.to_string()).unwrap();
    let output = economics(&["--params", file.to_str().unwrap(), "--jobs", "0"], dir.path());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.starts_with("error: cheating pays under these parameters: garbage of 50 steps"), "{error}");
    assert!(
        String::from_utf8(output.stdout).unwrap().contains("garbage"),
        "the figures are printed all the same"
    );
}

#[test]
fn what_cannot_be_read_or_written_is_said_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("broken.json");
    fs::write(&broken, "{\"chain\": 7}").unwrap();
    let broken = broken.to_str().unwrap();
    let cases: [(&[&str], &Path, &str); 3] = [
        (&["--params", "/no/such/file.json"], dir.path(), "cannot read /no/such/file.json"),
        (&["--params", broken], dir.path(), "start from the output of --print-params"),
        (&["--jobs", "10"], Path::new(broken), "choose another folder with --out"),
    ];
    for (arguments, out, expected) in cases {
        let output = economics(arguments, out);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn arguments_out_of_range_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [["--validators", "3"], ["--steps", "0"], ["--steps", "151"], ["--profile", "both"]] {
        let output = economics(&arguments, dir.path());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_population_that_cannot_lock_its_collateral_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut params = json(&economics(&["--print-params"], dir.path()));
    params["economics"]["stake_min"] = "1000000000000000".into();
    let file = dir.path().join("poor.json");
    fs::write(&file, params.to_string()).unwrap();
    let output = economics(&["--params", file.to_str().unwrap(), "--jobs", "500"], dir.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("stake does not cover the collateral"));
}
