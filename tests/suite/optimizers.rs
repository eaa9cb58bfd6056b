//! Optimizers against their papers, and what one step costs.

use ridgepoint::optim::Optimizer;
use ridgepoint::optim::sparse::{self, Cosine, Gradual, Growth, Sparse};
use ridgepoint::penalty::{self, Groups, Penalty};
use ridgepoint::{Device, Result, Tensor};

fn device() -> Device {
    Device::open_blocking(Default::default()).expect("a device")
}

fn read(x: &Tensor) -> Vec<f32> {
    x.read_blocking::<f32>().unwrap_or_else(|e| panic!("{e}"))
}

/// State, gradient, coefficient, step number to new coefficient.
type Law = fn(&mut [f64; 3], f64, f64, i32) -> f64;

/// Steps of the optimizers in f64, from their papers.
#[test]
fn optimizers_step_as_their_papers_say() -> Result<()> {
    let device = device();
    let c = [1.0, -2.0, 0.5];
    let rate = 0.1;
    let cases: [(Optimizer, Law); 7] = [
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
        (Optimizer::adagrad(0.1), |s, g, w, _| {
            s[0] += g * g;
            w - 0.1 * g / (s[0].sqrt() + 1e-10)
        }),
        (Optimizer::lion(0.1, 0.01), |s, g, w, _| {
            let sign = (0.9 * s[0] + 0.1 * g).signum();
            s[0] = 0.99 * s[0] + 0.01 * g;
            w - 0.1 * (sign + 0.01 * w)
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
    let rules = [
        (Optimizer::sgd(0.1), 0),
        (Optimizer::momentum(0.1, 0.9), 1),
        (Optimizer::nesterov(0.1, 0.9), 1),
        (Optimizer::adagrad(0.1), 1),
        (Optimizer::lion(0.1, 0.01), 1),
        (Optimizer::adam(0.1), 2),
        (Optimizer::adamw(0.1, 0.01), 2),
    ];
    for (rule, states) in rules {
        for penalty in [Penalty::none(), penalty::l1(0.3), penalty::mcp(0.3, 3.0), penalty::scad(0.2, 3.7)] {
            let mut optimizer = rule.clone().penalty(penalty.clone());
            let mut params = [device.tensor(&vec![0.5f32; 1000], [1000])];
            let grads = [device.tensor(&vec![0.1f32; 1000], [1000])];
            // parameter, gradient and each state are read once; the parameter and each state written once
            let plan = device.plan(&optimizer.pending(&params, &grads)?.iter().collect::<Vec<_>>())?;
            assert_eq!(plan.steps.len(), 1, "{rule:?} with {penalty}:\n{plan}");
            assert_eq!(plan.bytes_moved(), (3 + 2 * states) * 4000, "{rule:?} with {penalty}:\n{plan}");
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
    }
    Ok(())
}

#[test]
fn a_group_penalty_of_rows_steps_in_few_dispatches() -> Result<()> {
    let device = device();
    let groups = Groups::equal(512, 1)?;
    for rule in [Optimizer::momentum(0.1, 0.9), Optimizer::adamw(0.1, 0.01)] {
        let mut optimizer = rule.clone().penalty(penalty::group_lasso(0.3, &groups));
        let mut params = [device.tensor(&vec![0.5f32; 512 * 256], [512, 256])];
        let grads = [device.tensor(&vec![0.1f32; 512 * 256], [512, 256])];
        optimizer.step(&mut params, &grads)?;
        let plan = device.plan(&optimizer.pending(&params, &grads)?.iter().collect::<Vec<_>>())?;
        assert!(plan.steps.len() <= 2, "{rule:?}:\n{plan}");
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

/// Where the gradient stays below the penalty's strength, a zero is a fixed point of every rule's step.
#[test]
fn zeros_stay_zero() -> Result<()> {
    let device = device();
    for rule in [
        Optimizer::sgd(0.1),
        Optimizer::momentum(0.1, 0.9),
        Optimizer::nesterov(0.1, 0.5),
        Optimizer::adagrad(0.1),
        Optimizer::adamw(0.1, 0.01),
    ] {
        let mut optimizer = rule.clone().penalty(penalty::l1(2.0));
        let mut params = [device.tensor(&[0.0f32, 5.0, 0.0], [3])];
        for step in 0..20 {
            // alternating, so that momentum does not add up beyond the strength
            let sign = if step % 2 == 0 { 1.0 } else { -1.0 };
            let grads = [device.tensor(&[0.1f32 * sign, -9.0, 0.05 * sign], [3])];
            optimizer.step(&mut params, &grads)?;
            let w = read(&params[0]);
            assert_eq!((w[0].to_bits(), w[2].to_bits()), (0, 0), "{rule:?} step {step}: {w:?}");
            assert!(w[1] > 0.0);
        }
    }
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

fn noise(device: &Device, seed: u64, shape: &[usize]) -> Result<Tensor> {
    let x = ridgepoint::ops::Key::new(seed).normal(device, shape);
    x.eval()?;
    x.leaf()
}

fn ones(mask: &Tensor) -> usize {
    let mask = read(mask);
    assert!(mask.iter().all(|&m| m == 0.0 || m == 1.0));
    mask.iter().filter(|&&m| m == 1.0).count()
}

#[test]
fn masks_keep_the_greatest_magnitudes() -> Result<()> {
    let device = device();
    let w = device.tensor(&[0.5f32, -2.0, 0.0, 1.0, -1.0, 0.1, 3.0, -0.2], [2, 4]);
    let mask = |density| sparse::magnitude_mask(&w, density).map(|m| read(&m));
    assert_eq!(mask(0.5)?, [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
    // of 1 and -1 the first is kept
    assert_eq!(mask(0.375)?, [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!((mask(0.0)?, mask(1.0)?), (vec![0.0; 8], vec![1.0; 8]));
    assert!(mask(1.5).is_err() && mask(f64::NAN).is_err());
    assert_eq!(read(&sparse::n_of_m(&w, 2, 4, 1)?), [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
    assert_eq!(read(&sparse::n_of_m(&w, 1, 2, 0)?), [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
    assert!(sparse::n_of_m(&w, 2, 3, 1).is_err() && sparse::n_of_m(&w, 3, 2, 1).is_err());
    assert!(sparse::n_of_m(&w, 1, 0, 1).is_err() && sparse::n_of_m(&w, 1, 2, 2).is_err());
    let empty = device.zeros([0, 3]);
    assert_eq!(read(&sparse::magnitude_mask(&empty, 0.5)?), Vec::<f32>::new());
    Ok(())
}

#[test]
fn schedules_follow_their_formulas() -> Result<()> {
    let gradual = Gradual { first: 0.1, last: 0.9, begin: 100, end: 500, every: 100 };
    assert_eq!(gradual.at(0), None);
    assert_eq!(gradual.at(150), None);
    for (step, want) in [(100, 0.1), (200, 0.9 - 0.8 * 0.75f64.powi(3)), (300, 0.8), (500, 0.9)] {
        let density = gradual.at(step).expect("due");
        assert!((1.0 - density - want).abs() < 1e-12, "{step}: {density}");
    }
    assert_eq!(gradual.at(600), None);
    assert_eq!(gradual.sparsity(1000), 0.9);
    let cosine = Cosine { fraction: 0.3, every: 10, end: 100 };
    assert_eq!((cosine.at(0), cosine.at(5), cosine.at(100)), (None, None, None));
    assert!((cosine.at(50).expect("due") - 0.15).abs() < 1e-12);
    // the first layer would need more than all its weights
    let shapes: Vec<ridgepoint::Shape> = vec![[3, 4].into(), [100, 80].into(), [80, 40, 3, 3].into()];
    let densities = sparse::erk(&shapes, 0.2)?;
    assert_eq!(densities[0], 1.0);
    let kept: f64 = densities.iter().zip(&shapes).map(|(d, s)| d * s.elements() as f64).sum();
    let all: f64 = shapes.iter().map(|s| s.elements() as f64).sum();
    assert!((kept / all - 0.2).abs() < 1e-12);
    let ratio = densities[1] / densities[2];
    assert!((ratio - (180.0 / 8000.0) / (126.0 / 28800.0)).abs() < 1e-9, "{ratio}");
    assert_eq!(sparse::erk(&shapes, 1.0)?, [1.0; 3]);
    assert!(sparse::erk(&shapes, -0.1).is_err());
    Ok(())
}

#[test]
fn gradual_pruning_never_brings_a_weight_back() -> Result<()> {
    let device = device();
    let mut params = [noise(&device, 1, &[30, 20])?];
    let mut sparse = Sparse::magnitude(&params, &[1.0])?;
    let schedule = Gradual { first: 0.0, last: 0.9, begin: 0, end: 8, every: 2 };
    let mut optimizer = Optimizer::adam(0.05).masked(sparse.masks());
    let mut gone = vec![false; 600];
    for step in 0..12 {
        if let Some(density) = schedule.at(step) {
            sparse.prune(&mut params, &[density])?;
            assert_eq!(ones(&sparse.masks()[0]), (density * 600.0).round() as usize);
            optimizer = optimizer.masked(sparse.masks());
        }
        let grads = [noise(&device, 100 + step, &[30, 20])?];
        optimizer.step(&mut params, &grads)?;
        for (gone, (w, mask)) in gone.iter_mut().zip(read(&params[0]).iter().zip(read(&sparse.masks()[0]))) {
            assert!(!*gone || mask == 0.0);
            *gone = mask == 0.0;
            assert!(!*gone || w.to_bits() == 0, "{w}");
        }
    }
    assert_eq!(sparse.kept(), [60]);
    assert!(sparse.prune(&mut params, &[0.5]).is_err());
    assert!(sparse.prune(&mut params, &[]).is_err());
    Ok(())
}

#[test]
fn weights_drop_and_grow() -> Result<()> {
    let device = device();
    let shape = [20usize, 10];
    let key = ridgepoint::ops::Key::new(3);
    let start = noise(&device, 5, &shape)?;
    let slope = noise(&device, 6, &shape)?;
    for growth in [Growth::Gradient(std::slice::from_ref(&slope)), Growth::Random(key.fold_in(1))] {
        let mut params = [start.clone()];
        let mut sparse = Sparse::random(&params, &[0.3], key)?;
        assert_eq!(ones(&sparse.masks()[0]), 60);
        sparse.apply(&mut params)?;
        let (before, old) = (read(&params[0]), read(&sparse.masks()[0]));
        sparse.regrow(&mut params, 0.25, &growth)?;
        let (after, new) = (read(&params[0]), read(&sparse.masks()[0]));
        assert_eq!(ones(&sparse.masks()[0]), 60);
        let mut active: Vec<usize> = (0..200).filter(|&i| old[i] == 1.0).collect();
        active.sort_by(|&i, &j| before[j].abs().total_cmp(&before[i].abs()));
        let (stay, dropped) = active.split_at(45);
        assert!(stay.iter().all(|&i| new[i] == 1.0 && after[i] == before[i]));
        if let Growth::Gradient(_) = growth {
            let slope = read(&slope);
            let mut others: Vec<usize> = (0..200).filter(|i| !stay.contains(i)).collect();
            others.sort_by(|&i, &j| slope[j].abs().total_cmp(&slope[i].abs()));
            assert!(others[..15].iter().all(|&i| new[i] == 1.0));
        }
        for i in (0..200).filter(|&i| old[i] == 0.0 || new[i] == 0.0) {
            assert_eq!(after[i].to_bits(), 0, "{i}: what is new or gone is 0");
        }
        assert!(dropped.iter().any(|&i| new[i] == 0.0));
        // the same again, bit by bit
        let mut again = [start.clone()];
        let mut other = Sparse::random(&again, &[0.3], key)?;
        other.apply(&mut again)?;
        other.regrow(&mut again, 0.25, &growth)?;
        assert_eq!(read(&other.masks()[0]), new);
        assert!(sparse.regrow(&mut params, 1.5, &growth).is_err());
        assert!(sparse.regrow(&mut [], 0.5, &growth).is_err());
    }
    let wrong = [device.zeros([3])];
    assert!(Sparse::given(&wrong, &[1])?.apply(&mut [device.zeros([4])]).is_err());
    assert!(Sparse::given(&wrong, &[]).is_err() && Sparse::magnitude(&wrong, &[]).is_err());
    let mut params = [device.zeros([4])];
    assert!(Optimizer::sgd(0.1).masked(&wrong).step(&mut params, &[device.zeros([4])]).is_err());
    Ok(())
}

#[test]
fn a_mask_is_one_more_read_in_the_same_kernel() -> Result<()> {
    let device = device();
    let params = [noise(&device, 1, &[1000])?];
    let grads = [noise(&device, 2, &[1000])?];
    let sparse = Sparse::magnitude(&params, &[0.5])?;
    let optimizer = Optimizer::adamw(0.1, 0.01).penalty(penalty::l1(0.1)).masked(sparse.masks());
    let plan = device.plan(&optimizer.pending(&params, &grads)?.iter().collect::<Vec<_>>())?;
    assert_eq!(plan.steps.len(), 1, "{plan}");
    // parameter, gradient, mask and two states read; parameter and states written
    assert_eq!(plan.bytes_moved(), 8 * 4000, "{plan}");
    Ok(())
}
