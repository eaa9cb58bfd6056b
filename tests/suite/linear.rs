//! Linear maps: adjoints, spectra, conjugate gradients.

use ridgepoint::linear::Linear;
use ridgepoint::solver::{self, Options, Status};
use ridgepoint::{Device, Error, Result, Tensor};

fn device() -> Device {
    Device::open_blocking(Default::default()).expect("a device")
}

fn read(x: &Tensor) -> Vec<f32> {
    x.read_blocking::<f32>().unwrap_or_else(|e| panic!("{e}"))
}

fn numbers(device: &Device, seed: u64, shape: &[usize]) -> Tensor {
    let x = ridgepoint::ops::Key::new(seed).normal(device, shape);
    x.eval().expect("normal numbers");
    x.leaf().expect("they are computed")
}

#[test]
fn every_map_has_its_adjoint() -> Result<()> {
    let device = device();
    let a = Linear::matrix(&numbers(&device, 1, &[5, 7]))?;
    let b = Linear::matrix(&numbers(&device, 2, &[4, 5]))?;
    let slopes = Linear::new(&device, [6, 7], |x| x.slice(0, 1..) - x.slice(0, ..5))?;
    let given = Linear::new(&device, [9], |x| x.flip(0) * 3.0)?.with_adjoint(|y| y.flip(0) * 3.0);
    let d = Linear::diagonal(&numbers(&device, 3, &[7]))?;
    let maps = [
        a.clone(),
        a.then(&b)?,
        d.then(&a)?.plus(&a.scaled(-2.0))?,
        a.transposed(),
        a.gram(),
        slopes,
        given,
        b.columns(3)?,
        Linear::identity([3, 4]),
    ];
    for map in &maps {
        let (x, y) = (numbers(&device, 4, map.domain()), numbers(&device, 5, map.range()));
        let (ax, ay) = (map.apply(&x), map.adjoint(&y));
        let (left, right) = ((&ax * &y).sum(..), (&x * &ay).sum(..));
        let size = (ax.square().sum(..) * y.square().sum(..)).sqrt();
        let [left, right, size] = [left, right, size].map(|t| read(&t)[0]);
        assert!((left - right).abs() <= 16.0 * f32::EPSILON * size, "{map:?}: {left} and {right} of {size}");
    }
    assert!(a.then(&a).is_err() && a.plus(&b).is_err() && a.gram().columns(2)?.columns(2).is_err());
    assert!(Linear::matrix(&device.zeros([3])).is_err());
    assert!(a.apply(&device.zeros([5])).check().is_err() && a.adjoint(&device.zeros([7])).check().is_err());
    Ok(())
}

#[test]
fn spectra_by_lanczos() -> Result<()> {
    let device = device();
    let n = 40;
    let d: Vec<f32> = (0..n).map(|i| -1.0 + 5.0 * i as f32 / (n - 1) as f32).collect();
    let map = Linear::diagonal(&device.tensor(&d, [n]))?;
    let (low, high) = pollster::block_on(map.extremes(&device, 30))?;
    assert!((low + 1.0).abs() < 1e-4 && (high - 4.0).abs() < 1e-4, "{low} {high}");
    let slopes = Linear::new(&device, [n], |x| x.slice(0, 1..) - x.slice(0, ..39))?;
    let norm = pollster::block_on(slopes.norm(&device, 40))?;
    let want = 2.0 * (std::f64::consts::PI / (2.0 * n as f64)).cos();
    assert!((norm - want).abs() < 1e-4, "{norm}, not {want}");
    // two different eigenvalues: the space is exhausted after two steps
    let two = Linear::diagonal(&device.tensor(&[2.0f32, 2.0, 5.0, 5.0], [4]))?;
    let (low, high) = pollster::block_on(two.extremes(&device, 4))?;
    assert!((low - 2.0).abs() < 1e-5 && (high - 5.0).abs() < 1e-5, "{low} {high}");
    assert_eq!(pollster::block_on(Linear::identity([0]).norm(&device, 5))?, 0.0);
    assert_eq!(pollster::block_on(Linear::identity([3]).scaled(0.0).norm(&device, 5))?, 0.0);
    let nan = Linear::identity([3]).scaled(f64::NAN);
    assert!(matches!(pollster::block_on(nan.norm(&device, 5)), Err(Error::Numeric { .. })));
    Ok(())
}

/// `Q diag(d) Q^T` with a Householder reflection `Q`, whose solution is known.
fn positive(device: &Device, n: usize, condition: f32) -> (Tensor, Vec<f32>, Tensor) {
    let v: Vec<f64> = (0..n).map(|i| ((i * i + 3) as f64).sin()).collect();
    let square: f64 = v.iter().map(|x| x * x).sum();
    let q = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * v[i] * v[j] / square;
    let d: Vec<f64> = (0..n).map(|i| f64::from(condition).powf(i as f64 / (n - 1) as f64)).collect();
    let a: Vec<f32> =
        (0..n * n).map(|ij| (0..n).map(|k| q(ij / n, k) * d[k] * q(ij % n, k)).sum::<f64>() as f32).collect();
    let x: Vec<f32> = (0..n).map(|i| ((i + 1) as f32).cos()).collect();
    let b: Vec<f32> =
        (0..n).map(|i| (0..n).map(|j| f64::from(a[i * n + j]) * f64::from(x[j])).sum::<f64>() as f32).collect();
    (device.tensor(&a, [n, n]), x, device.tensor(&b, [n]))
}

#[test]
fn conjugate_gradients_solve_what_is_positive() -> Result<()> {
    let device = device();
    let (a, x, b) = positive(&device, 30, 100.0);
    let map = Linear::matrix(&a)?;
    let zero = device.zeros([30]);
    let options = || Options { tol: 3e-7, ..Options::default() };
    let plain = pollster::block_on(solver::cg(&map, &b, &zero, options()))?;
    assert_eq!(plain.report.status, Status::Converged, "{}", plain.report);
    let jacobi = Linear::diagonal(&a.diagonal(0).recip())?;
    let preconditioned = pollster::block_on(solver::pcg(&map, &jacobi, &b, &zero, options()))?;
    for solution in [&plain, &preconditioned] {
        for (got, want) in read(&solution.w[0]).iter().zip(&x) {
            assert!((got - want).abs() < 1e-4, "{got}, not {want}: {}", solution.report);
        }
    }
    // the expression with a fixed number of steps, also beyond the solution
    for (got, want) in read(&map.solve(&b, &zero, 60)).iter().zip(&x) {
        assert!((got - want).abs() < 1e-4, "{got}, not {want}");
    }
    // a badly scaled diagonal: the preconditioner is exact
    let d: Vec<f32> = (0..30).map(|i| 10f32.powi(i % 7 - 3)).collect();
    let d = device.tensor(&d, [30]);
    let (scaled, inverse) = (Linear::diagonal(&d)?, Linear::diagonal(&d.recip())?);
    let quick = pollster::block_on(solver::pcg(&scaled, &inverse, &b, &zero, Options { every: 1, ..options() }))?;
    assert!(quick.report.iterations <= 2, "{}", quick.report);
    Ok(())
}

#[test]
fn conjugate_gradients_say_what_they_cannot_solve() -> Result<()> {
    let device = device();
    let zero = device.zeros([3]);
    let diagonal = |d: [f32; 3]| Linear::diagonal(&device.tensor(&d, [3]));
    let solve = |a: &Linear, b: [f32; 3]| {
        let b = device.tensor(&b, [3]);
        pollster::block_on(solver::cg(a, &b, &zero, Options { every: 3, ..Options::default() }))
    };
    let indefinite = solve(&diagonal([1.0, -1.0, 2.0])?, [1.0, 2.0, 3.0]);
    assert!(matches!(indefinite, Err(Error::Numeric { .. })), "{indefinite:?}");
    // singular: solved where there is a solution, stalled where there is none
    let singular = diagonal([1.0, 0.0, 2.0])?;
    let solution = solve(&singular, [1.0, 0.0, 3.0])?;
    assert_eq!(solution.report.status, Status::Converged);
    assert_eq!(read(&solution.w[0])[1], 0.0);
    assert_eq!(solve(&singular, [1.0, 1.0, 3.0])?.report.status, Status::Stalled);
    assert_eq!(solve(&singular, [0.0; 3])?.report.status, Status::Converged);
    assert!(matches!(solve(&singular, [f32::NAN, 0.0, 0.0]), Err(Error::Numeric { .. })));
    assert!(solve(&Linear::identity([4]), [0.0; 3]).is_err());
    let empty = device.zeros([0]);
    let nothing = pollster::block_on(solver::cg(&Linear::identity([0]), &empty, &empty, Options::default()))?;
    assert_eq!(nothing.report.status, Status::Converged);
    Ok(())
}
