use super::*;
use crate::ops::{CrossEntropy, Reduction};

/// Rows of the last axis.
fn rows(v: &[f64], n: usize) -> Vec<Vec<f64>> {
    v.chunks(n).map(<[f64]>::to_vec).collect()
}

fn log_softmax(row: &[f64]) -> Vec<f64> {
    let sum: f64 = row.iter().map(|x| x.exp()).sum();
    row.iter().map(|x| x - sum.ln()).collect()
}

#[test]
fn softmax_over_one_axis_and_over_several() {
    let (x, v) = noise(20, [3, 4]);
    let log: Vec<f64> = rows(&v, 4).iter().flat_map(|r| log_softmax(r)).collect();
    check(&x.log_softmax(1), &[3, 4], &log);
    check(&x.softmax(1), &[3, 4], &log.iter().map(|x| x.exp()).collect::<Vec<_>>());
    check(&x.softmax(..), &[3, 4], &log_softmax(&v).iter().map(|x| x.exp()).collect::<Vec<_>>());
    check(&x.t().softmax(0).t(), &[3, 4], &log.iter().map(|x| x.exp()).collect::<Vec<_>>());
    check(&host::<f32>(&[], [0, 3]).softmax(1), &[0, 3], &[]);
    check(&host::<f32>(&[], [2, 0]).log_softmax(1), &[2, 0], &[]);
    let far = bounded(&host(&[1000.0f32, 0.0], [2]).log_softmax(0));
    assert_eq!(far.values, [0.0, -1000.0]);
    assert!(far.error(1) < 1e-3);
}

#[test]
fn normalizations() {
    let (x, v) = noise(21, [3, 4]);
    let (w, b) = (host(&[1.0f32, 2.0, 3.0, 4.0], [4]), host(&[0.5f32, 0.0, -0.5, 1.0], [4]));
    let (wv, bv) = ([1.0, 2.0, 3.0, 4.0], [0.5, 0.0, -0.5, 1.0]);
    let mut layer = Vec::new();
    let mut rms = Vec::new();
    for row in rows(&v, 4) {
        let mean = row.iter().sum::<f64>() / 4.0;
        let var = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 4.0;
        let square = row.iter().map(|x| x * x).sum::<f64>() / 4.0;
        for i in 0..4 {
            layer.push((row[i] - mean) / (var + 0.01).sqrt() * wv[i] + bv[i]);
            rms.push(row[i] / (square + 0.01).sqrt() * wv[i]);
        }
    }
    check(&x.layer_norm(1, Some(&w), Some(&b), 0.01), &[3, 4], &layer);
    check(&x.rms_norm(1, Some(&w), 0.01), &[3, 4], &rms);
    let unit: Vec<f64> = rows(&v, 4)
        .iter()
        .flat_map(|r| {
            let n = r.iter().map(|x| x * x).sum::<f64>().sqrt();
            r.iter().map(move |x| x / n).collect::<Vec<_>>()
        })
        .collect();
    check(&x.normalize(2.0, 1, 1e-12), &[3, 4], &unit);
    let (y, u) = noise(22, [3, 4]);
    let cosine: Vec<f64> = rows(&v, 4)
        .iter()
        .zip(rows(&u, 4))
        .map(|(a, b)| {
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            dot(a, &b) / (dot(a, a) * dot(&b, &b)).sqrt()
        })
        .collect();
    check(&x.cosine_similarity(&y, 1, 1e-8), &[3], &cosine);
    check(&host(&[0.0f32; 2], [2]).cosine_similarity(&host(&[1.0f32; 2], [2]), 0, 1e-8), &[], &[0.0]);
}

#[test]
fn batch_norm_in_training_and_inference() {
    let shape = [2, 3, 2];
    let (x, v) = noise(23, shape);
    let (w, b) = (host(&[1.0f32, 2.0, 3.0], [3]), host(&[0.5f32, 0.0, -0.5], [3]));
    let channel = |c: usize| indices(&shape).into_iter().filter(move |ix| ix[1] == c).map(|ix| v[at(&shape, &ix)]);
    let mean: Vec<f64> = (0..3).map(|c| channel(c).sum::<f64>() / 4.0).collect();
    let var: Vec<f64> = (0..3).map(|c| channel(c).map(|x| (x - mean[c]).powi(2)).sum::<f64>() / 4.0).collect();
    let want = |w: [f64; 3], b: [f64; 3]| -> Vec<f64> {
        indices(&shape)
            .iter()
            .map(|ix| (v[at(&shape, ix)] - mean[ix[1]]) / (var[ix[1]] + 0.1).sqrt() * w[ix[1]] + b[ix[1]])
            .collect()
    };
    let (y, m, s) = x.batch_norm(1, Some(&w), Some(&b), 0.1);
    check(&y, &shape, &want([1.0, 2.0, 3.0], [0.5, 0.0, -0.5]));
    check(&m, &[3], &mean);
    check(&s, &[3], &var);
    check(&x.batch_norm_inference(1, &m, &s, None, Some(&b), 0.1), &shape, &want([1.0; 3], [0.5, 0.0, -0.5]));
    assert!(error(&x.batch_norm(1, Some(&host(&[1.0f32; 2], [2])), None, 0.1).0).contains("[2] for 3 channels"));
}

#[test]
fn cross_entropy_with_class_indices() {
    let (x, v) = noise(24, [3, 4]);
    let log: Vec<Vec<f64>> = rows(&v, 4).iter().map(|r| log_softmax(r)).collect();
    let classes = host(&[3u32, 0, 2], [3]);
    let nll = [-log[0][3], -log[1][0], -log[2][2]];
    let each = CrossEntropy { reduction: Reduction::None, ..Default::default() };
    check(&x.cross_entropy(&classes, 1, each), &[3], &nll);
    check(&x.cross_entropy(&classes, 1, CrossEntropy::default()), &[], &[nll.iter().sum::<f64>() / 3.0]);
    let smooth = CrossEntropy { label_smoothing: 0.2, ..each };
    let smoothed: Vec<f64> = (0..3).map(|i| 0.8 * nll[i] - 0.2 / 4.0 * log[i].iter().sum::<f64>()).collect();
    check(&x.cross_entropy(&classes, 1, smooth), &[3], &smoothed);
    let ignoring = CrossEntropy { ignore_index: Some(0), ..Default::default() };
    check(&x.cross_entropy(&classes, 1, ignoring), &[], &[(nll[0] + nll[2]) / 2.0]);
    let ignoring = CrossEntropy { ignore_index: Some(-100), ..Default::default() };
    check(&x.cross_entropy(&host(&[-100i32, 0, -100], [3]), 1, ignoring), &[], &[nll[1]]);
    check(&x.cross_entropy(&host(&[-100i32; 3], [3]), 1, ignoring), &[], &[0.0]);
    check(&x.cross_entropy(&host(&[4u32, 0, 2], [3]), 1, each), &[3], &[f64::NAN, nll[1], nll[2]]);
    check(&x.cross_entropy(&host(&[-1i32, 0, 2], [3]), 1, each), &[3], &[f64::NAN, nll[1], nll[2]]);
    check(&x.t().cross_entropy(&classes, 0, each), &[3], &nll);
    // A class that cannot be, but is not asked for, does no harm.
    let masked = host(&[f32::NEG_INFINITY, 0.0, 0.0], [1, 3]);
    check(&masked.cross_entropy(&host(&[1u32], [1]), 1, each), &[1], &[2f64.ln()]);
    let bad = CrossEntropy { label_smoothing: -0.1, ..each };
    assert!(error(&x.cross_entropy(&classes, 1, bad)).contains("label smoothing -0.1"));
}

#[test]
fn cross_entropy_with_probabilities() {
    let (x, v) = noise(25, [2, 3]);
    let q = [0.2, 0.0, 0.8, 0.5, 0.5, 0.0f32];
    let log: Vec<f64> = rows(&v, 3).iter().flat_map(|r| log_softmax(r)).collect();
    let want = |q: &dyn Fn(usize) -> f64| -> Vec<f64> {
        (0..2).map(|r| -(0..3).map(|c| q(r * 3 + c) * log[r * 3 + c]).sum::<f64>()).collect()
    };
    let target = host(&q, [2, 3]);
    let sum = CrossEntropy { reduction: Reduction::Sum, ..Default::default() };
    check(&x.cross_entropy(&target, 1, sum), &[], &[want(&|i| f64::from(q[i])).iter().sum()]);
    let smooth = CrossEntropy { label_smoothing: 0.3, reduction: Reduction::None, ..sum };
    check(&x.cross_entropy(&target, 1, smooth), &[2], &want(&|i| 0.7 * f64::from(q[i]) + 0.1));
    let masked = host(&[f32::NEG_INFINITY, 0.0], [1, 2]);
    check(&masked.cross_entropy(&host(&[0.0f32, 1.0], [1, 2]), 1, sum), &[], &[0.0]);
    let ignoring = CrossEntropy { ignore_index: Some(1), ..sum };
    assert!(error(&x.cross_entropy(&target, 1, ignoring)).contains("without ignore_index"));
}

#[test]
fn losses_of_elements() {
    let (x, v) = noise(26, [5]);
    let (y, w) = noise(27, [5]);
    let pairs: Vec<(f64, f64)> = v.iter().copied().zip(w.iter().copied()).collect();
    let each = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|&(a, b)| f(a, b)).collect::<Vec<f64>>();
    let mean = |f: &dyn Fn(f64, f64) -> f64| each(f).iter().sum::<f64>() / 5.0;
    check(&x.mse(&y, Reduction::Mean), &[], &[mean(&|a, b| (a - b).powi(2))]);
    check(&x.mae(&y, Reduction::None), &[5], &each(&|a, b| (a - b).abs()));
    let huber = |a: f64, b: f64| {
        let d = (a - b).abs();
        if d <= 0.75 { d * d / 2.0 } else { 0.75 * (d - 0.375) }
    };
    check(&x.huber(&y, 0.75, Reduction::Sum), &[], &[each(&huber).iter().sum()]);
    let (t, positive) = (y.sigmoid(), host(&[3.0f32], [1]));
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let bce = |x: f64, y: f64| -sigmoid(y) * sigmoid(x).ln() - (1.0 - sigmoid(y)) * sigmoid(-x).ln();
    check(&x.bce_with_logits(&t, None, Reduction::None), &[5], &each(&bce));
    let weighted = |x: f64, y: f64| -3.0 * sigmoid(y) * sigmoid(x).ln() - (1.0 - sigmoid(y)) * sigmoid(-x).ln();
    check(&x.bce_with_logits(&t, Some(&positive), Reduction::Mean), &[], &[mean(&weighted)]);
    let tail =
        bounded(&host(&[20.0f32, -20.0], [2]).bce_with_logits(&host(&[1.0f32, 0.0], [2]), None, Reduction::None));
    for i in 0..2 {
        assert!((tail.values[i] / 2.061_153_620_314_381e-9 - 1.0).abs() < 1e-9, "{tail:?}");
        assert!(tail.error(i) < 1e-4 * tail.values[i], "{tail:?}");
    }
    let p = host(&[0.0f32, 0.25, 0.75], [3]);
    let q = host(&[0.5f32, 0.25, 0.25], [3]).log();
    check(&q.kl_div(&p, Reduction::Sum), &[], &[0.75 * 3f64.ln()]);
    check(&host(&[f32::NEG_INFINITY, 0.0], [2]).kl_div(&host(&[0.0f32, 1.0], [2]), Reduction::Sum), &[], &[0.0]);
}
