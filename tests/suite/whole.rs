//! Penalties on whole tensors: what the laws of the check do not say. Sizes at the limits, bad input, fits.

use crate::devices;
use ridgepoint::Tensor;
use ridgepoint::fit::{Fitter, Problem, fit};
use ridgepoint::pass::Role;
use ridgepoint::penalty::{self, Along, Groups, Kind, Norm, Overlap, Penalty, parse};
use ridgepoint::run::{Device, Kernels};

fn any() -> Device {
    Device::open_blocking(Default::default()).unwrap()
}

/// The projection on the simplex by sorting, in f64.
fn simplex(x: &[f32], total: f64) -> Vec<f64> {
    let mut sorted: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let (mut sum, mut t) = (0.0, f64::NEG_INFINITY);
    for (k, v) in sorted.iter().enumerate() {
        sum += v;
        t = t.max((sum - total) / (k + 1) as f64);
    }
    x.iter().map(|&v| (f64::from(v) - t).max(0.0)).collect()
}

/// Pseudo-random numbers in `[0, 1)`.
fn noise(n: usize) -> impl Iterator<Item = f64> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..n).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / 16_777_216.0
    })
}

#[test]
fn a_long_vector_is_read_at_most_six_times() {
    let device = any();
    let n = 1 << 20;
    let x = device.tensor(&vec![0.5f32; n], [n]);
    let ball = penalty::ball(Norm::L1, 1.0, Along::All);
    for (name, result) in
        [("simplex", penalty::simplex(1.0, Along::All).prox(&x, 1.0)), ("l1 ball", ball.prox(&x, 1.0))]
    {
        let plan = device.plan(&[&result]).unwrap();
        let long = |slot: &usize| plan.slots[*slot].bytes >= 4 * n as u64;
        let reads: Vec<_> = plan.steps.iter().filter(|s| s.slots.iter().any(long)).map(|s| &s.kernel.label).collect();
        assert!(reads.len() <= 6, "{name}: {reads:?}");
        // nothing of the size of the vector lies between
        let held = plan.slots.iter().filter(|s| s.role == Role::Temporary && s.bytes >= 4 * n as u64).count();
        assert_eq!(held, 0, "{name}");
    }
}

#[test]
fn long_vectors_are_projected_exactly_whatever_their_numbers() {
    let n = 9000;
    let inputs: Vec<(&str, Vec<f32>)> = vec![
        ("uniform", noise(n).map(|v| (v * 6.0 - 3.0) as f32).collect()),
        ("equal", vec![0.25; n]),
        ("one peak", (0..n).map(|i| if i == 4321 { 7.5 } else { -1.0 }).collect()),
        ("scales", noise(n).map(|v| (10f64.powf(v * 12.0 - 6.0)) as f32).collect()),
        ("ladder", (0..n).map(|i| i as f32 / 512.0).collect()),
        ("far off", noise(n).map(|v| (v + 1000.0) as f32).collect()),
    ];
    for device in devices(Kernels::Auto) {
        for (name, x) in &inputs {
            let w = device.tensor(x, [n]);
            let greatest = x.iter().fold(0.0f64, |m, v| m.max(f64::from(v.abs())));
            for total in [1.0, 40.0] {
                // a threshold of 24 bits of the total, and the rounding of the elements themselves
                let bound = 4.0 * f64::from(f32::EPSILON) * (greatest + total);
                let worst = |got: Vec<f32>, want: Vec<f64>| {
                    got.iter().zip(want).fold(0.0f64, |m, (g, w)| m.max((f64::from(*g) - w).abs()))
                };
                let got = penalty::simplex(total, Along::All).prox(&w, 1.0).read_blocking::<f32>().unwrap();
                let off = worst(got, simplex(x, total));
                assert!(off <= bound, "simplex of {name}, total {total} on {}: off by {off:e}", device.name());
                let got = penalty::ball(Norm::L1, total, Along::All).prox(&w, 1.0).read_blocking::<f32>().unwrap();
                let sizes: Vec<f32> = x.iter().map(|v| v.abs()).collect();
                let inside = sizes.iter().map(|&v| f64::from(v)).sum::<f64>() <= total;
                let want = if inside { x.iter().map(|&v| f64::from(v)).collect() } else { simplex(&sizes, total) };
                let signed = want.iter().zip(x).map(|(v, x)| if inside { *v } else { v.copysign(f64::from(*x)) });
                let off = worst(got, signed.collect());
                assert!(off <= bound, "l1 ball of {name}, radius {total} on {}: off by {off:e}", device.name());
            }
        }
    }
}

/// Loops of one invocation are cut off by some drivers after 65,535 turns.
#[test]
fn long_rows_are_walked_to_their_end() {
    let device = any();
    let n = 150_000;
    // falling steps of ten thousand: every prefix of a step is out of order for a sequence that must not fall
    let x: Vec<f32> = (0..n).map(|i| -((i / 10_000) as f32) - (i % 2) as f32).collect();
    let w = device.tensor(&x, [n]);
    let flat = w.isotonic(0, false).read_blocking::<f32>().unwrap();
    let mean = x.iter().map(|&v| f64::from(v)).sum::<f64>() / n as f64;
    assert!(flat.iter().all(|v| (f64::from(*v) - mean).abs() < 1e-3), "{} is not {mean}", flat[n - 1]);
    let smooth = w.taut_string(2.0, 0).read_blocking::<f32>().unwrap();
    for (step, values) in smooth.chunks(10_000).enumerate() {
        let inner = &values[1000..9000];
        let want = -(step as f64) - 0.5;
        assert!(inner.iter().all(|v| (f64::from(*v) - want).abs() < 2e-3), "step {step}: {} is not {want}", inner[0]);
    }
}

#[test]
fn a_certificate_bounds_the_error() {
    let device = any();
    let x: Vec<f32> = noise(30).map(|v| v as f32).collect();
    let w = device.tensor(&x, [5, 6]);
    for kind in [Kind::Isotropic, Kind::Anisotropic] {
        let [rough, fine] = [5, 100].map(|its| penalty::denoise(&w, 0.2, None, kind, its));
        let [first, last] = [&rough, &fine].map(|d| f64::from(d.gap.item_blocking::<f32>().unwrap()));
        let apart = rough.result.sub(&fine.result).square().sum_all().item_blocking::<f32>().unwrap();
        assert!(last < 1e-4 && last < first, "{kind:?}: gaps {first:e}, {last:e}");
        // both are within the root of twice their gap of the optimum
        let bound = ((2.0 * first).sqrt() + (2.0 * last).sqrt()).powi(2);
        assert!(f64::from(apart) <= bound, "{kind:?}: {apart:e} > {bound:e}");
    }
    // along one axis the dual solver must meet the direct one
    let row = device.tensor(&x, [30]);
    let dual = penalty::denoise(&row, 0.2, None, Kind::Anisotropic, 80);
    let direct = row.taut_string(0.2, 0);
    let off = dual.result.sub(&direct).abs().max(..).item_blocking::<f32>().unwrap();
    let gap = f64::from(dual.gap.item_blocking::<f32>().unwrap());
    assert!(f64::from(off) <= (2.0 * gap).sqrt() + 1e-5, "{off} with a gap of {gap}");
}

#[test]
fn sinkhorn_has_its_margins() {
    let device = any();
    let cost: Vec<f32> = noise(12).map(|v| v as f32).collect();
    let (r, c) = (device.tensor(&[0.2f32, 0.3, 0.5], [3]), device.tensor(&[0.1f32, 0.2, 0.3, 0.4], [4]));
    let plan = penalty::sinkhorn(&device.tensor(&cost, [3, 4]), &r, &c, 0.1, 60);
    for (sums, want) in [(plan.sum(1), &r), (plan.sum(0), &c)] {
        let off = sums.sub(want).abs().max(..).item_blocking::<f32>().unwrap();
        assert!(off < 1e-4, "{off}");
    }
    // and so does the Euclidean projection
    let nearest = penalty::transport(&r, &c).prox(&device.tensor(&cost, [3, 4]), 1.0);
    for (sums, want) in [(nearest.sum(1), &r), (nearest.sum(0), &c)] {
        let off = sums.sub(want).abs().max(..).item_blocking::<f32>().unwrap();
        assert!(off < 1e-4, "{off}");
    }
}

#[test]
fn a_map_meets_what_is_known_in_closed_form() {
    let device = any();
    let w = device.tensor(&[0.9f32, -0.4, 0.3, 1.7, -2.0, 0.1], [6]);
    // differences of neighbours: the fused lasso
    let d: Vec<f32> = (0..30).map(|k| if k % 6 == k / 6 { -1.0 } else { f32::from(k % 6 == k / 6 + 1) }).collect();
    let d = device.tensor(&d, [5, 6]);
    let by_map = penalty::l1(0.4).through_map(&d, 80).prox(&w, 0.7);
    let direct = penalty::fused_lasso(0.4, 0.0, 0).prox(&w, 0.7);
    let off = by_map.sub(direct).abs().max(..).item_blocking::<f32>().unwrap();
    assert!(off < 1e-4, "{off}");
    // a rotation of pairs: a tight frame, so the map and the frame agree
    let (c, s) = (0.6f32, 0.8f32);
    let turn = device.tensor(&[c, -s, s, c], [2, 2]);
    let pairs = w.reshape([2, 3]);
    let frame = penalty::l1(0.4).through_frame(&turn, 1.0).prox(&pairs, 0.7);
    let map = penalty::l1(0.4).through_map(&turn, 30).prox(&pairs, 0.7);
    let off = frame.sub(map).abs().max(..).item_blocking::<f32>().unwrap();
    assert!(off < 1e-4, "{off}");
}

#[test]
fn the_conjugate_of_a_norm_is_the_ball_of_its_dual() {
    let device = any();
    let w = device.tensor(&[0.9f32, -0.4, 0.3, 1.7, -2.0, 0.1], [6]);
    let same = |a: Tensor, b: Tensor| {
        let off = a.sub(b).abs().max(..).item_blocking::<f32>().unwrap();
        assert!(off < 2e-5, "{off}");
    };
    let dual = penalty::l1(0.5).conjugate();
    same(dual.prox(&w, 0.7), penalty::ball(Norm::Max, 0.5, Along::All).prox(&w, 1.0));
    same(dual.value(&w.mul(0.2)), device.scalar(0.0));
    let dual = penalty::largest_k(0.5, 1, Along::All).conjugate();
    same(dual.prox(&w, 0.7), penalty::ball(Norm::L1, 0.5, Along::All).prox(&w, 1.0));
    // the support function of a ball is the norm
    same(penalty::ball(Norm::Max, 1.0, Along::All).conjugate().value(&w), w.abs().sum_all());
    same(penalty::l2(2.0).conjugate().value(&w), w.square().sum_all().mul(0.25));
    // twice is the penalty itself
    same(penalty::huber(0.5, 1.0).conjugate().conjugate().prox(&w, 0.7), penalty::huber(0.5, 1.0).prox(&w, 0.7));
    let blocks = Penalty::blocks([(penalty::l1(0.5), 2), (penalty::non_negative(), 4)]);
    let want = device.tensor(&[0.55f32, -0.05, 0.3, 1.7, 0.0, 0.1], [6]);
    same(blocks.prox(&w, 0.7), want);
}

#[test]
fn overlapping_groups_are_copies() {
    let device = any();
    let overlap = Overlap::new(vec![vec![0, 1, 2], vec![2, 3]]).unwrap();
    let v = device.tensor(&[1.0f32, 2.0, 3.0, 10.0, 20.0], [5]);
    assert_eq!(overlap.collect(&v).read_blocking::<f32>().unwrap(), [1.0, 2.0, 13.0, 20.0]);
    let x = device.tensor(&[1.0f32, 2.0, 3.0, 4.0], [4]);
    assert_eq!(overlap.copies(&x).read_blocking::<f32>().unwrap(), [1.0, 2.0, 3.0, 3.0, 4.0]);
    assert_eq!((overlap.n(), overlap.groups().to_string().as_str()), (4, "0-2|3-4"));
    for (members, part) in [
        (vec![vec![0, 1], vec![3]], "index 2 is in no group"),
        (vec![vec![0, 0]], "index 0 is twice in group 0"),
        (vec![vec![0], vec![]], "without members"),
        (vec![], "without members"),
    ] {
        let text = Overlap::new(members).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn bad_input_is_one_clear_error() {
    let device = any();
    let (w, matrix, scalar) = (device.ones([4]), device.ones([2, 3]), device.scalar(1.0));
    let said = |t: Tensor| t.check().unwrap_err().to_string();
    let normal = device.ones([3]);
    for (text, part) in [
        (said(penalty::ball(Norm::L1, -1.0, Along::All).prox(&w, 1.0)), "radius = -1, it must be >= 0"),
        (said(penalty::slope(1.0, &[1.0, 2.0], Along::All).value(&w)), "must not increase"),
        (said(penalty::slope(1.0, &[1.0, -2.0], Along::All).value(&w)), "not negative"),
        (said(penalty::slope(1.0, &[2.0, 1.0], Along::All).value(&w)), "must have 2 elements"),
        (said(penalty::slope(-1.0, &[2.0, 1.0], Along::All).value(&w)), "lambda = -1"),
        (said(penalty::total_variation(0.1, Some(0), Kind::Isotropic).value(&w)), "at least 1"),
        (said(penalty::total_variation(0.1, Some(2), Kind::Isotropic).value(&w)), "at least 2 axes"),
        (said(penalty::fused_lasso(0.1, 0.0, 1).prox(&w, 1.0)), "at least 2 axes"),
        (said(penalty::fused_lasso(0.1, 0.0, 0).prox(&scalar, 1.0)), "at least 1 axes"),
        (said(penalty::graph_tv(0.1, &[(0, 0)], None).value(&w)), "to itself"),
        (said(penalty::graph_tv(0.1, &[(0, 7)], None).value(&w)), "at least 8 rows"),
        (said(penalty::laplacian(0.1, &[(0, 1)], Some(&[-1.0])).value(&w)), "an edge of weight -1"),
        (said(penalty::laplacian(0.1, &[(0, 1)], Some(&[])).value(&w)), "0 weights for 1 edges"),
        (said(penalty::affine(&[1.0, 1.0, 2.0, 2.0], &[1.0, 1.0]).prox(&w, 1.0)), "linearly independent"),
        (said(penalty::affine(&[1.0, 1.0, 2.0], &[1.0, 1.0]).prox(&w, 1.0)), "3 coefficients for 2 conditions"),
        (said(penalty::affine(&[1.0, 1.0], &[1.0]).prox(&w, 1.0)), "must be 2 elements"),
        (said(penalty::polyhedron(&[f64::NAN], &[1.0], 10).prox(&w, 1.0)), "not finite"),
        (said(penalty::half_space(&normal, 1.0).prox(&w, 1.0)), "the shape [3]"),
        (said(penalty::hyperslab(&w, 2.0, 1.0).prox(&w, 1.0)), "lower = 2 exceeds upper = 1"),
        (said(penalty::box_section(0.0, 1.0, 3.0, Along::All).prox(&w, 1.0)), "mean = 3 is not between 0 and 1"),
        (said(penalty::birkhoff().prox(&matrix, 1.0)), "must be square"),
        (said(penalty::birkhoff().prox(&w, 1.0)), "must be a matrix"),
        (said(penalty::transport(&w, &normal).prox(&matrix, 1.0)), "sums are those of another matrix"),
        (said(penalty::l0(0.1).conjugate().value(&w)), "is not convex"),
        (said(penalty::l1(0.1).distance_to_set().value(&w)), "is no set"),
        (said(penalty::l1(-0.1).tilt(1.0).value(&w)), "l1 = -0.1"),
        (said(penalty::l1(0.1).envelope(0.0).value(&w)), "mu = 0, it must be > 0"),
        (said(penalty::birkhoff().dilate(&matrix).value(&matrix)), "only a sum over elements"),
        (said(penalty::l1(0.1).through_map(&w, 9).value(&w)), "A of shape [4]"),
        (said(penalty::l1(0.1).through_frame(&matrix, 1.0).value(&w)), "must have 3 elements"),
        (said(Penalty::blocks([]).value(&w)), "no blocks"),
        (said(Penalty::blocks([(penalty::l1(0.1), 3)]).value(&w)), "must have 3 elements"),
        (Groups::strided(2, 5).unwrap_err().to_string(), "every group needs a coefficient"),
        (parse("slope(q=2)").unwrap_err().to_string(), "column 9: q = \"2\""),
        (parse("top-k(k=1.5)").unwrap_err().to_string(), "no whole number"),
        (parse("top-k(k=0)").unwrap_err().to_string(), "k = 0, it must be >= 1"),
        (parse("tv-nd(kind=round)").unwrap_err().to_string(), "column 12"),
        (parse("graph-tv(edges=0_1)").unwrap_err().to_string(), "column 16"),
        (parse("affine(a=1 x,b=1)").unwrap_err().to_string(), "no list of numbers"),
    ] {
        assert!(text.contains(part), "{text} lacks {part:?}");
    }
}

#[test]
fn empty_single_and_nan_coefficients_have_right_answers() {
    let device = any();
    for spec in ["slope", "oscar", "largest-k", "k-support", "fused-lasso", "l1-ball", "l2-ball", "simplex(total=0)"] {
        let penalty = parse(spec).unwrap();
        let empty = penalty.prox(&device.zeros([0]), 1.0).read_blocking::<f32>();
        assert_eq!(empty.unwrap_or_else(|e| panic!("{spec}: {e}")), [0.0f32; 0], "{spec}");
        let zero = penalty.prox(&device.zeros([3]), 1.0).read_blocking::<f32>().unwrap();
        assert_eq!(zero, [0.0; 3], "{spec}");
        let odd = device.tensor(&[f32::NAN, 1.0, 2.0], [3]);
        if !penalty.is_set() {
            assert!(penalty.value(&odd).item_blocking::<f32>().unwrap().is_nan(), "{spec}");
        } else {
            // no set contains what is not a number
            assert_eq!(penalty.value(&odd).item_blocking::<f32>().unwrap(), f32::MAX, "{spec}");
        }
    }
    let one = device.tensor(&[-3.0f32], [1]);
    assert_eq!(parse("simplex").unwrap().prox(&one, 1.0).read_blocking::<f32>().unwrap(), [1.0]);
    assert_eq!(parse("l2-sphere").unwrap().prox(&device.zeros([2]), 1.0).read_blocking::<f32>().unwrap(), [1.0, 0.0]);
}

#[test]
fn models_are_fitted_with_penalties_on_whole_tensors() {
    let (rows, features) = (60, 5);
    let mut random = noise(rows * (features + 1));
    let x: Vec<f64> = random.by_ref().take(rows * features).map(|v| 2.0 * v - 1.0).collect();
    let truth = [2.0, 2.0, 2.0, 0.0, 0.0];
    let line = |row: &[f64]| row.iter().zip(truth).map(|(x, b)| x * b).sum::<f64>();
    let y: Vec<f64> = x.chunks(features).zip(random).map(|(row, e)| line(row) + 0.1 * e + 1.0).collect();
    let device = any();
    let solve = |spec: &str| {
        let problem = Problem::linear(x.clone(), features, y.clone(), parse(spec).unwrap());
        pollster::block_on(fit(&device, &problem, &mut |_, _| {})).unwrap_or_else(|e| panic!("{spec}: {e}"))
    };
    let fused = solve("fused-lasso(lambda=0.05,l1=0.01)");
    assert!(fused.converged && !fused.polished && fused.verified.passed, "{fused:?}");
    let b = &fused.coefficients;
    assert!(b[0] == b[1] && b[1] == b[2] && b[3].abs() < 0.1 && b[4].abs() < 0.1, "{b:?}");
    // one penalty, two ways: as a sum over elements it is polished in f64
    let (whole, polished) = (solve("oscar(l1=0.05,l2=0)"), solve("l1(l1=0.05)"));
    assert!(polished.polished && whole.converged);
    for (a, b) in whole.coefficients.iter().zip(&polished.coefficients) {
        assert!((a - b).abs() < 2e-4, "{a} is not {b}");
    }
    // a path of one penalty, two ways
    let path = |spec: &str| {
        let problem = Problem::linear(x.clone(), features, y.clone(), parse(spec).unwrap());
        pollster::block_on(async { Fitter::new(&device, &problem).await?.path(6, &mut |_, _| {}).await })
    };
    let (whole, polished) = (path("oscar(l1=0.05,l2=0)").unwrap(), path("l1(l1=0.05)").unwrap());
    assert!(whole.parameter == "l1" && whole.steps.iter().all(|s| s.converged), "{whole:?}");
    assert!(whole.steps[0].coefficients.iter().all(|b| b.abs() < 1e-3), "{whole:?}");
    for (a, b) in whole.steps.iter().zip(&polished.steps) {
        assert!((a.strength / b.strength - 1.0).abs() < 1e-3, "{} is not {}", a.strength, b.strength);
        let off = a.coefficients.iter().zip(&b.coefficients).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
        assert!(off < 2e-3, "at {}: off by {off}", a.strength);
    }
    // what the differences let pass is one number for all
    let flat = path("fused-lasso(lambda=0.05)").unwrap();
    let first = &flat.steps[0].coefficients;
    assert!(first.iter().all(|b| (b - first[0]).abs() < 1e-3) && first[0].abs() > 0.1, "{first:?}");
    assert!(path("l1-ball(radius=3)").unwrap_err().to_string().contains("no strength"));
    let within = solve("l1-ball(radius=3)");
    let size: f64 = within.coefficients.iter().map(|v| v.abs()).sum();
    assert!(within.converged && (size - 3.0).abs() < 1e-4, "{size}");
    let error = Problem::linear(x.clone(), features, y.clone(), parse("birkhoff").unwrap());
    let error = pollster::block_on(fit(&device, &error, &mut |_, _| {})).unwrap_err().to_string();
    assert!(error.contains("must be a matrix"), "{error}");
}

#[test]
fn a_softmax_model_of_low_rank_and_an_optimizer_in_a_ball() {
    let device = any();
    let (rows, features, classes) = (90, 4, 3);
    let x: Vec<f64> = noise(rows * features).map(|v| 2.0 * v - 1.0).collect();
    let y: Vec<f64> =
        x.chunks(features).map(|r| if r[0] > 0.3 { 2.0 } else { f64::from(u8::from(r[0] > -0.3)) }).collect();
    let problem = Problem {
        model: ridgepoint::fit::Model::Softmax { classes },
        ..Problem::linear(x, features, y, parse("nuclear(lambda=0.03)").unwrap())
    };
    let fit = pollster::block_on(fit(&device, &problem, &mut |_, _| {})).unwrap();
    assert!(fit.converged && fit.verified.passed, "{fit:?}");
    let b: Vec<f32> = fit.coefficients.iter().map(|&v| v as f32).collect();
    let s = device.tensor(&b, [features, classes]).svd().1.read_blocking::<f32>().unwrap();
    assert!(s[0] > 0.5 && s[1] < 1e-3 * s[0], "one direction tells the classes apart: {s:?}");
    // gradient steps towards 1 within a ball end on its surface, in the same direction
    let mut sgd = ridgepoint::optim::Optimizer::sgd(0.1).penalty(penalty::ball(Norm::L2, 1.0, Along::All));
    let mut w = [device.zeros([4])];
    for _ in 0..40 {
        let gradient = w[0].sub(1.0);
        sgd.step(&mut w, &[gradient]).unwrap();
    }
    let w = w[0].read_blocking::<f32>().unwrap();
    assert!(w.iter().all(|v| (v - 0.5).abs() < 1e-5), "{w:?}");
}
