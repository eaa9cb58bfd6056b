//! Functions that mix components: packing, products of vectors and matrices, bit fields, 64-bit and half-precision arithmetic. The shader
//! has `w` and `v`, four words each; `small(x)` is a whole number from -8 to 7, of which sums of products are exact; `some(x)` one in
//! [-8, 8) in steps of 2^-12.
use super::super::expect::ulp;
use super::rows_int::{extract, extract_signed, insert};
use super::{Expect, Free, d, f};

const NONE: wgpu::Features = wgpu::Features::empty();
const WIDE: wgpu::Features = wgpu::Features::SHADER_INT64;
const HALF: wgpu::Features = wgpu::Features::SHADER_F16;

/// One word that counts; the shader leaves the others zero.
fn one(w: Expect) -> [Expect; 4] {
    [w, Expect::Word(0), Expect::Word(0), Expect::Word(0)]
}

fn word(w: u32) -> [Expect; 4] {
    one(Expect::Word(w))
}

fn small(x: u32) -> f32 {
    ((x & 15).cast_signed() - 8) as f32
}

fn some(x: u32) -> f64 {
    f64::from((x & 0xffff).cast_signed() - 32768) / 4096.0
}

fn reals(x: [f32; 4]) -> [Expect; 4] {
    x.map(Expect::Real)
}

/// Within so many units in the last place of `part`.
fn near(want: f64, part: f64, units: f64) -> Expect {
    let far = units * ulp(part.abs().max(want.abs()));
    Expect::Near { want, spec: far, ours: far }
}

/// A float that any packing may round either way.
fn packed(x: [f64; 4], low: f64, scale: f64) -> Option<[u32; 4]> {
    let scaled = x.map(|x| 0.5 + scale * x.clamp(low, 1.0));
    // close to the middle of two steps, rounding in f32 decides
    let close = scaled.iter().any(|s| (s - s.round()).abs() < 1e-2);
    (!close).then(|| scaled.map(|s| s.floor() as i32 as u32))
}

fn bytes(p: [u32; 4]) -> u32 {
    u32::from_le_bytes(p.map(|p| p as u8))
}

fn signed(w: u32) -> [i32; 4] {
    w.to_le_bytes().map(|b| i32::from(b as i8))
}

fn wide(a: &[u32]) -> u64 {
    u64::from(a[0]) | u64::from(a[1]) << 32
}

fn pair(x: u64) -> [Expect; 4] {
    [Expect::Word(x as u32), Expect::Word((x >> 32) as u32), Expect::Word(0), Expect::Word(0)]
}

/// The f16 in the low half, if it is a plain number.
fn half(w: u32) -> Option<f64> {
    let (e, m) = ((w >> 10 & 31).cast_signed(), f64::from(w & 0x3ff));
    let v = (1024.0 + m) * 2f64.powi(e - 25);
    let plain = e != 31 && (e != 0 || m == 0.0);
    plain.then_some(if e == 0 {
        0.0
    } else if w & 0x8000 == 0 {
        v
    } else {
        -v
    })
}

/// The value rounded to f16, if it is a plain number of that type.
fn to_half(x: f64) -> Option<f32> {
    if x == 0.0 {
        return Some(0.0);
    }
    let e = (x.abs().to_bits() >> 52) as i32 - 1023;
    let unit = 2f64.powi(e - 10);
    let r = (x / unit).round_ties_even() * unit;
    ((-14..=15).contains(&e) && r.abs() <= 65504.0).then_some(r as f32)
}

/// An operation on the two low halves of `w.x` and `w.y`, right to one rounding.
fn half_operation(w: [u32; 8], f: fn(f64, f64) -> f64) -> [Expect; 4] {
    let want = half(w[0]).zip(half(w[1])).and_then(|(a, b)| to_half(f(a, b)));
    one(want.map_or(Expect::Open, Expect::Real))
}

macro_rules! free {
    ($wgsl:literal, $want:expr) => {
        free!($wgsl, NONE, $want)
    };
    ($wgsl:literal, $needs:expr, $want:expr) => {
        Free { wgsl: $wgsl, needs: $needs, want: $want }
    };
}

macro_rules! wide {
    ($type:literal, $e:literal, |$a:ident, $b:ident| $want:expr) => {
        Free {
            wgsl: concat!(
                "let a = ",
                $type,
                "((u64(w.y) << 32u) | u64(w.x)); let b = ",
                $type,
                "((u64(w.w) << 32u) | u64(w.z));
                let r = u64(",
                $e,
                "); out[g.x] = vec4(u32(r), u32(r >> 32u), 0u, 0u);"
            ),
            needs: WIDE,
            want: |w| {
                let ($a, $b) = (wide(&w[..2]), wide(&w[2..4]));
                let _ = ($a, $b);
                pair($want)
            },
        }
    };
}

macro_rules! half {
    ($e:literal, $want:expr) => {
        Free {
            wgsl: concat!(
                "let a = f16(unpack2x16float(w.x).x); let b = f16(unpack2x16float(w.y).x); let r = ",
                $e,
                ";
                out[g.x] = vec4(bitcast<u32>(f32(r)), 0u, 0u, 0u);"
            ),
            needs: HALF,
            want: |w| half_operation(w, $want),
        }
    };
}

pub(super) const ROWS: &[Free] = &[
    free!("out[g.x] = vec4(pack4x8snorm(vec4(some(w.x), some(w.y), some(w.z), some(w.w)) * 0.25), 0u, 0u, 0u);", |w| {
        let x = [0, 1, 2, 3].map(|k| some(w[k]) * 0.25);
        packed(x, -1.0, 127.0).map_or([Expect::Open; 4], |p| word(bytes(p)))
    }),
    free!("out[g.x] = vec4(pack4x8unorm(vec4(some(w.x), some(w.y), some(w.z), some(w.w)) * 0.25), 0u, 0u, 0u);", |w| {
        let x = [0, 1, 2, 3].map(|k| some(w[k]) * 0.25);
        packed(x, 0.0, 255.0).map_or([Expect::Open; 4], |p| word(bytes(p)))
    }),
    free!("out[g.x] = vec4(pack2x16snorm(vec2(some(w.x), some(w.y)) * 0.25), 0u, 0u, 0u);", |w| {
        packed([some(w[0]) * 0.25, some(w[1]) * 0.25, 0.3, 0.3], -1.0, 32767.0).map_or([Expect::Open; 4], |p| word(p[0] & 0xffff | p[1] << 16))
    }),
    free!("out[g.x] = vec4(pack2x16unorm(vec2(some(w.x), some(w.y)) * 0.25), 0u, 0u, 0u);", |w| {
        packed([some(w[0]) * 0.25, some(w[1]) * 0.25, 0.3, 0.3], 0.0, 65535.0).map_or([Expect::Open; 4], |p| word(p[0] | p[1] << 16))
    }),
    free!("out[g.x] = vec4(pack2x16float(vec2(some(w.x), some(w.y))), 0u, 0u, 0u);", |w| {
        let half_bits = |x: f64| -> Option<u32> {
            let r = to_half(x)?;
            if r == 0.0 { return None; }
            let b = r.to_bits();
            Some(b >> 16 & 0x8000 | ((b >> 23 & 0xff) - 112) << 10 | b >> 13 & 0x3ff)
        };
        half_bits(some(w[0])).zip(half_bits(some(w[1]))).map_or([Expect::Open; 4], |(a, b)| word(a | b << 16))
    }),
    free!("out[g.x] = bitcast<vec4<u32>>(unpack4x8snorm(w.x));", |w| signed(w[0]).map(|b| near((f64::from(b) / 127.0).max(-1.0), 0.0, 1.5))),
    free!("out[g.x] = bitcast<vec4<u32>>(unpack4x8unorm(w.x));", |w| w[0].to_le_bytes().map(|b| near(f64::from(b) / 255.0, 0.0, 1.5))),
    free!("let r = unpack2x16snorm(w.x); out[g.x] = vec4(bitcast<vec2<u32>>(r), 0u, 0u);", |w| {
        let at = |s: u32| near((f64::from((w[0] >> s) as i16) / 32767.0).max(-1.0), 0.0, 1.5);
        [at(0), at(16), Expect::Word(0), Expect::Word(0)]
    }),
    free!("let r = unpack2x16unorm(w.x); out[g.x] = vec4(bitcast<vec2<u32>>(r), 0u, 0u);", |w| {
        let at = |s: u32| near(f64::from((w[0] >> s) as u16) / 65535.0, 0.0, 1.5);
        [at(0), at(16), Expect::Word(0), Expect::Word(0)]
    }),
    free!("let r = unpack2x16float(w.x); out[g.x] = vec4(bitcast<vec2<u32>>(r), 0u, 0u);", |w| {
        let at = |s: u32| half(w[0] >> s).map_or(Expect::Open, |x| Expect::Real(x as f32));
        [at(0), at(16), Expect::Word(0), Expect::Word(0)]
    }),
    free!("out[g.x] = vec4(pack4xI8(bitcast<vec4<i32>>(w)), 0u, 0u, 0u);", |w| word(bytes([w[0], w[1], w[2], w[3]]))),
    free!("out[g.x] = vec4(pack4xU8(w), 0u, 0u, 0u);", |w| word(bytes([w[0], w[1], w[2], w[3]]))),
    free!("out[g.x] = vec4(pack4xI8Clamp(bitcast<vec4<i32>>(w)), 0u, 0u, 0u);", |w| {
        word(bytes([0, 1, 2, 3].map(|k| w[k].cast_signed().clamp(-128, 127).cast_unsigned())))
    }),
    free!("out[g.x] = vec4(pack4xU8Clamp(w), 0u, 0u, 0u);", |w| word(bytes([0, 1, 2, 3].map(|k| w[k].min(255))))),
    free!("out[g.x] = bitcast<vec4<u32>>(unpack4xI8(w.x));", |w| signed(w[0]).map(|b| Expect::Word(b.cast_unsigned()))),
    free!("out[g.x] = unpack4xU8(w.x);", |w| w[0].to_le_bytes().map(|b| Expect::Word(u32::from(b)))),
    free!("out[g.x] = vec4(u32(dot4I8Packed(w.x, w.y)), 0u, 0u, 0u);", |w| {
        word(signed(w[0]).into_iter().zip(signed(w[1])).map(|(a, b)| a * b).sum::<i32>().cast_unsigned())
    }),
    free!("out[g.x] = vec4(dot4U8Packed(w.x, w.y), 0u, 0u, 0u);", |w| {
        word(w[0].to_le_bytes().into_iter().zip(w[1].to_le_bytes()).map(|(a, b)| u32::from(a) * u32::from(b)).sum())
    }),
    free!("out[g.x] = extractBits(w, v.x, v.y);", |w| [0, 1, 2, 3].map(|k| Expect::Word(extract(w[k], w[4], w[5])))),
    free!("out[g.x] = bitcast<vec4<u32>>(extractBits(bitcast<vec4<i32>>(w), v.x, v.y));", |w| {
        [0, 1, 2, 3].map(|k| Expect::Word(extract_signed(w[k], w[4], w[5])))
    }),
    free!("out[g.x] = insertBits(w, w.yzwx, v.x, v.y);", |w| [0, 1, 2, 3].map(|k| Expect::Word(insert(w[k], w[(k + 1) % 4], w[4], w[5])))),
    free!("out[g.x] = extractBits(w, v.x & 31u, v.y & 15u);", |w| [0, 1, 2, 3].map(|k| Expect::Word(extract(w[k], w[4] & 31, w[5] & 15)))),
    free!("out[g.x] = vec4(dot(w, v), 0u, 0u, 0u);", |w| word((0..4).fold(0u32, |s, k| s.wrapping_add(w[k].wrapping_mul(w[k + 4]))))),
    free!("out[g.x] = vec4(u32(dot(bitcast<vec3<i32>>(w.xyz), bitcast<vec3<i32>>(v.xyz))), 0u, 0u, 0u);", |w| {
        word((0..3).fold(0u32, |s, k| s.wrapping_add(w[k].wrapping_mul(w[k + 4]))))
    }),
    free!("let a = vec4(small(w.x), small(w.y), small(w.z), small(w.w)); let b = vec4(small(v.x), small(v.y), small(v.z), small(v.w));
        out[g.x] = bitcast<vec4<u32>>(vec4(dot(a, b), dot(a.xyz, b.xyz), dot(a.xy, b.xy), dot(a, a)));", |w| {
        let sum = |n: usize| (0..n).map(|k| small(w[k]) * small(w[k + 4])).sum::<f32>();
        reals([sum(4), sum(3), sum(2), (0..4).map(|k| small(w[k]) * small(w[k])).sum()])
    }),
    free!("let a = vec3(small(w.x), small(w.y), small(w.z)); let b = vec3(small(v.x), small(v.y), small(v.z));
        out[g.x] = bitcast<vec4<u32>>(vec4(cross(a, b), 1.0));", |w| {
        let (a, b) = ([0, 1, 2].map(|k| small(w[k])), [4, 5, 6].map(|k| small(w[k])));
        reals([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0], 1.0])
    }),
    free!("let a = vec4(some(w.x), some(w.y), some(w.z), some(w.w)); let b = vec4(some(v.x), some(v.y), some(v.z), some(v.w));
        out[g.x] = bitcast<vec4<u32>>(vec4(length(a), distance(a, b), length(a.xy), length(a.x)));", |w| {
        let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
        let values = [
            norm(&mut (0..4).map(|k| some(w[k]))),
            norm(&mut (0..4).map(|k| some(w[k]) - some(w[k + 4]))),
            norm(&mut (0..2).map(|k| some(w[k]))),
            some(w[0]).abs(),
        ];
        values.map(|x| near(x, x, 8.0))
    }),
    free!("let a = vec4(some(w.x), some(w.y), some(w.z), some(w.w)); out[g.x] = bitcast<vec4<u32>>(normalize(a));", |w| {
        let norm = (0..4).map(|k| some(w[k]) * some(w[k])).sum::<f64>().sqrt();
        [0, 1, 2, 3].map(|k| near(some(w[k]) / norm, some(w[k]) / norm, 10.0))
    }),
    free!("let a = vec2(small(w.x), small(w.y)); let b = vec2(small(v.x), small(v.y));
        out[g.x] = bitcast<vec4<u32>>(vec4(reflect(a, b), faceForward(a, b, vec2(small(w.z), small(w.w)))));", |w| {
        let (a, b, c) = ([small(w[0]), small(w[1])], [small(w[4]), small(w[5])], [small(w[2]), small(w[3])]);
        let (ab, bc) = (a[0] * b[0] + a[1] * b[1], b[0] * c[0] + b[1] * c[1]);
        let sign = if bc < 0.0 { 1.0 } else { -1.0 };
        reals([a[0] - 2.0 * ab * b[0], a[1] - 2.0 * ab * b[1], sign * a[0], sign * a[1]])
    }),
    free!("let a = normalize(vec2(some(w.x), some(w.y))); let b = normalize(vec2(some(v.x), some(v.y)));
        out[g.x] = vec4(bitcast<vec2<u32>>(refract(a, b, 0.75)), 0u, 0u);", |w| {
        let unit = |x: f64, y: f64| [x / x.hypot(y), y / x.hypot(y)];
        let (a, b) = (unit(some(w[0]), some(w[1])), unit(some(w[4]), some(w[5])));
        let c = a[0] * b[0] + a[1] * b[1];
        let k = 1.0 - 0.5625 * (1.0 - c * c);
        let part = |j: usize| 0.75 * a[j] - (0.75 * c + k.sqrt()) * b[j];
        if part(0).is_nan() { return [Expect::Open; 4]; }
        [near(part(0), 4.0, 8.0), near(part(1), 4.0, 8.0), Expect::Word(0), Expect::Word(0)]
    }),
    free!("let m = mat2x2(small(w.x), small(w.y), small(w.z), small(w.w)); let n = mat2x2(small(v.x), small(v.y), small(v.z), small(v.w));
        let p = m * n; out[g.x] = bitcast<vec4<u32>>(vec4(p[0], p[1]));", |w| {
        let (m, n) = ([0, 1, 2, 3].map(|k| small(w[k])), [4, 5, 6, 7].map(|k| small(w[k])));
        reals([m[0] * n[0] + m[2] * n[1], m[1] * n[0] + m[3] * n[1], m[0] * n[2] + m[2] * n[3], m[1] * n[2] + m[3] * n[3]])
    }),
    free!("let m = mat3x2(small(w.x), small(w.y), small(w.z), small(w.w), small(v.x), small(v.y)); let t = transpose(m);
        let p = m * vec3(small(v.z), 1.0, 2.0); let q = vec2(small(v.w), 3.0) * m; out[g.x] = bitcast<vec4<u32>>(vec4(p, q.x + 1000.0 * q.z, t[1].z));", |w| {
        let m = [0, 1, 2, 3, 4, 5].map(|k| small(w[k]));
        let (x, y) = (small(w[6]), small(w[7]));
        reals([m[0] * x + m[2] + 2.0 * m[4], m[1] * x + m[3] + 2.0 * m[5], (y * m[0] + 3.0 * m[1]) + 1000.0 * (y * m[4] + 3.0 * m[5]), m[5]])
    }),
    free!("let a = vec3(small(w.x), small(w.y), small(w.z)); let b = vec3(small(w.w), small(v.x), small(v.y)); let c = vec3(small(v.z), small(v.w), 1.0);
        let m = mat3x3(a, b, c); let n = mat4x4(vec4(a, 0.0), vec4(b, 0.0), vec4(c, 0.0), vec4(0.0, 0.0, 0.0, 2.0));
        out[g.x] = bitcast<vec4<u32>>(vec4(determinant(m), determinant(n), determinant(mat2x2(a.xy, b.xy)), 0.0));", |w| {
        let m: [f32; 9] = [w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], 9].map(small);
        let det = m[0] * (m[4] * m[8] - m[5] * m[7]) - m[3] * (m[1] * m[8] - m[2] * m[7]) + m[6] * (m[1] * m[5] - m[2] * m[4]);
        reals([det, 2.0 * det, m[0] * m[4] - m[1] * m[3], 0.0])
    }),
    free!("let a = (w & vec4(1u)) == vec4(1u); out[g.x] = vec4(u32(any(a)), u32(all(a)), u32(all(a.xy)), u32(any(a.zw)));", |w| {
        let a = [0, 1, 2, 3].map(|k| w[k] & 1 == 1);
        [a.contains(&true), !a.contains(&false), a[0] && a[1], a[2] || a[3]].map(|x| Expect::Word(u32::from(x)))
    }),
    free!("out[g.x] = vec4(bitcast<u32>(bitcast<f32>(w.x)), bitcast<u32>(bitcast<i32>(w.y)), bitcast<u32>(i32(w.z)), u32(bitcast<i32>(w.w)));", |w| {
        let first = if f(w[0]).is_nan() || d(w[0]) != 0.0 && !f(w[0]).is_normal() { Expect::Open } else { Expect::Word(w[0]) };
        [first, Expect::Word(w[1]), Expect::Word(w[2]), Expect::Word(w[3])]
    }),
    wide!("u64", "a + b", |a, b| a.wrapping_add(b)),
    wide!("u64", "a - b", |a, b| a.wrapping_sub(b)),
    wide!("u64", "a * b", |a, b| a.wrapping_mul(b)),
    wide!("u64", "a / b", |a, b| a.checked_div(b).unwrap_or(a)),
    wide!("u64", "a % b", |a, b| a.checked_rem(b).unwrap_or(0)),
    wide!("i64", "a / b", |a, b| a.cast_signed().checked_div(b.cast_signed()).unwrap_or(a.cast_signed()).cast_unsigned()),
    wide!("i64", "a % b", |a, b| a.cast_signed().checked_rem(b.cast_signed()).unwrap_or(0).cast_unsigned()),
    wide!("i64", "-a", |a, _b| a.wrapping_neg()),
    wide!("u64", "(a & b) ^ ~(a | b)", |a, b| (a & b) ^ !(a | b)),
    wide!("u64", "a << (w.z & 63u)", |a, b| a << (b & 63)),
    wide!("u64", "a >> (w.z & 63u)", |a, b| a >> (b & 63)),
    wide!("i64", "a >> (w.z & 63u)", |a, b| (a.cast_signed() >> (b & 63)).cast_unsigned()),
    wide!("u64", "select(0u, 1u, a < b) + select(0u, 2u, a <= b) + select(0u, 4u, a == b) + select(0u, 8u, a > b)", |a, b| {
        u64::from(a < b) + 2 * u64::from(a <= b) + 4 * u64::from(a == b) + 8 * u64::from(a > b)
    }),
    wide!("i64", "select(0u, 1u, a < b) + select(0u, 2u, a <= b) + select(0u, 4u, a != b) + select(0u, 8u, a >= b)", |a, b| {
        let (a, b) = (a.cast_signed(), b.cast_signed());
        u64::from(a < b) + 2 * u64::from(a <= b) + 4 * u64::from(a != b) + 8 * u64::from(a >= b)
    }),
    wide!("i64", "select(0u, 1u, a > 255li) + select(0u, 2u, a < -7li)", |a, _b| {
        u64::from(a.cast_signed() > 255) + 2 * u64::from(a.cast_signed() < -7)
    }),
    wide!("i64", "select(0u, 1u, i64(bitcast<i32>(w.x)) > 255li)", |a, _b| u64::from(a as i32 > 255)),
    wide!("u64", "max(a, b) - min(a, b)", |a, b| a.max(b) - a.min(b)),
    wide!("i64", "max(a, b)", |a, b| a.cast_signed().max(b.cast_signed()).cast_unsigned()),
    wide!("i64", "min(a, b)", |a, b| a.cast_signed().min(b.cast_signed()).cast_unsigned()),
    wide!("i64", "abs(a)", |a, _b| a.cast_signed().wrapping_abs().cast_unsigned()),
    wide!("i64", "sign(a)", |a, _b| a.cast_signed().signum().cast_unsigned()),
    wide!("i64", "clamp(a, min(b, 5li), max(b, 5li))", |a, b| {
        let (a, b) = (a.cast_signed(), b.cast_signed());
        a.clamp(b.min(5), b.max(5)).cast_unsigned()
    }),
    wide!("i64", "i64(bitcast<i32>(w.x))", |a, _b| i64::from(a as i32).cast_unsigned()),
    wide!("i64", "i64(w.x)", |a, _b| a & 0xffff_ffff),
    wide!("u64", "u64(w.x)", |a, _b| a & 0xffff_ffff),
    wide!("u64", "bitcast<u32>(f32(a >> 40u))", |a, _b| u64::from(((a >> 40) as f32).to_bits())),
    half!("a + b", |a, b| a + b),
    half!("a - b", |a, b| a - b),
    half!("a * b", |a, b| a * b),
    half!("-a", |a, _| -a),
    half!("abs(a)", |a, _| a.abs()),
    half!("min(a, b)", f64::min),
    half!("max(a, b)", f64::max),
    half!("floor(a)", |a, _| a.floor()),
    half!("ceil(a)", |a, _| a.ceil()),
    half!("trunc(a)", |a, _| a.trunc()),
    half!("select(a, b, a < b)", |a, b| if a < b { b } else { a }),
    half!("f16(f32(a))", |a, _| a),
    half!("f16(i32(clamp(a, -1000.0h, 1000.0h)))", |a, _| a.clamp(-1000.0, 1000.0).trunc()),
];
