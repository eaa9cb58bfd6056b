//! Coordinate descent and the other composite solvers against proximal gradients in f64 on the host.

use ridgepoint::penalty::{self, Groups, Penalty};
use ridgepoint::solver::{self, Batches, FiniteSum, Hull, Model, Options, Status, Step, Stride};
use ridgepoint::{Device, Error, Result, Tensor};

fn device() -> Device {
    Device::open_blocking(Default::default()).expect("a device")
}

fn read(x: &Tensor) -> Vec<f32> {
    x.read_blocking::<f32>().unwrap_or_else(|e| panic!("{e}"))
}

/// Data with correlated columns of different scales, and a sparse truth.
struct Data {
    n: usize,
    p: usize,
    x: Vec<f64>,
    linear: Vec<f64>,
    classes: Vec<f64>,
}

impl Data {
    fn new(n: usize, p: usize, seed: u64) -> Data {
        let mut state = seed;
        let mut uniform = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
        };
        let mut x = vec![0.0; n * p];
        for row in x.chunks_mut(p) {
            let common = uniform();
            for (j, v) in row.iter_mut().enumerate() {
                *v = f64::from((0.4 * common + uniform() * (1.0 + (j % 3) as f64 * 0.5)) as f32);
            }
        }
        let score: Vec<f64> = x.chunks(p).map(|r| 2.0 * r[0] - 1.5 * r[1] + r[4] + 0.5 * uniform()).collect();
        let linear = score.iter().map(|&v| f64::from(v as f32)).collect();
        let classes = score.iter().map(|&v| f64::from(u8::from(v > 0.0))).collect();
        Data { n, p, x, linear, classes }
    }

    fn upload(&self, device: &Device, model: Model) -> (Tensor, Tensor) {
        let narrow = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<_>>();
        (device.tensor(&narrow(&self.x), [self.n, self.p]), device.tensor(&narrow(self.response(model)), [self.n]))
    }

    fn response(&self, model: Model) -> &[f64] {
        if model == Model::Squares { &self.linear } else { &self.classes }
    }

    fn gradient(&self, w: &[f64], model: Model) -> Vec<f64> {
        let mut g = vec![0.0; self.p];
        for (row, y) in self.x.chunks(self.p).zip(self.response(model)) {
            let z: f64 = row.iter().zip(w).map(|(x, w)| x * w).sum();
            let mean = if model == Model::Squares { z } else { 1.0 / (1.0 + (-z).exp()) };
            for (g, x) in g.iter_mut().zip(row) {
                *g += x * (mean - y) / self.n as f64;
            }
        }
        g
    }

    /// Accelerated proximal gradients, far beyond f32: `prox(w, step)`.
    fn solve(&self, model: Model, prox: impl Fn(&mut [f64], f64)) -> Vec<f64> {
        let squares: f64 = self.x.iter().map(|v| v * v).sum::<f64>() / self.n as f64;
        let step = 1.0 / squares;
        let (mut w, mut before, mut t) = (vec![0.0; self.p], vec![0.0; self.p], 1.0f64);
        for _ in 0..20_000 {
            let next = (1.0 + (1.0 + 4.0 * t * t).sqrt()) / 2.0;
            let y: Vec<f64> = w.iter().zip(&before).map(|(w, b)| w + (t - 1.0) / next * (w - b)).collect();
            let g = self.gradient(&y, model);
            let mut z: Vec<f64> = y.iter().zip(&g).map(|(y, g)| y - step * g).collect();
            prox(&mut z, step);
            let turns = (0..self.p).map(|j| (y[j] - z[j]) * (z[j] - w[j])).sum::<f64>() > 0.0;
            t = if turns { 1.0 } else { next };
            before = if turns { z.clone() } else { w };
            w = z;
        }
        w
    }
}

fn net(l1: f64, l2: f64) -> impl Fn(&mut [f64], f64) {
    move |z, step| z.iter_mut().for_each(|z| *z = (*z - z.clamp(-l1 * step, l1 * step)) / (1.0 + l2 * step))
}

fn groups(l1: f64, groups: &Groups) -> impl Fn(&mut [f64], f64) {
    let members = groups.members().to_vec();
    move |z, step| {
        for group in &members {
            let size = group.iter().map(|&i| z[i] * z[i]).sum::<f64>().sqrt();
            let factor = if size > l1 * step { 1.0 - l1 * step / size } else { 0.0 };
            group.iter().for_each(|&i| z[i] *= factor);
        }
    }
}

fn agree(got: &Tensor, want: &[f64], what: &dyn std::fmt::Display) {
    let got = read(got);
    let scale = want.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for (ix, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*got) - want).abs() <= 2e-4 * scale, "{ix}: {got}, not {want}; {what}");
        if want.abs() > 1e-3 * scale || *want == 0.0 {
            assert_eq!(*got == 0.0, *want == 0.0, "{ix}: the zeros; {what}");
        }
    }
}

#[test]
fn coordinate_descent_matches_proximal_gradients() -> Result<()> {
    let device = device();
    for (n, p) in [(80, 12), (40, 90)] {
        let data = Data::new(n, p, 5);
        for model in [Model::Squares, Model::Logistic] {
            let (x, y) = data.upload(&device, model);
            for (l1, l2) in [(0.1, 0.0), (0.05, 0.1), (0.02, 0.02)] {
                let want = data.solve(model, net(l1, l2));
                let penalty = if l2 == 0.0 { penalty::l1(l1) } else { penalty::elastic_net(l1, l2) };
                let options = Options { tol: 2e-6, ..Options::default() };
                let start = device.zeros([p]);
                let found = pollster::block_on(solver::coordinate_descent(&x, &y, model, &penalty, &start, options))?;
                let what = format!("{n}x{p} {model:?} {penalty}: {}", found.report);
                assert!(matches!(found.report.status, Status::Converged | Status::Stalled), "{what}");
                assert!(found.report.iterations <= 60 && found.report.optimality < 2e-5, "{what}");
                assert!(found.report.gap.is_some_and(|g| g.abs() < 1e-4), "{what}");
                agree(&found.w[0], &want, &what);
                // from the solution there is nothing to do
                let options = Options { tol: 2e-5, ..Options::default() };
                let again =
                    pollster::block_on(solver::coordinate_descent(&x, &y, model, &penalty, &found.w[0], options))?;
                assert!(again.report.iterations <= 2, "{what}; again {}", again.report);
            }
        }
    }
    Ok(())
}

#[test]
fn coordinate_descent_takes_groups_of_any_sizes() -> Result<()> {
    let device = device();
    let data = Data::new(90, 14, 9);
    let of = Groups::new(vec![vec![0, 4], vec![1, 2, 3], vec![5], vec![13, 6, 7, 8], vec![9, 10], vec![11, 12]])?;
    for model in [Model::Squares, Model::Logistic] {
        let (x, y) = data.upload(&device, model);
        for l1 in [0.15, 0.04] {
            let want = data.solve(model, groups(l1, &of));
            let options = Options { tol: 2e-6, ..Options::default() };
            let start = device.zeros([14]);
            let penalty = penalty::group_lasso(l1, &of);
            let found = pollster::block_on(solver::coordinate_descent(&x, &y, model, &penalty, &start, options))?;
            agree(&found.w[0], &want, &format!("{model:?} {penalty}: {}", found.report));
        }
    }
    Ok(())
}

#[test]
fn coordinate_descent_refuses_what_it_cannot_do() -> Result<()> {
    let device = device();
    let data = Data::new(20, 6, 1);
    let (x, y) = data.upload(&device, Model::Squares);
    let start = device.zeros([6]);
    let solve = |x: &Tensor, y: &Tensor, model, penalty: Penalty| {
        pollster::block_on(solver::coordinate_descent(x, y, model, &penalty, &start, Options::default()))
    };
    assert!(solve(&x, &y, Model::Squares, penalty::mcp(0.1, 3.0)).is_err());
    assert!(solve(&x, &y, Model::Squares, penalty::l1(-1.0)).is_err());
    assert!(solve(&x, &y, Model::Logistic, penalty::l1(0.1)).is_err());
    assert!(solve(&x, &device.zeros([19]), Model::Squares, penalty::l1(0.1)).is_err());
    assert!(solve(&device.zeros([0, 6]), &device.zeros([0]), Model::Squares, penalty::l1(0.1)).is_err());
    let group = penalty::group_lasso(0.1, &Groups::equal(4, 2)?);
    assert!(solve(&x, &y, Model::Squares, group).is_err());
    let nan = &x * f64::NAN;
    assert!(matches!(solve(&nan, &y, Model::Squares, penalty::l1(0.1)), Err(Error::Numeric { .. })));
    // a column of zeros stays at zero, a penalty that is too strong leaves nothing
    let dead = solve(&(&x * 0.0), &y, Model::Squares, Penalty::none())?;
    assert_eq!(read(&dead.w[0]), [0.0; 6]);
    let nothing = solve(&x, &y, Model::Squares, penalty::l1(1e3))?;
    assert_eq!((nothing.report.status, read(&nothing.w[0])), (Status::Converged, vec![0.0; 6]));
    Ok(())
}

#[test]
fn proximal_newton_needs_few_iterations() -> Result<()> {
    let device = device();
    let data = Data::new(80, 10, 3);
    let (x, y) = data.upload(&device, Model::Logistic);
    let loss = move |w: &[Tensor]| {
        let z = x.matmul(&w[0]);
        (z.softplus() - z * &y).mean_all()
    };
    for (l1, l2) in [(0.05, 0.0), (0.02, 0.05)] {
        let want = data.solve(Model::Logistic, net(l1, l2));
        let start = [device.zeros([10])];
        let options = Options { tol: 3e-6, ..Options::default() };
        let net = [penalty::elastic_net(l1, l2)];
        let found = pollster::block_on(solver::proximal_newton(&loss, &net, &start, options))?;
        assert!(found.report.iterations <= 30, "{}", found.report);
        assert!(matches!(found.report.status, Status::Converged | Status::Stalled), "{}", found.report);
        agree(&found.w[0], &want, &found.report);
    }
    let nan = |w: &[Tensor]| (&w[0] * f64::NAN).sum(..);
    let wrong =
        pollster::block_on(solver::proximal_newton(&nan, &[Penalty::none()], &[device.zeros([2])], Options::default()));
    assert!(matches!(wrong, Err(Error::Numeric { .. })), "{wrong:?}");
    Ok(())
}

#[test]
fn variance_reduction_converges_with_constant_steps() -> Result<()> {
    let device = device();
    let data = Data::new(96, 8, 11);
    for model in [Model::Squares, Model::Logistic] {
        let want = data.solve(model, net(0.05, 0.05));
        let (x, y) = data.upload(&device, model);
        let sum = FiniteSum::new(&[x, y], move |w, batch| {
            let z = batch[0].matmul(&w[0]);
            match model {
                Model::Squares => (z - &batch[1]).square().mean_all() * 0.5,
                Model::Logistic => (z.softplus() - z * &batch[1]).mean_all(),
            }
        })?;
        let net = [penalty::elastic_net(0.05, 0.05)];
        let start = [device.zeros([8])];
        let batches = Batches { size: 16, seed: 1 };
        let options = || Options { tol: 1e-5, every: 12, max_iter: 6000, ..Options::default() };
        let svrg = pollster::block_on(solver::svrg(&sum, &net, &start, batches, options()))?;
        let saga = pollster::block_on(solver::saga(&sum, &net, &start, batches, options()))?;
        for found in [&svrg, &saga] {
            assert_eq!(found.report.status, Status::Converged, "{model:?}: {}", found.report);
            agree(&found.w[0], &want, &found.report);
        }
        let again = pollster::block_on(solver::svrg(&sum, &net, &start, batches, options()))?;
        assert_eq!(read(&again.w[0]), read(&svrg.w[0]), "the same seed, the same run");
        let odd = Batches { size: 17, seed: 1 };
        assert!(pollster::block_on(solver::saga(&sum, &net, &start, odd, options())).is_err());
        let none = Batches { size: 0, seed: 1 };
        assert!(pollster::block_on(solver::svrg(&sum, &net, &start, none, options())).is_err());
        let fixed = Options { step: Step::Fixed(-1.0), ..options() };
        assert!(pollster::block_on(solver::svrg(&sum, &net, &start, batches, fixed)).is_err());
    }
    let lengths = [device.zeros([3, 2]), device.zeros([2])];
    assert!(FiniteSum::new(&lengths, |w, _| w[0].sum(..)).is_err());
    assert!(FiniteSum::new(&[], |w, _| w[0].sum(..)).is_err());
    Ok(())
}

#[test]
fn conditional_gradients_over_hulls() -> Result<()> {
    let device = device();
    let c = [0.9f32, -0.6, 0.1, 0.3];
    let target = device.tensor(&c, [4]);
    let near = |w: &[Tensor]| (&w[0] - &target).square().sum(..) * 0.5;
    let zero = device.zeros([4]);
    // the projections on the sets, by hand: on the l1 ball of radius 1 (0.65, -0.35, 0, 0), on the simplex (0.8, 0, 0, 0.2)
    let unit = device.tensor(&[1.0f32; 4], [4]);
    let length = c.iter().map(|c| c * c).sum::<f32>().sqrt();
    let cases: [(Hull, Tensor, Vec<f32>); 4] = [
        (Hull::L1Ball(1.0), zero.clone(), vec![0.65, -0.35, 0.0, 0.0]),
        (Hull::Simplex(1.0), device.tensor(&[0.0f32, 0.0, 1.0, 0.0], [4]), vec![0.8, 0.0, 0.0, 0.2]),
        (Hull::L2Ball(0.5), zero.clone(), c.map(|c| 0.5 * c / length).to_vec()),
        (Hull::Box(&unit * -0.2, &unit * 0.5), zero.clone(), vec![0.5, -0.2, 0.1, 0.3]),
    ];
    for (hull, start, want) in cases {
        for (stride, tol) in [(Stride::Open, 2e-2), (Stride::Curvature, 2e-3)] {
            let options = Options { tol, max_iter: 4000, patience: 400, ..Options::default() };
            let found = pollster::block_on(solver::frank_wolfe(&near, &hull, &start, stride, options))?;
            assert_eq!(found.report.status, Status::Converged, "{hull:?} {stride:?}: {}", found.report);
            // strong convexity: half the squared distance is at most the gap
            let away: f32 = read(&found.w[0]).iter().zip(&want).map(|(g, w)| (g - w) * (g - w)).sum();
            assert!(f64::from(away) <= 2.0 * tol + 1e-6, "{hull:?} {stride:?}: {away}");
        }
    }
    // the nuclear ball: singular values 2 and 1 are projected to 1.5 and 0.5
    let matrix = device.tensor(&[2.0f32, 0.0, 0.0, 0.0, 1.0, 0.0], [2, 3]);
    let near = |w: &[Tensor]| (&w[0] - &matrix).square().sum(..) * 0.5;
    let options = Options { tol: 1e-2, max_iter: 2000, patience: 200, ..Options::default() };
    let ball = Hull::NuclearBall(2.0, 12);
    let found =
        pollster::block_on(solver::frank_wolfe(&near, &ball, &device.zeros([2, 3]), Stride::Curvature, options))?;
    assert_eq!(found.report.status, Status::Converged, "{}", found.report);
    let want = [1.5, 0.0, 0.0, 0.0, 0.5, 0.0];
    let away: f32 = read(&found.w[0]).iter().zip(want).map(|(g, w): (&f32, f32)| (g - w) * (g - w)).sum();
    assert!(f64::from(away) <= 2e-2 + 1e-4, "{away}: {}", found.report);
    let vector = pollster::block_on(solver::frank_wolfe(
        &|w: &[Tensor]| w[0].square().sum(..),
        &ball,
        &zero,
        Stride::Open,
        Options::default(),
    ));
    assert!(vector.is_err());
    Ok(())
}

#[test]
fn a_path_is_what_each_of_its_steps_is() -> Result<()> {
    let device = device();
    let data = Data::new(60, 10, 21);
    let (x, y) = data.upload(&device, Model::Squares);
    let strengths = [0.5, 0.2, 0.05];
    let penalties: Vec<Penalty> = strengths.iter().map(|&l1| penalty::l1(l1)).collect();
    let start = device.zeros([10]);
    let options = || Options { tol: 2e-6, ..Options::default() };
    let before = device.stats();
    let path = pollster::block_on(solver::coordinate_path(&x, &y, Model::Squares, &penalties, &start, options()))?;
    let after = device.stats();
    assert!(after.plan_misses - before.plan_misses <= 12, "structures repeat from step to step");
    for (solution, l1) in path.iter().zip(strengths) {
        agree(&solution.w[0], &data.solve(Model::Squares, net(l1, 0.0)), &format!("{l1}: {}", solution.report));
    }
    let stopping = Options { watch: Some(Box::new(|_| false)), tol: 0.0, ..Options::default() };
    let path = pollster::block_on(solver::coordinate_path(&x, &y, Model::Squares, &penalties, &start, stopping))?;
    assert_eq!((path.len(), path[0].report.status), (1, Status::Stopped));
    let none = pollster::block_on(solver::coordinate_path(&x, &y, Model::Squares, &[], &start, options()))?;
    assert!(none.is_empty());
    Ok(())
}
