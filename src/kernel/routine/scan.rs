//! Inclusive scans along rows: chunks on their own, their totals scanned in turn, then every chunk from its carry.
//!
//! A row of up to [`LENGTH`] elements takes one dispatch, one of up to `LENGTH^2` three, and so on. The longest chain of
//! joins is `LENGTH` per level plus one per carry.

use super::{Join, Steps, flag, join_text, kernel, word};
use crate::dtype::DType;
use crate::graph::Scan;
use crate::kernel::Operand;

/// Elements of a chunk: what one invocation walks.
const LENGTH: usize = 256;

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

    /// The slot of both kernels: what an item is, and where it is fetched and put.
    fn items(&self, carry: bool, values_only: bool) -> String {
        let mut text = self.kind.join();
        let fetch = if self.pairs() {
            text += "\n@group(0) @binding(0) var<storage, read> a: array<f32>;\n\
                     @group(0) @binding(1) var<storage, read> b: array<f32>;\n";
            "vec2<f32>(a[ix], b[ix])"
        } else {
            text += "\n@group(0) @binding(0) var<storage, read> x: array<Item>;\n";
            "x[ix]"
        };
        let mut binding = self.from.len();
        if carry {
            text += &format!("@group(0) @binding({binding}) var<storage, read> carry: array<Item>;\n");
            binding += 1;
        }
        let (ty, value) = if values_only { ("f32", "item.y") } else { ("Item", "item") };
        text += &format!(
            "@group(0) @binding({binding}) var<storage, read_write> y: array<{ty}>;\n\n\
             fn fetch(ix: u32) -> Item {{\n    return {fetch};\n}}\n\
             fn put(ix: u32, item: Item) {{\n    y[ix] = {value};\n}}"
        );
        text
    }

    fn run(&self, steps: &mut Steps<'_>, into: Operand, values_only: bool) -> Result<(), String> {
        let chunks = self.n.div_ceil(LENGTH);
        let units = self.rows * chunks;
        let words = vec![word(self.n), word(chunks), word(units), 0];
        let lanes = steps.limits.lanes(steps.limits.tune().scan_lanes);
        let groups = units.div_ceil(lanes) as u64;
        let mut buffers = self.from.clone();
        let overrides = vec![("WG", lanes as f64), ("LENGTH", LENGTH as f64)];
        let carry = chunks > 1;
        if carry {
            let mut totals = [Operand::Result; 2];
            for total in &mut totals {
                *total = steps.scratch((units * self.kind.words()) as u64)?;
            }
            let text = self.items(false, false);
            let label = format!("scan_total/{}", self.kind.name());
            let reads = buffers.len();
            let total = kernel("scan_total", label, &[("items", text.as_str())], overrides.clone(), (reads, 1));
            steps.dispatch(total, [&buffers[..], &totals[..1]].concat(), words.clone(), groups)?;
            let above = Level { kind: self.kind, from: vec![totals[0]], rows: self.rows, n: chunks };
            above.run(steps, totals[1], false)?;
            buffers.push(totals[1]);
        } else {
            // the carry is bound all the same: the kernel names it
            buffers.push(self.from[0]);
        }
        let text = self.items(true, values_only);
        let label = format!("scan_apply/{}", self.kind.name());
        let reads = buffers.len();
        let overrides = [overrides, vec![("CARRY", flag(carry))]].concat();
        let apply = kernel("scan_apply", label, &[("items", text.as_str())], overrides, (reads, 1));
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
