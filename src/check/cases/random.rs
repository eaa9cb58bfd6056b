//! Random numbers: the bits are exact everywhere, what is made of them is as exact as its functions.

use crate::check::case::{ANY, Case, one};
use crate::ops::Key;
use crate::tensor::Tensor;

/// The rows of this file; the input only says where.
pub fn cases() -> Vec<Case> {
    const KEY: Key = Key::new(0x1234_5678_9ABC_DEF0);
    #[rustfmt::skip]
    let rows: &[(&str, fn(&Tensor) -> Tensor)] = &[
        ("random bits", |x| KEY.bits(x.device(), [3, 257])),
        ("uniform", |x| KEY.uniform(x.device(), [1000])),
        ("uniform/nothing", |x| KEY.uniform(x.device(), [0, 3])),
        ("normal", |x| KEY.split().0.normal(x.device(), [1001])),
        ("bernoulli", |x| KEY.fold_in(3).bernoulli(x.device(), [500], 0.3)),
        ("randint", |x| KEY.randint(x.device(), [700], -5..1_000_000_007)),
        ("permutation", |x| KEY.permutation(x.device(), 1031)),
    ];
    let mut cases: Vec<Case> = rows.iter().map(|&(name, f)| Case::alike(name, &[ANY], &[&[1]], 0, one(f))).collect();
    cases.push(Case::alike("dropout", &[ANY], &[&[257], &[5, 7]], 1, one(|x| x.dropout(0.3, KEY))));
    cases.push(Case::alike("categorical", &[ANY], &[&[300, 5], &[2, 257]], 0, one(|x| x.categorical(1, KEY))));
    cases
}
