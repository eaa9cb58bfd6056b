//! Lists, splits and checks the shaders, so that the crate need not do it at run time and a mistake stops the build.
//!
//! - `shaders.rs`: the text of every frame and kernel, and `shaders/lib` split into declarations with their references.
//! - `penalty_list.rs`: every `src/penalty/<name>.rs` that has a `PENALTY`, paired with `shaders/penalty/<name>.wgsl`.
//! - Every shader, linked, is parsed and validated by naga.

#![expect(clippy::disallowed_methods, reason = "a build script is driven by its environment and ends with a code")]

#[path = "kernel/library/scan.rs"]
mod scan;

use naga::valid::Capabilities;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One file: its name without extension, its place relative to the package, its text.
struct File {
    name: String,
    place: String,
    text: String,
}

fn main() {
    if let Err(error) = build() {
        // The text of a failing build script is shown with `error:` and keeps its line breaks.
        eprintln!("\nerror: {error}\n");
        std::process::exit(1);
    }
}

fn build() -> Outcome<()> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let [lib, frames, kernels, penalties] =
        ["lib", "frame", "kernel", "penalty"].map(|folder| files(&root, &format!("shaders/{folder}"), "wgsl"));
    let (lib, frames, kernels, penalties) = (lib?, frames?, kernels?, penalties?);

    let bare: Vec<String> = lib.iter().map(|f| scan::without_comments(&f.text)).collect();
    let declared: Vec<(&str, &str)> = bare.iter().flat_map(|text| scan::declarations(text)).collect();
    let uses: Vec<Vec<usize>> = declared.iter().map(|&(name, text)| references(name, text, &declared)).collect();
    let items: Vec<scan::Item<'_>> =
        declared.iter().zip(&uses).map(|(&(name, text), uses)| scan::Item { name, text, uses }).collect();
    if let Some((name, _)) =
        declared.iter().enumerate().find(|(i, d)| declared[..*i].iter().any(|e| e.0 == d.0)).map(|x| x.1)
    {
        return Err(format!("`{name}` is declared twice in shaders/lib").into());
    }
    for file in lib.iter().chain(&frames).chain(&kernels).chain(&penalties) {
        validate(file, &scan::link(&file.text, &items))?;
    }

    let mut text = String::from("/// The declarations of `shaders/lib`.\nstatic LIB: &[Item<'static>] = &[\n");
    for item in &items {
        writeln!(text, "    Item {{ name: {:?}, text: {:?}, uses: &{:?} }},", item.name, item.text, item.uses)?;
    }
    text.push_str("];\n");
    for (list, files) in [("FRAMES", &frames), ("KERNELS", &kernels)] {
        writeln!(text, "/// Name and text.\nstatic {list}: &[(&str, &str)] = &[")?;
        for file in files {
            writeln!(text, "    ({:?}, {}),", file.name, include(file))?;
        }
        text.push_str("];\n");
    }
    fs::write(out.join("shaders.rs"), text)?;
    fs::write(out.join("penalty_list.rs"), penalty_list(&root, &penalties)?)?;
    Ok(())
}

/// The files of a folder with the given extension, sorted by name; a folder that is missing is empty.
fn files(root: &Path, folder: &str, extension: &str) -> Outcome<Vec<File>> {
    println!("cargo::rerun-if-changed={folder}");
    let mut found = Vec::new();
    if root.join(folder).is_dir() {
        for entry in fs::read_dir(root.join(folder))? {
            let path = entry?.path();
            let name = path.file_stem().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
            if path.extension().is_some_and(|e| e == extension) {
                let place = format!("{folder}/{name}.{extension}");
                println!("cargo::rerun-if-changed={place}");
                found.push(File { name, text: fs::read_to_string(&path)?, place });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn references(own: &str, text: &str, declared: &[(&str, &str)]) -> Vec<usize> {
    let words = scan::identifiers(text);
    let named = |name: &str| name != own && words.contains(&name);
    declared.iter().enumerate().filter(|(_, d)| named(d.0)).map(|(ix, _)| ix).collect()
}

fn include(file: &File) -> String {
    format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?}))", format!("/{}", file.place))
}

/// Parses and validates; `linked` has the lines of the file first, so a place in it is a place in the file.
fn validate(file: &File, linked: &str) -> Outcome<()> {
    let module = naga::front::wgsl::parse_str(linked).map_err(|e| e.emit_to_string_with_path(linked, &file.place))?;
    let allowed = Capabilities::SUBGROUP | Capabilities::SHADER_FLOAT16 | Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    naga::valid::Validator::new(naga::valid::ValidationFlags::all(), allowed)
        .validate(&module)
        .map_err(|e| e.emit_to_string_with_path(linked, &file.place))?;
    Ok(())
}

/// Module declarations of the penalties and `LIST`, in the order of their names; `src/penalty/mod.rs` includes it.
fn penalty_list(root: &Path, shaders: &[File]) -> Outcome<String> {
    let mut sources = files(root, "src/penalty", "rs")?;
    sources.retain(|f| f.text.contains("pub const PENALTY:") || f.text.contains("pub static PENALTY:"));
    let odd = |these: &[File], those: &[File], missing: &str| -> Outcome<()> {
        match these.iter().find(|f| those.iter().all(|g| g.name != f.name)) {
            None => Ok(()),
            Some(odd) => {
                let missing = missing.replace("NAME", &odd.name);
                Err(format!("{} has no {missing}: a penalty is two files of one name", odd.place).into())
            }
        }
    };
    odd(&sources, shaders, "shaders/penalty/NAME.wgsl")?;
    odd(shaders, &sources, "src/penalty/NAME.rs with a `pub const PENALTY`")?;
    let mut text = String::new();
    for file in &sources {
        let path = root.join(&file.place);
        writeln!(text, "#[path = {:?}]\npub mod {};", path.to_string_lossy(), file.name)?;
    }
    text.push_str(
        "/// Every penalty with its WGSL, sorted by name.\npub(crate) static LIST: &[(&Penalty, &str)] = &[\n",
    );
    for (file, shader) in sources.iter().zip(shaders) {
        writeln!(text, "    (&{}::PENALTY, {}),", file.name, include(shader))?;
    }
    text.push_str("];\n");
    Ok(text)
}
