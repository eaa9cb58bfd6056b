//! The order of the layers, and other rules of the house that a machine can check: who imports whom, who names wgpu, how
//! long files get.
//!
//! The source is read as text without comments, literals and test code: documentation may link upwards, and a unit test
//! may use whatever is above the module it tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom: modules see the lines below their own, and nothing of their own line.
const LAYERS: &[&[&str]] = &[
    &["error", "dtype", "shape", "lint"],
    &["graph"],
    &["kernel", "reference", "cpu"],
    &["pass"],
    &["run"],
    &["tensor"],
    // More methods of `Tensor` and `Device`.
    &["leaf", "autograd", "verify", "capture"],
    &["ops"],
    &["linear"],
    &["penalty"],
    // Proximal steps take a penalty.
    &["optim"],
    &["solver"],
    &["check", "fit", "bench"],
    &["shader_test"],
    &["recipes"],
];

/// Where wgpu may be named: the two executors, the methods that take a host's wgpu objects, the re-export, and what runs
/// shaders as they are, a user's or those that measure an adapter.
const NAMES_WGPU: &[&str] = &["run", "cpu", "leaf", "capture", "lib", "shader_test", "bench"];

/// The limit of STYLE: no file is longer.
const MAX_LINES: usize = 800;

#[test]
fn modules_import_downwards_only() {
    let aliases = root_exports();
    let level = |module: &str| LAYERS.iter().position(|line| line.contains(&module));
    let mut faults = Vec::new();
    for (path, text) in library() {
        let own = module_of(&path);
        if own == "lib" {
            continue;
        }
        let Some(own_level) = level(&own) else {
            faults.push(format!("{}: module `{own}` has no place in LAYERS", path.display()));
            continue;
        };
        for name in imports(&text) {
            let target = aliases.get(&name).unwrap_or(&name);
            // The re-exported crate has a test of its own.
            let fine = *target == own || target == "wgpu" || level(target).is_some_and(|l| l < own_level);
            if !fine {
                faults.push(format!("{}: `{own}` must not see `{target}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn wgpu_is_named_by_executors_only() {
    let named: Vec<_> = library()
        .into_iter()
        .filter(|(path, text)| !NAMES_WGPU.contains(&module_of(path).as_str()) && words(text).any(|w| w == "wgpu"))
        .map(|(path, _)| path)
        .collect();
    assert!(named.is_empty(), "wgpu is named in {named:?}");
}

#[test]
fn the_library_reads_no_environment_and_has_no_mutable_globals() {
    let faults: Vec<_> = library()
        .into_iter()
        .filter(|(_, text)| text.contains("env::var") || text.contains("env::args") || text.contains("static mut"))
        .map(|(path, _)| path)
        .collect();
    assert!(faults.is_empty(), "environment or mutable globals in {faults:?}");
}

#[test]
fn nothing_is_left_unfinished_and_no_file_is_too_long() {
    let mut faults = Vec::new();
    for folder in ["src", "shaders", "tests", "benches"] {
        for path in files(&root().join(folder), &["rs", "wgsl"]) {
            let raw = fs::read_to_string(&path).unwrap();
            let lines = raw.lines().count();
            if lines > MAX_LINES {
                faults.push(format!("{}: {lines} lines, at most {MAX_LINES}", path.display()));
            }
            let code = bare(&raw);
            for unfinished in ["todo!", "unimplemented!", "allow(dead_code"] {
                if code.contains(unfinished) {
                    faults.push(format!("{}: {unfinished}", path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the library without their tests, with bare code.
fn library() -> Vec<(PathBuf, String)> {
    let src = root().join("src");
    let mut all: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut tests = BTreeSet::new();
    for path in files(&src, &["rs"]) {
        let (text, modules) = without_tests(&bare(&fs::read_to_string(&path).unwrap()));
        let folder = match path.file_name().and_then(|n| n.to_str()) {
            Some("mod.rs" | "lib.rs") => path.parent().unwrap().to_path_buf(),
            _ => path.with_extension(""),
        };
        tests.extend(modules.iter().map(|m| folder.join(format!("{m}.rs"))));
        all.insert(path, text);
    }
    let binary = |path: &Path| {
        let inside = path.strip_prefix(&src).unwrap();
        inside.starts_with("cli") || inside == Path::new("main.rs") || inside == Path::new("build.rs")
    };
    all.into_iter().filter(|(path, _)| !tests.contains(path) && !binary(path)).collect()
}

fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
            found.push(path);
        }
    }
    found
}

/// The top-level module a file belongs to.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_string()
}

/// What the root of the crate re-exports, and the module each name comes from.
fn root_exports() -> BTreeMap<String, String> {
    let text = bare(&fs::read_to_string(root().join("src/lib.rs")).unwrap());
    let mut exports = BTreeMap::new();
    for item in text.split("pub use ").skip(1) {
        let item = item.split(';').next().unwrap();
        let module = words(item).next().unwrap();
        exports.extend(words(item).skip(1).map(|name| (name.to_string(), module.to_string())));
    }
    exports
}

/// The names that stand directly behind `crate::`, also in braces.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.extend(words(rest).next().map(String::from));
            continue;
        };
        let (mut depth, mut first) = (0, true);
        let mut name = String::new();
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    found.insert(std::mem::take(&mut name));
                    first = true;
                }
                c if first && depth == 0 && (c.is_alphanumeric() || c == '_') => name.push(c),
                c if !c.is_whitespace() => first = false,
                _ => {}
            }
        }
        found.insert(name);
    }
    found.remove("");
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty())
}

/// Without comments and the insides of literals.
fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let raw = (c == 'r' && !out.ends_with(|p: char| p.is_alphanumeric() || p == '_')).then(|| {
            let hashes = rest[1..].chars().take_while(|&h| h == '#').count();
            rest[1 + hashes..].starts_with('"').then_some(hashes)
        });
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if let Some(Some(hashes)) = raw {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = 2 + hashes;
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if c == '"' {
            quoted(rest, '"')
        } else if c == '\'' && (rest[1..].starts_with('\\') || rest[1..].chars().nth(1) == Some('\'')) {
            quoted(rest, '\'')
        } else {
            out.push(c);
            c.len_utf8()
        };
        rest = &rest[skipped..];
    }
    out
}

/// The length of a literal, both quotes included.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// Bare code without its `#[cfg(test)]` items, and the names of modules among these that live in files of their own.
fn without_tests(text: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut out, mut modules, mut rest) = (String::new(), Vec::new(), text);
    while let Some(at) = rest.find(MARK) {
        out.push_str(&rest[..at]);
        let item = &rest[at + MARK.len()..];
        let end = item.find([';', '{']).unwrap_or(item.len());
        let head: Vec<&str> = words(&item[..end]).collect();
        let mut length = end + 1;
        if item[end..].starts_with('{') {
            let mut depth = 0;
            for (i, c) in item[end..].char_indices() {
                depth += i32::from(c == '{') - i32::from(c == '}');
                if depth == 0 {
                    length = end + i + 1;
                    break;
                }
            }
        } else if let Some(at) = head.iter().position(|w| *w == "mod") {
            modules.extend(head.get(at + 1).map(ToString::to_string));
        }
        rest = &item[length.min(item.len())..];
    }
    out.push_str(rest);
    (out, modules)
}

#[test]
fn the_reader_of_imports_reads() {
    let text = r##"
        //! [`crate::run`]
        use crate::{Tensor, graph::{Node, op::Op}, pass};
        /* crate::cli */
        fn f() -> crate::error::Result<char> { g("crate::ops", '"', r#"crate::fit"#); crate::kernel::h('\'') }
        #[cfg(test)]
        mod tests { use crate::check::x; fn inner() { {} } }
        #[cfg(test)]
        mod cases;
        pub(crate) use crate::shape;
    "##;
    let (code, modules) = without_tests(&bare(text));
    let want = ["Tensor", "error", "graph", "kernel", "pass", "shape"];
    assert_eq!(imports(&code).into_iter().collect::<Vec<_>>(), want);
    assert_eq!(modules, ["cases"]);
}
