//! Reductions and scans, over one axis, the first, the middle, several, all.

use crate::check::case::{ANY, Case, NONZERO, POSITIVE, Variant, one, two};
use crate::check::input::{Domain, Layout};
use crate::dtype::DType;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Near one, so that products neither vanish nor overflow.
const NEAR_ONE: Domain = Domain::Real(DType::F32, &[(-1.002, -0.998), (0.998, 1.002)]);

type Reduction = fn(&Tensor, Vec<usize>) -> Tensor;

struct Row {
    name: &'static str,
    domain: Domain,
    order: u8,
    /// Whether it is defined of no elements.
    of_nothing: bool,
    f: Reduction,
}

const fn row(name: &'static str, domain: Domain, order: u8, of_nothing: bool, f: Reduction) -> Row {
    Row { name, domain, order, of_nothing, f }
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("sum", ANY, 1, true, |x, axes| x.sum(axes)),
    row("mean", ANY, 1, false, |x, axes| x.mean(axes)),
    row("prod", NEAR_ONE, 2, true, |x, axes| x.prod(axes)),
    row("max", Domain::Spaced, 1, true, |x, axes| x.max(axes)),
    row("min", Domain::Spaced, 1, true, |x, axes| x.min(axes)),
    row("argmax", Domain::Spaced, 0, false, |x, axes| x.argmax(axes)),
    row("argmin", Domain::Spaced, 0, false, |x, axes| x.argmin(axes)),
    row("argmax/ties", Domain::Int(DType::I32, 0, 3), 0, false, |x, axes| x.argmax(axes)),
    row("argmin/ties", Domain::Int(DType::U32, 0, 3), 0, false, |x, axes| x.argmin(axes)),
    row("any", Domain::Bool, 0, true, |x, axes| x.any(axes)),
    row("all", Domain::Bool, 0, true, |x, axes| x.all(axes)),
    row("var", ANY, 2, false, |x, axes| x.var(0, axes)),
    row("std", ANY, 2, false, |x, axes| x.std(0, axes)),
    row("norm/1", NONZERO, 1, true, |x, axes| x.norm(1.0, axes)),
    row("norm/2", NONZERO, 2, true, |x, axes| x.norm(2.0, axes)),
    row("norm/3", NONZERO, 2, true, |x, axes| x.norm(3.0, axes)),
    row("norm/0", NONZERO, 0, true, |x, axes| x.norm(0.0, axes)),
    row("norm/inf", Domain::Spaced, 1, false, |x, axes| x.add(0.001).norm(f64::INFINITY, axes)),
    row("norm/-inf", Domain::Spaced, 1, false, |x, axes| x.add(0.001).norm(f64::NEG_INFINITY, axes)),
    row("logsumexp", ANY, 2, false, |x, axes| x.logsumexp(axes)),
    row("count_nonzero", Domain::Int(DType::I32, 0, 2), 0, true, |x, axes| x.count_nonzero(axes)),
    row("sum/i32", Domain::Int(DType::I32, -2_000_000_000, 2_000_000_000), 0, true, |x, axes| x.sum(axes)),
    row("sum/u32", Domain::Int(DType::U32, 0, 4_000_000_000), 0, true, |x, axes| x.sum(axes)),
    row("prod/i32", Domain::Int(DType::I32, -5, 5), 0, true, |x, axes| x.prod(axes)),
    row("max/i32", Domain::Int(DType::I32, -50, 50), 0, true, |x, axes| x.max(axes)),
    row("min/u32", Domain::Int(DType::U32, 5, 50), 0, true, |x, axes| x.min(axes)),
    row("sum/f16", Domain::Real(DType::F16, &[(-3.0, 3.0)]), 1, true, |x, axes| x.sum(axes)),
    row("max/bf16", Domain::Real(DType::BF16, &[(-3.0, 3.0)]), 0, true, |x, axes| x.max(axes)),
];

type Scan = (&'static str, Domain, u8, fn(&Tensor, usize) -> Tensor);

#[rustfmt::skip]
const SCANS: &[Scan] = &[
    ("cumsum", ANY, 1, |x, axis| x.cumsum(axis)),
    ("cumprod", NEAR_ONE, 2, |x, axis| x.cumprod(axis)),
    ("cummax", Domain::Spaced, 1, |x, axis| x.cummax(axis)),
    ("cummin", Domain::Spaced, 1, |x, axis| x.cummin(axis)),
    ("cumsum/i32", Domain::Int(DType::I32, -2_000_000_000, 2_000_000_000), 0, |x, axis| x.cumsum(axis)),
    ("cumprod/u32", Domain::Int(DType::U32, 1, 9), 0, |x, axis| x.cumprod(axis)),
    ("cummax/i32", Domain::Int(DType::I32, -90, 90), 0, |x, axis| x.cummax(axis)),
    ("cummin/u32", Domain::Int(DType::U32, 0, 90), 0, |x, axis| x.cummin(axis)),
];

/// Row lengths around a workgroup's width, few and many rows.
const LADDER: &[&[usize]] = &[&[1, 1], &[4, 2], &[3, 255], &[2, 256], &[5, 257], &[2, 1031], &[300, 3]];

fn at(dims: &[usize], layout: Layout, order: u8) -> Variant {
    Variant { shapes: vec![Shape::from(dims)], layout, order, awkward: false }
}

fn ladder() -> Vec<Variant> {
    LADDER.iter().map(|&dims| at(dims, Layout::Plain, u8::from(dims[1] == 257))).collect()
}

fn reductions(row: &Row) -> Vec<Case> {
    let Row { name, domain, order, f, of_nothing } = *row;
    let case = |suffix: &str, variants: Vec<Variant>, axes: fn(usize) -> Vec<usize>| Case {
        name: format!("{name}/{suffix}"),
        inputs: vec![domain],
        variants,
        order,
        build: one(move |x| f(x, axes(x.shape().map_or(0, crate::shape::Shape::rank)))),
    };
    let mut last = ladder();
    last.extend([at(&[3, 4], Layout::Plain, 2), at(&[7, 13], Layout::Permuted, 1), at(&[7, 13], Layout::Sliced, 1)]);
    last.extend([at(&[7, 13], Layout::Flipped, 0), at(&[7, 13], Layout::Broadcast, 1), at(&[0, 4], Layout::Plain, 0)]);
    let mut all = vec![at(&[1], Layout::Plain, 0), at(&[2, 3], Layout::Plain, 1), at(&[7, 13], Layout::Permuted, 0)];
    all.extend([at(&[521], Layout::Plain, 0), at(&[70_001], Layout::Plain, 0), at(&[300, 257], Layout::Plain, 0)]);
    if of_nothing {
        last.push(at(&[3, 0], Layout::Plain, 0));
        all.push(at(&[0], Layout::Plain, 0));
    }
    let first =
        vec![at(&[257, 5], Layout::Plain, 1), at(&[3, 300], Layout::Plain, 0), at(&[1031, 2], Layout::Plain, 0)];
    let middle = vec![at(&[3, 5, 7], Layout::Plain, 1), at(&[2, 260, 3], Layout::Plain, 0)];
    let outer = vec![at(&[3, 5, 7], Layout::Plain, 1), at(&[4, 3, 65], Layout::Permuted, 0)];
    vec![
        case("last", last, |rank| vec![rank - 1]),
        case("all", all, |rank| (0..rank).collect()),
        case("first", first, |_| vec![0]),
        case("middle", middle, |_| vec![1]),
        case("outer", outer, |_| vec![0, 2]),
    ]
}

#[rustfmt::skip]
const OTHERS: &[(&str, fn(&Tensor) -> Tensor)] = &[
    ("sum_keep", |x| x.sum_keep(1)),
    ("mean_keep", |x| x.mean_keep([0, 2])),
    ("max_keep", |x| x.max_keep(..)),
    ("var_keep", |x| x.var_keep(1, 2)),
    ("var/sample", |x| x.var(1, ..)),
    ("norm/0.5", |x| x.norm(0.5, 1)),
    ("sum_all", |x| x.sum_all()),
    ("mean_all", |x| x.mean_all()),
    ("mean after map", |x| x.exp().mean(1).log()),
    ("sum of two", |x| x.sin().sum(0).add(x.cos().sum(0))),
];

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = ROWS.iter().flat_map(reductions).collect();
    for &(name, f) in OTHERS {
        cases.push(Case::at(name, &[POSITIVE], &[&[&[3, 4, 5]], &[&[2, 257, 3]]], 1, one(f)));
    }
    for &(name, domain, order, f) in SCANS {
        let mut variants = ladder();
        variants.extend([
            at(&[0, 3], Layout::Plain, 0),
            at(&[3, 0], Layout::Plain, 0),
            at(&[2, 5003], Layout::Plain, 0),
        ]);
        variants.push(at(&[3, 4], Layout::Plain, 2));
        let last =
            Case { name: format!("{name}/last"), inputs: vec![domain], variants, order, build: one(move |x| f(x, 1)) };
        cases.push(last);
        let layouts = [Layout::Permuted, Layout::Sliced, Layout::Flipped];
        let first: &[&[&[usize]]] = &[&[&[257, 3]], &[&[7, 13]]];
        cases.push(
            Case::at(&format!("{name}/first"), &[domain], first, order, one(move |x| f(x, 0))).with_layouts(&layouts),
        );
    }
    let decay = Domain::Real(DType::F32, &[(-0.95, 0.95)]);
    let lengths: &[&[usize]] = &[&[2, 1], &[3, 255], &[2, 257], &[1, 1031], &[3, 5]];
    cases.push(Case::alike("linear_recurrence", &[decay, ANY], lengths, 1, two(|a, b| a.linear_recurrence(b, 1))));
    cases.push(Case::alike(
        "linear_recurrence/first",
        &[decay, ANY],
        &[&[9, 4]],
        2,
        two(|a, b| a.linear_recurrence(b, 0)),
    ));
    cases
}
