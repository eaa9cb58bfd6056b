//! Splitting methods against solutions known in closed form, or certified on the host in f64.

use ridgepoint::linear::Linear;
use ridgepoint::penalty;
use ridgepoint::solver::{self, Image, LinearProgram, Options, Proximal, Status, Step};
use ridgepoint::{Device, Error, Result, Tensor};

fn device() -> Device {
    Device::open_blocking(Default::default()).expect("a device")
}

fn read(x: &Tensor) -> Vec<f32> {
    x.read_blocking::<f32>().unwrap_or_else(|e| panic!("{e}"))
}

fn close(got: &Tensor, want: &[f32], bound: f32, what: &dyn std::fmt::Display) {
    let got = read(got);
    assert_eq!(got.len(), want.len(), "{what}");
    for (g, w) in got.iter().zip(want) {
        assert!((g - w).abs() <= bound, "{g}, not {w}: {got:?} for {want:?}; {what}");
    }
}

/// `1/2 ||x - c||^2`.
struct Near(Tensor);

impl Proximal for Near {
    fn value(&self, x: &Tensor) -> Tensor {
        (x - &self.0).square().sum(..) * 0.5
    }
    fn prox(&self, v: &Tensor, step: &Tensor) -> Tensor {
        (v + &self.0 * step) / (step + 1.0)
    }
}

/// The indicator of one point.
struct Exactly(Tensor);

impl Proximal for Exactly {
    fn value(&self, x: &Tensor) -> Tensor {
        x.device().scalar(0.0)
    }
    fn prox(&self, v: &Tensor, _step: &Tensor) -> Tensor {
        v * 0.0 + &self.0
    }
}

fn soft(c: &[f32], by: f32) -> Vec<f32> {
    c.iter().map(|c| c.signum() * (c.abs() - by).max(0.0)).collect()
}

const C: [f32; 6] = [1.5, -0.2, 0.31, -2.0, 0.0, 0.7];

fn tight<'a>() -> Options<'a> {
    Options { tol: 2e-6, ..Options::default() }
}

#[test]
fn two_and_three_operators() -> Result<()> {
    let device = device();
    let c = device.tensor(&C, [6]);
    let start = device.zeros([6]);
    let (l1, near, bounds) = (penalty::l1(0.3), Near(c.clone()), penalty::bounds(-0.5, 1.0));
    for step in [Step::Estimate, Step::From(0.3), Step::Fixed(3.0)] {
        let found = pollster::block_on(solver::douglas_rachford(
            &l1,
            &near,
            &start,
            Options { step, max_iter: 1000, ..tight() },
        ))?;
        assert_eq!(found.report.status, Status::Converged, "{}", found.report);
        close(&found.w[0], &soft(&C, 0.3), 4e-6, &found.report);
        assert_eq!(read(&found.w[0])[1], 0.0);
        // the subgradient of the second function
        let slope: Vec<f32> = soft(&C, 0.3).iter().zip(C).map(|(x, c)| x - c).collect();
        close(&found.dual[0], &slope, 1e-5, &found.report);
    }
    let centred = |w: &[Tensor]| (&w[0] - &c).square().sum(..) * 0.5;
    let want: Vec<f32> = soft(&C, 0.3).iter().map(|x| x.clamp(-0.5, 1.0)).collect();
    for step in [Step::Estimate, Step::From(20.0), Step::Adaptive(0.01), Step::Fixed(0.9)] {
        let options = Options { step, ..tight() };
        let found = pollster::block_on(solver::davis_yin(&centred, &l1, &bounds, &start, options))?;
        assert_eq!(found.report.status, Status::Converged, "{step:?}: {}", found.report);
        close(&found.w[0], &want, 4e-6, &found.report);
    }
    Ok(())
}

/// The primal-dual gap of `1/2 ||x - c||^2 + lambda ||D x||_1` in f64, at `x` and a dual clamped to be feasible.
fn total_variation_gap(c: &[f32], x: &[f32], y: &[f32], lambda: f64) -> f64 {
    let n = c.len();
    let wide = |v: &[f32]| v.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    let (c, x) = (wide(c), wide(x));
    let y: Vec<f64> = wide(y).iter().map(|y| y.clamp(-lambda, lambda)).collect();
    let rough: f64 = x.windows(2).map(|p| (p[1] - p[0]).abs()).sum();
    let primal = x.iter().zip(&c).map(|(x, c)| (x - c).powi(2)).sum::<f64>() / 2.0 + lambda * rough;
    let back = |i: usize| if i > 0 { y[i - 1] } else { 0.0 } - if i < n - 1 { y[i] } else { 0.0 };
    let dual: f64 = (0..n).map(|i| back(i) * c[i] - back(i).powi(2) / 2.0).sum();
    primal - dual
}

#[test]
fn total_variation_is_certified_by_its_dual() -> Result<()> {
    let device = device();
    let n = 60;
    let noisy: Vec<f32> =
        (0..n).map(|i| if i < 25 { 1.0 } else { -0.5 } + 0.2 * ((i * i) as f32 * 0.7).sin()).collect();
    let c = device.tensor(&noisy, [n]);
    let slopes = Linear::new(&device, [n], move |x| x.slice(0, 1..) - x.slice(0, ..n - 1))?;
    let l1 = penalty::l1(0.4);
    let images = [Image { map: slopes, of: &l1 }];
    let start = device.zeros([n]);
    let options = || Options { tol: 1e-5, every: 20, max_iter: 20_000, ..Options::default() };
    let hybrid = pollster::block_on(solver::pdhg(&Near(c.clone()), &images, &start, options()))?;
    let centred = move |w: &[Tensor]| (&w[0] - &c).square().sum(..) * 0.5;
    let condat =
        pollster::block_on(solver::condat_vu(&centred, &penalty::Penalty::none(), &images, &start, options()))?;
    for found in [hybrid, condat] {
        assert_eq!(found.report.status, Status::Converged, "{}", found.report);
        let gap = total_variation_gap(&noisy, &read(&found.w[0]), &read(&found.dual[0]), 0.4);
        assert!(gap.abs() < 1e-3, "{gap}: {}", found.report);
        let x = read(&found.w[0]);
        assert!(x[0] > 0.9 && (x[3] - x[20]).abs() < 1e-3 && x[n - 1] < -0.3, "{x:?}");
    }
    Ok(())
}

#[test]
fn primal_dual_methods_meet_closed_forms() -> Result<()> {
    let device = device();
    let c = device.tensor(&C, [6]);
    let start = device.zeros([6]);
    let centred = |w: &[Tensor]| (&w[0] - &c).square().sum(..) * 0.5;
    let d = [1.0f32, 2.0, 0.5, 0.1, 3.0, 0.2];
    let scale = Linear::diagonal(&device.tensor(&d, [6]))?;
    let (l1, positive) = (penalty::l1(0.5), penalty::non_negative());
    let want: Vec<f32> = C.iter().zip(d).map(|(c, d)| (c - 0.5 * d).max(0.0)).collect();
    for step in [Step::Estimate, Step::From(1e3), Step::Fixed(1.0)] {
        // the wrong curvature of the second is found out on the way
        let images = [Image { map: scale.clone(), of: &l1 }];
        let options = Options { step, ..tight() };
        let found = pollster::block_on(solver::condat_vu(&centred, &positive, &images, &start, options))?;
        assert_eq!(found.report.status, Status::Converged, "{step:?}: {}", found.report);
        close(&found.w[0], &want, 1e-5, &found.report);
    }
    // two images and no function of x itself
    let near = Near(c.clone());
    let images = [Image { map: scale, of: &l1 }, Image { map: Linear::identity([6]).scaled(2.0), of: &positive }];
    let found = pollster::block_on(solver::pdhg(&near, &images, &start, tight()))?;
    assert_eq!(found.report.status, Status::Converged, "{}", found.report);
    close(&found.w[0], &want, 1e-5, &found.report);
    let none = pollster::block_on(solver::pdhg(&near, &[], &start, tight()))?;
    close(&none.w[0], &C, 1e-5, &none.report);
    let odd = [Image { map: Linear::identity([5]), of: &l1 }];
    assert!(pollster::block_on(solver::pdhg(&near, &odd, &start, tight())).is_err());
    let nan = Near(device.tensor(&[f32::NAN; 6], [6]));
    for wrong in [
        pollster::block_on(solver::pdhg(&nan, &images, &start, tight())),
        pollster::block_on(solver::douglas_rachford(&l1, &nan, &start, tight())),
    ] {
        assert!(matches!(wrong, Err(Error::Numeric { .. })), "{wrong:?}");
    }
    Ok(())
}

#[test]
fn the_sparsest_solution_of_equations() -> Result<()> {
    let device = device();
    let (m, n) = (20, 40);
    let a = ridgepoint::ops::Key::new(7).normal(&device, [m, n]) * 0.2;
    a.eval()?;
    let a = a.leaf()?;
    let mut truth = vec![0.0f32; n];
    (truth[3], truth[17], truth[31]) = (1.0, -2.0, 0.5);
    let b = a.matmul(&device.tensor(&truth, [n]));
    b.eval()?;
    let exactly = Exactly(b.leaf()?);
    let images = [Image { map: Linear::matrix(&a)?, of: &exactly }];
    let options = Options { tol: 1e-5, every: 20, max_iter: 40_000, ..Options::default() };
    let found = pollster::block_on(solver::pdhg(&penalty::l1(1.0), &images, &device.zeros([n]), options))?;
    assert_eq!(found.report.status, Status::Converged, "{}", found.report);
    close(&found.w[0], &truth, 1e-3, &found.report);
    Ok(())
}

fn program(device: &Device, c: &[f32], a: &[f32], m: usize) -> Result<LinearProgram> {
    LinearProgram::new(&device.tensor(c, [c.len()]), &device.tensor(a, [m, c.len()]))
}

#[test]
fn linear_programs_end_in_their_vertices() -> Result<()> {
    let device = device();
    let inf = f32::INFINITY;
    let vector = |v: &[f32]| device.tensor(v, [v.len()]);
    let options = || Options { tol: 1e-5, every: 40, max_iter: 40_000, ..Options::default() };
    // max 3x + 5y: x <= 4, 2y <= 12, 3x + 2y <= 18 has (2, 6) and the multipliers (0, 3/2, 1)
    let classic = program(&device, &[-3.0, -5.0], &[1.0, 0.0, 0.0, 2.0, 3.0, 2.0], 3)?
        .rows(&vector(&[-inf, -inf, -inf]), &vector(&[4.0, 12.0, 18.0]))?;
    let found = pollster::block_on(solver::pdlp(&classic, options()))?;
    assert_eq!(found.report.status, Status::Converged, "{}", found.report);
    close(&found.w[0], &[2.0, 6.0], 1e-3, &found.report);
    close(&found.dual[0], &[0.0, 1.5, 1.0], 1e-3, &found.report);
    assert!((found.report.objective + 36.0).abs() < 1e-2 && found.report.gap.is_some_and(|g| g < 1e-2));
    // transport: supplies 20 and 30, demands 10, 25, 15; scales of a thousand between the costs
    let mut a = vec![0.0f32; 5 * 6];
    for i in 0..2 {
        for j in 0..3 {
            a[i * 6 + i * 3 + j] = 1.0;
            a[(2 + j) * 6 + i * 3 + j] = 1.0;
        }
    }
    let amounts = vector(&[20.0, 30.0, 10.0, 25.0, 15.0]);
    let transport = program(&device, &[2.0, 400.0, 5.0, 3.0, 1.0, 700.0], &a, 5)?.rows(&amounts, &amounts)?;
    let found = pollster::block_on(solver::pdlp(&transport, options()))?;
    assert_ne!(found.report.status, Status::Limit, "{}", found.report);
    // x13 = 15, x11 = 5, x21 = 5, x22 = 25
    close(&found.w[0], &[5.0, 0.0, 15.0, 5.0, 25.0, 0.0], 5e-2, &found.report);
    // no rows at all: each variable goes to its bound
    let box_only =
        program(&device, &[1.0, -1.0, 0.5], &[], 0)?.bounds(&vector(&[-1.0, -2.0, 0.0]), &vector(&[3.0; 3]))?;
    let found = pollster::block_on(solver::pdlp(&box_only, options()))?;
    close(&found.w[0], &[-1.0, 3.0, 0.0], 1e-5, &found.report);
    Ok(())
}

#[test]
fn quadratic_programs_meet_their_conditions() -> Result<()> {
    let device = device();
    let vector = |v: &[f32]| device.tensor(v, [v.len()]);
    // min (x^2 + 2 y^2 + z^2) / 2 - x - y with x + y + z = 1, all >= 0: multipliers give x = 1 - l, y = (1 - l) / 2, z = -l
    let q = device.tensor(&[1.0f32, 2.0, 1.0], [3]).diag(0);
    let bowl =
        program(&device, &[-1.0, -1.0, 0.0], &[1.0; 3], 1)?.rows(&vector(&[1.0]), &vector(&[1.0]))?.quadratic(&q)?;
    let options = Options { tol: 1e-5, every: 20, ..Options::default() };
    let found = pollster::block_on(solver::pdlp(&bowl, options))?;
    assert_eq!(found.report.status, Status::Converged, "{}", found.report);
    // l = 1/3 if z is 0, and then z's multiplier l is positive, as it must be
    close(&found.w[0], &[2.0 / 3.0, 1.0 / 3.0, 0.0], 1e-4, &found.report);
    Ok(())
}

#[test]
fn programs_without_solution_do_not_converge() -> Result<()> {
    let device = device();
    let inf = f32::INFINITY;
    let vector = |v: &[f32]| device.tensor(v, [v.len()]);
    let options = || Options { tol: 1e-5, max_iter: 400, ..Options::default() };
    // x + y <= -1 with x, y >= 0
    let infeasible = program(&device, &[1.0, 1.0], &[1.0, 1.0], 1)?.rows(&vector(&[-inf]), &vector(&[-1.0]))?;
    let found = pollster::block_on(solver::pdlp(&infeasible, options()))?;
    assert_eq!(found.report.status, Status::Infeasible, "{}", found.report);
    // min -x - y with x - y = 1
    let one = vector(&[1.0]);
    let endless = program(&device, &[-1.0, -1.0], &[1.0, -1.0], 1)?.rows(&one, &one)?;
    let found = pollster::block_on(solver::pdlp(&endless, Options { max_iter: 20_000, every: 40, ..options() }))?;
    assert_eq!(found.report.status, Status::Unbounded, "{}", found.report);
    // crossing bounds and NaN are refused
    let crossed = program(&device, &[1.0], &[1.0], 1)?.bounds(&vector(&[1.0]), &vector(&[0.0]))?;
    assert!(matches!(pollster::block_on(solver::pdlp(&crossed, options())), Err(Error::Numeric { .. })));
    let nan = program(&device, &[1.0], &[1.0], 1)?.rows(&vector(&[f32::NAN]), &vector(&[0.0]))?;
    assert!(matches!(pollster::block_on(solver::pdlp(&nan, options())), Err(Error::Numeric { .. })));
    let nan = program(&device, &[f32::NAN], &[1.0], 1)?;
    assert!(matches!(pollster::block_on(solver::pdlp(&nan, options())), Err(Error::Numeric { .. })));
    assert!(program(&device, &[1.0], &[1.0, 2.0], 2)?.bounds(&vector(&[0.0, 0.0]), &vector(&[1.0])).is_err());
    assert!(LinearProgram::new(&vector(&[1.0]), &device.zeros([2, 3])).is_err());
    Ok(())
}

#[test]
fn alternating_directions() -> Result<()> {
    use solver::{Admm, Block};
    let device = device();
    let c = device.tensor(&C, [6]);
    let zero = device.zeros([6]);
    let l1 = penalty::l1(0.3);
    let near = Near(c.clone());
    // an iteration is several conjugate gradient steps: few of them make a submission
    let options = || Options { tol: 2e-6, max_iter: 2000, every: 2, ..Options::default() };
    // x - z = 0: three ways to minimise over x, and weights and relaxations far from the best
    let identity = Linear::identity([6]);
    let quadratic = Block::quadratic(&identity, &-&c, &identity, 2)?;
    let blocks = [Block::proximal(&near, [6], 1.0), quadratic, Block::linearized(&near, &identity, 1.0)];
    let z = Block::proximal(&l1, [6], -1.0);
    for f in &blocks {
        for knobs in [
            Admm::default(),
            Admm { rho: 100.0, ..Admm::default() },
            Admm { rho: 0.5, adaptive: false, relaxation: 1.0 },
        ] {
            let found = pollster::block_on(solver::admm(f, &z, &zero, [&zero, &zero], knobs, options()))?;
            assert_ne!(found.report.status, Status::Limit, "{knobs:?}: {}", found.report);
            close(&found.w[1], &soft(&C, 0.3), 2e-5, &found.report);
            assert_eq!(read(&found.w[1])[1], 0.0);
        }
    }
    // least squares with the l1 norm of the slopes, against its dual gap
    let n = 40;
    let noisy: Vec<f32> = (0..n).map(|i| if i < 15 { 1.0 } else { -0.5 } + 0.2 * ((i * i) as f32).sin()).collect();
    let target = device.tensor(&noisy, [n]);
    let slopes = Linear::new(&device, [n], move |x| x.slice(0, 1..) - x.slice(0, ..n - 1))?;
    let weight = penalty::l1(0.4);
    let f = Block::quadratic(&Linear::identity([n]), &-&target, &slopes, 8)?;
    let g = Block::proximal(&weight, [n - 1], -1.0);
    let start = [&device.zeros([n]), &device.zeros([n - 1])];
    let found = pollster::block_on(solver::admm(&f, &g, &device.zeros([n - 1]), start, Admm::default(), options()))?;
    assert!(found.report.optimality < 1e-4, "{}", found.report);
    let gap = total_variation_gap(&noisy, &read(&found.w[0]), &read(&found.dual[0]), 0.4);
    assert!(gap.abs() < 1e-3, "{gap}: {}", found.report);
    // what does not fit
    let wrong = Admm { relaxation: 2.0, ..Admm::default() };
    assert!(pollster::block_on(solver::admm(&f, &g, &device.zeros([n - 1]), start, wrong, options())).is_err());
    assert!(pollster::block_on(solver::admm(&f, &g, &device.zeros([n]), start, Admm::default(), options())).is_err());
    assert!(Block::quadratic(&Linear::identity([3]), &device.zeros([3]), &slopes, 5).is_err());
    Ok(())
}
