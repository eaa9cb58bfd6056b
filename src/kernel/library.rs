//! The shader library: the text of `shaders/`, slots filled, references linked.
//!
//! A kernel's text names what it needs of `shaders/lib` simply by using it; [`link`] appends those declarations, and
//! theirs, and nothing else, so a generated kernel stays short enough to read. `build.rs` has split the library into
//! declarations and has parsed and validated every file, so none of this can fail on text that ships with the crate.

mod scan;

use scan::Item;

include!(concat!(env!("OUT_DIR"), "/shaders.rs"));

/// The skeleton `shaders/frame/<name>.wgsl`.
#[must_use]
pub fn frame(name: &str) -> &'static str {
    named("frame", FRAMES, name)
}

/// The hand-written kernel `shaders/kernel/<name>.wgsl`.
#[must_use]
pub fn kernel(name: &str) -> &'static str {
    named("kernel", KERNELS, name)
}

/// The names in `shaders/kernel`, sorted.
pub fn kernels() -> impl Iterator<Item = &'static str> {
    KERNELS.iter().map(|(name, _)| *name)
}

fn named(folder: &str, table: &[(&str, &'static str)], name: &str) -> &'static str {
    let found = table.iter().find(|(n, _)| *n == name);
    found.unwrap_or_else(|| panic!("bug: no shaders/{folder}/{name}.wgsl")).1
}

/// The text with each region between a line `//!slot NAME` and the next line `//!end` replaced by the text given for
/// that name; a region that is not given keeps its default body.
///
/// # Panics
/// If the text has no slot of a given name: the frame and the emitter disagree, which is a bug.
#[must_use]
pub fn fill(text: &str, slots: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut used = vec![false; slots.len()];
    let mut skipping = false;
    for line in text.lines() {
        let mark = line.trim();
        if let Some(name) = mark.strip_prefix("//!slot ") {
            if let Some(ix) = slots.iter().position(|(n, _)| *n == name.trim()) {
                used[ix] = true;
                skipping = true;
                out.push_str(slots[ix].1);
                out.push('\n');
            }
        } else if mark == "//!end" {
            skipping = false;
        } else if !skipping {
            out.push_str(line);
            out.push('\n');
        }
    }
    if let Some(ix) = used.iter().position(|u| !u) {
        panic!("bug: no slot {} in\n{text}", slots[ix].0);
    }
    out
}

/// The text followed by the declarations of `shaders/lib` it refers to, directly or through others, in the order of
/// the library. A name that the text declares itself is taken from the text. Lines that start with `//!` are emptied.
#[must_use]
pub fn link(body: &str) -> String {
    let text = scan::link(body, LIB);
    #[cfg(test)]
    let text = planted::through(text);
    text
}

/// Changes to the linked text, for tests of the checks themselves.
#[cfg(test)]
pub(crate) mod planted {
    use super::scan;
    use std::cell::RefCell;

    /// A line of a declaration, and what stands in its place.
    pub(crate) struct Plant {
        /// The name that is declared.
        pub name: String,
        /// The lines of the declaration that no slot replaces, as [`lines`] gives them: other declarations of the name,
        /// like another kernel's `main`, do not have them all.
        pub lines: Vec<String>,
        /// The line, and which of those that are equal.
        pub from: String,
        pub nth: usize,
        pub to: String,
    }

    thread_local! {
        static PLANT: RefCell<Option<Plant>> = const { RefCell::new(None) };
        static TEXTS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
    }

    /// The lines of a text without comments and indentation, each with the name of the declaration it is part of.
    pub(crate) fn lines(text: &str) -> Vec<(String, String)> {
        let bare = scan::without_comments(text);
        let declarations = scan::declarations(&bare);
        let start = |part: &str| part.as_ptr() as usize - bare.as_ptr() as usize;
        let mut out = Vec::new();
        for line in bare.split_inclusive('\n') {
            let at = start(line) + line.len() - line.trim_start().len();
            let of = declarations.iter().find(|(_, d)| (start(d)..start(d) + d.len()).contains(&at));
            out.push((of.map(|(name, _)| (*name).to_owned()).unwrap_or_default(), line.trim().to_owned()));
        }
        out
    }

    impl Plant {
        /// Which of the lines of a declaration of the name is changed; `None` if it is another one of this name.
        pub(crate) fn place<'a>(&self, lines: impl Iterator<Item = &'a str> + Clone) -> Option<usize> {
            let same = self.lines.iter().all(|line| lines.clone().any(|other| other == line));
            let mut equal = lines.enumerate().filter(|(_, line)| *line == self.from);
            equal.nth(self.nth).filter(|_| same).map(|(ix, _)| ix)
        }

        fn into(&self, text: &str) -> Option<String> {
            let mut lines = lines(text);
            let own: Vec<usize> = (0..lines.len()).filter(|&ix| lines[ix].0 == self.name).collect();
            let place = self.place(own.iter().map(|&ix| lines[ix].1.as_str()))?;
            lines[own[place]].1.clone_from(&self.to);
            Some(lines.into_iter().flat_map(|(_, line)| [line, "\n".to_owned()]).collect())
        }
    }

    pub(super) fn through(text: String) -> String {
        TEXTS.with_borrow_mut(|texts| texts.iter_mut().for_each(|t| t.push(text.clone())));
        let plant = |plant: &Option<Plant>| plant.as_ref().filter(|p| text.contains(&p.from))?.into(&text);
        PLANT.with_borrow(plant).unwrap_or(text)
    }

    /// Runs `f` with a change in every text that has the declaration.
    pub(crate) fn plant<T>(plant: Plant, f: impl FnOnce() -> T) -> (T, Plant) {
        PLANT.set(Some(plant));
        let result = f();
        (result, PLANT.take().expect("put there above"))
    }

    /// Runs `f`; what it linked.
    pub(crate) fn collect<T>(f: impl FnOnce() -> T) -> (T, Vec<String>) {
        TEXTS.set(Some(Vec::new()));
        let result = f();
        (result, TEXTS.take().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_replaced_and_defaults_kept() {
        let text = "a\n  //!slot one\n  x\n  //!end\nb\n//!slot two\ny\n//!end\n";
        assert_eq!(fill(text, &[("one", "1\n2")]), "a\n1\n2\nb\ny\n");
        assert_eq!(fill(text, &[]), "a\n  x\nb\ny\n");
    }

    #[test]
    #[should_panic(expected = "bug: no slot three")]
    fn an_unknown_slot_is_a_bug() {
        let _text = fill("//!slot one\n//!end\n", &[("three", "")]);
    }

    #[test]
    fn declarations_are_split() {
        let text = "@compute @workgroup_size(64, 1)\nfn main(a: u32) -> f32 { if (a > 1u) { return 1.0; } return f(a); }\n\
                    const C: array<u32, 2> = array<u32, 2>(1u, 2u);\nstruct S { a: u32, }\nalias V = vec4<f32>;\n\
                    var<workgroup> sh: array<f32, C[0]>;\n@id(3) override WIDTH: u32 = 4u;";
        let found = scan::declarations(text);
        let names: Vec<_> = found.iter().map(|d| d.0).collect();
        assert_eq!(names, ["main", "C", "S", "V", "sh", "WIDTH"]);
        assert!(found[0].1.starts_with("@compute") && found[0].1.ends_with('}'));
        assert_eq!(found[5].1, "@id(3) override WIDTH: u32 = 4u;");
    }

    #[test]
    fn comments_and_members_are_no_references() {
        let text = scan::without_comments("a.b // c\n/* d /* e */ f */ g.h(i)");
        assert_eq!(scan::identifiers(&text), ["a", "g", "i"]);
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn linking_takes_what_is_needed_once_and_no_more() {
        let lib = [
            Item { name: "p", text: "fn p() {}", uses: &[] },
            Item { name: "q", text: "fn q() { p(); }", uses: &[0] },
            Item { name: "r", text: "fn r() { q(); }", uses: &[1] },
        ];
        assert_eq!(scan::link("//!import lib/x\nfn main() { q(); q(); }", &lib).matches("fn ").count(), 3);
        assert!(
            scan::link("fn main() { r(); }", &lib).ends_with("\nfn p() {}\n\nfn q() { p(); }\n\nfn r() { q(); }\n")
        );
        assert_eq!(scan::link("fn q() {}\nfn main() { r(); }", &lib).matches("fn q").count(), 1);
        assert!(!scan::link("fn main() { x.p(); } // q", &lib).contains("fn p"));
    }

    #[test]
    fn no_name_is_declared_twice() {
        let mut names: Vec<_> = LIB.iter().map(|i| i.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]), "{names:?}");
    }
}
