//! Derivatives of tensors on a device, in whole numbers: exact.

use ridgepoint::autograd::{jvp, value_and_grad, vjp};
use ridgepoint::run::Options;
use ridgepoint::{DType, Device, Tensor};

fn device() -> Device {
    Device::open_blocking(Options::default()).expect("the CPU device at least")
}

fn read(tensor: &Tensor) -> Vec<f32> {
    tensor.read_blocking::<f32>().unwrap()
}

#[test]
fn a_gradient_and_the_gradient_of_its_product_with_a_vector() {
    let device = device();
    let x = device.tensor(&[1.0f32, -2.0, 3.0], [3]);
    let v = device.tensor(&[1.0f32, 1.0, -1.0], [3]);
    // sum x^3 + (sum x)^2
    let total = x.sum(0);
    let f = x.mul(&x).mul(&x).sum(0).add(total.mul(&total));
    let grad = f.grad(&[&x]).unwrap().swap_remove(0);
    assert_eq!(read(&grad), [7.0, 16.0, 31.0]);
    let hessian_v = grad.mul(&v).sum(0).grad(&[&x]).unwrap().swap_remove(0);
    assert_eq!(read(&hessian_v), [8.0, -10.0, -16.0]);
    assert_eq!(read(&grad.jvp(&[&x], &[&v]).unwrap()), [8.0, -10.0, -16.0]);
    let hessian = grad.jacobian(&x).unwrap();
    assert_eq!(hessian.shape().unwrap().dims(), [3, 3]);
    assert_eq!(read(&hessian), [8.0, 2.0, 2.0, 2.0, -10.0, 2.0, 2.0, 2.0, 20.0]);
}

#[test]
fn products_with_jacobians_of_several_results() {
    let device = device();
    let a = device.tensor(&[1.0f32, 2.0, 3.0, 4.0], [2, 2]);
    let b = device.tensor(&[5.0f32, 6.0], [2]);
    let (y, z) = (a.mul(&b), a.sum(1).add(&b));
    let (gy, gz) = (device.tensor(&[1.0f32, 0.0, -1.0, 2.0], [2, 2]), device.tensor(&[3.0f32, 1.0], [2]));
    let back = vjp(&[&y, &z], &[&gy, &gz], &[&a, &b]).unwrap();
    assert_eq!(read(&back[0]), [8.0, 3.0, -4.0, 13.0]);
    assert_eq!(read(&back[1]), [1.0 - 3.0 + 3.0, 8.0 + 1.0]);
    let ones = device.tensor(&[1.0f32; 4], [2, 2]);
    let forward = jvp(&[&y, &z], &[&a, &b], &[&ones, &b]).unwrap();
    assert_eq!(read(&forward[0]), [10.0, 18.0, 20.0, 30.0]);
    assert_eq!(read(&forward[1]), [7.0, 8.0]);
}

#[test]
fn a_value_with_its_gradient_and_a_loop_that_forgets() {
    let device = device();
    let mut x = device.tensor(&[8.0f32, -4.0], [2]);
    for _ in 0..3 {
        let (value, grad) = value_and_grad(&[&x], |p| p[0].mul(p[0]).sum(0)).unwrap();
        assert!(read(&value)[0] > 0.0);
        let next = x.sub(grad[0].mul(0.25));
        device.eval(&[&next]).unwrap();
        let before = next.clone().grad(&[&x]);
        assert!(before.is_err(), "the step is a vector, it has no gradient");
        x = next.detach();
    }
    assert_eq!(read(&x), [1.0, -0.5]);
    let f = x.mul(&x).sum(0);
    assert_eq!(read(&f.grad(&[&x]).unwrap()[0]), [2.0, -1.0]);
}

#[test]
fn errors_name_the_line_and_are_passed_on() {
    let device = device();
    let x = device.tensor(&[1.0f32, 2.0], [2]);
    let refused = x.grad(&[&x]).unwrap_err().to_string();
    assert!(refused.contains("autograd.rs") && refused.contains("reduce it first"), "{refused}");
    let whole = device.tensor(&[1u32, 2], [2]);
    let refused = x.sum(0).grad(&[&whole]).unwrap_err().to_string();
    assert!(refused.contains("only floats"), "{refused}");
    let broken = x.add(&device.tensor(&[1.0f32; 3], [3]));
    assert!(broken.sum(0).grad(&[&x]).is_err());
    let apart = device.tensor(&[1.0f32; 3], [3]);
    let zeros = x.sum(0).grad(&[&apart]).unwrap().swap_remove(0);
    assert_eq!((read(&zeros), zeros.dtype().unwrap()), (vec![0.0; 3], DType::F32));
}
