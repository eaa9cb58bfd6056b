//! Penalties on differences of neighbours: along one axis exactly, over images, volumes and graphs by a dual solver.
//!
//! The dual of `argmin_u ||u - w||^2 / 2 + c sum |D u|` is `min ||w - D^T q||^2 / 2` over `|q| <= c`, and `u = w - D^T q`.
//! It is solved by accelerated projected gradients ([`denoise`] tells how near the result is: the duality gap bounds
//! `||u - u*||^2 / 2`).

use super::certificate::{self, Difference};
use super::functional::{Description, Functional};
use super::profile::{Parameter, strength};
use super::registry::{Choice, Computed, Options, Registered, Unfit};
use super::{Penalty, Scalar};
use crate::graph::{Fill, Scatter};
use crate::ops::Fixed;
use crate::shape::Shape;
use crate::tensor::Tensor;
use std::sync::Arc;

/// The fused lasso along one axis.
#[derive(Debug)]
struct Fused {
    /// The last one, if not given.
    axis: Option<usize>,
}

static FUSED_OF: Description = Description {
    name: "fused-lasso",
    aliases: &["tv-1d", "tv"],
    summary: "few jumps along an axis, and few coefficients; exact, by the taut string",
    formula: "lambda sum_i |x_(i+1) - x_i| + l1 ||x||_1, along each line of the axis",
    parameters: &[
        Parameter { meaning: "strength on differences", ..strength("f/x") },
        Parameter { name: "l1", default: 0.0, meaning: "strength on coefficients", ..strength("f/x") },
    ],
    convex: true,
    set: false,
    source: "R. Tibshirani, M. Saunders, S. Rosset, J. Zhu, K. Knight, Sparsity and smoothness via the fused lasso, JRSS B 67 \
             (2005); the proximal operator: L. Condat, IEEE Signal Process. Lett. 20 (2013), and J. Friedman et al., Pathwise \
             coordinate optimization, Ann. Appl. Stat. 1 (2007), lemma 1",
};

impl Fused {
    fn axis(&self, w: &Tensor) -> usize {
        self.axis.unwrap_or_else(|| w.shape().map_or(0, |s| s.rank().saturating_sub(1)))
    }
}

fn refuse_axis(axis: Option<usize>, shape: &Shape) -> Option<String> {
    let needed = axis.map_or(1, |axis| axis + 1);
    (shape.rank() < needed).then(|| format!("it must have at least {needed} axes"))
}

/// `x[i + 1] - x[i]` along an axis.
fn steps(x: &Tensor, axis: usize) -> Tensor {
    let n = x.shape().map_or(0, |s| s[axis]);
    x.slice(axis, n.min(1)..).sub(x.slice(axis, ..n.saturating_sub(1)))
}

impl Functional for Fused {
    fn description(&self) -> &'static Description {
        &FUSED_OF
    }
    fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let jumps = steps(w, self.axis(w)).abs().sum_all();
        jumps.mul(&p[0]).add(w.abs().sum_all().mul(&p[1]))
    }
    fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor {
        let flat = w.taut_string(step.mul(&p[0]), self.axis(w));
        flat.sign().mul(flat.abs().sub(step.mul(&p[1])).relu())
    }
    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        refuse_axis(self.axis, shape)
    }
    fn options(&self) -> Vec<(&'static str, String)> {
        vec![("axis", self.axis.map_or("last".into(), |a| a.to_string()))]
    }
}

pub(super) static FUSED: Registered = Registered {
    of: &FUSED_OF,
    options: &[Choice {
        name: "axis",
        default: "last",
        meaning: "the axis whose neighbours are compared, counted from 0",
    }],
    build: |o| {
        let axis = if o.text("axis") == "last" { None } else { Some(o.number("axis")?) };
        Ok(Arc::new(Fused { axis }))
    },
    mirror: |x, shape, p| {
        let rows = x.chunks(shape[shape.len() - 1]);
        let jumps: f64 = rows.flat_map(|r| r.windows(2).map(|w| (w[1] - w[0]).abs())).sum();
        p[0] * jumps + p[1] * x.iter().map(|v| v.abs()).sum::<f64>()
    },
    shapes: &[&[1], &[2], &[40], &[5, 7]],
    prox: Computed::Directly,
};

/// How the differences of a point along several axes count.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// By their Euclidean norm: no direction is preferred.
    Isotropic,
    /// By the sum of their magnitudes.
    Anisotropic,
}

/// Differences over a grid or a graph.
#[derive(Clone, Debug)]
enum Neighbours {
    /// Along the first `axes` axes of a tensor of that rank or higher; all if not given.
    Grid { axes: Option<usize>, kind: Kind },
    /// Of pairs of rows.
    Graph(Arc<Edges>),
}

/// Weighted pairs of rows of a tensor (indices on its first axis): the edges of a graph.
#[derive(Debug, PartialEq)]
struct Edges {
    pairs: Vec<(usize, usize)>,
    weights: Vec<f64>,
}

impl Edges {
    fn new(pairs: &[(usize, usize)], weights: Option<&[f64]>) -> std::result::Result<Edges, (String, String)> {
        let weights = weights.map_or_else(|| vec![1.0; pairs.len()], <[f64]>::to_vec);
        if weights.len() != pairs.len() {
            return Err((format!("{} weights for {} edges", weights.len(), pairs.len()), "one weight per edge".into()));
        }
        if let Some(w) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            return Err((format!("an edge of weight {w}"), "weights are finite and not negative".into()));
        }
        if let Some((a, _)) = pairs.iter().find(|(a, b)| a == b) {
            return Err((format!("an edge from {a} to itself"), "edges join two different rows".into()));
        }
        Ok(Edges { pairs: pairs.to_vec(), weights })
    }

    fn parse(options: &Options<'_>) -> std::result::Result<Edges, Unfit> {
        let text = options.text("edges");
        let pair = |piece: &str| {
            let (a, b) = piece.split_once('-')?;
            Some((a.trim().parse().ok()?, b.trim().parse().ok()?))
        };
        let pairs: Option<Vec<(usize, usize)>> = text.split('|').map(pair).collect();
        let unfit = |message, hint| Unfit { key: "edges", message, hint };
        let pairs = pairs.ok_or_else(|| unfit(format!("{text:?} is no list of edges"), "like 0-1|1-2|0-5".into()))?;
        Edges::new(&pairs, None).map_err(|(message, hint)| unfit(message, hint))
    }

    fn text(&self) -> String {
        self.pairs.iter().map(|(a, b)| format!("{a}-{b}")).collect::<Vec<_>>().join("|")
    }

    fn refuse(&self, shape: &Shape) -> Option<String> {
        let n = self.pairs.iter().map(|&(a, b)| a.max(b) + 1).max().unwrap_or(0);
        (shape.first().is_none_or(|&rows| rows < n))
            .then(|| format!("it must have at least {n} rows, which the edges join"))
    }

    /// The greatest sum of weights at a row, twice: bounds the eigenvalues of the Laplacian.
    fn bound(&self, power: i32) -> f64 {
        let n = self.pairs.iter().map(|&(a, b)| a.max(b) + 1).max().unwrap_or(0);
        let mut degree = vec![0.0; n];
        for (&(a, b), w) in self.pairs.iter().zip(&self.weights) {
            degree[a] += w.powi(power);
            degree[b] += w.powi(power);
        }
        2.0 * degree.into_iter().fold(0.0, f64::max)
    }

    /// `[edges, 1, …]` beside a tensor of `rank` axes.
    fn column(&self, x: &Tensor, power: i32) -> Tensor {
        let rank = x.shape().map_or(1, Shape::rank);
        let weights: Vec<f32> = self.weights.iter().map(|w| w.powi(power) as f32).collect();
        let mut dims = vec![1; rank];
        dims[0] = weights.len();
        x.device().tensor(&weights, dims)
    }

    fn ends(&self, x: &Tensor) -> [Tensor; 2] {
        let [a, b] = [|p: &(usize, usize)| p.0 as u32, |p: &(usize, usize)| p.1 as u32];
        let list = |end: fn(&(usize, usize)) -> u32| {
            let index: Vec<u32> = self.pairs.iter().map(end).collect();
            x.device().tensor(&index, [index.len()])
        };
        [list(a), list(b)]
    }

    /// `x_b - x_a` for each edge.
    fn differences(&self, x: &Tensor) -> Tensor {
        let [a, b] = self.ends(x);
        x.index_select(0, &b).sub(x.index_select(0, &a))
    }

    /// The adjoint of [`Edges::differences`], in the shape of `like`.
    fn adjoint(&self, q: &Tensor, like: &Tensor) -> Tensor {
        let [a, b] = self.ends(q);
        let received = like.zeros_like().index_scatter(0, &b, q, Scatter::Add);
        received.index_scatter(0, &a, &q.neg(), Scatter::Add)
    }
}

impl Neighbours {
    fn axes(&self, x: &Tensor) -> usize {
        let rank = x.shape().map_or(0, Shape::rank);
        match self {
            Neighbours::Grid { axes, .. } => axes.unwrap_or(rank).min(rank),
            Neighbours::Graph(_) => 1,
        }
    }

    /// `D x`, one tensor per axis.
    fn differences(&self, x: &Tensor) -> Vec<Tensor> {
        match self {
            Neighbours::Grid { .. } => {
                let rank = x.shape().map_or(0, Shape::rank);
                let edge = |axis: usize| (0..rank).map(|a| (0, usize::from(a == axis))).collect::<Vec<_>>();
                (0..self.axes(x)).map(|axis| steps(x, axis).pad(edge(axis), Fill::Zero)).collect()
            }
            Neighbours::Graph(edges) => vec![edges.differences(x).mul(edges.column(x, 1))],
        }
    }

    /// `D^T q`, in the shape of `like`.
    fn adjoint(&self, q: &[Tensor], like: &Tensor) -> Tensor {
        if let Neighbours::Graph(edges) = self {
            return edges.adjoint(&q[0].mul(edges.column(like, 1)), like);
        }
        let rank = like.shape().map_or(0, Shape::rank);
        let mut total = like.zeros_like();
        for (axis, q) in q.iter().enumerate() {
            let n = q.shape().map_or(0, |s| s[axis]);
            let inner = q.slice(axis, ..n.saturating_sub(1));
            let pad = |before: bool| {
                let side = |a: usize| {
                    if a != axis {
                        (0, 0)
                    } else if before {
                        (1, 0)
                    } else {
                        (0, 1)
                    }
                };
                inner.pad((0..rank).map(side).collect::<Vec<_>>(), Fill::Zero)
            };
            total = total.add(pad(true)).sub(pad(false));
        }
        total
    }

    /// The norm of the differences at each point.
    fn sizes(&self, d: &[Tensor]) -> Tensor {
        let sum = |f: fn(&Tensor) -> Tensor| d[1..].iter().fold(f(&d[0]), |s, d| s.add(f(d)));
        match self {
            Neighbours::Grid { kind: Kind::Isotropic, .. } => {
                let squares = sum(Tensor::square);
                let none = squares.le(Fixed(0.0));
                none.select(Fixed(0.0), none.select(Fixed(1.0), &squares).sqrt())
            }
            _ => sum(Tensor::abs),
        }
    }

    /// The dual variables within their bounds.
    fn project(&self, q: &[Tensor], c: &Tensor) -> Vec<Tensor> {
        match self {
            Neighbours::Grid { kind: Kind::Isotropic, .. } => {
                let r = self.sizes(q);
                let beyond = r.gt(c);
                let factor = beyond.select(c.div(beyond.select(&r, Fixed(1.0))), Fixed(1.0));
                q.iter().map(|q| q.mul(&factor)).collect()
            }
            _ => q.iter().map(|q| q.clamp(c.neg(), c)).collect(),
        }
    }

    /// A bound of the greatest eigenvalue of `D D^T`.
    fn bound(&self, x: &Tensor) -> f64 {
        match self {
            Neighbours::Grid { .. } => 4.0 * self.axes(x) as f64,
            Neighbours::Graph(edges) => edges.bound(2),
        }
    }

    /// `argmin_u ||u - w||^2 / 2 + c sum |D u|`, and the dual variables.
    fn solve(&self, w: &Tensor, c: &Tensor, iterations: usize) -> (Tensor, Vec<Tensor>) {
        let length = 1.0 / self.bound(w).max(f64::MIN_POSITIVE);
        let start: Vec<Tensor> = self.differences(w).iter().map(Tensor::zeros_like).collect();
        if start.is_empty() {
            return (w.clone(), start);
        }
        let (mut q, mut ahead) = (start.clone(), start);
        let mut t = 1.0f64;
        for _ in 0..iterations {
            let u = w.sub(self.adjoint(&ahead, w));
            let moved: Vec<Tensor> =
                ahead.iter().zip(self.differences(&u)).map(|(q, d)| q.add(d.mul(Fixed(length)))).collect();
            let next = self.project(&moved, c);
            let t_next = 0.5 * (1.0 + (1.0 + 4.0 * t * t).sqrt());
            let by: Vec<Tensor> = next.iter().zip(&q).map(|(new, old)| new.sub(old)).collect();
            // what overshoots starts anew (B. O'Donoghue, E. Candès, 2015)
            let back = ahead.iter().zip(&next).zip(&by).map(|((ahead, new), by)| ahead.sub(new).mul(by));
            let on = back.reduce(|a, b| a.add(b)).map(|all| all.sum_all().le(Fixed(0.0)));
            let momentum = on.map(|on| on.select((t - 1.0) / t_next, Fixed(0.0)));
            ahead = next
                .iter()
                .zip(&by)
                .map(|(new, by)| momentum.as_ref().map_or_else(|| new.clone(), |m| new.add(by.mul(m))))
                .collect();
            (q, t) = (next, t_next);
        }
        (w.sub(self.adjoint(&q, w)), q)
    }
}

/// Total variation over several axes or a graph.
#[derive(Debug)]
struct Variation {
    over: Neighbours,
    iterations: usize,
}

/// The iterations where none are given.
const ITERATIONS: usize = 100;

static TV_OF: Description = Description {
    name: "tv-nd",
    aliases: &["tv-2d", "tv-3d"],
    summary: "images and volumes made of flat pieces",
    formula: "lambda sum over points of the norm of the differences along the axes",
    parameters: &[Parameter { meaning: "strength on differences", ..strength("f/x") }],
    convex: true,
    set: false,
    source: "L. Rudin, S. Osher, E. Fatemi, Nonlinear total variation based noise removal algorithms, Physica D 60 (1992); \
             A. Beck, M. Teboulle, Fast gradient-based algorithms for constrained total variation image denoising and \
             deblurring problems, IEEE Trans. Image Process. 18 (2009)",
};

static GRAPH_TV_OF: Description = Description {
    name: "graph-tv",
    aliases: &["network-lasso"],
    summary: "the same value at most neighbours of a graph",
    formula: "lambda sum over edges (i, j) of c_ij |x_i - x_j|, rows i and j along the first axis",
    parameters: &[Parameter { meaning: "strength on differences", ..strength("f/x") }],
    convex: true,
    set: false,
    source: "D. Hallac, J. Leskovec, S. Boyd, Network lasso, KDD 2015; the dual solver as in A. Beck, M. Teboulle (2009)",
};

impl Functional for Variation {
    fn description(&self) -> &'static Description {
        match self.over {
            Neighbours::Grid { .. } => &TV_OF,
            Neighbours::Graph(_) => &GRAPH_TV_OF,
        }
    }
    fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        self.over.sizes(&self.over.differences(w)).sum_all().mul(&p[0])
    }
    fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor {
        self.over.solve(w, &step.mul(&p[0]), self.iterations).0
    }
    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        match &self.over {
            Neighbours::Grid { axes, .. } => refuse_axis(axes.map(|n| n - 1), shape),
            Neighbours::Graph(edges) => edges.refuse(shape),
        }
    }
    fn options(&self) -> Vec<(&'static str, String)> {
        let mut all = match &self.over {
            Neighbours::Grid { axes, kind } => vec![
                ("axes", axes.map_or("all".into(), |n| n.to_string())),
                ("kind", if *kind == Kind::Isotropic { "isotropic".into() } else { "anisotropic".into() }),
            ],
            Neighbours::Graph(edges) => vec![("edges", edges.text())],
        };
        all.push(("iterations", self.iterations.to_string()));
        all
    }
}

const ITERATIONS_CHOICE: Choice =
    Choice { name: "iterations", default: "100", meaning: "of the dual solver in each proximal step" };

pub(super) static TV: Registered = Registered {
    of: &TV_OF,
    options: &[
        Choice { name: "axes", default: "all", meaning: "how many axes, from the first on, are those of the grid" },
        Choice { name: "kind", default: "isotropic", meaning: "isotropic or anisotropic" },
        ITERATIONS_CHOICE,
    ],
    build: |o| {
        let axes = if o.text("axes") == "all" { None } else { Some(o.number("axes")?) };
        if axes == Some(0) {
            return Err(Unfit { key: "axes", message: "no axes".into(), hint: "at least 1, or all".into() });
        }
        let kind = [Kind::Isotropic, Kind::Anisotropic][o.word("kind", &["isotropic", "anisotropic"])?];
        Ok(Arc::new(Variation { over: Neighbours::Grid { axes, kind }, iterations: o.number("iterations")? }))
    },
    mirror: |x, shape, p| {
        let mut total = 0.0;
        for i in 0..x.len() {
            let (mut rest, mut stride, mut square) = (i, 1, 0.0);
            for &n in shape.iter().rev() {
                let at = rest % n;
                rest /= n;
                if at + 1 < n {
                    square += (x[i + stride] - x[i]).powi(2);
                }
                stride *= n;
            }
            total += square.sqrt();
        }
        p[0] * total
    },
    shapes: &[&[6], &[2, 3, 2], &[3, 4]],
    prox: Computed::Certified(|p| certificate::variation(p, &certificate::grid(p.shape), 4.0 * p.shape.len() as f64)),
};

const EDGES_CHOICE: Choice =
    Choice { name: "edges", default: "0-1|1-2|0-2|2-3", meaning: "pairs of rows, e.g. 0-1|1-2" };

const EXAMPLE: [(usize, usize); 4] = [(0, 1), (1, 2), (0, 2), (2, 3)];

fn along_example(x: &[f64], shape: &[usize], each: impl Fn(f64) -> f64) -> f64 {
    let inner: usize = shape[1..].iter().product();
    EXAMPLE.iter().map(|&(a, b)| (0..inner).map(|j| each(x[a * inner + j] - x[b * inner + j])).sum::<f64>()).sum()
}

/// Twice the greatest number of edges at a row of the example.
const EXAMPLE_BOUND: f64 = 6.0;

fn example_differences(shape: &[usize]) -> Vec<Difference> {
    let inner: usize = shape[1..].iter().product();
    let edges = EXAMPLE.iter().flat_map(|&(a, b)| (0..inner).map(move |j| (a * inner + j, b * inner + j)));
    edges.enumerate().map(|(group, (from, to))| Difference { from, to, weight: 1.0, group }).collect()
}

pub(super) static GRAPH_TV: Registered = Registered {
    of: &GRAPH_TV_OF,
    options: &[EDGES_CHOICE, ITERATIONS_CHOICE],
    build: |o| {
        let over = Neighbours::Graph(Arc::new(Edges::parse(o)?));
        Ok(Arc::new(Variation { over, iterations: o.number("iterations")? }))
    },
    mirror: |x, shape, p| p[0] * along_example(x, shape, f64::abs),
    shapes: &[&[4], &[5, 3]],
    prox: Computed::Certified(|p| certificate::variation(p, &example_differences(p.shape), EXAMPLE_BOUND)),
};

/// `lambda / 2 sum over edges of c_ij (x_i - x_j)^2`.
#[derive(Debug)]
struct Laplacian {
    edges: Arc<Edges>,
    iterations: usize,
}

static LAPLACIAN_OF: Description = Description {
    name: "laplacian",
    aliases: &["graph-laplacian"],
    summary: "similar values at neighbours of a graph",
    formula: "lambda / 2 x^T L x = lambda / 2 sum over edges (i, j) of c_ij (x_i - x_j)^2, rows i and j along the first axis",
    parameters: &[Parameter { meaning: "strength on differences", ..strength("f/x^2") }],
    convex: true,
    set: false,
    source: "M. Belkin, P. Niyogi, V. Sindhwani, Manifold regularization, JMLR 7 (2006); conjugate gradients: M. Hestenes, \
             E. Stiefel (1952)",
};

impl Functional for Laplacian {
    fn description(&self) -> &'static Description {
        &LAPLACIAN_OF
    }
    fn value(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        let squares = self.edges.differences(w).square().mul(self.edges.column(w, 1));
        squares.sum_all().mul(&p[0]).mul(Fixed(0.5))
    }
    fn gradient(&self, w: &Tensor, p: &[Tensor]) -> Tensor {
        self.apply(w).mul(&p[0])
    }
    /// `(I + step lambda L) u = w` by conjugate gradients.
    fn prox(&self, w: &Tensor, step: &Tensor, p: &[Tensor]) -> Tensor {
        let c = step.mul(&p[0]);
        let product = |u: &Tensor| u.add(self.apply(u).mul(&c));
        let mut u = w.clone();
        let mut r = w.sub(product(w));
        let mut d = r.clone();
        let mut rr = r.square().sum_all();
        // 0 / 0 where the residual has vanished: no step
        let ratio = |a: &Tensor, b: &Tensor| {
            let none = b.le(Fixed(0.0));
            none.select(Fixed(0.0), a.div(none.select(Fixed(1.0), b)))
        };
        for _ in 0..self.iterations {
            let q = product(&d);
            let a = ratio(&rr, &d.mul(&q).sum_all());
            u = u.add(d.mul(&a));
            r = r.sub(q.mul(&a));
            let next = r.square().sum_all();
            d = r.add(d.mul(ratio(&next, &rr)));
            rr = next;
        }
        u
    }
    fn refuse_shape(&self, shape: &Shape) -> Option<String> {
        self.edges.refuse(shape)
    }
    fn options(&self) -> Vec<(&'static str, String)> {
        vec![("edges", self.edges.text()), ("iterations", self.iterations.to_string())]
    }
}

impl Laplacian {
    /// `L x`.
    fn apply(&self, x: &Tensor) -> Tensor {
        let flow = self.edges.differences(x).mul(self.edges.column(x, 1));
        self.edges.adjoint(&flow, x)
    }
}

/// The iterations of conjugate gradients: the condition number is `1 + step lambda (greatest eigenvalue)`, and an iteration
/// gains the factor `(sqrt - 1) / (sqrt + 1)` of its root; for 100 that is four digits here.
const CONJUGATE: usize = 32;

pub(super) static LAPLACIAN: Registered = Registered {
    of: &LAPLACIAN_OF,
    options: &[
        EDGES_CHOICE,
        Choice { name: "iterations", default: "32", meaning: "of conjugate gradients in each proximal step" },
    ],
    build: |o| Ok(Arc::new(Laplacian { edges: Arc::new(Edges::parse(o)?), iterations: o.number("iterations")? })),
    mirror: |x, shape, p| p[0] / 2.0 * along_example(x, shape, |d| d * d),
    shapes: &[&[4], &[5, 3]],
    prox: Computed::Certified(|p| certificate::smooth(p, &example_differences(p.shape), EXAMPLE_BOUND)),
};

/// What [`denoise`] finds.
#[derive(Clone, Debug)]
pub struct Denoised {
    /// The result.
    pub result: Tensor,
    /// The duality gap, a scalar: `||result - optimum||^2 / 2` is at most this, up to rounding.
    pub gap: Tensor,
}

/// `argmin_u ||u - w||^2 / 2 + lambda TV(u)` over the first `axes` axes (all if `None`), with a certificate.
///
/// # Source
/// A. Beck, M. Teboulle, *Fast gradient-based algorithms for constrained total variation*, IEEE TIP 18 (2009).
#[must_use]
pub fn denoise(w: &Tensor, lambda: f64, axes: Option<usize>, kind: Kind, iterations: usize) -> Denoised {
    let over = Neighbours::Grid { axes, kind };
    let c = w.device().scalar(lambda);
    let (result, q) = over.solve(w, &c, iterations);
    let d = over.differences(&result);
    if d.is_empty() {
        return Denoised { gap: w.device().scalar(0.0), result };
    }
    // of each point: c |D u| - <q, D u> is not negative
    let each = q.iter().zip(&d).fold(over.sizes(&d).mul(&c), |gap, (q, d)| gap.sub(q.mul(d)));
    Denoised { gap: each.relu().sum_all(), result }
}

/// Total variation along one axis, exactly, and the lasso: `lambda sum |x_(i+1) - x_i| + l1 ||x||_1`.
#[must_use]
#[track_caller]
pub fn fused_lasso(lambda: impl Into<Scalar>, l1: impl Into<Scalar>, axis: usize) -> Penalty {
    Penalty::functional(Fused { axis: Some(axis) }, &[lambda.into(), l1.into()])
}

/// Total variation over the first `axes` axes (all if `None`).
///
/// # Numerics
/// A proximal step takes 100 iterations of a dual solver; [`denoise`] tells what they reach.
#[must_use]
#[track_caller]
pub fn total_variation(lambda: impl Into<Scalar>, axes: Option<usize>, kind: Kind) -> Penalty {
    if axes == Some(0) {
        return Penalty::refused("total_variation", "no axes", "give at least 1, or None for all");
    }
    Penalty::functional(Variation { over: Neighbours::Grid { axes, kind }, iterations: ITERATIONS }, &[lambda.into()])
}

/// `lambda sum over edges of c_ij |x_i - x_j|` over rows; weights of 1 if not given.
#[must_use]
#[track_caller]
pub fn graph_tv(lambda: impl Into<Scalar>, edges: &[(usize, usize)], weights: Option<&[f64]>) -> Penalty {
    match Edges::new(edges, weights) {
        Ok(edges) => {
            let over = Neighbours::Graph(Arc::new(edges));
            Penalty::functional(Variation { over, iterations: ITERATIONS }, &[lambda.into()])
        }
        Err((message, hint)) => Penalty::refused("graph_tv", message, hint),
    }
}

/// `lambda / 2 sum over edges of c_ij (x_i - x_j)^2` over rows; weights of 1 if not given.
#[must_use]
#[track_caller]
pub fn laplacian(lambda: impl Into<Scalar>, edges: &[(usize, usize)], weights: Option<&[f64]>) -> Penalty {
    match Edges::new(edges, weights) {
        Ok(edges) => Penalty::functional(Laplacian { edges: Arc::new(edges), iterations: CONJUGATE }, &[lambda.into()]),
        Err((message, hint)) => Penalty::refused("laplacian", message, hint),
    }
}

/// Those known by name.
pub(super) const REGISTERED: &[&Registered] = &[&FUSED, &TV, &GRAPH_TV, &LAPLACIAN];
