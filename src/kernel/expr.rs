//! WGSL of one scalar function, of loads and stores, and of literals.
//!
//! Expressions have the compute types `f32`, `i32`, `u32`, `bool`. Storage floats are two to a `u32` word of a buffer:
//! a load widens, a store rounds (to nearest, ties to even) and packs two. Everything risky is a call into
//! `shaders/lib`, which [`library::link`](super::library::link) appends.

use crate::dtype::DType;
use crate::graph::{Arg, Func};

/// `func` applied to expressions that have the compute types of `dtypes`. The text is one primary expression (a call or
/// parenthesised), so it can be an operand as it is.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table, one line per function")]
pub fn call(func: &Func, args: &[&str], dtypes: &[DType]) -> String {
    use Func::*;
    let a = args.first().copied().unwrap_or_default();
    let b = args.get(1).copied().unwrap_or_default();
    let dtype = dtypes.first().map_or(DType::F32, |d| d.compute());
    let float = dtype == DType::F32;
    let infix = |symbol: &str| format!("({a} {symbol} {b})");
    let apply = |name: &str| format!("{name}({})", args.join(", "));
    let typed = |name: &str| format!("special_{name}_{}({})", dtype.wgsl(), args.join(", "));
    match func {
        Neg if float => format!("(-({a}))"),
        Neg => format!("({}(0) - {a})", dtype.wgsl()),
        Abs => apply("abs"),
        Sign => typed("sign"),
        // Only a marker for differentiation.
        Detach => a.to_owned(),
        Recip => format!("(1.0 / {a})"),
        Floor => apply("floor"),
        Ceil => apply("ceil"),
        Round => apply("round"),
        Trunc => apply("trunc"),
        Sqrt | Rsqrt | Cbrt | Exp | Exp2 | Expm1 | Log | Log2 | Log1p | Sin | Cos | Tan | Asin | Acos | Atan | Sinh
        | Cosh | Tanh | Asinh | Acosh | Atanh | Sigmoid | Softplus | Erf | Erfc | IsNan | IsFinite | Pow | Atan2
        | Copysign => apply(&format!("special_{}", func.name())),
        Not if dtype == DType::Bool => format!("(!({a}))"),
        Not => format!("(~({a}))"),
        Bits => format!("bitcast<u32>({a})"),
        FromBits => format!("bitcast<f32>({a})"),
        Cast(to) => cast(a, dtypes[0], *to),
        Add => infix("+"),
        Sub => infix("-"),
        Mul => infix("*"),
        Div if float => infix("/"),
        Div => typed("div"),
        Rem => typed("rem"),
        Min if float => apply("special_min"),
        Max if float => apply("special_max"),
        Min => apply("min"),
        Max => apply("max"),
        Eq => infix("=="),
        // Not `!=`: naga makes it an ordered comparison, false for NaN.
        Ne if float => format!("(!({a} == {b}))"),
        Ne => infix("!="),
        Lt => infix("<"),
        Le => infix("<="),
        Gt => infix(">"),
        Ge => infix(">="),
        And if dtype == DType::Bool => infix("&&"),
        And => infix("&"),
        Or if dtype == DType::Bool => infix("||"),
        Or => infix("|"),
        Xor if dtype == DType::Bool => infix("!="),
        Xor => infix("^"),
        Shl => format!("({a} << ({b} & 31u))"),
        Shr => format!("({a} >> ({b} & 31u))"),
        Select => format!("select({}, {b}, {a})", args[2]),
        Philox(word) => {
            let component = ["x", "y", "z", "w"][usize::from(*word)];
            format!("random_philox(vec2<u32>({a}, {b}), vec4<u32>({}, 0u, 0u, 0u)).{component}", args[2])
        }
        Call(snippet) => {
            let mut rest = args.iter();
            let mut next = || rest.next().copied().unwrap_or_default();
            let packed = snippet.args.iter().map(|arg| match arg {
                Arg::Scalar => next().to_owned(),
                Arg::Vec4 => format!("vec4<f32>({}, {}, {}, {})", next(), next(), next(), next()),
            });
            format!("{}({})", snippet.entry, packed.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Conversion between compute types; a narrow float's value is an `f32` rounded to it.
fn cast(a: &str, from: DType, to: DType) -> String {
    match (from.compute(), to) {
        (DType::F32, DType::F16) => format!("bits_round_f16({a})"),
        (DType::F32, DType::BF16) => format!("bits_round_bf16({a})"),
        (_, DType::F16 | DType::BF16) => {
            let wide = cast(a, from, DType::F32);
            cast(&wide, DType::F32, to)
        }
        (DType::F32, DType::I32) => format!("special_to_i32({a})"),
        (DType::F32, DType::U32) => format!("special_to_u32({a})"),
        // Truth of NaN is true, as in NumPy: NaN is not 0.
        (DType::F32, DType::Bool) => format!("((bitcast<u32>({a}) & 0x7fffffffu) != 0u)"),
        (DType::I32, DType::Bool) => format!("({a} != 0i)"),
        (DType::U32, DType::Bool) => format!("({a} != 0u)"),
        (DType::I32, DType::U32) => format!("bitcast<u32>({a})"),
        (DType::U32, DType::I32) => format!("bitcast<i32>({a})"),
        (same, to) if same == to => a.to_owned(),
        (_, to) => format!("{}({a})", to.wgsl()),
    }
}

/// The element type of a storage buffer: `array<…>`.
#[must_use]
pub const fn storage(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "f32",
        DType::I32 => "i32",
        DType::U32 | DType::F16 | DType::BF16 | DType::Bool => "u32",
    }
}

/// Element `index` (a `u32` expression, evaluated up to twice: pass a name) of a buffer of [`storage`] elements, as the
/// compute type.
#[must_use]
pub fn load(dtype: DType, buffer: &str, index: &str, half: bool) -> String {
    match dtype {
        DType::F16 | DType::BF16 => {
            let bits = format!("(({buffer}[({index}) >> 1u] >> ((({index}) & 1u) * 16u)) & 0xffffu)");
            unpack(dtype, &bits, half).swap_remove(0)
        }
        _ => unpack(dtype, &format!("{buffer}[{index}]"), half).swap_remove(0),
    }
}

/// The elements of the word `word` of a buffer, as compute types: two of a storage float, else one; with `half` by the
/// device's own conversion.
#[must_use]
pub fn unpack(dtype: DType, word: &str, half: bool) -> Vec<String> {
    match dtype {
        DType::F16 if half => vec![format!("half_from({word})"), format!("half_from({word} >> 16u)")],
        DType::F32 | DType::I32 | DType::U32 => vec![word.to_owned()],
        DType::Bool => vec![format!("({word} != 0u)")],
        DType::F16 => vec![format!("bits_from_f16({word} & 0xffffu)"), format!("bits_from_f16({word} >> 16u)")],
        DType::BF16 => vec![format!("bits_from_bf16({word} & 0xffffu)"), format!("bits_from_bf16({word} >> 16u)")],
    }
}

/// The buffer word of the values (two for a storage float, which has them exactly, else one): the inverse of [`unpack`].
#[must_use]
pub fn pack(dtype: DType, values: &[&str], half: bool) -> String {
    match (dtype, values) {
        (DType::F16, [lo, hi]) if half => format!("half_pack({lo}, {hi})"),
        (DType::F32 | DType::I32 | DType::U32, [v]) => (*v).to_owned(),
        (DType::Bool, [v]) => format!("u32({v})"),
        (DType::F16, [lo, hi]) => format!("(bits_to_f16({lo}) | (bits_to_f16({hi}) << 16u))"),
        (DType::BF16, [lo, hi]) => format!("(bits_to_bf16({lo}) | (bits_to_bf16({hi}) << 16u))"),
        _ => panic!("bug: {} values in a word of {dtype}", values.len()),
    }
}

/// A value of the compute type from a `u32` uniform word (as [`encode`] makes it).
#[must_use]
pub fn from_word(dtype: DType, word: &str) -> String {
    match dtype {
        DType::F32 | DType::F16 | DType::BF16 => format!("bitcast<f32>({word})"),
        DType::I32 => format!("bitcast<i32>({word})"),
        DType::U32 => word.to_owned(),
        DType::Bool => format!("({word} != 0u)"),
    }
}

/// The uniform word of a number: what the host writes for [`from_word`] to read. Integers wrap, as a constant's f64 holds
/// every one of them exactly; narrow floats are rounded and kept as `f32`.
#[must_use]
pub fn encode(value: f64, dtype: DType) -> u32 {
    match dtype {
        DType::F32 => (value as f32).to_bits(),
        DType::F16 => crate::dtype::to_f16(value).to_f32().to_bits(),
        DType::BF16 => crate::dtype::to_bf16(value).to_f32().to_bits(),
        DType::I32 | DType::U32 => value as i64 as u32,
        DType::Bool => u32::from(value != 0.0),
    }
}

/// The number as an expression of the compute type, exact after rounding to the dtype. Infinities and NaN take a path
/// that is no constant expression, which WGSL forbids to be either.
#[must_use]
pub fn literal(value: f64, dtype: DType) -> String {
    let bits = encode(value, dtype);
    match dtype {
        DType::F32 | DType::F16 | DType::BF16 => {
            let x = f32::from_bits(bits);
            if !x.is_finite() || x.is_subnormal() || (x == 0.0 && x.is_sign_negative()) {
                format!("bits_float({bits:#x}u)")
            } else if x < 0.0 {
                format!("({x:?}f)")
            } else {
                format!("{x:?}f")
            }
        }
        DType::I32 if bits == 0x8000_0000 => "(-2147483647i - 1i)".to_owned(),
        DType::I32 => format!("{}i", bits as i32).replace("-", "(-") + if (bits as i32) < 0 { ")" } else { "" },
        DType::U32 => format!("{bits}u"),
        DType::Bool => (bits != 0).to_string(),
    }
}
