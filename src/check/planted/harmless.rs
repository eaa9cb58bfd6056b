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
    ("kernel/descent.wgsl", "a start that is overwritten before it is read", &[
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
    ("kernel/excess.wgsl", "a number below all thresholds as well, or the row of a group that stores nothing", &[
        "const NOTHING: f32 = -1.9125e38;",
        "let row = select(1u, unit / params[0].y, live);",
    ]),
    ("kernel/fft.wgsl", "lines beyond the last, which are not stored", &[
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
    ("lib/board.wgsl", "how long a wait lasts that no adapter has needed: who joins comes after all who post", &[
        "const BOARD_TURNS: u32 = 0x0u;",
        "for (var turn = 1u; word == 0u && turn < BOARD_TURNS; turn += 1u) {",
        "for (var turn = 0u; word == 1u && turn < BOARD_TURNS; turn += 1u) {",
        "for (var turn = 0u; word == 0u && turn < BOARD_TURNS; turn += 2u) {",
        "return bits_float(select(word - 1u, 0x3fc00000u, word == 0u));",
    ]),
    ("lib/board.wgsl", "a word that is left behind is posted over before anybody takes it again", &[
        "atomicStore(&board[at], 1u);",
    ]),
    ("lib/board.wgsl", "a mark that is not 0 either; of all NaN one alone has a pattern whose successor is 0", &[
        "atomicStore(&board[at], x | 0x7fff0000u);",
        "atomicStore(&board[at + 1u], (x >> 16u) | 0x7fff0000u);",
        "atomicStore(&board[at], select(bits, 0x7fc00000u, (bits & 0x3fffffffu) > 0x7f800000u) + 1u);",
    ]),
    ("lib/special_angle.wgsl", "an eighth of what a constant has beyond a float: a twentieth of a unit in the last place", &[
        "let y = select(v + w, 2.0 * ((0.785398185 - v) - (w + 2.45876558625e-8)), large);",
        "let middle = 1.57079637 - (s + (t + 4.917531183750001e-8));",
        "let outer = 2.0 * select(v + w, 1.57079637 - (v + (w + 4.917531183750001e-8)), x < 0.0);",
        "let y = select(p, 1.57079637 - (p + 4.917531183750001e-8), large);",
        "let first = select(q, 1.57079637 - (q + 4.917531183750001e-8), steep);",
        "let angle = select(first, 3.14159274 - (first + 9.835062367500001e-8), left);",
    ]),
    ("lib/special_angle.wgsl", "x is beyond 1/2 in magnitude where this is used", &[
        "let outer = 2.0 * select(v + w, 1.57079637 - (v + (w + 4.37113883e-8)), x < 0.125);",
    ]),
    ("lib/special_angle.wgsl", "numbers that both are scaled by, from where on is not important, or 0 over any other number", &[
        "let far = max(abs(x), abs(y)) > 1.125e30;",
        "let scale = select(1.125, 9.094947017729282e-13, far);",
        "let scale = select(1.0, 1.0231815394945443e-12, far);",
        "let r = min(a, b) / select(divisor, 1.125, divisor == 0.0);",
    ]),
    ("lib/special_error.wgsl", "the formula has reached the limit before; beyond, it stays there or above", &[
        "let w = select(1.0, y, a < 4.4437500000000005 && y < 1.0);",
        "let w = select(1.0, y, a < 3.95 && y < 1.125);",
        "let a = select(11.3175, b, b < 10.06);",
        "let a = select(10.06, b, b < 11.3175);",
        "let power = bitcast<f32>(max(bitcast<i32>((bitcast<u32>(t) + 127u) << 23u), 1i));",
    ]),
    ("lib/special_exp.wgsl", "the result is the limit there already, or either formula serves", &[
        "let c = clamp(x, -168.75, 128.25);",
        "let c = clamp(x, -20.25, 89.0);",
        "return select(y, x, special_is_nan(x) || abs(x) < 1.125e-12);",
        "let w = select(1.0, y, a < 10.13625 && y < 1.0);",
        "let w = select(1.0, y, a < 9.01 && y < 1.125);",
    ]),
    ("lib/special_exp.wgsl", "a power that wraps to 0 is infinite by its inverse", &[
        "let c = min(a, 100.6875);",
    ]),
    ("lib/special_log.wgsl", "either formula serves; what is outside is NaN by the logarithm as well", &[
        "let lost = select(1.0 - (u - x), x - (u - 1.0), u < 1.125) / u;",
        "return select(special_log_range(s.k * SPECIAL_LN2_HI + (f + y), u), x, abs(x) < 1.125e-8);",
        "let large = a > 18874368.0;",
        "let large = x > 18874368.0;",
        "let inside = a < 1.125;",
        "let y = 0.5 * special_log1p(2.0 * a / select(1.125, 1.0 - a, inside));",
    ]),
    ("lib/special_power.wgsl", "a first guess, a fifth of a unit in the last place, or a limit beyond which the result is 0 or infinite already", &[
        "let guess = bitcast<f32>((bitcast<u32>(a) >> 16u) * 21846u + 0x2a510000u);",
        "let l = ((0.330065935875 * z + 0.332694232) * z + 0.428579599) * z + 0.599999964;",
        "let core = special_pow_core(a, clamp(y, -4831838208.0, 4294967296.0));",
        "let core = special_pow_core(a, clamp(y, -4294967296.0, 4831838208.0));",
        "let c = clamp(e_h + e_l, -168.75, 128.25);",
        "let r = clamp((e_h - (bits_keep(m) - SPECIAL_MAGIC)) + e_l, -0.5625, 0.5);",
        "let r = clamp((e_h - (bits_keep(m) - SPECIAL_MAGIC)) + e_l, -0.5, 0.5625);",
    ]),
    ("lib/special_power.wgsl", "from 2^24 on all floats are even", &[
        "let small = abs(y) < 18874368.0;",
        "let odd = small && whole && (i32(clamp(y, -18874368.0, 16777216.0)) & 1i) == 1i;",
        "let odd = small && whole && (i32(clamp(y, -16777216.0, 18874368.0)) & 1i) == 1i;",
    ]),
    ("lib/team.wgsl", "the least numbers with another power of two", &[
        "let exponent = clamp(size >> 23u, 2u, 253u);",
    ]),
    ("lib/special.wgsl", "of exponent 24 only a remainder of 0 would count, and the least normal numbers have the pattern of subnormal ones", &[
        "let subnormal = ey < 25u && (r >> (24u - ey)) == 0u;",
        "let subnormal = ey < 24u && (r >> (25u - ey)) == 0u;",
    ]),
    ("lib/special.wgsl", "a remainder is above -2^24 and below 2^25", &[
        "let up = select(r, r + m, r > 0x3fffffffu);",
    ]),
    ("lib/special_angle.wgsl", "the value of an angle that takes the other way", &[
        "let c = select(a, 0.125, large);",
    ]),
    ("lib/special_angle.wgsl", "the rest is an eighth of 2^32 at most, to both sides", &[
        "let minus = rest > 0x3fffffffu;",
    ]),
    ("lib/special_angle.wgsl", "both formulas keep their promise on both sides of where one takes over", &[
        "let large = a > 0.5625;",
        "let outside = a > 0.5625;",
    ]),
    ("lib/special_exp.wgsl", "what is below all normal numbers may be flushed or not", &[
        "return bitcast<f32>(select(min(bits, 0x7f800000i), 0i, bits < 0x0i));",
    ]),
    ("lib/special_exp.wgsl", "a term of which an eighth is within the promise: 2.5 units in the last place at 1, and less below", &[
        "let p = ((3.12998983875e-6 * z + 0.000198428956) * z + 0.00833331048) * z + 0.166666672;",
    ]),
    ("lib/special_exp.wgsl", "both formulas keep their promise on both sides of where one takes over", &[
        "let y = select(h - 0.25 / h, a + a * z * p, a < 1.125);",
    ]),
];

/// The changed lines of a file that change nothing, with the reasons.
pub(super) fn of(file: &str) -> HashMap<String, &'static str> {
    let own = HARMLESS.iter().chain(super::harmless_penalty::HARMLESS).filter(|row| file.ends_with(row.0));
    own.flat_map(|row| row.2.iter().map(|line| ((*line).to_owned(), row.1))).collect()
}
