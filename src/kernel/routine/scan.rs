//! Inclusive scans along rows: chunks on their own, their totals scanned in turn, then every chunk from its carry.
//!
//! A row of one chunk takes one dispatch, one of up to as many chunks as a chunk has elements three, and so on. The longest
//! chain of joins is that of a chunk per level: its length, or a quarter of it where four are fetched at a time.

use super::{Join, Steps, flag, join_text, kernel, word};
use crate::dtype::DType;
use crate::graph::Scan;
use crate::kernel::{Limits, Operand};

/// Elements of a chunk, which one invocation walks, where elements come one by one.
const LENGTH: usize = 256;

/// The most elements of a chunk where they come four at a time: of a row that is one chunk, and of others.
const ROW: usize = 8192;
const CHUNK: usize = 4096;

/// Invocations that keep a processor's units busy, and those of a graphics processor.
const BUSY: [usize; 2] = [64, 32_768];

/// What is scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Scan(Scan, DType),
    /// Pairs `(a, b)` of the map `y -> a y + b`, composed.
    LinRec,
}

/// The composition of two affine maps, the first applied first. The product of many coefficients may overflow where the
/// recurrence does not, since it is at rest: there it stays at rest.
const COMPOSE: &str = "alias Item = vec2<f32>;\n\nfn join(x: Item, y: Item) -> Item {\n    \
    let carried = select(y.x * x.y, 0.0, x.y == 0.0 && abs(y.x) > 3e38);\n    \
    return vec2<f32>(x.x * y.x, carried + y.y);\n}";

impl Kind {
    fn join(self) -> String {
        match self {
            Kind::Scan(Scan::Sum, dtype) => join_text(Join::Add, dtype),
            Kind::Scan(Scan::Prod, dtype) => join_text(Join::Mul, dtype),
            Kind::Scan(Scan::Max, dtype) => join_text(Join::Max, dtype),
            Kind::Scan(Scan::Min, dtype) => join_text(Join::Min, dtype),
            Kind::LinRec => COMPOSE.to_owned(),
        }
    }

    fn name(self) -> String {
        match self {
            Kind::Scan(scan, dtype) => format!("{scan:?}/{dtype}").to_lowercase(),
            Kind::LinRec => "linrec/f32".into(),
        }
    }

    /// The type of an item.
    fn item(self) -> &'static str {
        match self {
            Kind::Scan(_, dtype) => dtype.wgsl(),
            Kind::LinRec => "vec2<f32>",
        }
    }

    fn words(self) -> usize {
        if self == Kind::LinRec { 2 } else { 1 }
    }
}

/// One level of a scan: where its items come from and go.
struct Level {
    kind: Kind,
    /// The buffers of the items: two for the coefficients of a recurrence, else one.
    from: Vec<Operand>,
    rows: usize,
    n: usize,
}

impl Level {
    fn pairs(&self) -> bool {
        self.kind == Kind::LinRec && self.from.len() == 2
    }

    /// Whether items are fetched and stored four at a time.
    fn four(&self) -> bool {
        self.n.is_multiple_of(4) && (self.pairs() || self.kind != Kind::LinRec)
    }

    /// The elements of a chunk: a row, if there are rows enough, else as many as leave work for all.
    fn length(&self, limits: &Limits) -> usize {
        let busy = BUSY[usize::from(!limits.cpu)];
        match self.four() {
            true if self.rows >= busy && self.n <= ROW => self.n,
            true => (self.rows * self.n / busy).next_power_of_two().clamp(LENGTH, CHUNK),
            false => LENGTH,
        }
    }

    /// How items are fetched.
    fn fetch_text(&self) -> String {
        let item = self.kind.item();
        let declare = |binding: usize, name: &str, ty: &str| {
            format!("@group(0) @binding({binding}) var<storage, read> {name}: array<{ty}>;\n")
        };
        let (inputs, one, four): (String, &str, String) = match (self.pairs(), self.four()) {
            (true, true) => (
                declare(0, "a", "vec4<f32>") + &declare(1, "b", "vec4<f32>"),
                "vec2<f32>(a[ix / 4u][ix % 4u], b[ix / 4u][ix % 4u])",
                ["x", "y", "z", "w"].map(|c| format!("vec2<f32>(a[ix / 4u].{c}, b[ix / 4u].{c})")).join(", "),
            ),
            (false, true) => (
                declare(0, "x", &format!("vec4<{item}>")),
                "x[ix / 4u][ix % 4u]",
                ["x", "y", "z", "w"].map(|c| format!("x[ix / 4u].{c}")).join(", "),
            ),
            (true, false) => (
                declare(0, "a", "f32") + &declare(1, "b", "f32"),
                "vec2<f32>(a[ix], b[ix])",
                ["fetch(ix)"; 4].join(", "),
            ),
            (false, false) => (declare(0, "x", item), "x[ix]", ["fetch(ix)"; 4].join(", ")),
        };
        format!(
            "{}\n{inputs}\nfn fetch(ix: u32) -> Item {{\n    return {one};\n}}\n\
             fn fetch_four(ix: u32) -> array<Item, 4> {{\n    return array<Item, 4>({four});\n}}\n",
            self.kind.join()
        )
    }

    /// How items are stored: one by one, or four neighbours.
    fn put_text(&self, binding: usize, four: bool, values_only: bool) -> String {
        let (item, part) = if values_only { ("f32", ".y") } else { (self.kind.item(), "") };
        let items = [0, 1, 2, 3].map(|i| format!("items[{i}]{part}")).join(", ");
        let (ty, one, all) = match four {
            true => {
                (format!("vec4<{item}>"), "y[ix / 4u][ix % 4u]", format!("    y[ix / 4u] = vec4<{item}>({items});\n"))
            }
            false => (item.to_owned(), "y[ix]", "    put(ix, items[0]);\n".to_owned()),
        };
        format!(
            "@group(0) @binding({binding}) var<storage, read_write> y: array<{ty}>;\n\n\
             fn put(ix: u32, item: Item) {{\n    {one} = item{part};\n}}\n\
             fn put_four(ix: u32, items: array<Item, 4>) {{\n{all}}}"
        )
    }

    fn run(&self, steps: &mut Steps<'_>, into: Operand, values_only: bool) -> Result<(), String> {
        let length = self.length(steps.limits);
        let chunks = self.n.div_ceil(length);
        let units = self.rows * chunks;
        let words = vec![word(self.n), word(chunks), word(units), 0];
        let lanes = steps.limits.lanes(steps.limits.tune().scan_lanes);
        let groups = units.div_ceil(lanes) as u64;
        let mut buffers = self.from.clone();
        let four = self.four();
        let overrides = vec![("WG", lanes as f64), ("LENGTH", length as f64), ("FOUR", flag(four))];
        let carry = chunks > 1;
        let form = format!("{}{}", self.kind.name(), if four { "/x4" } else { "" });
        let reads = buffers.len();
        if carry {
            let mut totals = [Operand::Result; 2];
            for total in &mut totals {
                *total = steps.scratch((units * self.kind.words()) as u64)?;
            }
            let text = self.fetch_text() + &self.put_text(reads, false, false);
            let slots = [("items", text.as_str())];
            let total = kernel("scan_total", format!("scan_total/{form}"), &slots, overrides.clone(), (reads, 1));
            steps.dispatch(total, [&buffers[..], &totals[..1]].concat(), words.clone(), groups)?;
            let above = Level { kind: self.kind, from: vec![totals[0]], rows: self.rows, n: chunks };
            above.run(steps, totals[1], false)?;
            buffers.push(totals[1]);
        } else {
            // the carry is bound all the same: the kernel names it
            buffers.push(self.from[0]);
        }
        let carried = format!("@group(0) @binding({reads}) var<storage, read> carry: array<Item>;\n");
        let text = self.fetch_text() + &carried + &self.put_text(reads + 1, four, values_only);
        let overrides = [overrides, vec![("CARRY", flag(carry))]].concat();
        let slots = [("items", text.as_str())];
        let apply = kernel("scan_apply", format!("scan_apply/{form}"), &slots, overrides, (reads + 1, 1));
        buffers.push(into);
        steps.dispatch(apply, buffers, words, groups)
    }
}

/// `shape`: `[rows, n]`.
pub(super) fn lower(steps: &mut Steps<'_>, kind: Kind, shape: &[usize]) -> Result<(), String> {
    let [rows, n] = *shape else { panic!("bug: a scan over shape {shape:?}") };
    let from =
        if kind == Kind::LinRec { vec![Operand::Source(0), Operand::Source(1)] } else { vec![Operand::Source(0)] };
    Level { kind, from, rows, n }.run(steps, Operand::Result, kind == Kind::LinRec)
}
