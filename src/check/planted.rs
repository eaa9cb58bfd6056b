//! Whether the checks would notice: wrong constants, planted one at a time into every file of `shaders/`.
//!
//! `cargo test --release --lib planted -- --ignored --nocapture` (an hour): each number of the library is changed in the text
//! that kernels are linked from, and the cases whose kernels contain that line are judged until one fails.
//! `PLANTED=special_exp` restricts it to the files whose path contains the text.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that is run by hand, and says what it found"
)]

use super::{cases, judge, laws};
use crate::kernel::library::planted::{Plant, collect, plant};
use crate::run::{Device, Kernels, Options};
use std::collections::BTreeMap;
use std::path::Path;

/// One change of one number.
struct Change {
    file: String,
    line: usize,
    from: String,
    to: String,
}

/// The files of `shaders/`, by their path.
fn files(folder: &Path, out: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).expect("shaders/").flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, out);
        } else {
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("a part").display().to_string();
            out.push((name, std::fs::read_to_string(&path).expect("readable")));
        }
    }
}

/// A number in a line, changed enough to matter: bits without their highest one, the next integer, an eighth more of anything
/// else.
fn wrong(number: &str) -> Option<String> {
    let digits = number.trim_end_matches(['u', 'i', 'f']);
    let suffix = &number[digits.len()..];
    if let Some(hex) = number.strip_prefix("0x") {
        let digits = hex.trim_end_matches(['u', 'i']);
        let value = u32::from_str_radix(digits, 16).ok()?;
        return Some(format!("0x{:x}{}", value ^ (1 << (value | 1).ilog2()), &hex[digits.len()..]));
    }
    if digits.contains(['.', 'e']) {
        let value: f64 = digits.parse().ok()?;
        let value = if value == 0.0 { 0.125 } else { value * 1.125 };
        return Some(format!("{value:?}{suffix}"));
    }
    let value: i64 = digits.parse().ok()?;
    Some(format!("{}{suffix}", value + 1))
}

/// Every change of every number in the code of a file, outside the regions that generated code replaces.
fn changes(file: &str, text: &str) -> Vec<Change> {
    let mut out = Vec::new();
    let mut in_slot = false;
    for (ix, line) in text.lines().enumerate() {
        let mark = line.trim();
        in_slot = (in_slot || mark.starts_with("//!slot")) && mark != "//!end";
        // defaults are overridden, and bindings are no arithmetic
        let declares = ["override", "@group", "@compute", "@workgroup_size"].iter().any(|w| mark.starts_with(w));
        if in_slot || declares {
            continue;
        }
        let code = line.split("//").next().unwrap_or_default();
        let bytes = code.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
            if !word(bytes[at]) {
                at += 1;
                continue;
            }
            let mut end = at;
            while end < bytes.len()
                && (word(bytes[end]) || (matches!(bytes[end], b'-' | b'+') && matches!(bytes[end - 1], b'e')))
            {
                end += 1;
            }
            if bytes[at].is_ascii_digit()
                && let Some(other) = wrong(&code[at..end])
            {
                let to = format!("{}{other}{}", &line[..at], &line[end..]);
                out.push(Change { file: file.to_owned(), line: ix + 1, from: line.to_owned(), to });
            }
            at = end;
        }
    }
    out
}

fn device(kernels: Kernels) -> Device {
    Device::open_blocking(Options { kernels, ..Options::default() }).expect("an adapter")
}

const FORMS: [Kernels; 2] = [Kernels::Processor, Kernels::Graphics];

#[test]
#[ignore = "an hour; see the module"]
fn a_wrong_constant_in_any_shader_is_found() {
    let only = std::env::var("PLANTED").unwrap_or_default();
    let cases = cases::all();
    let laws = laws::all();
    // which texts each try is made of
    let mut tries = Vec::new();
    for form in FORMS {
        let device = device(form);
        for (case_ix, case) in cases.iter().enumerate() {
            for variant_ix in 0..case.variants.len() {
                let run = || pollster::block_on(judge::judge(&device, case, &case.variants[variant_ix], 0));
                let (outcomes, texts) = collect(run);
                assert!(outcomes.iter().all(|o| o.passed), "{} fails without a change", case.name);
                tries.push((form, case_ix, Some(variant_ix), texts));
            }
        }
        for (law_ix, law) in laws.iter().enumerate() {
            let (outcome, texts) = collect(|| pollster::block_on(law.judge(&device, 0)));
            assert!(outcome.passed, "{} fails without a change", law.name);
            tries.push((form, law_ix, None, texts));
        }
    }
    let mut shaders = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders"), &mut shaders);
    let mut found: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for (file, text) in shaders.iter().filter(|(f, _)| f.contains(&only)) {
        for change in changes(file, text) {
            let caught = tries.iter().filter(|t| t.3.iter().any(|x| x.lines().any(|l| l == change.from))).any(|t| {
                let device = device(t.0);
                plant(Plant { from: change.from.clone(), to: change.to.clone() }, || match t.2 {
                    Some(v) => {
                        let case = &cases[t.1];
                        let outcomes = pollster::block_on(judge::judge(&device, case, &case.variants[v], 0));
                        outcomes.iter().any(|o| !o.passed)
                    }
                    None => !pollster::block_on(laws[t.1].judge(&device, 0)).passed,
                })
            });
            let counts = found.entry(change.file.clone()).or_default();
            counts[usize::from(!caught)] += 1;
            if !caught {
                println!("{}:{}: not noticed: {}", change.file, change.line, change.to.trim());
            }
        }
        println!("{file}: {:?} noticed, not noticed", found.get(file).copied().unwrap_or_default());
    }
    let blind: Vec<_> = found.iter().filter(|(_, c)| c[0] == 0).map(|(f, _)| f).collect();
    assert!(blind.is_empty(), "no wrong constant was noticed in {blind:?}");
}
