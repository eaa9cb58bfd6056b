//! The whole way from a tensor expression to numbers.

use ridgepoint::penalty::custom::Module;
use ridgepoint::reference::tol;
use ridgepoint::{Device, Result, penalty};

#[test]
fn softmax_of_a_matrix() -> Result<()> {
    let device = Device::open_blocking(Default::default())?;
    let x: Vec<f32> = (0..6).map(|i| i as f32).collect();
    let x = device.tensor(&x, [2, 3]);
    let e = (&x - &x.max_keep(&[1])).exp();
    let y = &e / &e.sum_keep(&[1]);
    let got = y.read_blocking::<f32>()?;
    let want = [0.09003057, 0.24472847, 0.66524096];
    for (g, w) in got.iter().zip(want.iter().cycle()) {
        assert!((g - w).abs() < 1e-6, "{got:?}");
    }
    Ok(())
}

#[test]
fn a_result_is_verified_and_a_gradient_too() -> Result<()> {
    let device = Device::open_blocking(Default::default())?;
    let x: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.37).sin() * 3.0).collect();
    let x = device.tensor(&x, [50, 20]);
    let loss = (x.tanh() * &x).square().mean_all();
    let gradient = &loss.grad(&[&x])?[0];
    let report = device.verify_blocking(&[&loss, gradient])?;
    assert!(report.passed(), "{report}");
    Ok(())
}

#[test]
fn the_first_divergence_is_named() -> Result<()> {
    // a function whose mirror disagrees with its WGSL stands for a kernel that is wrong
    let device = Device::open_blocking(Default::default())?;
    let x = device.tensor(&[1.0f32, 2.0, 3.0], [3]);
    let module = Module::new("off", "fn off(x: f32) -> f32 { return x + 1.0; }")?;
    let off = module.function("off", |a| a[0])?;
    let report = device.verify_blocking(&[&off.call(&[&x.exp()])?.sqrt().sum_all()])?;
    let divergence = report.divergence.as_ref().expect("a wrong result has a first divergence");
    assert!(!report.passed() && divergence.op == "off" && !divergence.fused_only, "{report}");
    assert!(report.to_string().contains("smoke.rs"), "{report}");
    Ok(())
}

#[test]
fn a_sum_of_many_equal_values_keeps_them_all() -> Result<()> {
    // 2^28 terms: more turns of a loop than a driver may allow one invocation, were they not shared out
    let device = Device::open_blocking(Default::default())?;
    let n = 1usize << 28;
    let sum = device.ones([n]).sum_all().item_blocking::<f32>()?;
    let bound = tol::sum_depth(n) * tol::ULP * n as f64;
    assert!((f64::from(sum) - n as f64).abs() <= bound, "{sum}");
    Ok(())
}

#[test]
fn zeros_are_a_variable_like_any_other() -> Result<()> {
    let device = Device::open_blocking(Default::default())?;
    let (w, c) = (device.zeros([3]), device.tensor(&[1.0f32, 2.0, 3.0], [3]));
    let slope = (w.square() * &c).sum_all().mul(0.5).grad(&[&w])?.remove(0);
    let curvature = slope.sum_all().grad(&[&w])?.remove(0);
    assert_eq!(curvature.read_blocking::<f32>()?, [1.0, 2.0, 3.0]);
    Ok(())
}

#[test]
fn a_changed_number_plans_nothing_and_compiles_nothing() -> Result<()> {
    let device = Device::open_blocking(Default::default())?;
    let x = device.tensor(&[1.0f32, -2.0, 3.0], [3]);
    let mut misses = 0;
    for (step, rate) in [0.5, 0.25, 1e-3].into_iter().enumerate() {
        (&x - x.square() * rate).eval()?;
        let stats = device.stats();
        if step == 0 {
            misses = stats.plan_misses + stats.pipelines;
        }
        assert_eq!(stats.plan_misses + stats.pipelines, misses);
    }
    Ok(())
}

#[test]
fn an_elastic_net_has_value_and_gradient_in_one_pass_over_the_weights() -> Result<()> {
    let device = Device::open_blocking(Default::default())?;
    let n = 1usize << 20;
    let w = device.tensor(&vec![0.5f32; n], [n]);
    let net = penalty::elastic_net(0.1, 0.05);
    let plan = device.plan(&[&net.value(&w), &net.gradient(&w)])?;
    // partial sums on the board are all that is more than read once and written once
    assert_eq!(plan.steps.len(), 1, "{plan}");
    assert!(plan.bytes_moved() < 2 * 4 * n as u64 * 101 / 100, "{plan}");
    Ok(())
}
