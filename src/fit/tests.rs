//! The outer loop on problems that are hard for f32, judged by the optimality conditions written out for the raw columns.

use super::Model;
use super::design::Design;
use super::loss::Loss;
use super::mirror::Mirror;
use super::regularizer::Regularizer;
use super::solve::{Host, Limits, Point, Solution};
use crate::penalty;

/// Numbers in `[-1, 1)` from a linear congruence (D. Knuth, MMIX).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

struct Case {
    x: Vec<f64>,
    y: Vec<f64>,
    n: usize,
    p: usize,
}

/// Columns that resemble their neighbours, in units from `10^-span` to `10^span`, far from 0.
fn case(seed: u64, n: usize, p: usize, alike: f64, span: f64, classes: usize) -> Case {
    let mut random = Random(seed);
    let units: Vec<f64> = (0..p).map(|_| 10f64.powf(span * random.next())).collect();
    let offsets: Vec<f64> = (0..p).map(|_| 3.0 * random.next()).collect();
    let weights: Vec<f64> = (0..p).map(|_| if random.next() > 0.5 { 2.0 * random.next() } else { 0.0 }).collect();
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let (mut last, mut eta) = (0.0, 0.0);
        for j in 0..p {
            last = alike * last + (1.0 - alike * alike).sqrt() * random.next();
            eta += weights[j] * last;
            x.push((last + offsets[j]) * units[j]);
        }
        let noisy = eta + 1.5 * random.next();
        y.push(match classes {
            0 => 10.0 + noisy,
            2 => f64::from(u8::from(noisy > 0.0)),
            _ => ((noisy + 1.5).clamp(0.0, classes as f64 - 1.0)).floor(),
        });
    }
    Case { x, y, n, p }
}

fn mirrored(case: &Case, model: Model, spec: &str, intercept: bool, tol: f64) -> (Solution, Vec<f64>, Design, Loss) {
    let loss = Loss::new(model, &case.y, intercept);
    let mut design = Design::new(&case.x, case.p, intercept, false).expect("finite");
    let parts = penalty::parse(spec).and_then(|p| p.parts()).expect(spec);
    let regularizer = Regularizer::new(&mut design, loss.k, parts).expect("fits");
    let null = Point { b: vec![0.0; case.p * loss.k], intercept: loss.null_intercept() };
    let unit = loss.slope(&design, &null.b, &null.intercept).gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    // the trace bounds the greatest eigenvalue; columns have mean square 1
    let host = Host { design: &design, loss: &loss, regularizer: &regularizer, lipschitz: case.p as f64 + 1.0, unit };
    let mut inner = Mirror { design: &design, loss: &loss, regularizer: &regularizer };
    let limits = Limits { tol, max_iter: 200_000 };
    let solution = pollster::block_on(host.solve(&mut inner, null, limits, &mut |_, _| {})).expect("solvable");
    let means = design.center.clone();
    (solution, means, design, loss)
}

/// The gradient of the mean loss by the coefficients of the raw, centred columns, written out.
fn raw_gradient(case: &Case, means: &[f64], b: &[f64], b0: f64, logistic: bool) -> Vec<f64> {
    let centre = if logistic { 0.0 } else { case.y.iter().sum::<f64>() / case.n as f64 };
    let mut g = vec![0.0; case.p];
    for (row, y) in case.x.chunks(case.p).zip(&case.y) {
        let eta: f64 = b0 + (0..case.p).map(|j| (row[j] - means[j]) * b[j]).sum::<f64>();
        let r = if logistic { 1.0 / (1.0 + (-eta).exp()) - y } else { eta - (y - centre) };
        (0..case.p).for_each(|j| g[j] += (row[j] - means[j]) * r / case.n as f64);
    }
    g
}

/// The greatest violation of the elastic net's optimality conditions, per standard deviation and relative to the start.
fn violation(
    case: &Case,
    solution: &Solution,
    means: &[f64],
    design: &Design,
    l1: f64,
    l2: f64,
    logistic: bool,
) -> f64 {
    let b = &solution.point.b;
    let share = case.y.iter().sum::<f64>() / case.n as f64;
    let b0 = if logistic { solution.point.intercept[0] } else { 0.0 };
    let start = if logistic { (share / (1.0 - share)).ln() } else { 0.0 };
    let g = raw_gradient(case, means, b, b0, logistic);
    let g0 = raw_gradient(case, means, &vec![0.0; case.p], start, logistic);
    let per = |j: usize, v: f64| v.abs() / design.spread[j];
    let unit = (0..case.p).map(|j| per(j, g0[j])).fold(0.0, f64::max);
    let off = |j: usize| match b[j] {
        0.0 => per(j, (g[j].abs() - l1).max(0.0)),
        v => per(j, g[j] + l1 * v.signum() + l2 * v),
    };
    (0..case.p).map(off).fold(0.0, f64::max) / unit
}

#[test]
fn elastic_nets_on_hard_columns_reach_the_optimality_conditions_of_the_raw_problem() {
    let mut worst = 0;
    for (seed, n, p, alike, span) in [
        (1, 60, 8, 0.0, 0.0),
        (2, 60, 20, 0.9, 3.0),
        (3, 30, 60, 0.5, 2.0),
        (4, 80, 30, 0.995, 1.0),
        (5, 25, 100, 0.95, 0.5),
        (6, 200, 10, 0.9999, 4.0),
    ] {
        for (model, classes) in [(Model::Linear, 0), (Model::Logistic, 2)] {
            let case = case(seed, n, p, alike, span, classes);
            let g0 = raw_gradient(&case, &vec![0.0; p], &vec![0.0; p], 0.0, classes == 2);
            // a tenth of what would remove the column with the median gradient
            let mut sizes: Vec<f64> = g0.iter().map(|g| g.abs()).collect();
            sizes.sort_by(f64::total_cmp);
            for (l1, l2) in [(sizes[p / 2] / 10.0, 0.0), (sizes[p / 2] / 100.0, sizes[p / 2] / 100.0)] {
                let spec = format!("elastic-net(l1={l1},l2={l2})");
                let (solution, means, design, _) = mirrored(&case, model, &spec, true, 1e-9);
                assert!(solution.converged, "seed {seed} {model:?} {spec}: {:.1e}", solution.optimality);
                let off = violation(&case, &solution, &means, &design, l1, l2, classes == 2);
                // the raw gradient itself is rounded: cancellation of the centred columns at most 1e6 epsilon
                assert!(off < 2e-9, "seed {seed} {model:?} {spec}: {off:.1e} off");
                worst = worst.max(solution.iterations);
            }
        }
    }
    assert!(worst < 50_000, "{worst} iterations");
}

#[test]
fn other_penalties_and_softmax_converge_too() {
    for (classes, model) in [(0, Model::Linear), (2, Model::Logistic), (3, Model::Softmax { classes: 3 })] {
        let case = case(11, 90, 12, 0.8, 1.0, classes);
        for spec in [
            "ridge(l2=0.01)",
            "lasso(l1=0.02)",
            "group-lasso(lambda=0.02,groups=0-3|4-5|6+8+10|7+9+11)",
            "sparse-group-lasso(l1=0.01,lambda=0.01,groups=0-3|4-5|6+8+10|7+9+11,weights=root)",
            "huber(lambda=0.1,delta=0.5)",
            "mcp(lambda=0.01,gamma=100)",
            "scad(lambda=0.01,gamma=100)",
            "group-mcp(lambda=0.01,gamma=100,groups=0-5|6-11)",
            "bounds(lower=-0.1,upper=0.2)",
            "non-negative",
            "non-negative-l1(l1=0.02)",
            "charbonnier(lambda=0.1,delta=0.5)",
            "hinge(lambda=0.02)",
            "quantile(lambda=0.02,tau=0.3)",
            "entropy(lambda=0.02)",
            "poisson(lambda=0.01,count=0.3)",
            "cauchy(lambda=0.01)",
            "tukey(lambda=0.01)",
        ] {
            for intercept in [true, false] {
                let (solution, ..) = mirrored(&case, model, spec, intercept, 1e-8);
                assert!(
                    solution.converged,
                    "{model:?} {spec} intercept {intercept}: {:.1e} after {}",
                    solution.optimality, solution.iterations
                );
            }
        }
    }
}

#[test]
fn an_infinite_slope_at_zero_does_not_end_the_search_there() {
    let case = case(11, 90, 12, 0.3, 0.0, 0);
    for spec in ["l0(lambda=0.01)", "l-half(lambda=0.01)", "lp(lambda=0.01,p=0.25)"] {
        let (solution, _, design, loss) = mirrored(&case, Model::Linear, spec, true, 1e-8);
        assert!(solution.converged, "{spec}: {:.1e}", solution.optimality);
        let used = solution.point.b.iter().filter(|b| **b != 0.0).count();
        assert!(used > 0, "{spec} uses nothing");
        let null = Point { b: vec![0.0; case.p], intercept: loss.null_intercept() };
        let before = loss.value(&design, &null.b, &null.intercept);
        assert!(solution.objective < before, "{spec}: {} is not below {before}", solution.objective);
    }
}
