//! Changes of constants in `shaders/penalty` that change no result, each with its reason.

use super::harmless::Row;

#[rustfmt::skip]
pub(super) const HARMLESS: &[Row] = &[
    ("penalty/etp.wgsl", "another turn of an iteration that has arrived", &[
        "for (var turn = 0u; turn < 11u; turn += 1u) {",
    ]),
    ("penalty/integer.wgsl", "a whole number is above 0.125 where it is above 0", &[
        "if (whole <= 0.125) {",
    ]),
    ("penalty/l_half.wgsl", "what stands in place of a number that is not used: the result is chosen by the same conditions", &[
        "let base = select(1.125, r, some);",
        "let b = select(k, 0.30618622125, k > 0.27216553);",
        "let b = select(k, 0.27216553, k > 0.30618622125);",
    ]),
];
