//! Solvers and optimizers against solutions known in closed form.

use ridgepoint::optim::Optimizer;
use ridgepoint::penalty::{self, Groups, Penalty};
use ridgepoint::solver::{self, Options, Quadratic, Status, Step};
use ridgepoint::{Device, Error, Result, Tensor};

fn device() -> Device {
    Device::open_blocking(Default::default()).expect("a device")
}

fn read(x: &Tensor) -> Vec<f32> {
    x.read_blocking::<f32>().unwrap_or_else(|e| panic!("{e}"))
}

/// `1/2 ||w - c||^2`: its minimiser with a penalty is the penalty's proximal operator at `c`.
fn centred(c: &Tensor) -> impl Fn(&[Tensor]) -> Tensor {
    let c = c.clone();
    move |w: &[Tensor]| (&w[0] - &c).square().sum(..) * 0.5
}

#[test]
fn an_orthonormal_design_is_one_proximal_step() -> Result<()> {
    let device = device();
    let c = device.tensor(&[0.9f32, -0.05, 0.2, -0.25, 0.15, 3.0], [6]);
    for spec in [
        "lasso(l1=0.1)",
        "ridge(l2=0.5)",
        "elastic-net(l1=0.1,l2=0.3)",
        "non-negative",
        "bounds(lower=-0.1,upper=1)",
        "mcp(lambda=0.1,gamma=3)",
        "group-lasso(lambda=0.3,groups=0-1|2-4|5)",
        "sparse-group-lasso(l1=0.05,lambda=0.1,groups=0-1|2-4|5)",
        "none",
    ] {
        let penalty = penalty::parse(spec)?;
        let want = read(&penalty.prox(&c, 1.0));
        let start = [device.zeros([6])];
        let options = Options { tol: 1e-6, ..Options::default() };
        let solution = pollster::block_on(solver::fista(&centred(&c), &[penalty], &start, options))?;
        assert_eq!(solution.report.status, Status::Converged, "{spec}: {}", solution.report);
        for (got, want) in read(&solution.w[0]).iter().zip(&want) {
            assert!((got - want).abs() <= 4e-6, "{spec}: {got}, not {want}");
            assert_eq!(*got == 0.0, *want == 0.0, "{spec}: the zeros");
        }
    }
    Ok(())
}

/// A correlated design with a sparse truth.
fn regression(device: &Device, n: usize, p: usize) -> (Vec<f64>, Vec<f64>, Tensor, Tensor) {
    let mut state = 12345u64;
    let mut uniform = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    };
    let mut x = vec![0.0; n * p];
    for i in 0..n {
        let common = uniform();
        for j in 0..p {
            x[i * p + j] = f64::from((0.6 * common + uniform()) as f32);
        }
    }
    let y: Vec<f64> = (0..n)
        .map(|i| f64::from((2.0 * x[i * p] - 1.5 * x[i * p + 1] + 0.5 * x[i * p + 2] + 0.1 * uniform()) as f32))
        .collect();
    let narrow = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<_>>();
    let (tx, ty) = (device.tensor(&narrow(&x), [n, p]), device.tensor(&narrow(&y), [n]));
    (x, y, tx, ty)
}

/// The lasso or elastic net by coordinate descent in f64.
fn coordinate_descent(x: &[f64], y: &[f64], p: usize, l1: f64, l2: f64) -> Vec<f64> {
    let n = y.len();
    let mut b = vec![0.0; p];
    let mut r = y.to_vec();
    for _ in 0..5000 {
        for j in 0..p {
            let column = || (0..n).map(|i| x[i * p + j]);
            let square = column().map(|v| v * v).sum::<f64>() / n as f64;
            let rho = column().zip(&r).map(|(v, r)| v * r).sum::<f64>() / n as f64 + square * b[j];
            let new = (rho - rho.clamp(-l1, l1)) / (square + l2);
            for (i, r) in r.iter_mut().enumerate() {
                *r -= x[i * p + j] * (new - b[j]);
            }
            b[j] = new;
        }
    }
    b
}

#[test]
fn lasso_and_elastic_net_match_coordinate_descent() -> Result<()> {
    let device = device();
    let (n, p) = (120, 15);
    let (x, y, tx, ty) = regression(&device, n, p);
    let quadratic = Quadratic::least_squares(&tx, &ty)?;
    let (cx, cy) = (tx.clone(), ty.reshape([n, 1]));
    let direct = move |w: &[Tensor]| {
        let fitted = (&cx * w[0].reshape([1, p])).sum_keep(1);
        (fitted - &cy).square().sum(..) * (0.5 / n as f64)
    };
    for (l1, l2) in [(0.05, 0.0), (0.02, 0.1), (0.3, 0.01)] {
        let want = coordinate_descent(&x, &y, p, l1, l2);
        let scale = want.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let smooths: [&dyn solver::Smooth; 2] = [&quadratic, &direct];
        for (smooth, step) in smooths.into_iter().zip([Step::Estimate, Step::From(10.0)]) {
            let start = [device.zeros([p])];
            let options = Options { tol: 1e-6, step, ..Options::default() };
            let net = [penalty::elastic_net(l1, l2)];
            let solution = pollster::block_on(solver::fista(smooth, &net, &start, options))?;
            assert_ne!(solution.report.status, Status::Limit, "{}", solution.report);
            for (got, want) in read(&solution.w[0]).iter().zip(&want) {
                assert!((f64::from(*got) - want).abs() <= 1e-4 * scale, "{got} not {want}: {}", solution.report);
                assert_eq!(*got == 0.0, *want == 0.0, "{l1} {l2}: the zeros");
            }
        }
    }
    Ok(())
}

#[test]
fn an_intercept_is_a_second_tensor_without_penalty() -> Result<()> {
    let device = device();
    let (_, y, tx, ty) = regression(&device, 100, 5);
    let shifted = ty + 7.0;
    let smooth = move |w: &[Tensor]| {
        let fitted = (&tx * w[0].reshape([1, 5])).sum(1) + &w[1];
        (fitted - &shifted).square().mean_all() * 0.5
    };
    let start = [device.zeros([5]), device.zeros([1])];
    let penalties = [penalty::l1(1e6), Penalty::none()];
    let solution = pollster::block_on(solver::fista(&smooth, &penalties, &start, Options::default()))?;
    assert_eq!(read(&solution.w[0]), [0.0; 5]);
    let mean = y.iter().sum::<f64>() / 100.0 + 7.0;
    assert!((f64::from(read(&solution.w[1])[0]) - mean).abs() < 1e-4);
    Ok(())
}

#[test]
fn lbfgs_finds_the_minimum_of_a_curved_valley() -> Result<()> {
    let device = device();
    let rosenbrock = |w: &[Tensor]| {
        let (head, tail) = (w[0].slice(0, 0..3), w[0].slice(0, 1..4));
        ((tail - head.square()).square() * 100.0 + (head * -1.0 + 1.0).square()).sum(..)
    };
    let start = [device.tensor(&[-1.2f32, 1.0, -0.5, 0.8], [4])];
    let solution = pollster::block_on(solver::lbfgs(&rosenbrock, &start, Options { tol: 1e-4, ..Options::default() }))?;
    assert_eq!(solution.report.status, Status::Converged, "{}", solution.report);
    for w in read(&solution.w[0]) {
        assert!((w - 1.0).abs() < 1e-3, "{w}: {}", solution.report);
    }
    Ok(())
}

#[test]
fn curvature_is_the_greatest_eigenvalue() -> Result<()> {
    let device = device();
    let c = device.tensor(&[3.0f32, 0.5, 1.0], [3]);
    let bowl = move |w: &[Tensor]| (w[0].square() * &c).sum(..) * 0.5;
    let l = pollster::block_on(solver::lipschitz(&bowl, &[device.zeros([3])], 30))?;
    assert!((l - 3.0).abs() < 1e-3, "{l}");
    let x = device.tensor(&[1.0f32, 2.0, 3.0, 4.0], [2, 2]);
    let quadratic = Quadratic::least_squares(&x, &device.tensor(&[1.0f32, 0.0], [2]))?;
    // the eigenvalues of X^T X / 2 are 7.5 +- sqrt(7.5^2 - 1)
    let l = pollster::block_on(solver::lipschitz(&quadratic, &[device.zeros([2])], 30))?;
    assert!((l - (7.5 + 55.25f64.sqrt())).abs() < 1e-4, "{l}");
    Ok(())
}

#[test]
fn nan_data_is_a_numeric_error_and_a_watch_can_stop() -> Result<()> {
    let device = device();
    let c = device.tensor(&[f32::NAN, 1.0], [2]);
    let start = [device.zeros([2])];
    let error = pollster::block_on(solver::fista(&centred(&c), &[penalty::l1(0.1)], &start, Options::default()));
    assert!(matches!(error, Err(Error::Numeric { .. })), "{error:?}");
    let error = pollster::block_on(solver::lbfgs(&centred(&c), &start, Options::default()));
    assert!(matches!(error, Err(Error::Numeric { .. })), "{error:?}");

    let fine = device.tensor(&[2.0f32, 1.0], [2]);
    let mut seen = 0;
    let options = Options {
        tol: 0.0,
        watch: Some(Box::new(|p| {
            seen += 1;
            p.iterations < 20
        })),
        ..Options::default()
    };
    let solution = pollster::block_on(solver::fista(&centred(&fine), &[penalty::l1(0.1)], &start, options))?;
    assert!(matches!(solution.report.status, Status::Stopped | Status::Converged));
    assert!(seen >= 1);
    let wrong = pollster::block_on(solver::fista(&centred(&fine), &[], &start, Options::default()));
    assert!(wrong.is_err());
    Ok(())
}

#[test]
fn a_group_is_zero_or_used_as_a_whole() -> Result<()> {
    let device = device();
    let (_, _, tx, ty) = regression(&device, 120, 12);
    let quadratic = Quadratic::least_squares(&tx, &ty)?;
    let groups = Groups::sizes(&[3, 3, 4, 2])?;
    let start = [device.zeros([12])];
    let solution = pollster::block_on(solver::fista(
        &quadratic,
        &[penalty::group_lasso(0.2, &groups)],
        &start,
        Options::default(),
    ))?;
    let w = read(&solution.w[0]);
    for members in groups.members() {
        let zeros = members.iter().filter(|&&i| w[i] == 0.0).count();
        assert!(zeros == 0 || zeros == members.len(), "{w:?}");
    }
    assert!(w[0] != 0.0 && w[11] == 0.0, "{w:?}");
    Ok(())
}

/// State, gradient, coefficient, step number to new coefficient.
type Law = fn(&mut [f64; 3], f64, f64, i32) -> f64;

/// Steps of the optimizers in f64, from their papers.
#[test]
fn optimizers_step_as_their_papers_say() -> Result<()> {
    let device = device();
    let c = [1.0, -2.0, 0.5];
    let rate = 0.1;
    let cases: [(Optimizer, Law); 5] = [
        (Optimizer::sgd(0.1), |_, g, w, _| w - 0.1 * g),
        (Optimizer::momentum(0.1, 0.9), |s, g, w, _| {
            s[0] = 0.9 * s[0] + g;
            w - 0.1 * s[0]
        }),
        (Optimizer::nesterov(0.1, 0.9), |s, g, w, _| {
            s[0] = 0.9 * s[0] + g;
            w - 0.1 * (g + 0.9 * s[0])
        }),
        (Optimizer::adam(0.1), |s, g, w, t| {
            s[0] = 0.9 * s[0] + 0.1 * g;
            s[1] = 0.999 * s[1] + 0.001 * g * g;
            w - 0.1 * (s[0] / (1.0 - 0.9f64.powi(t))) / ((s[1] / (1.0 - 0.999f64.powi(t))).sqrt() + 1e-8)
        }),
        (Optimizer::adamw(0.1, 0.01), |s, g, w, t| {
            s[0] = 0.9 * s[0] + 0.1 * g;
            s[1] = 0.999 * s[1] + 0.001 * g * g;
            let d = (s[0] / (1.0 - 0.9f64.powi(t))) / ((s[1] / (1.0 - 0.999f64.powi(t))).sqrt() + 1e-8);
            w - 0.1 * 0.01 * w - 0.1 * d
        }),
    ];
    let target = device.tensor(&c.map(|v| v as f32), [3]);
    for (mut optimizer, law) in cases {
        assert_eq!(optimizer.rate(), rate);
        let mut params = [device.zeros([3])];
        let (mut w, mut state) = ([0.0f64; 3], [[0.0f64; 3]; 3]);
        for t in 1..=8 {
            let grads = [&params[0] - &target];
            optimizer.step(&mut params, &grads)?;
            for i in 0..3 {
                w[i] = law(&mut state[i], w[i] - c[i], w[i], t);
            }
            for (got, want) in read(&params[0]).iter().zip(w) {
                // a step rounds some ten times at the size of the coefficients, and the steps add up
                let bound = 16.0 * f64::from(t) * f64::from(f32::EPSILON) * 2.5;
                assert!((f64::from(*got) - want).abs() <= bound, "{optimizer:?} step {t}: {got}, not {want}");
            }
        }
        assert_eq!(optimizer.steps(), 8);
    }
    Ok(())
}

#[test]
fn a_proximal_step_is_one_dispatch_and_one_plan() -> Result<()> {
    let device = device();
    for mut optimizer in [
        Optimizer::momentum(0.1, 0.9).penalty(penalty::l1(0.3)),
        Optimizer::adamw(0.1, 0.01).penalty(penalty::mcp(0.3, 3.0)),
    ] {
        let mut params = [device.tensor(&vec![0.5f32; 1000], [1000])];
        let grads = [device.tensor(&vec![0.1f32; 1000], [1000])];
        optimizer.step(&mut params, &grads)?;
        let before = device.stats();
        for round in 0..3 {
            optimizer.set_rate(0.1 / f64::from(round + 1));
            optimizer.step(&mut params, &grads)?;
        }
        let after = device.stats();
        assert_eq!(after.plan_misses, before.plan_misses, "the same plan");
        assert_eq!(after.dispatches - before.dispatches, 3, "parameter and state from one kernel");
        assert_eq!(after.pipelines, before.pipelines);
    }
    Ok(())
}

#[test]
fn proximal_adam_sets_exact_zeros() -> Result<()> {
    let device = device();
    let target = device.tensor(&[1.0f32, 0.05, -0.02, -2.0], [4]);
    let mut params = [device.zeros([4])];
    let mut adam = Optimizer::adam(0.05).penalty(penalty::l1(0.1));
    for _ in 0..300 {
        let grads = [&params[0] - &target];
        adam.step(&mut params, &grads)?;
    }
    let w = read(&params[0]);
    assert_eq!((w[1], w[2]), (0.0, 0.0), "{w:?}");
    assert!((w[0] - 0.9).abs() < 1e-3 && (w[3] + 1.9).abs() < 1e-3, "{w:?}");
    Ok(())
}

#[test]
fn optimizers_refuse_what_does_not_fit() {
    let device = device();
    let mut params = [device.zeros([3])];
    let wrong = [device.zeros([2])];
    assert!(Optimizer::sgd(0.1).step(&mut params, &wrong).is_err());
    assert!(Optimizer::sgd(0.1).step(&mut params, &[]).is_err());
    let fine = [device.zeros([3])];
    assert!(Optimizer::sgd(-0.1).step(&mut params, &fine).is_err());
    assert!(Optimizer::adam(0.1).betas(1.0, 0.9).step(&mut params, &fine).is_err());
    assert!(Optimizer::sgd(0.1).penalty(penalty::l1(-1.0)).step(&mut params, &fine).is_err());
}
