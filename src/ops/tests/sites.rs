use super::*;
use crate::ops::{Conv, CrossEntropy, INFER, Key, Pool, Reduction};

/// Each tensor carries an error that begins with the method's name, what it was given, and where.
#[track_caller]
fn refused(cases: Vec<(Tensor, &str)>) {
    for (tensor, start) in cases {
        let message = error(&tensor);
        assert!(message.starts_with(start), "{message:?} should start with {start:?}");
    }
}

#[test]
fn bad_axes_of_reductions_are_refused() {
    let x = host(&[0.0f32; 6], [2, 3]);
    refused(vec![
        (x.sum(2), "sum: axis 2 of shape [2, 3]"),
        (x.max([0, 0]), "max: axis 0 is named twice"),
        (x.mean_keep(5), "mean: axis 5"),
        (host::<f32>(&[], [0, 3]).mean(0), "mean: no elements"),
        (x.var(2, 0), "var: 2 elements"),
        (x.argmax(3), "argmax: axis 3"),
        (host::<f32>(&[], [0]).argmax(0), "argmax: no elements"),
        (host(&[true], [1]).sum(0), "sum: bool"),
        (host(&[1i32], [1]).mean(0), "mean: dtype i32"),
        (x.cumsum(2), "cumulative: axis 2"),
        (x.softmax(2), "softmax: axis 2"),
    ]);
}

#[test]
fn bad_movements_are_refused() {
    let x = host(&[0.0f32; 6], [2, 3]);
    refused(vec![
        (x.permute([0, 0]), "permute: order [0, 0]"),
        (x.permute([0]), "permute: order [0]"),
        (x.transpose(0, 2), "transpose: axis 2"),
        (host(&[1.0f32], [1]).t(), "transpose: axis 1"),
        (x.reshape([4]), "reshape: [2, 3] has 6 elements"),
        (x.reshape([4, INFER]), "reshape: 6 elements"),
        (x.reshape([INFER, INFER]), "reshape: several"),
        (x.broadcast_to([3, 2]), "broadcast_to: shape [2, 3]"),
        (x.squeeze(0), "squeeze: axis 0 of shape [2, 3] has length 2"),
        (x.unsqueeze(4), "unsqueeze: axis 4"),
        (x.slice(0, 1..3), "slice: 1..3 step 1"),
        (x.slice_step(0, .., 0), "slice: 0..2 step 0"),
        (x.pick(1, 3), "pick: position 3"),
        (x.flip(2), "flip: axis 2"),
        (x.pad([(1, 1)], crate::graph::Fill::Zero), "pad: padding"),
        (x.dilate(0, 0), "dilate: factor 0"),
        (x.window(1, 4, 1, 1), "window: size 4"),
        (x.window(1, 1, 0, 1), "window: size 1, stride 0"),
        (x.roll(2, 1), "roll: axis 2"),
        (x.tile([2]), "tile: [2]"),
        (x.repeat(2, 2), "repeat: axis 2"),
        (x.split(1, [1, 1]).remove(1), "split: lengths [1, 1]"),
        (x.flatten_axes(1, 0), "flatten_axes: axes 1..=0"),
    ]);
}

#[test]
fn bad_operands_are_refused() {
    let x = host(&[0.0f32; 6], [2, 3]);
    refused(vec![
        (x.gather(0, &host(&[0u32], [1])), "gather: source [2, 3]"),
        (x.index_select(2, &host(&[0u32], [1])), "index_select: axis 2"),
        (x.top_k(4, 1, true).0, "slice: 0..4"),
        (x.one_hot(3, crate::DType::F32), "one_hot: indices of dtype f32"),
        (host(&[1.0f32], [1]).tril(0), "tril: shape [1]"),
        (x.matmul(&x), "matmul: f32[2, 3] times f32[2, 3]"),
        (x.matmul(&host(&[1i32; 3], [3])), "matmul: f32[2, 3] times i32[3]"),
        (x.dot(&x), "dot: shapes"),
        (x.outer(&x), "outer: shapes"),
        (x.conv1d(&x, None, Conv::default()), "conv1d: x [2, 3]"),
        (x.max_pool(Pool::new([3, 1])), "max_pool: shape [2, 3]"),
        (x.adaptive_avg_pool([0]), "adaptive_avg_pool"),
        (x.resize_bilinear([0, 1], false), "resize_bilinear"),
        (x.layer_norm(1, Some(&host(&[1.0f32; 2], [2])), None, 1e-5), "layer_norm: a parameter of shape [2]"),
        (x.batch_norm(2, None, None, 1e-5).0, "batch_norm: axis 2"),
        (x.mse(&host(&[1.0f32; 2], [2]), Reduction::Mean), "sub: shapes [2, 3] and [2]"),
        (x.cross_entropy(&host(&[0u32; 3], [3]), 1, CrossEntropy::default()), "cross_entropy: logits [2, 3]"),
        (x.dropout(1.5, Key::new(0)), "dropout: probability 1.5"),
        (Key::new(0).randint(device(), [2], 3..3), "randint: the range 3..3"),
        (device().arange(0.0, 1.0, 0.0), "arange"),
        (device().full([1], 0.5, crate::DType::U32), "number: 0.5"),
    ]);
}

/// The first error travels through everything built on it.
#[test]
fn errors_travel() {
    let x = host(&[0.0f32; 6], [2, 3]);
    let bad = x.sum(7);
    let first = error(&bad);
    let later = (bad.exp() + &x).softmax(0).matmul(&x.t()).sort(0, true).0.conv2d(&x, Some(&bad), Conv::default());
    assert_eq!(error(&later), first);
    assert_eq!(Tensor::concat(&[&x, &bad], 0).unwrap_err().to_string(), first);
    assert_eq!(Tensor::einsum("ij,j->i", &[&x, &bad]).unwrap_err().to_string(), first);
    assert_eq!(error(&x.scatter(0, &bad, &x, crate::graph::Scatter::Add)), first);
    assert_eq!(error(&bad.resize_nearest([1])), first);
    assert_eq!(error(&bad.categorical(0, Key::new(1))), first);
}
