//! Convolution, pooling, resizing.

use crate::check::case::{ANY, Build, Case, one};
use crate::check::input::{Domain, Layout};
use crate::ops::{Conv, Pool};
use crate::tensor::Tensor;

type Shapes = &'static [&'static [&'static [usize]]];

fn conv1(options: Conv<1>) -> Build {
    Box::new(move |x| vec![x[0].conv1d(&x[1], x.get(2), options)])
}
fn conv2(options: Conv<2>) -> Build {
    Box::new(move |x| vec![x[0].conv2d(&x[1], x.get(2), options)])
}
fn back1(options: Conv<1>) -> Build {
    Box::new(move |x| vec![x[0].conv_transpose1d(&x[1], x.get(2), options)])
}
fn back2(options: Conv<2>) -> Build {
    Box::new(move |x| vec![x[0].conv_transpose2d(&x[1], x.get(2), options)])
}

fn convolutions() -> Vec<Case> {
    let (c1, c2) = (Conv::<1>::default(), Conv::<2>::default());
    let plain1: Shapes = &[&[&[2, 3, 17], &[4, 3, 5], &[4]]];
    let plain2: Shapes = &[&[&[2, 3, 7, 9], &[4, 3, 3, 2], &[4]], &[&[1, 1, 5, 5], &[1, 1, 5, 5], &[1]]];
    let groups2: Shapes = &[&[&[2, 4, 7, 6], &[6, 2, 3, 3], &[6]]];
    let depthwise: Shapes = &[&[&[1, 3, 6, 6], &[3, 1, 3, 3], &[3]]];
    let transposed1: Shapes = &[&[&[2, 3, 7], &[3, 4, 5], &[4]]];
    let transposed2: Shapes = &[&[&[2, 3, 4, 5], &[3, 2, 3, 3], &[2]]];
    let grouped_back: Shapes = &[&[&[1, 4, 4, 5], &[4, 3, 3, 3], &[6]]];
    let without_bias: Shapes = &[&[&[2, 3, 7, 9], &[4, 3, 3, 2]]];
    #[rustfmt::skip]
    let rows: Vec<(&str, Shapes, Build)> = vec![
        ("conv1d", plain1, conv1(c1)),
        ("conv1d/strided", plain1, conv1(Conv { stride: [2], padding: [2], dilation: [2], ..c1 })),
        ("conv2d", plain2, conv2(c2)),
        ("conv2d/no bias", without_bias, conv2(c2)),
        ("conv2d/strided", plain2, conv2(Conv { stride: [2, 3], padding: [1, 2], ..c2 })),
        ("conv2d/dilated", plain2, conv2(Conv { padding: [2, 3], dilation: [2, 1], ..c2 })),
        ("conv2d/groups", groups2, conv2(Conv { padding: [1, 0], groups: 2, ..c2 })),
        ("conv2d/depthwise", depthwise, conv2(Conv { groups: 3, stride: [2, 2], padding: [1, 1], ..c2 })),
        ("conv_transpose1d", transposed1, back1(Conv { stride: [3], padding: [1], output_padding: [1], ..c1 })),
        ("conv_transpose2d", transposed2, back2(c2)),
        ("conv_transpose2d/strided", transposed2, back2(Conv { stride: [2, 3], padding: [1, 1], output_padding: [1, 0], ..c2 })),
        ("conv_transpose2d/groups", grouped_back, back2(Conv { groups: 2, dilation: [1, 2], ..c2 })),
    ];
    rows.into_iter()
        .map(|(name, shapes, build)| {
            let layouts = [Layout::Permuted, Layout::Sliced];
            Case::at(name, &vec![ANY; shapes[0].len()], shapes, 2, build).with_layouts(&layouts)
        })
        .collect()
}

/// The rows of this file.
pub fn cases() -> Vec<Case> {
    type Row = (&'static str, &'static [&'static [usize]], Domain, fn(&Tensor) -> Tensor);
    const LINE: &[&[usize]] = &[&[3, 12], &[2, 257]];
    const IMAGE: &[&[usize]] = &[&[2, 7, 9], &[1, 2, 20, 18]];
    let spaced = Domain::Spaced;
    #[rustfmt::skip]
    let rows: &[Row] = &[
        ("max_pool/1", LINE, spaced, |x| x.max_pool(Pool::new([3]))),
        ("max_pool/2", IMAGE, spaced, |x| x.max_pool(Pool::new([2, 3]))),
        ("max_pool/overlapping", IMAGE, spaced, |x| x.max_pool(Pool { stride: [1, 2], padding: [1, 1], ..Pool::new([3, 3]) })),
        ("max_pool/dilated", IMAGE, spaced, |x| x.max_pool(Pool { stride: [2, 1], dilation: [2, 2], ..Pool::new([2, 2]) })),
        ("avg_pool/1", LINE, ANY, |x| x.avg_pool(Pool::new([3]))),
        ("avg_pool/2", IMAGE, ANY, |x| x.avg_pool(Pool { stride: [1, 2], padding: [1, 1], ..Pool::new([3, 2]) })),
        ("avg_pool/without padding", IMAGE, ANY, |x| x.avg_pool(Pool { padding: [1, 1], count_padding: false, ..Pool::new([3, 2]) })),
        ("adaptive_avg_pool/1", LINE, ANY, |x| x.adaptive_avg_pool([5])),
        ("adaptive_avg_pool/2", IMAGE, ANY, |x| x.adaptive_avg_pool([3, 4])),
        ("resize_nearest/1", LINE, ANY, |x| x.resize_nearest([20])),
        ("resize_nearest/2", IMAGE, ANY, |x| x.resize_nearest([5, 13])),
        ("resize_bilinear", IMAGE, ANY, |x| x.resize_bilinear([5, 13], false)),
        ("resize_bilinear/corners", IMAGE, ANY, |x| x.resize_bilinear([11, 4], true)),
    ];
    let mut cases = convolutions();
    for &(name, shapes, domain, f) in rows {
        cases.push(Case::alike(name, &[domain], shapes, 1, one(f)).with_layouts(&[Layout::Permuted, Layout::Flipped]));
    }
    cases
}
