use super::*;
use crate::kernel::Limits;
use crate::ops::{Conv, CrossEntropy, Key, Pool, Reduction};

/// Asserts how many dispatches each formula takes: its shape is what lets the fusion pass do its work.
#[track_caller]
fn dispatches(cases: Vec<(&str, usize, Tensor)>) {
    for (name, want, t) in cases {
        let plan = crate::pass::lower(&[uploaded(&node(&t))], &Limits::default()).unwrap();
        let labels: Vec<_> = plan.steps.iter().map(|step| &step.kernel.label).collect();
        assert_eq!(labels.len(), want, "{name}: {labels:?}");
    }
}

#[test]
fn row_programs_are_one_kernel() {
    let (x, y, w) = (noise(80, [64, 100]).0, noise(81, [64, 100]).0, noise(82, [100]).0);
    let classes = host(&[1u32; 64], [64]);
    let each = CrossEntropy { reduction: Reduction::None, ..Default::default() };
    dispatches(vec![
        ("softmax", 1, x.softmax(1)),
        ("softmax over columns", 1, x.softmax(0)),
        ("log_softmax", 1, x.log_softmax(1)),
        ("layer_norm", 1, x.layer_norm(1, Some(&w), Some(&w), 1e-5)),
        ("rms_norm", 1, x.rms_norm(1, Some(&w), 1e-5)),
        ("cross_entropy", 1, x.cross_entropy(&classes, 1, each)),
        ("smoothed cross_entropy", 1, x.cross_entropy(&classes, 1, CrossEntropy { label_smoothing: 0.1, ..each })),
        ("mean cross_entropy", 2, x.cross_entropy(&classes, 1, CrossEntropy::default())),
        ("kl_div", 1, y.log_softmax(1).kl_div(&x.softmax(1), Reduction::None).sum(1)),
        ("cosine_similarity", 1, x.cosine_similarity(&y, 1, 1e-8)),
        ("normalize", 1, x.normalize(2.0, 1, 1e-8)),
        ("logsumexp", 1, x.logsumexp(1)),
        ("var", 1, x.var(1, 1)),
        ("std", 1, x.std(0, 1)),
        ("mse", 1, x.mse(&y, Reduction::Mean)),
        ("bce_with_logits", 1, x.bce_with_logits(&y, None, Reduction::Mean)),
    ]);
}

#[test]
fn windows_moves_and_random_numbers_fuse() {
    let (x, w, image) = (noise(83, [64, 100]).0, noise(84, [100]).0, noise(85, [2, 4, 8, 8]).0);
    let kernel = noise(86, [6, 2, 3, 3]).0;
    let grouped = Conv { groups: 2, padding: [1, 1], ..Conv::default() };
    dispatches(vec![
        ("batch_norm", 1, image.batch_norm(1, None, None, 1e-5).0),
        ("conv2d with relu", 1, image.conv2d(&kernel, Some(&noise(87, [6]).0), grouped).relu()),
        ("max_pool", 1, image.max_pool(Pool::new([2, 2]))),
        ("adaptive_avg_pool", 2, image.adaptive_avg_pool([3, 3])),
        ("resize_bilinear", 2, image.resize_bilinear([5, 5], false)),
        ("concat", 1, Tensor::concat(&[&x, &noise(88, [2, 100]).0, &x], 0).unwrap()),
        ("roll", 1, x.roll(1, 3)),
        ("tile", 1, x.tile([2, 2])),
        ("triu", 1, x.triu(0)),
        ("diag", 1, w.diag(0)),
        ("dropout", 1, x.dropout(0.5, Key::new(1)).relu()),
        ("normal", 1, Key::new(1).normal(device(), [100])),
        ("gelu", 1, x.gelu()),
        ("linspace", 1, device().linspace(0.0, 1.0, 100)),
    ]);
}
