//! Linear algebra: what is known by hand, what is bad input, matrices that take several dispatches. The table of checks has the
//! cases against the reference and the laws of residuals.

use ridgepoint::ops::{Key, Triangle};
use ridgepoint::{DType, Device, Result, Tensor};

fn device() -> Device {
    Device::open_blocking(Default::default()).expect("the CPU device at least")
}

fn read(x: &Tensor) -> Vec<f32> {
    x.read_blocking().unwrap()
}

#[test]
fn known_factors_and_solutions() -> Result<()> {
    let device = device();
    let a = device.tensor(&[0.0f32, 2.0, 4.0, 6.0], [2, 2]);
    let (l, u, p) = a.lu();
    assert_eq!(read(&l), [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(read(&u), [4.0, 6.0, 0.0, 2.0]);
    assert_eq!(p.read_blocking::<u32>()?, [1, 0]);
    assert_eq!(read(&a.det()), [-8.0]);
    let (sign, log) = a.slogdet();
    assert_eq!(read(&sign), [-1.0]);
    assert!((read(&log)[0] - 8f32.ln()).abs() < 1e-6);
    assert_eq!(read(&a.inverse()), [-0.75, 0.25, 0.5, 0.0]);
    assert_eq!(read(&a.solve(&device.tensor(&[2.0f32, 10.0], [2]))), [1.0, 1.0]);
    assert_eq!(read(&a.matrix_power(2)), [8.0, 12.0, 24.0, 44.0]);
    let (w, v) = device.tensor(&[2.0f32, 9.0, 1.0, 2.0], [2, 2]).eigh();
    assert!((read(&w)[0] - 1.0).abs() < 1e-6 && (read(&w)[1] - 3.0).abs() < 1e-6, "only the lower triangle counts");
    assert!(read(&v).iter().all(|x| (x.abs() - 0.5f32.sqrt()).abs() < 1e-6));
    let identity = device.eye(3, 3);
    assert_eq!(read(&identity.svd().1), [1.0; 3]);
    assert_eq!(read(&identity.eigh().1), read(&identity));
    assert_eq!(read(&identity.mul(5.0).logdet())[0], 3.0 * 5f32.ln());
    Ok(())
}

#[test]
fn what_one_matrix_is_like_is_nothing_to_the_others() {
    let device = device();
    let good = [4.0f32, 1.0, 1.0, 3.0];
    let all = |bad: [f32; 4]| device.tensor(&[good, bad, good].concat(), [3, 2, 2]);
    let apart = |x: &Tensor, what: &str| {
        let values = read(x);
        let each = values.len() / 3;
        assert!(values[..each].iter().chain(&values[2 * each..]).all(|v| v.is_finite()), "{what}: {values:?}");
        assert_eq!(values[..each], values[2 * each..], "{what}");
        assert!(values[each..2 * each].iter().all(|v| v.is_nan()), "{what}: {values:?}");
    };
    apart(&all([1.0, 0.0, 2.0, 1.0]).cholesky(), "not definite");
    apart(&all([0.0; 4]).cholesky(), "zero");
    apart(&all([0.0; 4]).inverse(), "zero");
    apart(&all([1.0, 2.0, 2.0, 4.0]).solve(&device.tensor(&[1.0f32, 2.0], [2, 1])), "singular");
    for hole in [f32::NAN, f32::INFINITY] {
        let x = all([1.0, 2.0, hole, 1.0]);
        apart(&x.cholesky(), "cholesky");
        apart(&x.lu().1.max([1, 2]), "lu");
        apart(&x.qr().0, "q");
        apart(&x.eigh().0, "eigenvalues");
        apart(&x.eigh().1, "eigenvectors");
        let (u, s, vt) = x.svd();
        apart(&u, "u");
        apart(&s, "s");
        apart(&vt, "v");
    }
}

#[test]
fn what_cannot_be_is_one_clear_error() {
    let device = device();
    let wide = device.zeros([2, 3]);
    let vector = device.zeros([4]);
    let whole = device.iota(9, DType::I32).reshape([3, 3]);
    let says = |x: &Tensor, words: &str| {
        let error = x.clone().check().expect_err(words).to_string();
        assert!(error.contains(words) && error.contains("dense.rs"), "{error}");
    };
    for x in [&wide, &vector, &whole] {
        says(&x.cholesky(), "cholesky");
        says(&x.lu().2, "lu");
        says(&x.eigh().1, "eigh");
        says(&x.inverse(), "inverse");
        says(&x.det(), "det");
        says(&x.matrix_power(2), "matrix_power");
    }
    says(&vector.svd().1, "svd");
    says(&vector.qr().1, "qr");
    says(&whole.pinv(None), "pinv");
    let square = device.eye(3, 3);
    says(&square.solve(&device.zeros([4])), "right sides");
    says(&square.solve(&device.zeros([2, 2])), "right sides");
    says(&square.solve(&device.scalar(1.0)), "right sides");
    says(&device.zeros([2, 3, 3]).solve(&device.zeros([5, 3, 1])), "right sides");
    says(&square.triangular_solve(&device.zeros([4]), Triangle::UPPER), "triangular_solve");
    says(&wide.lstsq(&device.zeros([2])), "pinv");
    says(&wide.svd_truncated(3, 2, 1, Key::new(1)).0, "there are 2");
}

#[test]
fn many_columns_take_several_dispatches_and_agree() {
    let device = device();
    let n = 150;
    let x = Key::new(3).normal(&device, [n, n]);
    let y = Key::new(4).normal(&device, [n, 3]);
    let distance =
        |a: &Tensor, b: &Tensor| read(&a.sub(b).square().sum_all().sqrt().div(b.square().sum_all().sqrt()))[0];
    let positive = x.matmul(&x.t()).add(&device.eye(n, n).mul(20.0));
    let l = positive.cholesky();
    assert!(distance(&l.matmul(&l.t()), &positive) < 1e-5);
    let solved = l.cholesky_solve(&y);
    assert!(distance(&positive.matmul(&solved), &y) < 1e-4);
    assert!(distance(&positive.matmul(&positive.solve(&y)), &y) < 1e-4);
    let (q, r) = x.qr();
    assert!(distance(&q.matmul(&r), &x) < 1e-5);
    assert!(distance(&q.t().matmul(&q), &device.eye(n, n)) < 1e-4);
}

#[test]
fn few_singular_values_of_many() -> Result<()> {
    let device = device();
    let (m, n, k) = (60, 40, 5);
    let low = Key::new(1).normal(&device, [2, m, k]).matmul(&Key::new(2).normal(&device, [2, k, n]));
    let x = low.add(&Key::new(3).normal(&device, [2, m, n]).mul(1e-4));
    let (u, s, vt) = x.svd_truncated(k, 5, 2, Key::new(4));
    assert_eq!([u.shape()?.dims(), s.shape()?.dims(), vt.shape()?.dims()], [&[2, m, k][..], &[2, k], &[2, k, n]]);
    let all = x.svd().1.slice(1, ..k);
    let apart = read(&s.sub(&all).abs().div(&all).max([0, 1]))[0];
    assert!(apart < 1e-5, "{apart}");
    let left = read(&u.mul(s.unsqueeze(1)).matmul(&vt).sub(&x).abs().max([0, 1, 2]))[0];
    assert!(left < 1e-3, "{left}");
    assert_eq!(x.matrix_rank(Some(1e-2)).read_blocking::<u32>()?, [k as u32; 2]);
    assert_eq!(device.zeros([3, 4]).matrix_rank(None).read_blocking::<u32>()?, [0]);
    Ok(())
}

/// The projection onto matrices of rank at most one, and the gradient of a function that does not depend on the choice of
/// vectors, at a matrix whose singular values are equal: finite, and right.
#[test]
fn repeated_values_give_no_nan() -> Result<()> {
    let device = device();
    let x = device.eye(4, 4).mul(2.0);
    let (u, s, vt) = x.svd();
    let same = u.mul(s.unsqueeze(0)).matmul(&vt).square().sum_all().mul(0.5);
    let gradient = same.grad(&[&x])?.remove(0);
    let distance = read(&gradient.sub(&x).abs().max([0, 1]))[0];
    assert!(distance < 1e-5, "{distance}");
    let (w, v) = x.eigh();
    let gradient = v.mul(w.unsqueeze(0)).matmul(&v.t()).square().sum_all().mul(0.5).grad(&[&x])?.remove(0);
    assert!(read(&gradient).iter().all(|g| g.is_finite()));
    let zero = device.zeros([3, 5]);
    let gradient = zero.nuclear_norm().grad(&[&zero])?.remove(0);
    assert!(read(&gradient).iter().all(|g| g.is_finite()));
    Ok(())
}
