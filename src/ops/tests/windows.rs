use super::*;
use crate::ops::{Conv, Pool};

/// `y[n, o, h, w]` by the formula; one-dimensional cases have a height of 1.
fn conv(x: &[f64], xs: [usize; 4], w: &[f64], ws: [usize; 4], c: &Conv<2>) -> (Vec<usize>, Vec<f64>) {
    let size = |d: usize| (xs[2 + d] + 2 * c.padding[d] - c.dilation[d] * (ws[2 + d] - 1) - 1) / c.stride[d] + 1;
    let shape = vec![xs[0], ws[0], size(0), size(1)];
    let y = indices(&shape)
        .iter()
        .map(|o| {
            let group = o[1] / (ws[0] / c.groups);
            indices(&ws[1..])
                .iter()
                .map(|k| {
                    let h = (o[2] * c.stride[0] + k[1] * c.dilation[0]).checked_sub(c.padding[0]);
                    let v = (o[3] * c.stride[1] + k[2] * c.dilation[1]).checked_sub(c.padding[1]);
                    match (h, v) {
                        (Some(h), Some(v)) if h < xs[2] && v < xs[3] => {
                            x[at(&xs, &[o[0], group * ws[1] + k[0], h, v])] * w[at(&ws, &[o[1], k[0], k[1], k[2]])]
                        }
                        _ => 0.0,
                    }
                })
                .sum()
        })
        .collect();
    (shape, y)
}

const OPTIONS: [Conv<2>; 5] = [
    Conv { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1, output_padding: [0, 0] },
    Conv { stride: [2, 1], padding: [1, 2], dilation: [1, 1], groups: 1, output_padding: [0, 0] },
    Conv { stride: [1, 3], padding: [2, 0], dilation: [2, 1], groups: 1, output_padding: [0, 0] },
    Conv { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 2, output_padding: [0, 0] },
    Conv { stride: [2, 2], padding: [1, 0], dilation: [1, 2], groups: 4, output_padding: [0, 0] },
];

#[test]
fn convolutions_follow_the_formula() {
    for options in OPTIONS {
        let (xs, ws) = ([2, 4, 5, 6], [8, 4 / options.groups, 3, 2]);
        let (x, xv) = noise(60, xs);
        let (w, wv) = noise(61, ws);
        let (shape, want) = conv(&xv, xs, &wv, ws, &options);
        check(&x.conv2d(&w, None, options), &shape, &want);
    }
    let (x, xv) = noise(62, [2, 4, 7]);
    let (w, wv) = noise(63, [6, 2, 3]);
    let b = host(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [6]);
    let options = Conv { stride: [2], padding: [1], dilation: [2], groups: 2, ..Conv::default() };
    let flat = Conv { stride: [1, 2], padding: [0, 1], dilation: [1, 2], groups: 2, ..Conv::default() };
    let (shape, want) = conv(&xv, [2, 4, 1, 7], &wv, [6, 2, 1, 3], &flat);
    let want: Vec<f64> = want.iter().enumerate().map(|(i, y)| y + (i / shape[3] % 6 + 1) as f64).collect();
    check(&x.conv1d(&w, Some(&b), options), &[2, 6, shape[3]], &want);
}

/// The transposed convolution is the adjoint: `<conv(x), y> = <x, conv_transpose(y)>` for all `x`, so each of its elements is
/// the product of `y` with the convolution of a unit.
#[test]
fn transposed_convolutions_are_adjoint() {
    for options in OPTIONS {
        let (xs, ws) = ([1, 4, 5, 6], [8, 4 / options.groups, 3, 2]);
        let (w, wv) = noise(64, ws);
        let (ys, _) = conv(&vec![0.0; 120], xs, &wv, ws, &options);
        let (y, yv) = noise(65, &ys[..]);
        let want: Vec<f64> = (0..120)
            .map(|i| {
                let mut unit = vec![0.0; 120];
                unit[i] = 1.0;
                conv(&unit, xs, &wv, ws, &options).1.iter().zip(&yv).map(|(a, b)| a * b).sum()
            })
            .collect();
        // What a strided convolution leaves over is given back as padding of the output.
        let mut options = options;
        for d in 0..2 {
            let covered = (ys[2 + d] - 1) * options.stride[d] + options.dilation[d] * (ws[2 + d] - 1) + 1;
            options.output_padding[d] = xs[2 + d] + 2 * options.padding[d] - covered;
        }
        check(&y.conv_transpose2d(&w, None, options), &xs, &want);
    }
    let (x, w) = (host(&[1.0f32, 2.0], [1, 1, 2]), host(&[1.0f32, 10.0, 100.0], [1, 1, 3]));
    let spread = Conv { stride: [2], ..Conv::default() };
    check(&x.conv_transpose1d(&w, Some(&host(&[0.5f32], [1])), spread), &[1, 1, 5], &[1.5, 10.5, 102.5, 20.5, 200.5]);
}

#[test]
fn convolutions_refuse_what_does_not_fit() {
    let (x, w) = (noise(66, [1, 4, 5, 5]).0, noise(67, [2, 4, 3, 3]).0);
    let bad = [
        x.conv2d(&w, None, Conv { groups: 3, ..Conv::default() }),
        x.conv2d(&w, None, Conv { groups: 2, ..Conv::default() }),
        x.conv2d(&w, None, Conv { stride: [0, 1], ..Conv::default() }),
        x.conv2d(&w, None, Conv { dilation: [3, 1], ..Conv::default() }),
        x.conv2d(&w, None, Conv { output_padding: [1, 0], ..Conv::default() }),
        x.conv2d(&w, Some(&host(&[1.0f32; 3], [3])), Conv::default()),
        x.pick(0, 0).conv2d(&w, None, Conv::default()),
        x.conv_transpose2d(&w, None, Conv::default()),
    ];
    for t in bad {
        assert!(error(&t).starts_with("conv"), "{}", error(&t));
    }
    check(&host::<f32>(&[], [0, 4, 5, 5]).conv2d(&w, None, Conv::default()), &[0, 2, 3, 3], &[]);
}

#[test]
fn pools_reduce_each_window() {
    let shape = [2, 5, 6];
    let (x, v) = noise(68, shape);
    let pool = Pool { stride: [2, 3], padding: [1, 0], dilation: [1, 2], ..Pool::new([3, 2]) };
    let windows = |o: &[usize]| -> Vec<f64> {
        indices(&[3, 2])
            .iter()
            .filter_map(|k| Some(((2 * o[1] + k[0]).checked_sub(1)?, 3 * o[2] + 2 * k[1])))
            .filter(|&(h, w)| h < 5 && w < 6)
            .map(|(h, w)| v[at(&shape, &[o[0], h, w])])
            .collect()
    };
    let out = [2, 3, 2];
    let each = |f: &dyn Fn(&[f64]) -> f64| indices(&out).iter().map(|o| f(&windows(o))).collect::<Vec<_>>();
    check(&x.max_pool(pool), &out, &each(&|w| w.iter().copied().fold(f64::MIN, f64::max)));
    check(&x.avg_pool(pool), &out, &each(&|w| w.iter().sum::<f64>() / 6.0));
    let inner = Pool { count_padding: false, ..pool };
    check(&x.avg_pool(inner), &out, &each(&|w| w.iter().sum::<f64>() / w.len() as f64));
    check(&host(&[1i32, 5, 2], [3]).max_pool(Pool { stride: [1], ..Pool::new([2]) }), &[2], &[5.0, 5.0]);
    let wide = Pool { padding: [2], ..Pool::new([3]) };
    assert!(error(&x.avg_pool(wide)).contains("at most half"));
    assert!(error(&host(&[1.0f32], ()).max_pool(Pool::new([1]))).contains("it needs 1 axes"));
}

#[test]
fn adaptive_pooling_covers_unequal_cells() {
    let (x, v) = noise(69, [7]);
    let cell = |i: usize, m: usize| {
        let (start, end) = (i * 7 / m, ((i + 1) * 7).div_ceil(m));
        v[start..end].iter().sum::<f64>() / (end - start) as f64
    };
    for m in [1, 2, 3, 5, 7, 9] {
        check(&x.adaptive_avg_pool([m]), &[m], &(0..m).map(|i| cell(i, m)).collect::<Vec<_>>());
    }
    let (y, w) = noise(70, [2, 4, 6]);
    let halves: Vec<f64> = indices(&[2, 2, 3])
        .iter()
        .map(|o| {
            indices(&[2, 2]).iter().map(|k| w[at(&[2, 4, 6], &[o[0], 2 * o[1] + k[0], 2 * o[2] + k[1]])]).sum::<f64>()
                / 4.0
        })
        .collect();
    check(&y.adaptive_avg_pool([2, 3]), &[2, 2, 3], &halves);
    assert_eq!(dims(&y.adaptive_avg_pool([3, 4])), [2, 3, 4]);
}

#[test]
fn resizing() {
    let (x, v) = noise(71, [2, 3, 5]);
    let near: Vec<f64> =
        indices(&[2, 4, 2]).iter().map(|o| v[at(&[2, 3, 5], &[o[0], o[1] * 3 / 4, o[2] * 5 / 2])]).collect();
    check(&x.resize_nearest([4, 2]), &[2, 4, 2], &near);
    let linear = |row: &dyn Fn(usize) -> f64, n: usize, m: usize, i: usize, corners: bool| {
        let at = match corners {
            true if m > 1 => i as f64 * (n - 1) as f64 / (m - 1) as f64,
            true => 0.0,
            false => ((i as f64 + 0.5) * n as f64 / m as f64 - 0.5).max(0.0),
        };
        let low = at.floor() as usize;
        let high = (low + 1).min(n - 1);
        row(low) + (at - low as f64) * (row(high) - row(low))
    };
    for corners in [false, true] {
        for (h, w) in [(6, 10), (2, 3), (1, 1), (3, 7)] {
            let want: Vec<f64> = indices(&[2, h, w])
                .iter()
                .map(|o| {
                    let column = |r: usize| linear(&|c| v[at(&[2, 3, 5], &[o[0], r, c])], 5, w, o[2], corners);
                    linear(&column, 3, h, o[1], corners)
                })
                .collect();
            check(&x.resize_bilinear([h, w], corners), &[2, h, w], &want);
        }
    }
}
