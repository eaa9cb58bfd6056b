//! The whole way from a tensor expression to numbers.

use ridgepoint::{Device, Result};

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
    let good = x.exp();
    let report = device.verify_blocking(&[&good.sum_all()])?;
    assert!(report.passed() && report.divergence.is_none(), "{report}");
    Ok(())
}
