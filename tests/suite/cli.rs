//! The binary from outside: golden coefficients of other solvers, bad input, exit codes.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ridgepoint"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // what somebody tuned on this machine must not matter
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines of the driver's loader are not ours.
fn complaints(output: &Output) -> Vec<String> {
    text(&output.stderr)
        .lines()
        .filter(|l| l.starts_with("ridgepoint: ") || l.contains("panicked"))
        .map(Into::into)
        .collect()
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn file(name: &str, content: &[u8]) -> String {
    let path = scratch(name);
    std::fs::write(&path, content).expect("the scratch folder is writable");
    path.display().to_string()
}

fn json(output: &Output) -> Value {
    let out = text(&output.stdout);
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}\n{}", text(&output.stderr)))
}

/// A number or a list of numbers.
fn numbers(value: &Value) -> Vec<f64> {
    let number = |v: &Value| v.as_f64().unwrap_or_else(|| panic!("{v} is no number"));
    value.as_array().map_or_else(|| vec![number(value)], |list| list.iter().map(number).collect())
}

/// The promise: coefficients within 1e-4, relative, of what other solvers find, and zero where theirs are.
#[test]
fn fits_agree_with_other_solvers() {
    let golden = std::fs::read_to_string("assets/golden/fit.json").expect("the golden file is there");
    let golden: Value = serde_json::from_str(&golden).expect("the golden file is JSON");
    for case in golden.as_array().expect("a list") {
        let args: Vec<&str> = case["args"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let output = run(&[&["fit", "--json"], args.as_slice()].concat());
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        let got = json(&output);
        assert_eq!(got["verified"]["passed"], true, "{args:?}: {}", got["verified"]);
        let solver = &case["solver"];
        for (name, want) in case["coefficients"].as_object().expect("by name") {
            for (got, want) in numbers(&got["coefficients"][name]).iter().zip(numbers(want)) {
                assert_eq!(*got == 0.0, want == 0.0, "{args:?} {name}: {got}, {solver} has {want}");
                assert!((got - want).abs() <= 1e-4 * want.abs(), "{args:?} {name}: {got}, {solver} has {want}");
            }
        }
        // an intercept is a difference of the mean of the response and of terms that may be far larger
        for (got, want) in numbers(&got["intercept"]).iter().zip(numbers(&case["intercept"])) {
            assert!((got - want).abs() <= 1e-4 * want.abs().max(1.0), "{args:?} intercept: {got}, {solver} has {want}");
        }
    }
}

#[test]
fn json_has_exactly_the_documented_fields() {
    let output = run(&["fit", "diabetes", "--penalty", "lasso(l1=1)", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    let places: Vec<usize> = [
        "adapter",
        "model",
        "penalty",
        "objective",
        "intercept",
        "coefficients",
        "nonzero",
        "iterations",
        "optimality",
        "polished",
        "verified",
        "max_abs_error",
        "bound",
        "passed",
    ]
    .iter()
    .map(|field| out.find(&format!("\"{field}\":")).unwrap_or_else(|| panic!("{field} is missing in {out}")))
    .collect();
    assert!(places.is_sorted(), "{out}");
    let value = json(&output);
    assert_eq!(value.as_object().map(serde_json::Map::len), Some(11));
    assert_eq!(value["verified"].as_object().map(serde_json::Map::len), Some(3));
    assert_eq!(value["coefficients"].as_object().map(serde_json::Map::len), Some(10));
    assert!(value["verified"]["max_abs_error"].as_f64() <= value["verified"]["bound"].as_f64());
}

/// The first thing a newcomer types.
#[test]
fn without_arguments_there_is_a_table_a_verdict_and_a_picture() {
    let folder = scratch("first");
    std::fs::create_dir_all(&folder).expect("the scratch folder is writable");
    let output =
        Command::new(env!("CARGO_BIN_EXE_ridgepoint")).arg("fit").current_dir(&folder).output().expect("starts");
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}{}", text(&output.stderr));
    assert!(out.contains("bmi") && out.contains("(intercept)"), "{out}");
    assert!(out.lines().any(|l| l.starts_with("verified") && l.ends_with("passed")), "{out}");
    let svg = std::fs::read_to_string(folder.join("out/path.svg")).expect("the picture");
    assert!(svg.starts_with("<svg") && svg.contains("bmi") && svg.contains("chosen"));
    let fit = std::fs::read_to_string(folder.join("out/fit.json")).expect("the numbers");
    let fit: Value = serde_json::from_str(&fit).expect("JSON");
    let table = std::fs::read_to_string(folder.join("out/coefficients.csv")).expect("the table");
    let bmi = table.lines().find_map(|l| l.strip_prefix("bmi,")).and_then(|v| v.parse::<f64>().ok());
    assert_eq!(bmi, fit["coefficients"]["bmi"].as_f64());
}

#[test]
fn bad_input_is_one_sentence_with_its_place() {
    let data = |name: &str, content: &str| file(name, content.as_bytes());
    let good = data("good.csv", "a,b,c,d,target\n1,2,3,4,1\n2,1,0,1,3\n5,1,1,0,2\n3,3,1,2,4\n0,1,2,1,1\n");
    let missing = scratch("no_such_file.csv").display().to_string();
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&[&missing], 1, &["no_such_file.csv", "packaged sets: diabetes"]),
        (&[&data("empty.csv", "")], 1, &["empty.csv", "the file is empty"]),
        (&[&data("one.csv", "a,target\n1,2\n")], 1, &["one.csv", "one row"]),
        (&[&data("ragged.csv", "a,b,target\n1,2,3\n1,2\n1,2,3\n")], 1, &["ragged.csv:3", "2 cells"]),
        (&[&data("text.csv", "a,b,target\n1,2,3\n1,red,3\n")], 1, &["text.csv:3, column `b`", "`red` is not a number"]),
        (&[&data("nan.csv", "a,b,target\n1,2,3\nNaN,1,3\n")], 1, &["nan.csv:3, column `a`", "NaN"]),
        (&[&data("inf.csv", "a,b,target\n1,inf,3\n2,1,3\n")], 1, &["inf.csv:2, column `b`", "inf"]),
        (&[&data("twice.csv", "a,a,target\n1,2,3\n2,1,3\n")], 1, &["twice.csv:1", "both named `a`"]),
        (&[&file("latin.csv", b"a,target\n1,2\n\xe9,3\n")], 1, &["latin.csv:3", "not UTF-8"]),
        (&[&good, "--target", "price"], 1, &["good.csv:1", "no column `price`", "`a`, `b`"]),
        (&[&good, "--model", "logistic"], 1, &["column `target`", "4 classes", "softmax"]),
        (
            &[&data("half.csv", "a,target\n1,0.5\n2,1\n"), "--model", "softmax"],
            1,
            &["half.csv:2", "0.5 is not a whole"],
        ),
        (&[&good, "--penalty", "lassoo(l1=1)"], 2, &["column 1", "lassoo", "elastic-net"]),
        (&[&good, "--penalty", "mcp(gama=3)"], 2, &["column 5", "gama", "lambda, gamma"]),
        (&[&good, "--penalty", "lasso(l1=-1)"], 2, &["l1 = -1", ">= 0"]),
        (&[&good, "--penalty", "group-lasso(lambda=1,groups=0-1|1-3)"], 2, &["index 1 is in group 0 and in group 1"]),
        (&[&good, "--penalty", "group-lasso(lambda=1,groups=0-1|3)"], 2, &["index 2 is in no group"]),
        (&[&good, "--penalty", "group-lasso(lambda=1,groups=0-1|2)"], 1, &["cover 3 coefficients", "4 features"]),
        (&[&good, "--penalty", "group-lasso(lambda=1,groups=0-9)"], 1, &["cover 10 coefficients", "4 features"]),
        (&[&good, "--adapter", "no such adapter"], 1, &["no adapter matches", "no such adapter", "found"]),
        (&[&good, "--penalty", "non-negative", "--path", "5"], 1, &["no strength"]),
        (&[&good, "--out", &good], 1, &["good.csv", "cannot be written"]),
    ];
    for (args, code, parts) in cases {
        let output = run(&[&["fit"], *args].concat());
        let said = complaints(&output);
        assert_eq!(output.status.code(), Some(*code), "{args:?}: {said:?}");
        assert_eq!(said.len(), 1, "{args:?}: {said:?}");
        assert!(parts.iter().all(|part| said[0].contains(part)), "{args:?}: {} lacks one of {parts:?}", said[0]);
        assert!(said[0].contains("; "), "{args:?}: {} has no remedy", said[0]);
    }
}

/// Values that clap refuses before anything runs.
#[test]
fn bad_arguments_are_usage_errors() {
    for args in [
        &["fit", "--tol", "0"][..],
        &["fit", "--tol", "nan"],
        &["fit", "--max-iter", "0"],
        &["fit", "--path", "1"],
        &["fit", "--model", "cubic"],
        &["penalties", "nothing"],
        &["unknown"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
        assert!(!text(&output.stderr).contains("panicked"), "{args:?}");
    }
}

#[test]
fn constant_columns_have_coefficient_zero() {
    let data = file("constant.csv", b"a,flat,target\n1,7,1\n2,7,3\n5,7,2\n3,7,4\n0,7,1\n");
    for flags in [&[][..], &["--standardize"]] {
        for spec in ["lasso(l1=0.01)", "ridge(l2=0.01)", "none"] {
            let output = run(&[&["fit", &data, "--json", "--penalty", spec], flags].concat());
            assert!(output.status.success(), "{spec} {flags:?}: {}", text(&output.stderr));
            assert_eq!(json(&output)["coefficients"]["flat"], 0.0, "{spec} {flags:?}");
        }
    }
}

#[test]
fn an_unreached_tolerance_is_no_success() {
    let output = run(&["fit", "diabetes", "--penalty", "lasso(l1=0.001)", "--max-iter", "1", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaints(&output)[0].contains("raise --max-iter or --tol"), "{:?}", complaints(&output));
    assert!(json(&output)["optimality"].as_f64().is_some_and(|o| o > 1e-10));
    // more than f64 can give is as good as it gets
    let output = run(&["fit", "diabetes", "--penalty", "lasso(l1=0.001)", "--tol", "1e-300", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(json(&output)["optimality"].as_f64().is_some_and(|o| o < 1e-12));
}

#[test]
fn the_catalogue_and_the_adapters_are_listed() {
    for entry in json(&run(&["penalties", "--json"])).as_array().expect("a list") {
        let name = entry["name"].as_str().expect("a name");
        let shown = text(&run(&["penalties", name]).stdout);
        assert!(shown.contains(entry["formula"].as_str().expect("a formula")), "{name}: {shown}");
    }
    let adapters = json(&run(&["adapters", "--json"]));
    assert!(adapters.as_array().is_some_and(|a| a.iter().any(|a| a["passed"] == true)), "{adapters}");
}

#[test]
fn every_command_has_help_with_examples() {
    for command in ["fit", "adapters", "check", "penalties"] {
        let output = run(&[command, "--help"]);
        assert!(output.status.success() && text(&output.stdout).contains("Examples:"), "{command}");
    }
}
