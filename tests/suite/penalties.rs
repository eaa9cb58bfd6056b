//! Penalties on a device: the WGSL against the f64 mirrors, the lifts against their definitions.

use ridgepoint::penalty::{self, GroupWeights, Groups, Module, Parameters, Penalty, Separable};
use ridgepoint::{Device, Result, Tensor};

pub(crate) fn device() -> Device {
    Device::open_blocking(Default::default()).expect("a device")
}

pub(crate) fn read(x: &Tensor) -> Vec<f32> {
    x.read_blocking::<f32>().unwrap_or_else(|e| panic!("{e}"))
}

/// Values with all pieces and kinks of the penalties below, exact and near.
fn points(p: &[f32]) -> Vec<f32> {
    let mut xs: Vec<f32> = (-60..=60).map(|i| i as f32 * 0.0917).collect();
    xs.extend([0.0, -0.0, 1e-20, -1e-20, 1e-4, 30.0, -30.0, 1e4]);
    xs.extend(p.iter().flat_map(|&k| [k, -k, k * 1.000_001, k * 0.999_999]));
    xs
}

fn variants(of: &Separable) -> Vec<Vec<f64>> {
    let n = of.parameters.len();
    // what an f32 holds exactly, so that the mirror gets the parameters that the device gets
    let exact = |p: &Parameters| p[..n].iter().map(|&v| f64::from(v as f32)).collect();
    std::iter::once(&of.defaults()).chain(of.samples).map(exact).collect()
}

/// The least and the greatest of `f` over arguments moved by `ulps` units in the last place, with the same room around.
pub(crate) fn reach(args: &[f64], ulps: f64, f: impl Fn(&[f64]) -> f64) -> (f64, f64) {
    let unit = ulps * f64::from(f32::EPSILON) / 2.0;
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let corners = 3usize.pow(args.len() as u32);
    for corner in 0..corners {
        let moved: Vec<f64> = (0..args.len())
            .map(|i| args[i] * (1.0 + unit * ((corner / 3usize.pow(i as u32) % 3) as f64 - 1.0)))
            .collect();
        let y = f(&moved);
        low = low.min(y);
        high = high.max(y);
    }
    // results below the least normal number may be flushed to 0, those above the greatest are infinite
    let room = |y: f64| if y.is_finite() { y.abs() * unit + f64::from(f32::MIN_POSITIVE) } else { 0.0 };
    let most = f64::from(f32::MAX);
    let rounded = |y: f64| if y.abs() > most { f64::INFINITY.copysign(y) } else { y };
    (rounded(low - room(low)).min(most), rounded(high + room(high)).max(-most))
}

/// As in `penalty/profile.rs`, where it is derived.
pub(crate) const ULPS: f64 = 24.0;

/// The first result of a function that is out of reach of its mirror, if any.
fn compare(
    name: &str,
    args: &[Vec<f32>],
    p: &[f64],
    got: &[f32],
    f: impl Fn(&[f64], &Parameters) -> f64,
) -> Option<String> {
    got.iter().enumerate().find_map(|(i, &got)| {
        let n = args.len();
        let all: Vec<f64> = args.iter().map(|a| f64::from(a[i])).chain(p.iter().copied()).collect();
        let (low, high) = reach(&all, ULPS, |a| {
            let mut p = [0.0; 4];
            p[..a.len() - n].copy_from_slice(&a[n..]);
            f(&a[..n], &p)
        });
        let within = (low..=high).contains(&f64::from(got));
        (!within).then(|| format!("{name}({:?}) with {p:?} is {got}, not in [{low}, {high}]", &all[..n]))
    })
}

/// Every function of a penalty at one set of parameters against its mirror.
fn disagreements(device: &Device, of: &'static Separable, values: &[f64]) -> Vec<String> {
    let text: Vec<_> = of.parameters.iter().zip(values).map(|(p, v)| format!("{}={v}", p.name)).collect();
    let penalty = penalty::parse(&format!("{}({})", of.name, text.join(","))).expect("legal");
    let kinks: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    let xs = points(&kinks);
    let x = device.tensor(&xs, [xs.len()]);
    let name = |what: &str| format!("{} {what}", of.name);
    let mut found = Vec::new();
    let one = std::slice::from_ref(&xs);
    let slope = |y: Tensor| read(&y.sum(..).grad(&[&x]).expect("differentiable").remove(0));
    found.extend(compare(&name("gradient"), one, values, &read(&penalty.gradient(&x)), |a, p| (of.grad)(a[0], p)));
    let bend = slope(penalty.gradient(&x));
    found.extend(compare(&name("curvature"), one, values, &bend, |a, p| (of.curvature)(a[0], p)));
    for step in [0.01f32, 0.5, 1.0, 2.0, 6.0, 40.0] {
        let args = [xs.clone(), vec![step; xs.len()]];
        let shrunk = penalty.prox(&x, step);
        found.extend(compare(&name("prox"), &args, values, &read(&shrunk), |a, p| (of.prox)(a[0], a[1], p)));
        found.extend(compare(&name("prox slope"), &args, values, &slope(shrunk), |a, p| {
            let u = (of.prox)(a[0], a[1], p);
            let [low, high] = (of.subdifferential)(u, p);
            if low < high { 0.0 } else { 1.0 / (1.0 + a[1] * (of.curvature)(u, p)) }
        }));
    }
    let mut p = [0.0; 4];
    p[..values.len()].copy_from_slice(values);
    for g in [0.0f32, 0.05, -0.3, 4.0] {
        let gs = device.tensor(&vec![g; xs.len()], [xs.len()]);
        // the distance is a difference: exact for arguments and a gradient moved, so absolute in their size
        let got = read(&penalty.distance(&x, &gs));
        let odd = got.iter().zip(&xs).find_map(|(&got, &x)| {
            let (x, g) = (f64::from(x), f64::from(g));
            let want = of.distance(x, g, &p);
            let size = g.abs() + (of.grad)(x, &p).abs() + (of.curvature)(x, &p).abs() * x.abs();
            let bound = ULPS * f64::from(f32::EPSILON) * (size + p[0].abs());
            let near = (f64::from(got) - want).abs() <= bound || f64::from(got) == want;
            (!near).then(|| format!("{} distance({x}, {g}) with {values:?} is {got}, not {want}", of.name))
        });
        found.extend(odd);
    }
    found
}

#[test]
fn wgsl_agrees_with_the_mirrors() {
    let device = device();
    let each = penalty::all().flat_map(|of| variants(of).into_iter().map(move |values| (of, values)));
    let found: Vec<String> = each.flat_map(|(of, values)| disagreements(&device, of, &values)).collect();
    assert!(found.is_empty(), "{} disagreements:\n{}", found.len(), found.join("\n"));
}

#[test]
fn discrete_sets_know_their_members() {
    let device = device();
    let infinite = f32::MAX;
    for (spec, x, value) in [
        ("binary", [0.0f32, 1.0], 0.0f32),
        ("binary", [0.0, 1.000_000_1], infinite),
        ("binary(low=-1,high=1)", [-1.0, 1.0], 0.0),
        ("binary(low=-1,high=1)", [-1.0, 0.0], infinite),
        ("integer", [-7.0, 16_777_216.0], 0.0),
        ("integer", [3.0, 0.5], infinite),
    ] {
        let penalty = penalty::parse(spec).expect("legal");
        let x = device.tensor(&x, [2]);
        assert_eq!(read(&penalty.value(&x)), [value], "{spec}");
        let distance = read(&penalty.distance(&x, &x));
        assert_eq!(distance.iter().fold(0.0f32, |m, v| m.max(*v)), value, "{spec}");
    }
}

#[test]
fn a_value_is_the_sum_of_the_mirror() {
    let device = device();
    for of in penalty::all() {
        let penalty = Penalty::named(of.name).expect("known");
        let xs: Vec<f32> = (0..777).map(|i| (i as f32 * 0.37).sin().abs() * 0.9).collect();
        let got = f64::from(read(&penalty.value(&device.tensor(&xs, [7, 111])))[0]);
        let want: f64 = xs.iter().map(|&x| (of.value)(f64::from(x), &of.defaults())).sum();
        // an indicator stands for infinity with the greatest number, whose sums are none
        if want >= f64::from(f32::MAX) {
            assert!(got >= f64::from(f32::MAX), "{}: {got}", of.name);
            continue;
        }
        // terms of one sign: their own rounding, and one unit for each level of the sum
        let bound = (ULPS + 2.0 * 777f64.log2() + 16.0) * f64::from(f32::EPSILON) * want.abs();
        assert!((got - want).abs() <= bound, "{}: {got}, not {want}", of.name);
    }
}

#[test]
fn the_value_differentiates_to_the_gradient() -> Result<()> {
    let device = device();
    for spec in
        ["elastic-net", "mcp", "log-sum", "huber", "group-lasso(groups=0-2|3-5)", "group-mcp(groups=0+2+5|1|3-4)"]
    {
        let penalty = penalty::parse(spec)?;
        let w = device.tensor(&[0.3f32, -0.02, 0.0, 1.5, -0.7, 0.1], [6]);
        let (by_rule, by_hand) = (penalty.value(&w).grad(&[&w])?.remove(0), penalty.gradient(&w));
        for (a, b) in read(&by_rule).iter().zip(read(&by_hand)) {
            assert!((a - b).abs() <= 1e-6 * (1.0 + b.abs()), "{spec}: {a} and {b}");
        }
    }
    Ok(())
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[test]
fn groups_shrink_as_their_norms_do() -> Result<()> {
    let device = device();
    let xs: Vec<f32> = (0..20).map(|i| (i as f32 * 1.7).cos() * if i < 6 { 0.05 } else { 1.0 }).collect();
    let partitions = [
        Groups::equal(10, 5)?,
        Groups::sizes(&[3, 4, 2, 1])?,
        Groups::new(vec![vec![9, 0, 4], vec![1], vec![2, 3, 5, 6], vec![7, 8]])?,
    ];
    for groups in &partitions {
        for (weights, root) in [(GroupWeights::One, false), (GroupWeights::Root, true)] {
            let groups = groups.weighted(weights)?;
            for shape in [vec![10, 1], vec![10, 2]] {
                let inner = shape[1];
                let w: Vec<f32> = xs[..10 * inner].to_vec();
                let t = device.tensor(&w, &shape);
                let (lambda, step) = (0.6, 0.5);
                let penalty = penalty::group_lasso(lambda, &groups);
                let (value, prox) = (read(&penalty.value(&t))[0], read(&penalty.prox(&t, step)));
                let mut total = 0.0;
                for members in groups.members() {
                    let at: Vec<usize> = members.iter().flat_map(|&m| (0..inner).map(move |c| m * inner + c)).collect();
                    let size = norm(&at.iter().map(|&i| f64::from(w[i])).collect::<Vec<_>>());
                    let weight = if root { (members.len() as f64).sqrt() } else { 1.0 };
                    total += weight * lambda * size;
                    let factor = (1.0 - step * weight * lambda / size).max(0.0);
                    for i in at {
                        let want = f64::from(w[i]) * factor;
                        // the factor is a difference of numbers up to 1
                        let bound = 32.0 * f64::from(f32::EPSILON) * f64::from(w[i]).abs();
                        assert!((f64::from(prox[i]) - want).abs() <= bound, "{groups} {i}: {} not {want}", prox[i]);
                        assert_eq!(factor == 0.0, prox[i] == 0.0, "{groups} {i}: exact zeros");
                    }
                }
                assert!((f64::from(value) - total).abs() <= 64.0 * f64::from(f32::EPSILON) * total);
            }
        }
    }
    Ok(())
}

#[test]
fn the_sparse_group_lasso_is_soft_then_group() -> Result<()> {
    let device = device();
    let groups = Groups::sizes(&[2, 3])?;
    let w = [0.9f32, -0.05, 0.2, -0.25, 0.15];
    let penalty = penalty::sparse_group_lasso(0.1, 0.3, &groups);
    let got = read(&penalty.prox(&device.tensor(&w, [5]), 1.0));
    let soft: Vec<f64> = w.iter().map(|&x| f64::from(x).signum() * (f64::from(x).abs() - 0.1).max(0.0)).collect();
    let first = norm(&soft[..2]);
    let want = [soft[0] * (1.0 - 0.3 / first), 0.0, 0.0, 0.0, 0.0];
    for (got, want) in got.iter().zip(want) {
        assert!((f64::from(*got) - want).abs() <= 1e-6, "{got} not {want}");
        assert_eq!(want == 0.0, *got == 0.0);
    }
    Ok(())
}

#[test]
fn a_proximal_point_is_at_no_distance() -> Result<()> {
    // u = prox(w, 1) has w - u in the subdifferential: the distance of -(u - w) is 0 but for rounding
    let device = device();
    let w: Vec<f32> = (0..12).map(|i| (i as f32 * 2.3).sin()).collect();
    let w = device.tensor(&w, [12]);
    for spec in [
        "lasso(l1=0.3)",
        "ridge",
        "elastic-net(l1=0.2,l2=0.4)",
        "mcp(lambda=0.3,gamma=3)",
        "scad(lambda=0.2)",
        "huber(lambda=0.5,delta=0.3)",
        "log-sum(lambda=0.05,epsilon=0.5)",
        "bounds(lower=-0.2,upper=0.4)",
        "non-negative",
        "group-lasso(lambda=0.7,groups=0-3|4-7|8-11)",
        "group-mcp(lambda=0.6,gamma=2,groups=0-4|5+7|6+8-11)",
        "sparse-group-lasso(l1=0.2,lambda=0.4,groups=0-3|4-7|8-11,weights=root)",
        "none",
    ] {
        let penalty = penalty::parse(spec)?;
        let u = penalty.prox(&w, 1.0);
        let worst = read(&penalty.optimality(&u, &(&u - &w)))[0];
        assert!(worst <= 16.0 * f32::EPSILON, "{spec}: {worst}");
        let far = read(&penalty.optimality(&(&w + 3.0), &(&w + 5.0)))[0];
        assert!(far > 0.1, "{spec}: {far}");
    }
    Ok(())
}

#[test]
fn weights_multiply_the_value_and_the_step() {
    let device = device();
    let w = device.tensor(&[0.5f32, -0.5, 2.0, 0.1], [4]);
    let weights = device.tensor(&[0.0f32, 1.0, 2.0, 3.0], [4]);
    let adaptive = penalty::l1(0.2).weight(&weights);
    assert_eq!(read(&adaptive.prox(&w, 1.0)), [0.5, -0.3, 1.6, 0.0]);
    let g = device.tensor(&[0.3f32, 0.2, -0.4, 0.5], [4]);
    let got = read(&adaptive.distance(&adaptive.prox(&w, 1.0), &g));
    for (got, want) in got.iter().zip([0.3f32, 0.0, 0.0, 0.0]) {
        assert!((got - want).abs() < 1e-6, "{got} not {want}");
    }
    assert_eq!(read(&penalty::l1(0.2).weight(0.5).weight(2.0).value(&w)), read(&penalty::l1(0.2).value(&w)));
}

#[test]
fn parameters_on_the_device_are_parameters() {
    let device = device();
    let w = device.tensor(&[0.5f32, -0.5, 2.0, 0.1], [4]);
    let strength = device.tensor(&[0.2f32], [1]);
    assert_eq!(read(&penalty::l1(&strength).prox(&w, 1.0)), read(&penalty::l1(0.2).prox(&w, 1.0)));
    let misses = device.stats().plan_misses;
    for lambda in [0.1, 0.3, 0.4] {
        read(&penalty::l1(lambda).prox(&w, 1.0));
    }
    assert!(device.stats().plan_misses <= misses, "another strength is the same plan");
}

#[test]
fn mistakes_are_errors() {
    let device = device();
    let w = device.zeros([4]);
    let text = |t: Tensor| t.check().expect_err("refused").to_string();
    assert!(text(penalty::l1(-0.1).value(&w)).contains("l1 = -0.1, it must be >= 0"));
    assert!(text(penalty::mcp(0.1, 1.0).prox(&w, 1.0)).contains("gamma = 1"));
    assert!(text(penalty::bounds(2.0, 1.0).gradient(&w)).contains("lower must not exceed upper"));
    assert!(text(penalty::l1(f64::NAN).value(&w)).contains("NaN"));
    let groups = Groups::equal(6, 2).expect("legal");
    assert!(text(penalty::group_lasso(0.1, &groups).value(&w)).contains("groups of 6 coefficients"));
    let short = Groups::equal(2, 2).expect("legal");
    assert!(text(penalty::group_lasso(0.1, &short).value(&w)).contains("indices 2 to 3 are in no group"));
    assert!(text(penalty::l1(0.1).distance(&w, &device.zeros([3]))).contains("shape of the coefficients"));
    assert!(text(penalty::l1(0.1).with("gamma", 1.0).value(&w)).contains("no parameter \"gamma\""));
    assert!(text(penalty::l2(0.1).and_groups(penalty::group_lasso(0.1, &groups)).value(&w)).contains("homogeneous"));
}

#[test]
fn empty_tensors_have_no_penalty() {
    let device = device();
    let w = device.zeros([0]);
    let net = penalty::elastic_net(0.1, 0.1);
    assert_eq!(read(&net.value(&w)), [0.0]);
    assert!(read(&net.prox(&w, 1.0)).is_empty());
    assert_eq!(read(&net.optimality(&w, &w)), [0.0]);
}

#[test]
fn a_users_wgsl_fuses_differentiates_and_is_verified() -> Result<()> {
    let device = device();
    let module = Module::new(
        "bump",
        "fn bump(x: f32) -> f32 { return x / (1.0 + x * x); }
         fn bump_slope(x: f32) -> f32 { let q = 1.0 + x * x; return (1.0 - x * x) / (q * q); }",
    )?;
    let slope = module.function("bump_slope", |a| (1.0 - a[0] * a[0]) / (1.0 + a[0] * a[0]).powi(2))?;
    let bump = module.function("bump", |a| a[0] / (1.0 + a[0] * a[0]))?.derivative(0, &slope)?;
    let x = device.tensor(&[0.5f32, -2.0, 0.0, 7.0], [4]);
    let loss = bump.call(&[&(&x * 2.0)])?.square().sum(..);
    let gradient = loss.grad(&[&x])?.remove(0);
    assert!(device.verify_blocking(&[&loss, &gradient])?.passed());
    assert!(bump.call(&[&x, &x]).is_err() && bump.call(&[]).is_err(), "one argument");

    let module = Module::new(
        "mine",
        "fn mine_value(x: f32, p: vec4<f32>) -> f32 { return 0.5 * p.x * x * x; }
         fn mine_grad(x: f32, p: vec4<f32>) -> f32 { return p.x * x; }
         fn mine_prox(x: f32, step: f32, p: vec4<f32>) -> f32 { return x / (1.0 + step * p.x); }",
    )?;
    let own = module
        .penalty(|x, p| 0.5 * p[0] * x * x, |x, p| p[0] * x, |x, step, p| x / (1.0 + step * p[0]))?
        .parameter("strength", 0.4)
        .convex()
        .even()
        .build()?;
    let ridge = penalty::l2(0.4);
    assert_eq!(read(&own.prox(&x, 0.5)), read(&ridge.prox(&x, 0.5)));
    let stationary = own.prox(&x, 1.0);
    assert!(read(&own.optimality(&stationary, &(&stationary - &x)))[0] <= 8.0 * f32::EPSILON);
    let groups = Groups::equal(4, 2)?;
    let (mine, theirs) = (own.clone().grouped(&groups).prox(&x, 0.5), ridge.grouped(&groups).prox(&x, 0.5));
    assert_eq!(read(&mine), read(&theirs));
    assert!(device.verify_blocking(&[&own.with("strength", 2.0).value(&x), &mine])?.passed());
    Ok(())
}
