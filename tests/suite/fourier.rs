//! Fourier transforms and sparse matrices: what is known by hand, and bad input. The table of checks has the rest.

use ridgepoint::ops::Csr;
use ridgepoint::{DType, Device, Result, Tensor};

fn device() -> Device {
    Device::open_blocking(Default::default()).expect("the CPU device at least")
}

fn says(x: &Tensor, words: &str) {
    let error = x.clone().check().expect_err(words).to_string();
    assert!(error.contains(words) && error.contains("fourier.rs"), "{error}");
}

/// One element that is not zero becomes powers of a root.
fn powers_of_a_root(n: usize) -> Result<()> {
    let (device, at) = (device(), 12_345usize);
    let x = device.iota(n, DType::U32).eq(at as f64).cast(DType::F32).unsqueeze(1);
    let x = Tensor::concat(&[&x, &x.zeros_like()], 1)?;
    let got = x.fft().read_blocking::<f32>()?;
    for k in (0..n).step_by(997) {
        let angle = -std::f64::consts::TAU * ((at * k) % n) as f64 / n as f64;
        let want = [angle.cos(), angle.sin()];
        let apart = (0..2).map(|i| (f64::from(got[2 * k + i]) - want[i]).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-6, "{n} {k}: {:?} {want:?}", &got[2 * k..2 * k + 2]);
    }
    Ok(())
}

#[test]
fn long_transforms_take_two_passes() -> Result<()> {
    powers_of_a_root(1 << 15)
}

#[test]
#[ignore = "two million elements take a minute on software adapters"]
fn longer_transforms_take_three_passes() -> Result<()> {
    powers_of_a_root(1 << 21)
}

#[test]
fn transforms_of_what_is_not_complex() {
    let device = device();
    says(&device.zeros([4, 3]).fft(), "[.., n, 2]");
    says(&device.zeros([2]).ifft(), "[.., n, 2]");
    says(&device.iota(8, DType::I32).reshape([4, 2]).fft(), "floats");
    says(&device.zeros([4, 2]).fft2(), "[.., m, n, 2]");
    says(&device.scalar(1.0).rfft(), "[.., n]");
    says(&device.zeros([4, 2]).irfft(8), "8 real numbers");
    says(&device.zeros([1, 2]).irfft(0), "0 real numbers");
    says(&device.zeros([4, 2]).complex_product(&device.zeros([4])), "length 2");
}

#[test]
fn sparse_matrices_are_checked() -> Result<()> {
    let device = device();
    let refused = |shape: [usize; 2], offsets: &[u32], columns: &[u32], values: &[f32], words: &str| {
        let error = Csr::new(&device, shape, offsets, columns, values).expect_err(words).to_string();
        assert!(error.contains(words) && error.contains("fourier.rs"), "{error}");
    };
    refused([2, 3], &[0, 1], &[0], &[1.0], "rows + 1");
    refused([2, 3], &[1, 1, 1], &[0], &[1.0], "from 0");
    refused([2, 3], &[0, 1, 2], &[0], &[1.0], "entries");
    refused([2, 3], &[0, 3, 2], &[0, 1], &[1.0, 1.0], "do not decrease");
    refused([2, 3], &[0, 1, 2], &[0, 3], &[1.0, 1.0], "count from 0");
    refused([2, 3], &[0, 2, 2], &[1, 1], &[1.0, 1.0], "ascend");
    refused([2, 3], &[0, 1, 2], &[0, 1], &[1.0], "one value");
    assert!(Csr::from_triplets(&device, [2, 2], &[(2, 0, 1.0)]).is_err());
    let a = Csr::from_triplets(&device, [2, 3], &[(1, 2, 1.0), (1, 2, 2.0), (0, 1, 5.0)])?;
    assert_eq!(a.to_dense().read_blocking::<f32>()?, [0.0, 5.0, 0.0, 0.0, 0.0, 3.0]);
    assert_eq!(a.t().to_dense().read_blocking::<f32>()?, [0.0, 0.0, 5.0, 0.0, 0.0, 3.0]);
    assert_eq!(a.t().t().to_dense().read_blocking::<f32>()?, a.to_dense().read_blocking::<f32>()?);
    says(&a.matmul(&device.zeros([2])), "[columns]");
    says(&a.matmul(&device.iota(3, DType::U32)), "floats");
    assert!(a.with_values(&device.zeros([3])).is_err());
    for shape in [[0, 0], [0, 4], [3, 0]] {
        let empty = Csr::from_triplets(&device, shape, &[])?;
        assert_eq!(empty.matmul(&device.ones([shape[1], 2])).read_blocking::<f32>()?, vec![0.0; 2 * shape[0]]);
    }
    Ok(())
}

/// A row of many entries is shared by several invocations, and summed in the same order every time.
#[test]
fn long_rows_are_shared() -> Result<()> {
    let device = device();
    let n = 100_000u32;
    let mut triplets: Vec<(u32, u32, f32)> = (0..n).map(|c| (0, c, 1.0)).collect();
    triplets.push((1, 7, 2.0));
    let a = Csr::from_triplets(&device, [2, n as usize], &triplets)?;
    let y = a.matmul(&device.ones([n as usize]));
    assert_eq!(y.read_blocking::<f32>()?, [n as f32, 2.0]);
    let gradient = y.sum_all().grad(&[a.values()])?.remove(0);
    assert_eq!(gradient.read_blocking::<f32>()?, vec![1.0; n as usize + 1]);
    Ok(())
}
