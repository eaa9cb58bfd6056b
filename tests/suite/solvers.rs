//! Solvers and optimizers against solutions known in closed form.

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

#[test]
fn all_momenta_and_steps_reach_one_minimum() -> Result<()> {
    use solver::{Momentum, Restart};
    let device = device();
    let (x, y, tx, ty) = regression(&device, 80, 8);
    let quadratic = Quadratic::least_squares(&tx, &ty)?;
    let want = coordinate_descent(&x, &y, 8, 0.05, 0.1);
    let momenta = [
        Momentum::None,
        Momentum::Nesterov(Restart::Never),
        Momentum::Nesterov(Restart::Gradient),
        Momentum::Nesterov(Restart::Objective),
        Momentum::Nesterov(Restart::Every(20)),
        Momentum::Strong(0.05),
    ];
    let mut iterations = Vec::new();
    for momentum in momenta {
        for step in [Step::Estimate, Step::From(20.0), Step::Adaptive(1e-3), Step::Fixed(0.3)] {
            let options = Options { tol: 2e-6, momentum, step, every: 5, ..Options::default() };
            let start = [device.zeros([8])];
            let net = [penalty::elastic_net(0.05, 0.1)];
            let solution = pollster::block_on(solver::fista(&quadratic, &net, &start, options))?;
            assert_ne!(solution.report.status, Status::Limit, "{momentum:?} {step:?}: {}", solution.report);
            for (got, want) in read(&solution.w[0]).iter().zip(&want) {
                assert!((f64::from(*got) - want).abs() <= 4e-5, "{momentum:?} {step:?}: {got}, not {want}");
            }
            if step == Step::Fixed(0.3) {
                iterations.push(solution.report.iterations);
            }
        }
    }
    assert!(iterations[5] <= iterations[0], "momentum for a strongly convex objective: {iterations:?}");
    for wrong in [Momentum::Strong(0.0), Momentum::Strong(f64::NAN), Momentum::Nesterov(Restart::Every(0))] {
        let options = Options { momentum: wrong, ..Options::default() };
        let start = [device.zeros([8])];
        let refused = pollster::block_on(solver::fista(&quadratic, &[Penalty::none()], &start, options));
        assert!(matches!(refused, Err(Error::Argument { .. })), "{wrong:?}");
    }
    Ok(())
}
