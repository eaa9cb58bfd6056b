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
