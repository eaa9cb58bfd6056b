use super::*;
use crate::graph::Fill;
use crate::ops::INFER;

/// Asserts `t[ix] = x[source(ix)]`, or `fill` where there is none.
#[track_caller]
fn moved(t: &Tensor, shape: &[usize], x: &[f64], from: &[usize], source: impl Fn(&[usize]) -> Option<Vec<usize>>) {
    let want: Vec<f64> = indices(shape).iter().map(|ix| source(ix).map_or(0.0, |s| x[at(from, &s)])).collect();
    check(t, shape, &want);
}

#[test]
fn views_read_the_right_elements() {
    let shape = [2, 3, 4];
    let (x, v) = noise(1, shape);
    moved(&x.permute([2, 0, 1]), &[4, 2, 3], &v, &shape, |o| Some(vec![o[1], o[2], o[0]]));
    moved(&x.transpose(0, 2), &[4, 3, 2], &v, &shape, |o| Some(vec![o[2], o[1], o[0]]));
    moved(&x.t(), &[2, 4, 3], &v, &shape, |o| Some(vec![o[0], o[2], o[1]]));
    moved(&x.move_axis(2, 0), &[4, 2, 3], &v, &shape, |o| Some(vec![o[1], o[2], o[0]]));
    moved(&x.move_axis(0, 2), &[3, 4, 2], &v, &shape, |o| Some(vec![o[2], o[0], o[1]]));
    moved(&x.slice(1, 1..), &[2, 2, 4], &v, &shape, |o| Some(vec![o[0], o[1] + 1, o[2]]));
    moved(&x.slice(1, 2..2), &[2, 0, 4], &v, &shape, |_| None);
    moved(&x.slice_step(2, 1..=3, 2), &[2, 3, 2], &v, &shape, |o| Some(vec![o[0], o[1], 1 + 2 * o[2]]));
    moved(&x.slice_step(2, .., 3), &[2, 3, 2], &v, &shape, |o| Some(vec![o[0], o[1], 3 * o[2]]));
    moved(&x.pick(1, 2), &[2, 4], &v, &shape, |o| Some(vec![o[0], 2, o[1]]));
    moved(&x.flip([0, 2]), &shape, &v, &shape, |o| Some(vec![1 - o[0], o[1], 3 - o[2]]));
    moved(&x.flip(..), &shape, &v, &shape, |o| Some(vec![1 - o[0], 2 - o[1], 3 - o[2]]));
    moved(&x.unsqueeze([0, 2]), &[1, 2, 1, 3, 4], &v, &shape, |o| Some(vec![o[1], o[3], o[4]]));
    moved(&x.unsqueeze(3).squeeze(3), &shape, &v, &shape, |o| Some(o.to_vec()));
    moved(&x.broadcast_to([2, 2, 3, 4]), &[2, 2, 3, 4], &v, &shape, |o| Some(o[1..].to_vec()));
    moved(&x.sum_keep(1).mul(0.0).add(&x), &shape, &v, &shape, |o| Some(o.to_vec()));
    moved(&x.dilate(1, 3), &[2, 7, 4], &v, &shape, |o| (o[1] % 3 == 0).then(|| vec![o[0], o[1] / 3, o[2]]));
    moved(&x.window(2, 2, 1, 2), &[2, 3, 2, 2], &v, &shape, |o| Some(vec![o[0], o[1], o[2] + 2 * o[3]]));
    let padding = [(1, 0), (0, 2), (0, 0)];
    let inside = |o: &[usize]| (o[0] > 0 && o[1] < 3).then(|| vec![o[0] - 1, o[1], o[2]]);
    moved(&x.pad(padding, Fill::Zero), &[3, 5, 4], &v, &shape, inside);
    let padded = x.pad_with(padding, 7.5);
    let want: Vec<f64> = indices(&[3, 5, 4]).iter().map(|o| inside(o).map_or(7.5, |s| v[at(&shape, &s)])).collect();
    check(&padded, &[3, 5, 4], &want);
    check(&host(&[2.0f32], [1]).pad([(1, 1)], Fill::One), &[3], &[1.0, 2.0, 1.0]);
    check(&host(&[half::f16::from_f32(2.0)], [1]).pad_with([(0, 1)], -1.0), &[2], &[2.0, -1.0]);
    check(&host::<f32>(&[], [0]).dilate(0, 4), &[0], &[]);
    check(&host(&[3.0f32], [1]).squeeze(..), &[], &[3.0]);
}

#[test]
fn reshapes_infer_one_length() {
    let (x, v) = noise(2, [2, 3, 4]);
    check(&x.reshape([6, INFER]), &[6, 4], &v);
    check(&x.reshape([INFER]), &[24], &v);
    check(&x.flatten(), &[24], &v);
    check(&x.flatten_axes(0, 1), &[6, 4], &v);
    check(&x.flatten_axes(1, 1), &[2, 3, 4], &v);
    check(&host(&[1.0f32], ()).flatten(), &[1], &[1.0]);
}

#[test]
fn joins_and_cuts() {
    let (x, v) = noise(3, [2, 3]);
    let (y, w) = noise(4, [2, 2]);
    let joined = Tensor::concat(&[&x, &y, &host::<f32>(&[], [2, 0]), &x], 1).unwrap();
    let want = [&v[..3], &w[..2], &v[..3], &v[3..], &w[2..], &v[3..]].concat();
    check(&joined, &[2, 8], &want);
    let pieces = joined.split(1, [3, 2, 3]);
    check(&pieces[1], &[2, 2], &w);
    check(&pieces[2], &[2, 3], &v);
    check(&Tensor::stack(&[&x, &x], 1).unwrap(), &[2, 2, 3], &[&v[..3], &v[..3], &v[3..], &v[3..]].concat());
    check(&Tensor::concat(&[&x], 0).unwrap(), &[2, 3], &v);
    let empty = host::<f32>(&[], [0]);
    check(&Tensor::concat(&[&empty, &empty], 0).unwrap(), &[0], &[]);
    // More pieces than one expression takes.
    let many: Vec<Tensor> = (0..60).map(|i| host(&[i as f32, -(i as f32)], [2])).collect();
    let want: Vec<f64> = (0..60).flat_map(|i| [f64::from(i), -f64::from(i)]).collect();
    check(&Tensor::concat(&many.iter().collect::<Vec<_>>(), 0).unwrap(), &[120], &want);
    let narrow = host(&[half::f16::from_f32(0.1)], [1]);
    assert_eq!(Tensor::concat(&[&narrow, &narrow], 0).unwrap().dtype().unwrap(), crate::DType::F16);
    let flags = host(&[true, false], [2]);
    check(&Tensor::concat(&[&flags, &flags], 0).unwrap(), &[4], &[1.0, 0.0, 1.0, 0.0]);
    let message = Tensor::concat(&[&x, &y], 0).unwrap_err().to_string();
    assert!(message.contains("concat: shapes [2, 3] and [2, 2]") && message.contains("tests/moves.rs"), "{message}");
    assert!(Tensor::concat(&[], 0).is_err());
    let chunks: Vec<usize> = host(&[0.0f32; 7], [7]).chunk(0, 3).iter().map(|c| dims(c)[0]).collect();
    assert_eq!(chunks, [3, 2, 2]);
}

#[test]
fn repetition_and_rolling() {
    let (x, v) = noise(5, [2, 3]);
    moved(&x.repeat(1, 2), &[2, 6], &v, &[2, 3], |o| Some(vec![o[0], o[1] / 2]));
    moved(&x.repeat(0, 3), &[6, 3], &v, &[2, 3], |o| Some(vec![o[0] / 3, o[1]]));
    moved(&x.tile([2, 3]), &[4, 9], &v, &[2, 3], |o| Some(vec![o[0] % 2, o[1] % 3]));
    moved(&x.tile([0, 1]), &[0, 3], &v, &[2, 3], |_| None);
    moved(&x.roll(1, 1), &[2, 3], &v, &[2, 3], |o| Some(vec![o[0], (o[1] + 2) % 3]));
    moved(&x.roll(1, -4), &[2, 3], &v, &[2, 3], |o| Some(vec![o[0], (o[1] + 4) % 3]));
    moved(&x.roll(0, 2), &[2, 3], &v, &[2, 3], |o| Some(o.to_vec()));
    check(&host::<f32>(&[], [0]).roll(0, 3), &[0], &[]);
    let deep = host(&[1.0f32, 2.0], [1, 1, 1, 1, 1, 1, 1, 2]).repeat(7, 2).tile([1, 1, 1, 1, 1, 1, 2, 1]);
    check(&deep, &[1, 1, 1, 1, 1, 1, 2, 4], &[1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
}

#[test]
fn sequences_and_patterns() {
    let d = device();
    check(&d.arange(1.0, 2.0, 0.25), &[4], &[1.0, 1.25, 1.5, 1.75]);
    check(&d.arange(3.0, 0.0, -2.0), &[2], &[3.0, 1.0]);
    check(&d.arange(1.0, 1.0, 1.0), &[0], &[]);
    check(&d.linspace(-1.0, 1.0, 5), &[5], &[-1.0, -0.5, 0.0, 0.5, 1.0]);
    check(&d.linspace(2.0, 3.0, 1), &[1], &[2.0]);
    check(&d.linspace(2.0, 3.0, 0), &[0], &[]);
    check(&d.eye(2, 3), &[2, 3], &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    check(&d.zeros([2]).add(&d.ones([2])), &[2], &[1.0, 1.0]);
    check(&d.full([2], -3.0, crate::DType::I32), &[2], &[-3.0, -3.0]);
    check(&d.scalar(0.5), &[], &[0.5]);
    check(&d.iota(3, crate::DType::I32), &[3], &[0.0, 1.0, 2.0]);
    let (x, v) = noise(6, [2, 3, 4]);
    moved(&x.tril(1), &[2, 3, 4], &v, &[2, 3, 4], |o| (o[2] <= o[1] + 1).then(|| o.to_vec()));
    moved(&x.triu(-1), &[2, 3, 4], &v, &[2, 3, 4], |o| (o[2] + 1 >= o[1]).then(|| o.to_vec()));
    moved(&x.diagonal(1), &[2, 3], &v, &[2, 3, 4], |o| Some(vec![o[0], o[1], o[1] + 1]));
    moved(&x.diagonal(-2), &[2, 1], &v, &[2, 3, 4], |o| Some(vec![o[0], o[1] + 2, o[1]]));
    moved(&x.diagonal(9), &[2, 0], &v, &[2, 3, 4], |_| None);
    let row = host(&[1.0f32, 2.0], [2]);
    check(&row.diag(0), &[2, 2], &[1.0, 0.0, 0.0, 2.0]);
    check(&row.diag(1), &[3, 3], &[0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0]);
    check(&row.diag(-1), &[3, 3], &[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    check(&host(&[1u32, 5], [2]).one_hot(3, crate::DType::F32), &[2, 3], &[0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}
