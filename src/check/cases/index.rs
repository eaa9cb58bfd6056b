//! Elements by position, and order.

use crate::check::case::{ANY, Build, Case, Variant, one, two};
use crate::check::input::{Domain, Layout};
use crate::dtype::DType;
use crate::graph::Scatter;
use crate::shape::Shape;
use crate::tensor::Tensor;

const TIED: Domain = Domain::Int(DType::I32, -3, 3);

fn sorts() -> Vec<Case> {
    let ladder: &[&[usize]] =
        &[&[2, 1], &[3, 2], &[2, 255], &[2, 256], &[1, 257], &[3, 1031], &[1, 5003], &[300, 3], &[0, 3], &[3, 0]];
    let mut cases = Vec::new();
    for (label, domain) in [("f32", Domain::Spaced), ("i32", TIED), ("u32", Domain::Int(DType::U32, 0, 4_000_000_000))]
    {
        for descending in [false, true] {
            let way = if descending { "descending" } else { "ascending" };
            let build = one(move |x| x.argsort(1, descending));
            cases.push(Case::alike(&format!("argsort/{label} {way}"), &[domain], ladder, 0, build));
        }
    }
    let awkward = Variant { awkward: true, ..Variant::plain(vec![Shape::from([24])], 0) };
    for descending in [false, true] {
        let mut case = Case::alike(
            &format!("argsort/awkward{}", if descending { " descending" } else { "" }),
            &[ANY],
            &[&[3]],
            0,
            one(move |x| x.argsort(0, descending)),
        );
        case.variants.push(awkward.clone());
        cases.push(case);
    }
    let sort: Build = Box::new(|x| {
        let (values, order) = x[0].sort(0, false);
        vec![values, order]
    });
    let layouts = [Layout::Permuted, Layout::Sliced, Layout::Flipped];
    cases.push(Case::alike("sort", &[Domain::Spaced], &[&[257, 2], &[7, 13]], 1, sort).with_layouts(&layouts));
    let top: Build = Box::new(|x| {
        let (values, order) = x[0].top_k(3, 1, true);
        vec![values, order]
    });
    cases.push(Case::alike("top_k", &[Domain::Spaced], &[&[2, 300], &[5, 7]], 1, top));
    let least: Build = Box::new(|x| vec![x[0].top_k(2, 1, false).0]);
    cases.push(Case::alike("top_k/least", &[Domain::Spaced], &[&[5, 7]], 1, least));
    cases.push(Case::alike("unique_count", &[TIED], &[&[1], &[257], &[3, 5], &[0]], 0, one(|x| x.unique_count())));
    let masked = two(|x, y| x.masked_select(&y.cast(DType::Bool), 9));
    let bits = Domain::Int(DType::U32, 0, 1);
    cases.push(Case::alike("masked_select", &[ANY, bits], &[&[5], &[257], &[4, 6]], 1, masked));
    let nonzero = one(|x| x.nonzero_sized(11));
    cases.push(Case::alike("nonzero_sized", &[Domain::Int(DType::I32, 0, 1)], &[&[5], &[257], &[3, 4, 2]], 0, nonzero));
    cases
}

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    let mut cases = sorts();
    // Positions 0 to 6 into seven, and one beyond: out of range gives NaN, 0, or is dropped.
    let inside = Domain::Int(DType::U32, 0, 6);
    let signed = Domain::Int(DType::I32, -2, 8);
    let source = Domain::Real(DType::F32, &[(-3.0, 3.0)]);
    let along: &[&[&[usize]]] = &[&[&[7, 5], &[300, 5]], &[&[7, 5], &[3, 5]]];
    let layouts = [Layout::Permuted, Layout::Sliced, Layout::Flipped];
    cases.push(Case::at("gather", &[source, inside], along, 1, two(|x, i| x.gather(0, i))).with_layouts(&layouts));
    cases.push(Case::at("gather/outside", &[source, signed], along, 0, two(|x, i| x.gather(0, i))));
    cases.push(Case::at("gather/i32", &[TIED, signed], along, 0, two(|x, i| x.gather(0, i))));
    let last: &[&[&[usize]]] = &[&[&[5, 7], &[5, 300]], &[&[2, 7], &[2, 4]]];
    cases.push(Case::at("gather/last", &[source, inside], last, 1, two(|x, i| x.gather(1, i))));
    let selected: &[&[&[usize]]] = &[&[&[7, 3], &[257]], &[&[7, 3], &[]], &[&[7, 2], &[3, 4]]];
    cases.push(Case::at("index_select", &[source, inside], selected, 1, two(|x, i| x.index_select(0, i))));
    let middle: &[&[&[usize]]] = &[&[&[2, 7, 3], &[5]]];
    cases.push(Case::at("index_select/middle", &[source, inside], middle, 1, two(|x, i| x.index_select(1, i))));
    for (label, how, order) in
        [("add", Scatter::Add, 1), ("max", Scatter::Max, 1), ("min", Scatter::Min, 1), ("replace", Scatter::Replace, 1)]
    {
        let scatter: &[&[&[usize]]] = &[&[&[7, 5], &[300, 5], &[300, 5]], &[&[7, 2], &[3, 2], &[3, 2]]];
        let build = || -> Build { Box::new(move |x: &[Tensor]| vec![x[0].scatter(0, &x[1], &x[2], how)]) };
        cases.push(Case::at(&format!("scatter/{label}"), &[Domain::Spaced, inside, source], scatter, order, build()));
        cases.push(Case::at(&format!("scatter/{label} outside"), &[source, signed, source], scatter, 0, build()));
        cases.push(Case::at(&format!("scatter/{label} i32"), &[TIED, inside, TIED], scatter, 0, build()));
        let whole: &[&[&[usize]]] =
            &[&[&[3, 7, 2], &[300], &[3, 300, 2]], &[&[3, 7, 2], &[4], &[3, 4, 2]], &[&[1, 7, 1], &[0], &[1, 0, 1]]];
        let build: Build = Box::new(move |x: &[Tensor]| vec![x[0].index_scatter(1, &x[1], &x[2], how)]);
        cases.push(Case::at(&format!("index_scatter/{label}"), &[Domain::Spaced, inside, source], whole, order, build));
    }
    cases
}
