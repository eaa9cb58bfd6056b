//! The workloads: tensor operations and penalties at the sizes of the records.

use super::work::{Fill, Input, Output, Work, size};
use crate::Tensor;
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::Scatter;
use crate::ops::{Attention, Conv, CrossEntropy, Csr, Reduction};
use crate::penalty::{self, Groups, Penalty};
use std::cell::OnceCell;

/// Elements of an elementwise operation: 64 MiB.
const N: usize = 16 << 20;
/// Elements of a tensor of coefficients: 16 MiB.
const W: usize = 4 << 20;

/// Rows after which the inputs of sums repeat themselves: few, so that the reference sees all of them, and no power of two,
/// so that neighbouring workgroups see different ones.
const PERIOD: usize = 7;

/// An elementwise operation's inputs, of which a few rows are checked.
fn flat(n: usize, count: usize) -> Vec<Input> {
    vec![Input::real(&[256, n / 256], Some(0)); count]
}

fn bytes(elements: usize) -> f64 {
    4.0 * elements as f64
}

/// [`Work::new`].
fn moving(
    name: &str,
    inputs: Vec<Input>,
    written: usize,
    outputs: Vec<Output>,
    build: impl Fn(&[Tensor]) -> Vec<Tensor> + 'static,
) -> Work {
    Work::new(name, inputs, written, outputs, build)
}

fn one(f: impl Fn(&Tensor) -> Tensor + 'static) -> impl Fn(&[Tensor]) -> Vec<Tensor> {
    move |x| vec![f(&x[0])]
}

/// The operations.
pub fn ops() -> Vec<Work> {
    let mut all = elementwise();
    all.extend(rows());
    all.extend(products());
    all.extend(movement());
    all.extend(transforms());
    all
}

fn elementwise() -> Vec<Work> {
    type Unary = (&'static str, fn(&Tensor) -> Tensor);
    let unary: [Unary; 7] = [
        ("exp", Tensor::exp),
        ("log", |x| x.abs().log1p()),
        ("tanh", Tensor::tanh),
        ("gelu", Tensor::gelu),
        ("sin", Tensor::sin),
        ("sqrt", |x| x.abs().sqrt()),
        ("erf", Tensor::erf),
    ];
    let chain = |x: &[Tensor]| {
        let y = &x[0] * 1.5 + 0.25;
        vec![y.maximum(0.0) * &x[1] - &x[0] * 0.1]
    };
    let mut all = vec![moving("elementwise chain", flat(N, 2), N, vec![Output::Along(0)], chain).ops(6.0)];
    all.extend(unary.map(|(name, f)| moving(name, flat(N, 1), N, vec![Output::Along(0)], one(f)).ops(1.0)));
    all
}

fn rows() -> Vec<Work> {
    let square = |split| vec![Input::real(&[4096, 4096], split)];
    let wide = || vec![Input::real(&[4096, 1024], Some(0))];
    let classes = || vec![Input::real(&[4096, 1024], None), Input::real(&[4096], None).filled(Fill::Index(1024))];
    let (n, own) = (4096 * 1024, vec![Output::Along(0)]);
    vec![
        moving("sum", square(Some(0)), 1, vec![Output::Sum], one(Tensor::sum_all)).ops(1.0).repeating(PERIOD),
        moving("row sum", square(Some(0)), 4096, own.clone(), one(|x| x.sum(1))).ops(1.0),
        moving("column sum", square(Some(1)), 4096, own.clone(), one(|x| x.sum(0))).ops(1.0),
        moving("row maximum", square(Some(0)), 4096, own.clone(), one(|x| x.max(1))).ops(1.0),
        moving("row argmax", square(Some(0)), 4096, own.clone(), one(|x| x.argmax(1))),
        moving("variance", square(Some(0)), 4096, own.clone(), one(|x| x.var(1, 1))).ops(4.0),
        moving("softmax", wide(), n, own.clone(), one(|x| x.softmax(1))).ops(5.0),
        moving("log softmax", wide(), n, own.clone(), one(|x| x.log_softmax(1))).ops(5.0),
        moving("layer norm", wide(), n, own.clone(), one(|x| x.layer_norm(1, None, None, 1e-5))).ops(8.0),
        moving("rms norm", wide(), n, own.clone(), one(|x| x.rms_norm(1, None, 1e-5))).ops(4.0),
        moving("cross entropy", classes(), 1, vec![Output::Whole], |x| {
            vec![x[0].cross_entropy(&x[1], 1, CrossEntropy::default())]
        })
        .ops(5.0),
        moving("mean squared error", flat(N, 2), 1, vec![Output::Mean], |x| vec![x[0].mse(&x[1], Reduction::Mean)])
            .ops(3.0)
            .repeating(PERIOD),
        moving("cumulative sum", vec![Input::real(&[1024, 4096], Some(0))], n, own, one(|x| x.cumsum(1))).ops(1.0),
    ]
}

/// `[m, k]` by `[k, n]`, in batches where there are several; only the first operand's rows (or batches) are told apart.
fn product(name: &str, batch: usize, [m, k, n]: [usize; 3], narrow: bool) -> Work {
    let shape = |a: usize, b: usize| if batch > 1 { vec![batch, a, b] } else { vec![a, b] };
    let inputs = vec![Input::real(&shape(m, k), Some(0)), Input::real(&shape(k, n), (batch > 1).then_some(0))];
    let total = batch * (m * k + k * n + m * n);
    let text = format!("{}{m}x{k}x{n}", if batch > 1 { format!("{batch}x") } else { String::new() });
    let build = move |x: &[Tensor]| match narrow {
        true => vec![x[0].cast(DType::F16).matmul(&x[1].cast(DType::F16))],
        false => vec![x[0].matmul(&x[1])],
    };
    Work {
        name: name.into(),
        size: text,
        bytes: bytes(total),
        flops: 2.0 * (batch * m * k * n) as f64,
        computes: m > 1,
        inputs,
        outputs: vec![Output::Along(0)],
        period: 0,
        build: Box::new(build),
    }
}

fn products() -> Vec<Work> {
    let mut all: Vec<Work> =
        [256, 512, 1024, 2048, 4096].map(|n| product("matmul", 1, [n; 3], false)).into_iter().collect();
    all.extend([
        product("matmul f16", 1, [1024; 3], true),
        product("matmul tall", 1, [65_536, 64, 64], false),
        product("matmul batched", 64, [128; 3], false),
        product("matmul vector", 1, [1, 4096, 4096], false),
    ]);
    let image = vec![Input::real(&[4, 64, 56, 56], Some(0)), Input::real(&[64, 64, 3, 3], None)];
    let places = 4 * 64 * 56 * 56;
    all.push(Work {
        flops: 2.0 * (places * 64 * 9) as f64,
        computes: true,
        ..moving("conv2d 3x3", image, places, vec![Output::Along(0)], |x| {
            vec![x[0].conv2d(&x[1], None, Conv { padding: [1, 1], ..Conv::<2>::default() })]
        })
    });
    all.extend(attentions(16, 512));
    all
}

/// Attention as the adapter is given it, with and without what comes later, with its gradient; and as products with the
/// weights between.
fn attentions(b: usize, m: usize) -> Vec<Work> {
    let d = 64;
    let product = 2.0 * (b * m * m * d) as f64;
    let of = |name: &str, products: f64, written: usize, build: fn(&[Tensor]) -> Vec<Tensor>| {
        let inputs = vec![Input::real(&[b, m, d], Some(0)); 3];
        let work = moving(name, inputs, written * b * m * d, vec![Output::Along(0); written], build);
        Work { flops: products * product, computes: true, ..work }
    };
    vec![
        of("attention", 2.0, 1, |x| vec![x[0].attention(&x[1], &x[2], &Attention::default())]),
        of("attention as products", 2.0, 1, |x| vec![weighted(x)]),
        // half of the scores are seen
        of("attention causal", 1.0, 1, |x| {
            vec![x[0].attention(&x[1], &x[2], &Attention { causal: true, ..Attention::default() })]
        }),
        // forward, and five products with the weights computed again
        of("attention gradient", 7.0, 3, |x| slopes(x, &x[0].attention(&x[1], &x[2], &Attention::default()))),
        of("attention gradient as products", 7.0, 3, |x| slopes(x, &weighted(x))),
    ]
}

/// Attention with the matrix of weights in memory.
fn weighted(x: &[Tensor]) -> Tensor {
    let scores = x[0].matmul(&x[1].permute([0, 2, 1])) * 0.125;
    scores.softmax(2).matmul(&x[2])
}

/// The gradients of half the sum of squares.
fn slopes(x: &[Tensor], y: &Tensor) -> Vec<Tensor> {
    let cotangent = y.detach();
    let found = (y * &cotangent).sum_all().grad(&[&x[0], &x[1], &x[2]]);
    found.unwrap_or_else(|error| vec![Tensor::new(y.device(), Err(error)); 3])
}

fn movement() -> Vec<Work> {
    let n = 4 << 20;
    let places = |bound, len: usize| Input::real(&[len], None).filled(Fill::Index(bound));
    let table = || vec![Input::real(&[65_536, 64], None), places(65_536, 65_536)];
    vec![
        moving(
            "transpose",
            vec![Input::real(&[4096, 4096], Some(0))],
            4096 * 4096,
            vec![Output::Along(1)],
            one(|x| x.t() * 1.0),
        ),
        moving("gather rows", table(), n, vec![Output::Whole], |x| vec![x[0].index_select(0, &x[1])]),
        moving(
            "scatter add",
            vec![Input::real(&[65_536], None), places(65_536, 1 << 20), Input::real(&[1 << 20], None)],
            65_536,
            vec![Output::Whole],
            |x| vec![x[0].index_scatter(0, &x[1], &x[2], Scatter::Add)],
        ),
        moving(
            "sort",
            vec![Input::real(&[64, 16_384], Some(0))],
            64 * 16_384,
            vec![Output::Along(0)],
            one(|x| x.sort(1, false).0),
        ),
        moving(
            "top k",
            vec![Input::real(&[64, 16_384], Some(0))],
            64 * 16,
            vec![Output::Along(0)],
            one(|x| x.top_k(16, 1, true).0),
        ),
    ]
}

/// `count` Fourier transforms of length `n`.
fn fourier(count: usize, n: usize) -> Work {
    let (split, output) = if count > 1 { (Some(0), Output::Along(0)) } else { (None, Output::Whole) };
    let inputs = vec![Input::real(&[count, n, 2], split)];
    let work = moving("fft", inputs, 2 * count * n, vec![output], one(Tensor::fft));
    Work { flops: 5.0 * (count * n * n.ilog2() as usize) as f64, size: size(&[count, n]), ..work }
}

/// Fourier transforms, factorisations of many small matrices, products with sparse ones.
fn transforms() -> Vec<Work> {
    let count = 64;
    let matrices = || vec![Input::real(&[count, 32, 32], Some(0))];
    let n = count * 32 * 32;
    let mut all = vec![
        fourier(1024, 1024),
        fourier(1, 1 << 18),
        moving("svd", matrices(), 2 * n + count * 32, vec![Output::Along(0); 3], |x| {
            let (u, s, vt) = x[0].svd();
            vec![u, s, vt]
        }),
        moving("eigh", matrices(), n + count * 32, vec![Output::Along(0); 2], |x| {
            let (values, vectors) = (&x[0] + x[0].permute([0, 2, 1])).eigh();
            vec![values, vectors]
        }),
    ];
    all.extend([1, 32].map(sparse));
    all
}

/// A sparse matrix with 16 entries in each row, one in each sixteenth of the columns, times `k` columns.
fn sparse(k: usize) -> Work {
    let (rows, each) = (65_536, 16);
    let entries = rows * each;
    let matrix = OnceCell::new();
    let build = move |x: &[Tensor]| {
        // the structure is the device's, and stays there
        let places = (0..entries as u32).map(|e| (e % 16) * 4096 + e.wrapping_mul(2_654_435_761) % 4096);
        let offsets: Vec<u32> = (0..=rows as u32).map(|row| row * 16).collect();
        let of = |device| Csr::new(device, [rows, rows], &offsets, &places.collect::<Vec<_>>(), &vec![0.0; entries]);
        let matrix: &Result<Csr> = matrix.get_or_init(|| of(x[0].device()));
        let product = matrix.clone().and_then(|m| m.with_values(&x[0])).map(|m| m.matmul(&x[1]));
        vec![product.unwrap_or_else(|error| Tensor::new(x[0].device(), Err(error)))]
    };
    let inputs = vec![Input::real(&[entries], None), Input::real(&[rows, k], None)];
    let work = moving("sparse product", inputs, rows * k + rows + entries, vec![Output::Whole], build);
    Work { flops: 2.0 * (entries * k) as f64, size: format!("65536x65536x{k}, 16 in a row"), ..work }
}

fn on(penalty: &Penalty) -> impl Fn(&[Tensor]) -> Vec<Tensor> + 'static {
    let penalty = penalty.clone();
    move |x| vec![penalty.value(&x[0])]
}

/// Every separable penalty: value, value and gradient, proximal operator; penalties on groups; a proximal step of `AdamW`.
pub fn penalties() -> Vec<Work> {
    let mut all = Vec::new();
    for of in penalty::all() {
        let Ok(penalty) = Penalty::named(of.name) else { continue };
        let inside = |x: f64| (of.value)(x, &of.defaults()) < 1e9;
        let fill = if inside(-2.0) && inside(2.0) { Fill::Real } else { Fill::Fraction };
        let inputs = || vec![Input::real(&[256, W / 256], Some(0)).filled(fill)];
        let (both, prox) = (penalty.clone(), penalty.clone());
        // a set of isolated points has no value to time
        if inside(0.3) {
            let value = moving(&format!("{} value", of.name), inputs(), 1, vec![Output::Sum], on(&penalty));
            all.push(value.ops(4.0).repeating(PERIOD));
            let outputs = vec![Output::Sum, Output::Along(0)];
            let slope = moving(&format!("{} value+gradient", of.name), inputs(), W + 1, outputs, move |x| {
                vec![both.value(&x[0]), both.gradient(&x[0])]
            });
            all.push(slope.ops(8.0).repeating(PERIOD));
        }
        all.push(
            moving(&format!("{} prox", of.name), inputs(), W, vec![Output::Along(0)], move |x| {
                vec![prox.prox(&x[0], 0.7)]
            })
            .ops(4.0),
        );
    }
    all.extend(grouped());
    let state = |count| vec![Input::real(&[256, W / 256], Some(0)); count];
    for (name, penalty) in [("adamw", None), ("proximal adamw", Some(penalty::l1(0.01)))] {
        let outputs = vec![Output::Along(0); 3];
        all.push(moving(name, state(4), 3 * W, outputs, move |x| adamw(x, penalty.as_ref())).ops(14.0));
    }
    all
}

fn grouped() -> Vec<Work> {
    let input = || vec![Input::real(&[4096, 1024], Some(0))];
    // a group is a row: 4096 of one member with 1024 columns
    let Ok(groups) = Groups::equal(4096, 1) else { return Vec::new() };
    let lasso = penalty::group_lasso(0.5, &groups);
    let whole = input().into_iter().map(|i| Input { split: None, ..i }).collect();
    let value = moving("group lasso value", whole, 1, vec![Output::Whole], on(&lasso));
    let row = move |x: &[Tensor]| {
        // the reference looks at single rows, which are groups by themselves
        let rows = x[0].shape().map_or(0, |s| s[0]);
        let one = Groups::equal(rows, 1).map(|g| penalty::group_lasso(0.5, &g));
        vec![one.map_or_else(|_| x[0].clone(), |p| p.prox(&x[0], 0.7))]
    };
    vec![value, moving("group lasso prox", input(), 4096 * 1024, vec![Output::Along(0)], row)]
}

/// New weights, averages and squares from weights, gradients, averages and squares.
fn adamw(x: &[Tensor], penalty: Option<&Penalty>) -> Vec<Tensor> {
    let [w, g, m, v] = x else { return Vec::new() };
    let m = m * 0.9 + g * 0.1;
    let v = v.abs() * 0.999 + g.square() * 0.001;
    let lengths = ((&v * 1.1).sqrt() + 1e-8).recip() * 1e-3;
    let moved = w * (1.0 - 1e-5) - &lengths * &m * 1.2;
    let moved = penalty.map_or_else(|| moved.clone(), |p| p.prox(&moved, &lengths));
    vec![moved, m, v]
}

/// A matrix of real numbers.
fn matrix(rows: usize, cols: usize, split: Option<usize>) -> Vec<Input> {
    vec![Input::real(&[rows, cols], split)]
}

/// What routines are tuned with: smaller than the above, and more of each kind. Two dozen candidates are verified on each.
pub fn tuning() -> Vec<(&'static str, Vec<Work>)> {
    let own = || vec![Output::Along(0)];
    let places = |bound: u32, len: usize| Input::real(&[len], None).filled(Fill::Index(bound));
    let scattered = || vec![Input::real(&[16_384], None), places(16_384, 1 << 18), Input::real(&[1 << 18], None)];
    vec![
        ("matmul", tuning_products()),
        ("vector", [[1, 2048, 2048], [2048, 2048, 1]].map(|s| product("matmul vector", 1, s, false)).into()),
        ("rows", tuning_rows()),
        (
            "columns",
            vec![
                moving("column sum", matrix(2048, 2048, Some(1)), 2048, own(), one(|x| x.sum(0))),
                moving("column sum", matrix(65_536, 32, Some(1)), 32, own(), one(|x| x.sum(0))),
            ],
        ),
        ("map", tuning_maps()),
        (
            "scan",
            vec![
                moving("cumulative sum", matrix(512, 4096, Some(0)), 1 << 21, own(), one(|x| x.cumsum(1))),
                moving("cumulative sum", matrix(1, 1 << 20, None), 1 << 20, vec![Output::Whole], one(|x| x.cumsum(1))),
            ],
        ),
        ("sort", vec![moving("sort", matrix(32, 8192, Some(0)), 1 << 18, own(), one(|x| x.sort(1, false).0))]),
        (
            "scatter",
            vec![moving("scatter add", scattered(), 16_384, vec![Output::Whole], |x| {
                vec![x[0].index_scatter(0, &x[1], &x[2], Scatter::Add)]
            })],
        ),
        ("fft", vec![fourier(256, 1024), fourier(1, 1 << 16)]),
        (
            "attention",
            attentions(8, 256).into_iter().filter(|w| !w.name.contains(' ') || w.name.ends_with("gradient")).collect(),
        ),
    ]
}

fn tuning_products() -> Vec<Work> {
    vec![
        product("matmul", 1, [512; 3], false),
        product("matmul", 1, [1024; 3], false),
        product("matmul tall", 1, [16_384, 64, 64], false),
        product("matmul batched", 32, [128; 3], false),
        product("matmul deep", 1, [64, 8192, 64], false),
    ]
}

fn tuning_rows() -> Vec<Work> {
    let own = || vec![Output::Along(0)];
    let normed = one(|x| x.layer_norm(1, None, None, 1e-5));
    vec![
        moving("row sum", matrix(2048, 2048, Some(0)), 2048, own(), one(|x| x.sum(1))),
        moving("sum", matrix(1024, 4096, Some(0)), 1, vec![Output::Sum], one(Tensor::sum_all)).repeating(PERIOD),
        moving("softmax", matrix(2048, 1024, Some(0)), 2048 * 1024, own(), one(|x| x.softmax(1))),
        moving("layer norm", matrix(2048, 512, Some(0)), 2048 * 512, own(), normed),
    ]
}

fn tuning_maps() -> Vec<Work> {
    let chain = |x: &[Tensor]| vec![(&x[0] * 1.5 + 0.25).maximum(0.0) * &x[1]];
    let state = vec![Input::real(&[256, 2048], Some(0)); 4];
    vec![
        moving("chain", flat(1 << 22, 2), 1 << 22, vec![Output::Along(0)], chain),
        moving("gelu", flat(1 << 20, 1), 1 << 20, vec![Output::Along(0)], one(Tensor::gelu)),
        moving("adamw", state, 3 << 19, vec![Output::Along(0); 3], |x| adamw(x, None)),
    ]
}
