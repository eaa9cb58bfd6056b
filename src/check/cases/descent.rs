//! Sweeps of coordinate descent.

use crate::check::case::{ANY, Case, POSITIVE};
use crate::tensor::Tensor;

type Four = &'static [&'static [&'static [usize]]];

/// Nothing, one, odd sizes, and more coordinates than a workgroup has invocations.
#[rustfmt::skip]
const SINGLE: Four = &[
    &[&[0, 0], &[0], &[0], &[3, 0]], &[&[1, 1], &[1], &[1], &[3, 1]], &[&[2, 2], &[2], &[2], &[3, 2]], &[&[5, 5], &[5], &[5], &[3, 5]],
    &[&[37, 37], &[37], &[37], &[3, 37]], &[&[300, 300], &[300], &[300], &[3, 300]],
];

#[rustfmt::skip]
const BLOCKS: Four = &[&[&[3, 3], &[3], &[3], &[3, 1]], &[&[12, 12], &[12], &[12], &[3, 4]], &[&[66, 66], &[66], &[66], &[3, 22]]];

/// The rows of this file. The matrices need not be symmetric here: what is compared is the arithmetic. Bounds grow with every
/// update, so there are one or two sweeps.
pub fn cases() -> Vec<Case> {
    let inputs = [ANY, ANY, ANY, POSITIVE];
    let sweeps = |block: usize, epochs: usize| {
        Box::new(move |x: &[Tensor]| vec![x[0].descent(&x[1], &x[2], &x[3], block, epochs)])
    };
    vec![
        Case::at("descent", &inputs, SINGLE, 0, sweeps(1, 1)),
        Case::at("descent/two sweeps", &inputs, &SINGLE[1..4], 0, sweeps(1, 2)),
        Case::at("descent/no sweep", &inputs, &SINGLE[..4], 0, sweeps(1, 0)),
        Case::at("descent/blocks", &inputs, BLOCKS, 0, sweeps(3, 1)),
    ]
}
