//! Certified proximal points, in f64 on the host: what proximal operators that iterate are judged by.
//!
//! The objective `1/2 ||u - w||^2 + f(u)` is strongly convex with modulus 1, so a point is within `sqrt(2 gap)` of the
//! minimum, `gap` the difference between its objective and that of any point of the dual. [`Certified`] has a point, that
//! distance, and how far a device may be from the minimum: by what the published method leaves in exact arithmetic after as
//! many iterations, and by what its roundings add up to.

use crate::reference::tol::ULP;

/// A proximal step.
pub(crate) struct Problem<'a> {
    pub w: &'a [f64],
    pub shape: &'a [usize],
    pub parameters: &'a [f64],
    /// The step times the weight.
    pub step: f64,
    /// How many iterations the device makes, if it is told.
    pub iterations: usize,
}

/// What is known of the solution.
pub(crate) struct Certified {
    pub point: Vec<f64>,
    /// The solution is at most so far from the point.
    pub within: f64,
    /// What the iterations leave, without roundings: the distance from the point.
    pub left: f64,
    /// What the roundings of the device add.
    pub rounding: f64,
}

/// Iterations that leave nothing, of the few numbers of a check.
const ENOUGH: usize = 4000;

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub(super) fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(x, y)| x - y).collect()
}

/// `||a - b||`.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    let d = minus(a, b);
    dot(&d, &d).sqrt()
}

fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn greatest(a: &[f64]) -> f64 {
    a.iter().fold(0.0, |m, x| m.max(x.abs()))
}

/// How far `point` is from the minimum, by a feasible point near it, the value of the penalty there and a value of the dual.
pub(super) fn within(point: &[f64], feasible: &[f64], w: &[f64], value: f64, dual: f64) -> f64 {
    let d = minus(feasible, w);
    let primal = 0.5 * dot(&d, &d) + value;
    // the rounding of the gap itself
    let noise = 4.0 * f64::EPSILON * w.len() as f64 * (primal.abs() + dual.abs() + dot(w, w));
    distance(point, feasible) + (2.0 * ((primal - dual).max(0.0) + noise)).sqrt()
}

/// Accelerated projected gradients with restarts: A. Beck, M. Teboulle (2009), B. O'Donoghue, E. Candès (2015). `next` is
/// one step without acceleration.
fn accelerated(start: Vec<f64>, turns: usize, next: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let (mut q, mut ahead, mut t) = (start.clone(), start, 1.0f64);
    for _ in 0..turns {
        let new = next(&ahead);
        let by = minus(&new, &q);
        let t_next = 0.5 * (1.0 + (1.0 + 4.0 * t * t).sqrt());
        let momentum = if dot(&minus(&ahead, &new), &by) <= 0.0 { (t - 1.0) / t_next } else { 0.0 };
        ahead = new.iter().zip(&by).map(|(q, d)| q + momentum * d).collect();
        (q, t) = (new, t_next);
    }
    q
}

/// What an error of at most `each` in every iterate makes of the distance from the minimum, in accelerated steps of length
/// `1 / curvature`: at most `2 sqrt(curvature) each` per iteration (M. Schmidt, N. Le Roux, F. Bach, Convergence rates of
/// inexact proximal-gradient methods for convex optimization, NIPS 2011, proposition 2).
fn carried(curvature: f64, iterations: usize, each: f64) -> f64 {
    2.0 * curvature.sqrt() * iterations as f64 * each
}

/// A difference `weight (x_to - x_from)`; those of one group count by their Euclidean norm.
pub(super) struct Difference {
    pub from: usize,
    pub to: usize,
    pub weight: f64,
    pub group: usize,
}

/// The differences of neighbours on a grid, those at a point as a group.
pub(super) fn grid(shape: &[usize]) -> Vec<Difference> {
    let mut all = Vec::new();
    for from in 0..shape.iter().product() {
        let (mut rest, mut stride) = (from, 1);
        for &n in shape.iter().rev() {
            if rest % n + 1 < n {
                all.push(Difference { from, to: from + stride, weight: 1.0, group: from });
            }
            (rest, stride) = (rest / n, stride * n);
        }
    }
    all
}

/// `c sum over groups of ||differences||`; `curvature` bounds the greatest eigenvalue of `D D^T`.
pub(super) fn variation(problem: &Problem<'_>, over: &[Difference], curvature: f64) -> Certified {
    let (w, c) = (problem.w, problem.step * problem.parameters[0]);
    let apply = |x: &[f64]| over.iter().map(|d| d.weight * (x[d.to] - x[d.from])).collect::<Vec<f64>>();
    let at = |q: &[f64]| {
        let mut u = w.to_vec();
        for (d, q) in over.iter().zip(q) {
            u[d.to] -= d.weight * q;
            u[d.from] += d.weight * q;
        }
        u
    };
    let sizes = |d: &[f64]| {
        let mut all = vec![0.0; over.len().max(w.len())];
        over.iter().zip(d).for_each(|(of, d)| all[of.group] += d * d);
        all.iter().map(|s: &f64| s.sqrt()).collect::<Vec<_>>()
    };
    let solve = |turns: usize| {
        accelerated(vec![0.0; over.len()], turns, |q| {
            let moved: Vec<f64> = q.iter().zip(apply(&at(q))).map(|(q, d)| q + d / curvature).collect();
            let sizes = sizes(&moved);
            over.iter().zip(&moved).map(|(d, q)| if sizes[d.group] > c { q * c / sizes[d.group] } else { *q }).collect()
        })
    };
    let q = solve(ENOUGH);
    let point = at(&q);
    let value = c * sizes(&apply(&point)).iter().sum::<f64>();
    let dual = 0.5 * (dot(w, w) - dot(&point, &point));
    // an element of w - D^T q has a few terms of at most w and c; a step two of them, a projection and a momentum
    let degree = 2.0 * over.iter().map(|d| d.weight.powi(2)).fold(1.0, f64::max) * problem.shape.len() as f64;
    let size = greatest(w) + degree * c;
    let of_point = ULP * (degree + 2.0) * size;
    let of_step = 2.0 * of_point / curvature + ULP * 10.0 * c;
    Certified {
        within: within(&point, &point, w, value, dual),
        left: distance(&at(&solve(problem.iterations)), &point),
        rounding: carried(curvature, problem.iterations, of_step * (over.len() as f64).sqrt())
            + of_point * (w.len() as f64).sqrt(),
        point,
    }
}

/// `c / 2 sum weight (differences)^2`, whose Laplacian has no eigenvalue above `greatest_eigenvalue`.
pub(super) fn smooth(problem: &Problem<'_>, over: &[Difference], greatest_eigenvalue: f64) -> Certified {
    let (w, c) = (problem.w, problem.step * problem.parameters[0]);
    let apply = |x: &[f64]| {
        let mut y = x.to_vec();
        for d in over {
            let flow = c * d.weight * (x[d.to] - x[d.from]);
            y[d.to] += flow;
            y[d.from] -= flow;
        }
        y
    };
    // I + c L has no eigenvalue below 1: its residual bounds the error. Simple iterations with the best constant step
    let condition = 1.0 + c * greatest_eigenvalue;
    let point = (0..ENOUGH).fold(w.to_vec(), |x, _| {
        let residual = minus(w, &apply(&x));
        x.iter().zip(residual).map(|(x, r)| x + 2.0 / (condition + 1.0) * r).collect()
    });
    let rate = (condition.sqrt() - 1.0) / (condition.sqrt() + 1.0);
    let iterations = problem.iterations as f64;
    // a row of the product adds its terms; the residual of the recurrence leaves the true one by this per iteration
    // (A. Greenbaum, Estimating the attainable accuracy of recursively computed residual methods, SIMAX 18 (1997))
    let rounding = ULP * (2.0 * greatest_eigenvalue + 5.0) * (iterations + 1.0) * condition * 2.0 * length(w);
    Certified {
        within: distance(&apply(&point), w),
        left: 2.0 * condition.sqrt() * rate.powf(iterations) * distance(&point, w),
        rounding,
        point,
    }
}

/// Projection onto `A x <= b`; `curvature` bounds the greatest eigenvalue of `A A^T`.
pub(super) fn inequalities(problem: &Problem<'_>, a: &[&[f64]], b: &[f64], curvature: f64) -> Certified {
    let w = problem.w;
    let at = |y: &[f64]| {
        let mut u = w.to_vec();
        a.iter().zip(y).for_each(|(a, y)| u.iter_mut().zip(*a).for_each(|(u, a)| *u -= a * y));
        u
    };
    let over = |x: &[f64]| a.iter().zip(b).map(|(a, b)| dot(a, x) - b).collect::<Vec<f64>>();
    let solve = |turns: usize| {
        accelerated(vec![0.0; b.len()], turns, |y| {
            y.iter().zip(over(&at(y))).map(|(y, r)| (y + r / curvature).max(0.0)).collect()
        })
    };
    let y = solve(ENOUGH);
    let point = at(&y);
    // what is over is taken back along each row in turn, with room for the others
    let mut feasible = point.clone();
    for _ in 0..ENOUGH {
        for (a, r) in a.iter().zip(over(&feasible)) {
            let by = r.max(0.0) / dot(a, a);
            feasible.iter_mut().zip(*a).for_each(|(x, a)| *x -= a * by);
        }
    }
    let moved = minus(w, &point);
    let dual = dot(&y, &over(w)) - 0.5 * dot(&moved, &moved);
    let widest = a.iter().map(|a| greatest(a)).fold(0.0, f64::max);
    let terms = (w.len() + b.len() + 2) as f64;
    let size = greatest(w) + widest * y.iter().sum::<f64>();
    let of_point = ULP * terms * size;
    let of_step =
        terms * (widest * of_point * w.len() as f64 + ULP * greatest(b)) / curvature + ULP * 6.0 * greatest(&y);
    Certified {
        within: within(&point, &feasible, w, 0.0, dual),
        left: distance(&at(&solve(problem.iterations)), &point),
        rounding: carried(curvature, problem.iterations, of_step * (b.len() as f64).sqrt())
            + of_point * (w.len() as f64).sqrt(),
        point,
    }
}

/// The `t` with `sum max(x_i - t, 0) = total`.
fn threshold(x: impl Iterator<Item = f64>, total: f64) -> f64 {
    let mut sorted: Vec<f64> = x.collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let (mut sum, mut t) = (-total, f64::NEG_INFINITY);
    for (k, v) in sorted.iter().enumerate() {
        sum += v;
        t = t.max(sum / (k + 1) as f64);
    }
    t
}

/// Projection onto the matrices `>= 0` whose rows add up to 1 and whose columns to `column`.
pub(super) fn plans(problem: &Problem<'_>, column: f64) -> Certified {
    let (w, (n, m)) = (problem.w, (problem.shape[0], problem.shape[1]));
    let solve = |turns: usize| {
        let (mut a, mut b) = (vec![0.0; n], vec![0.0; m]);
        for _ in 0..turns {
            a = (0..n).map(|i| threshold((0..m).map(|j| w[i * m + j] - b[j]), 1.0)).collect();
            b = (0..m).map(|j| threshold((0..n).map(|i| w[i * m + j] - a[i]), column)).collect();
        }
        (a, b)
    };
    let plan =
        |(a, b): &(Vec<f64>, Vec<f64>)| (0..n * m).map(|k| (w[k] - a[k / m] - b[k % m]).max(0.0)).collect::<Vec<f64>>();
    let row = |x: &[f64], i: usize| x[i * m..][..m].iter().sum::<f64>();
    let down = |x: &[f64], j: usize| (0..n).map(|i| x[i * m + j]).sum::<f64>();
    let best = solve(ENOUGH);
    let point = plan(&best);
    // a plan beside it: rows and columns that hold too much are scaled, what then lacks is added as a product
    // (J. Altschuler, J. Weed, P. Rigollet, Near-linear time approximation algorithms for optimal transport, NIPS 2017)
    let mut feasible = point.clone();
    (0..n).for_each(|i| {
        let by = (1.0 / row(&feasible, i)).min(1.0);
        feasible[i * m..][..m].iter_mut().for_each(|x| *x *= by);
    });
    (0..m).for_each(|j| {
        let by = (column / down(&feasible, j)).min(1.0);
        (0..n).for_each(|i| feasible[i * m + j] *= by);
    });
    let lacks: Vec<f64> = (0..n).map(|i| 1.0 - row(&feasible, i)).collect();
    let wants: Vec<f64> = (0..m).map(|j| column - down(&feasible, j)).collect();
    let total = lacks.iter().sum::<f64>();
    if total > 0.0 {
        (0..n * m).for_each(|k| feasible[k] += lacks[k / m] * wants[k % m] / total);
    }
    let off = minus(&point, w);
    let multiplied = (0..n).map(|i| best.0[i] * (row(&point, i) - 1.0)).sum::<f64>()
        + (0..m).map(|j| best.1[j] * (down(&point, j) - column)).sum::<f64>();
    let dual = 0.5 * dot(&off, &off) + multiplied;
    // thresholds keep the order and move with their row, so no round enlarges the errors of the one before
    let size = greatest(w) + greatest(&best.0) + greatest(&best.1) + 1.0 + column;
    let each = ULP * (n.max(m) + 6) as f64 * size;
    Certified {
        within: within(&point, &feasible, w, 0.0, dual),
        left: distance(&plan(&solve(problem.iterations)), &point),
        rounding: 2.0 * each * (2 * problem.iterations + 1) as f64 * ((n * m) as f64).sqrt(),
        point,
    }
}

/// A symmetric matrix `[n, n]` without its negative eigenvalues, and the least of them: by rotations (C. Jacobi, 1846).
fn semidefinite(x: &[f64], n: usize) -> (Vec<f64>, f64) {
    let (mut a, mut v) = (x.to_vec(), vec![0.0; n * n]);
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    for _ in 0..12 {
        for (p, q) in (0..n).flat_map(|p| (p + 1..n).map(move |q| (p, q))) {
            if a[p * n + q] == 0.0 {
                continue;
            }
            let (s, c) = (0.5 * (2.0 * a[p * n + q]).atan2(a[q * n + q] - a[p * n + p])).sin_cos();
            let turn = |x: &mut [f64], i: usize, j: usize| (x[i], x[j]) = (c * x[i] - s * x[j], s * x[i] + c * x[j]);
            for k in 0..n {
                turn(&mut a, k * n + p, k * n + q);
                turn(&mut v, k * n + p, k * n + q);
            }
            for k in 0..n {
                turn(&mut a, p * n + k, q * n + k);
            }
        }
    }
    let entry = |k: usize| (0..n).map(|j| v[k / n * n + j] * a[j * n + j].max(0.0) * v[k % n * n + j]).sum();
    ((0..n * n).map(entry).collect(), (0..n).map(|j| a[j * n + j]).fold(f64::INFINITY, f64::min))
}

/// Projection onto the symmetric matrices without negative eigenvalues and entries; `each` is the error of the device's
/// part without negative eigenvalues, relative to the norm of its matrix.
pub(super) fn doubly_non_negative(problem: &Problem<'_>, each: f64) -> Certified {
    let (w, n) = (problem.w, problem.shape[0]);
    let even: Vec<f64> = (0..n * n).map(|k| 0.5 * (w[k] + w[k % n * n + k / n])).collect();
    let lifted = |q: &[f64]| even.iter().zip(q).map(|(w, q)| w + q).collect::<Vec<f64>>();
    let solve = |turns: usize| {
        accelerated(vec![0.0; n * n], turns, |q| {
            let (x, _) = semidefinite(&lifted(q), n);
            q.iter().zip(x).map(|(q, x)| (q - x).max(0.0)).collect()
        })
    };
    let at = |q: &[f64]| semidefinite(&lifted(q), n).0.iter().map(|x| x.max(0.0)).collect::<Vec<f64>>();
    let q = solve(ENOUGH / 4);
    let point = at(&q);
    let least = semidefinite(&point, n).1;
    let mut feasible = point.clone();
    (0..n).for_each(|i| feasible[i * n + i] += (-least).max(0.0));
    let part = semidefinite(&lifted(&q), n).0;
    let dual = 0.5 * (dot(&even, &even) - dot(&part, &part));
    let iterations = problem.iterations as f64;
    let one = each * (length(&even) + length(&q));
    Certified {
        within: within(&point, &feasible, &even, 0.0, dual),
        left: distance(&at(&solve(problem.iterations)), &point),
        // as `carried`, where the errors of the iterations are as independent as those within each
        rounding: 4.0 * (iterations / 3.0).sqrt() * one + one,
        point,
    }
}
