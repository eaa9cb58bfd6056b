//! Every number of a shader, and a wrong one in its place.

use crate::kernel::library::planted::{Plant, lines};
use std::path::Path;

/// One change of one number.
pub(super) struct Change {
    pub line: usize,
    pub plant: Plant,
}

/// The files of `shaders/`, by their path.
pub(super) fn files(folder: &Path, out: &mut Vec<(String, String)>) {
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

/// A number, changed enough to matter: bits without their highest one, the next integer, an eighth more of anything else.
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

/// The line with each of its numbers changed, one at a time.
fn changed(line: &str) -> Vec<String> {
    let bytes = line.as_bytes();
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let mut end = at;
        while end < bytes.len()
            && (word(bytes[end]) || (end > at && matches!(bytes[end], b'-' | b'+') && bytes[end - 1] == b'e'))
        {
            end += 1;
        }
        if bytes[at].is_ascii_digit()
            && let Some(other) = wrong(&line[at..end])
        {
            out.push(format!("{}{other}{}", &line[..at], &line[end..]));
        }
        at = end.max(at + 1);
    }
    out
}

/// Every change of every number in the code of a file, outside the regions that generated code replaces.
pub(super) fn changes(text: &str) -> Vec<Change> {
    let mut in_slot = false;
    // slots lie within declarations or around them: what is left of each declaration
    let kept: Vec<bool> = text
        .lines()
        .map(|line| {
            let mark = line.trim();
            let before = in_slot;
            in_slot = (before || mark.starts_with("//!slot")) && mark != "//!end";
            !before && !in_slot
        })
        .collect();
    let all = lines(text);
    let mut out = Vec::new();
    for (ix, (name, line)) in all.iter().enumerate().filter(|(ix, _)| kept[*ix]) {
        // defaults are overridden, and bindings are no arithmetic
        if ["override", "@group", "@compute", "@workgroup_size"].iter().any(|w| line.starts_with(w)) {
            continue;
        }
        // room for more elements changes nothing
        if line.starts_with("var") && line.contains(": array<") && line.ends_with(">;") {
            continue;
        }
        let own = |until: usize| (0..until).filter(|&i| kept[i] && all[i].0 == *name).map(|i| all[i].1.clone());
        for to in changed(line) {
            let plant = Plant {
                name: name.clone(),
                lines: own(all.len()).filter(|l| !l.is_empty()).collect(),
                from: line.clone(),
                nth: own(ix).filter(|l| l == line).count(),
                to,
            };
            out.push(Change { line: ix + 1, plant });
        }
    }
    out
}

#[test]
fn every_number_is_changed_once() {
    let text = "const A = 1.0; // 2\nfn f(x: f32) -> f32 {\n    return x * 1e-3 + 0xffu;\n}\n//!slot s\nconst B = 3;\n//!end\n";
    let found: Vec<_> = changes(text).into_iter().map(|c| (c.line, c.plant.name, c.plant.to)).collect();
    let row = |line, name: &str, to: &str| (line, name.to_owned(), to.to_owned());
    assert_eq!(
        found,
        [
            row(1, "A", "const A = 1.125;"),
            row(3, "f", "return x * 0.0011250000000000001 + 0xffu;"),
            row(3, "f", "return x * 1e-3 + 0x7fu;"),
        ]
    );
}
