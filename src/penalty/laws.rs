//! What every f64 mirror must obey, whatever its formula.

use super::profile::{Parameters, Separable};
use super::separable::LIST;

const STEPS: [f64; 6] = [0.01, 0.3, 1.0, 2.9, 3.5, 9.0];

/// The default parameters and the samples.
fn variants(of: &Separable) -> Vec<Parameters> {
    let mut all = vec![of.defaults()];
    all.extend(of.samples);
    assert!(all.iter().all(|p| of.refuse(p).is_none()), "{}", of.name);
    all
}

fn each(mut law: impl FnMut(&'static Separable, &Parameters)) {
    for &(of, _) in LIST {
        for p in variants(of) {
            law(of, &p);
        }
    }
}

/// Points dense near the kinks and wide enough to reach every piece.
fn points() -> Vec<f64> {
    let mut xs: Vec<f64> = (-140..=140).map(|i| f64::from(i) * 0.0713).collect();
    xs.extend([0.0, 1e-9, -1e-9, 1.0, -1.0, 30.0, -30.0]);
    xs
}

#[test]
fn prox_is_the_global_minimiser() {
    each(|of, p| {
        // The minimiser lies between x and 0 or the domain: [-31, 31] holds them all. A grid of 4001 points, then the kinks,
        // the ends of the domain, and 0 and x themselves.
        let grid = (0..=4000).map(|i| f64::from(i) * 0.0155 - 31.0);
        let rivals: Vec<(f64, f64)> = grid.chain((of.kinks)(p)).chain([0.0]).map(|u| (u, (of.value)(u, p))).collect();
        for step in STEPS {
            for x in points() {
                let objective = |u: f64, value: f64| (u - x) * (u - x) / 2.0 + step * value;
                let u = (of.prox)(x, step, p);
                let found = objective(u, (of.value)(u, p)) - 1e-13 * (1.0 + x * x);
                let itself = (x, (of.value)(x, p));
                if let Some((v, value)) =
                    rivals.iter().chain([&itself]).find(|(v, value)| objective(*v, *value) < found)
                {
                    let least = objective(*v, *value);
                    panic!("{} {p:?}: prox({x}, {step}) = {u} has {found}, but {v} has {least}", of.name);
                }
            }
        }
    });
}

#[test]
fn prox_satisfies_its_inclusion() {
    each(|of, p| {
        for step in STEPS {
            for x in points() {
                let u = (of.prox)(x, step, p);
                // 0 in (u - x) / step + subdifferential(u)
                let miss = of.distance(u, (u - x) / step, p);
                // u, x and the slope are rounded, and the slope moves with u
                let scale = (x.abs() + u.abs()) / step + (of.grad)(u, p).abs() + ((of.curvature)(u, p) * u).abs();
                assert!(
                    miss <= 64.0 * f64::EPSILON * scale,
                    "{} {p:?}: prox({x}, {step}) = {u} misses by {miss}",
                    of.name
                );
            }
        }
    });
}

#[test]
fn grad_and_curvature_are_the_derivatives() {
    each(|of, p| {
        for x in points() {
            let h = 1e-5;
            let f = |u: f64| (of.value)(u, p);
            let g = |u: f64| (of.grad)(u, p);
            let (left, right) = (g(x - h), g(x + h));
            // only where the five points lie on one smooth piece: where the curvature is one, and finite
            let around = [x - 2.0 * h, x - h, x + h, x + 2.0 * h];
            let change = around.iter().fold(0.0f64, |m, &u| m.max(((of.curvature)(u, p) - (of.curvature)(x, p)).abs()));
            let smooth = change <= 1e-2 * (1.0 + (of.curvature)(x, p).abs());
            let kinked = (of.kinks)(p).iter().any(|k| (x - k).abs() <= 2.0 * h);
            let [low, high] = (of.subdifferential)(x, p);
            if !smooth || kinked || low > high {
                continue;
            }
            let (slope, bend) = ((f(x + h) - f(x - h)) / (2.0 * h), (right - left) / (2.0 * h));
            // rounding of the difference (values up to 1e2) over h, and the next term of Taylor's series
            let tolerance = 1e-8 * (1.0 + x.abs()) + 1e-5 * (of.curvature)(x, p).abs();
            assert!((slope - g(x)).abs() <= tolerance, "{} {p:?}: {slope} is not grad({x}) = {}", of.name, g(x));
            // the difference is the curvature somewhere between
            let tolerance = 1e-8 + 1e-3 * (of.curvature)(x, p).abs() + change;
            assert!((bend - (of.curvature)(x, p)).abs() <= tolerance, "{} {p:?}: curvature({x})", of.name);
        }
    });
}

#[test]
fn the_gradient_lies_in_the_subdifferential() {
    each(|of, p| {
        for x in points() {
            let [low, high] = (of.subdifferential)(x, p);
            let g = (of.grad)(x, p);
            assert!(low > high || (low <= g && g <= high), "{} {p:?}: {g} at {x}", of.name);
        }
    });
}

#[test]
fn convex_proxes_are_firmly_non_expansive() {
    each(|of, p| {
        if !of.convex {
            return;
        }
        for step in STEPS {
            let xs = points();
            for pair in xs.windows(2).chain(xs.chunks(7)).filter(|w| w.len() > 1) {
                let (x, y) = (pair[0], pair[pair.len() - 1]);
                let d = (of.prox)(x, step, p) - (of.prox)(y, step, p);
                assert!(d * d <= d * (x - y) + 1e-12 * (x - y).abs(), "{} {p:?} step {step}: {x}, {y}", of.name);
            }
        }
    });
}

#[test]
fn even_penalties_are_even_and_homogeneous_ones_homogeneous() {
    each(|of, p| {
        for x in points() {
            if of.even {
                assert_eq!((of.value)(x, p), (of.value)(-x, p), "{}", of.name);
                for step in STEPS {
                    assert_eq!((of.prox)(x, step, p), -(of.prox)(-x, step, p), "{} {p:?} {x} {step}", of.name);
                }
            }
            if of.homogeneous {
                assert_eq!((of.value)(4.0 * x, p), ((of.value)(x, p) * 4.0).min(f64::from(f32::MAX)), "{}", of.name);
            }
        }
    });
}

#[test]
fn no_strength_means_identity() {
    for &(of, _) in LIST.iter().filter(|(of, _)| of.strengths().next().is_some()) {
        let mut p = of.defaults();
        of.strengths().for_each(|ix| p[ix] = 0.0);
        for x in points() {
            let [low, high] = (of.subdifferential)(x, &p);
            if low > high {
                continue;
            }
            let u = (of.prox)(x, 0.7, &p);
            assert!((u - x).abs() <= 2.0 * f64::EPSILON * x.abs(), "{}: {u} is not {x}", of.name);
            assert_eq!((of.value)(x, &p), 0.0, "{}", of.name);
        }
    }
}

#[test]
fn moreau_splits_every_number_between_l1_and_its_dual_ball() {
    let find = |name: &str| LIST.iter().find(|(of, _)| of.name == name).map(|(of, _)| *of).expect("listed");
    let (l1, bounds) = (find("l1"), find("bounds"));
    for step in STEPS {
        for x in points() {
            let shrunk = (l1.prox)(x, step, &[0.4, 0.0, 0.0, 0.0]);
            let projected = (bounds.prox)(x / step, 1.0 / step, &[-0.4, 0.4, 0.0, 0.0]);
            assert!((shrunk + step * projected - x).abs() <= 4.0 * f64::EPSILON * (x.abs() + step));
        }
    }
}

#[test]
fn every_description_is_whole() {
    for (ix, &(of, wgsl)) in LIST.iter().enumerate() {
        let names = || std::iter::once(of.name).chain(of.aliases.iter().copied());
        for &(other, _) in &LIST[..ix] {
            assert!(names().all(|n| n != other.name && !other.aliases.contains(&n)), "{} twice", of.name);
        }
        assert!(of.parameters.len() <= 4 && of.refuse(&of.defaults()).is_none(), "{}", of.name);
        assert!(!of.summary.is_empty() && !of.formula.is_empty() && of.source.contains('('), "{}", of.name);
        for suffix in ["value", "grad", "curvature", "prox", "prox_slope", "distance"] {
            assert!(wgsl.contains(&format!("fn {}_{suffix}(", of.module())), "{} lacks {suffix}", of.name);
        }
    }
}
