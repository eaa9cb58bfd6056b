//! Optimizers against their papers, and what one step costs.

use ridgepoint::optim::Optimizer;
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
