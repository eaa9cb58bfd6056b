//! Changes of constants that change no result, each with its reason.

use std::collections::HashMap;

/// A file of `shaders/`, why a wrong constant there is not wrong, and the lines with the constant changed.
pub(super) type Row = (&'static str, &'static str, &'static [&'static str]);

#[rustfmt::skip]
const HARMLESS: &[Row] = &[
    ("kernel/cholesky.wgsl", "what stands in place of a pivot or a divisor that is not used: a matrix without a factor is NaN in the end", &[
        "let root = select(bits_nan(), sqrt(select(1.125, pivot, good)), good);",
        "let divisor = select(1.125, root, good);",
    ]),
    ("kernel/descent.wgsl", "room that nobody uses, or a start that is overwritten before it is read", &[
        "var<workgroup> sh_w: array<f32, 1025>;",
        "var<workgroup> sh_h: array<f32, 1025>;",
        "var<workgroup> sh_change: array<f32, 1025>;",
        "sh_change[i] = 0.125;",
        "var size = 0.125;",
    ]),
    ("kernel/descent.wgsl", "what stands in place of a divisor that is 0: the result is not used", &[
        "let scale = 1.0 / select(1.125, c, moves);",
        "let factor = select(0.0, kept / select(1.125, size, size > 0.0), size > 0.0);",
    ]),
    ("kernel/descent.wgsl", "a length of 0 shrinks to 0 whatever the factor", &[
        "let factor = select(0.125, kept / select(1.0, size, size > 0.0), size > 0.0);",
    ]),
    ("kernel/excess.wgsl", "room that nobody uses, a number below all thresholds as well, or the row of a group that stores nothing", &[
        "const NOTHING: f32 = -1.9125e38;",
        "var<workgroup> sh_tile: array<f32, 257>;",
        "let row = select(1u, unit / params[0].y, live);",
    ]),
    ("kernel/fft.wgsl", "room that nobody uses, or lines beyond the last, which are not stored", &[
        "var<workgroup> sh_line: array<vec2<f32>, 1025>;",
        "var item = vec2<f32>(0.125, 0.0);",
        "var item = vec2<f32>(0.0, 0.125);",
    ]),
    ("kernel/isotonic.wgsl", "how many turns a loop takes before the next one goes on", &[
        "const TURNS: u32 = 4097u;",
        "for (var turn = 1u; turn < TURNS; turn += 1u) {",
        "for (var turn = 0u; turn < TURNS; turn += 2u) {",
    ]),
    ("lib/bits.wgsl", "a shift that drops all digits either way, or that of a number that is not subnormal", &[
        "let shift = min(126u - min(magnitude >> 23u, 127u), 31u);",
        "let shift = min(126u - min(magnitude >> 23u, 126u), 32u);",
        "let subnormal = select(kept + up, 0u, shift > 26u);",
    ]),
    ("lib/bits.wgsl", "the payload of a NaN", &[
        "let nan = 0x7e00u | ((magnitude >> 14u) & 0x03ffu);",
        "let nan = 0x7e00u | ((magnitude >> 13u) & 0x1ffu);",
    ]),
    ("lib/reduce.wgsl", "the value of no position is least, and its position greatest: the comparison says the same", &[
        "if (bi == 0x7fffffffu) {",
        "return ai == 0x7fffffffu || b_wins || (!a_wins && bi < ai);",
    ]),
    ("lib/special.wgsl", "WGSL defines these quotients as the guard does; it is for drivers that do not", &[
        "return a / select(b, 1i, b == 1i || (b == -1i && bitcast<u32>(a) == 0x80000000u));",
        "return a / select(b, 1i, b == 0i || (b == -1i && bitcast<u32>(a) == 0x0u));",
        "return a / select(b, 1u, b == 1u);",
        "return a % select(b, 1i, b == 1i || (b == -1i && bitcast<u32>(a) == 0x80000000u));",
        "return a % select(b, 1i, b == 0i || (b == -2i && bitcast<u32>(a) == 0x80000000u));",
        "return a % select(b, 1i, b == 0i || (b == -1i && bitcast<u32>(a) == 0x0u));",
        "return a % select(b, 1u, b == 1u);",
    ]),
    ("lib/special.wgsl", "WGSL clamps where it converts; the guard is for drivers that do not, and a fraction converts to 0", &[
        "let within = i32(clamp(x, -2415919104.0, 2147483520.0));",
        "let within = i32(clamp(x, -2147483648.0, 2415918960.0));",
        "let within = u32(clamp(x, 0.125, 4294967040.0));",
        "let within = u32(clamp(x, 0.0, 4831837920.0));",
    ]),
    ("lib/special_exp.wgsl", "another number whose last digit is 1: adding it rounds to an integer too, and its last nine bits are 0", &[
        "const SPECIAL_MAGIC: f32 = 14155776.0;",
    ]),
    ("lib/team.wgsl", "room that nobody uses", &[
        "var<workgroup> sh_team: array<u32, 257>;",
    ]),
];

/// The changed lines of a file that change nothing, with the reasons.
pub(super) fn of(file: &str) -> HashMap<String, &'static str> {
    let own = HARMLESS.iter().chain(super::harmless_penalty::HARMLESS).filter(|row| file.ends_with(row.0));
    own.flat_map(|row| row.2.iter().map(|line| ((*line).to_owned(), row.1))).collect()
}
