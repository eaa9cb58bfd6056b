//! The built-in functions.
use naga::{Expression, Handle, MathFunction as M};

use super::{super::layout::Num, Bin, Builder, Qua, Reg, Res, Ter, Un, WideBin, WideUn};

type E = Handle<Expression>;

impl Builder<'_> {
    pub(super) fn math(&mut self, fun: M, arg: E, more: [Option<E>; 3]) -> Res<Vec<Reg>> {
        let num = self.num(arg)?;
        let mut args = vec![self.words(arg)?];
        for e in more.into_iter().flatten() {
            args.push(self.words(e)?);
        }
        if let Some(out) = self.packing(fun, &args) {
            return Ok(out);
        }
        if let Some(out) = self.geometry(fun, num, arg, &args)? {
            return Ok(out);
        }
        let n = num.words();
        let count = args[0].len() / n;
        let mut out = vec![];
        for i in 0..count {
            // operands of another kind (shift amounts, exponents) have one word each; a scalar goes with every component
            let at: Vec<&[Reg]> = args
                .iter()
                .map(|w| {
                    let per = if w.len() >= count { w.len() / count } else { w.len() };
                    if w.len() < count { &w[..] } else { &w[i * per..][..per] }
                })
                .collect();
            out.extend(if num.is_wide() {
                self.math_wide(fun, num, &at)?
            } else {
                vec![self.math_scalar(fun, num, &at)?]
            });
        }
        match fun {
            // the second member of the result
            M::Modf | M::Frexp => {
                let f = if fun == M::Modf { Un::FTrunc } else { Un::FFrexpExp };
                out.extend(args[0].iter().map(|x| self.un(f, *x)).collect::<Vec<_>>());
            }
            _ => {}
        }
        Ok(out)
    }

    fn math_scalar(&mut self, fun: M, num: Num, args: &[&[Reg]]) -> Res<Reg> {
        let a: Vec<Reg> = args.iter().map(|w| w[0]).collect();
        if num.is_short()
            && let Some(d) = self.math_short(fun, num, &a)
        {
            return Ok(d);
        }
        let d = if let Some(f) = unary(fun, num) {
            match f {
                Some(f) => self.un(f, a[0]),
                None => a[0],
            }
        } else if let Some(f) = binary(fun, num) {
            self.bin(f, a[0], a[1])
        } else if let Some(f) = ternary(fun, num) {
            self.ter(f, [a[0], a[1], a[2]])
        } else if fun == M::InsertBits {
            self.qua(Qua::InsertBits, [a[0], a[1], a[2], a[3]])
        } else {
            return Err(format!("built-in function {fun:?} on {num:?} is not supported by the CPU device").into());
        };
        let d = if num.is_float() { self.narrow(num, d) } else { d };
        if fun != M::Frexp {
            self.check_finite(num, d, &a);
        }
        Ok(d)
    }

    /// Integers of 16 bits, where the count of bits matters.
    fn math_short(&mut self, fun: M, num: Num, a: &[Reg]) -> Option<Reg> {
        let bits = self.un(Un::Ext16U, a[0]);
        let k16 = self.constant(16);
        let d = match fun {
            M::CountOneBits => self.un(Un::CountOneBits, bits),
            M::ReverseBits => {
                let r = self.un(Un::ReverseBits, bits);
                self.bin(Bin::ShrU, r, k16)
            }
            M::CountLeadingZeros => {
                let n = self.un(Un::CountLeadingZeros, bits);
                self.bin(Bin::ISub, n, k16)
            }
            M::CountTrailingZeros => {
                let n = self.un(Un::CountTrailingZeros, bits);
                self.bin(Bin::UMin, n, k16)
            }
            M::FirstTrailingBit => self.un(Un::FirstTrailingBit, bits),
            M::Abs if num == Num::S16 => self.un(Un::SAbs, a[0]),
            _ => return None,
        };
        Some(self.narrow(num, d))
    }

    fn math_wide(&mut self, fun: M, num: Num, args: &[&[Reg]]) -> Res<Vec<Reg>> {
        let signed = num.is_signed();
        let pair = |i: usize| [args[i][0], args[i][1]];
        let f = match fun {
            M::Abs if !signed => return Ok(args[0].to_vec()),
            M::Abs => WideUn::SAbs,
            M::Sign => WideUn::SSign,
            M::CountOneBits => WideUn::CountOneBits,
            M::ReverseBits => WideUn::ReverseBits,
            M::CountTrailingZeros => WideUn::CountTrailingZeros,
            M::CountLeadingZeros => WideUn::CountLeadingZeros,
            M::FirstTrailingBit => WideUn::FirstTrailingBit,
            M::FirstLeadingBit if signed => WideUn::FirstLeadingBitS,
            M::FirstLeadingBit => WideUn::FirstLeadingBitU,
            _ => {
                let (min, max) = if signed { (WideBin::SMin, WideBin::SMax) } else { (WideBin::UMin, WideBin::UMax) };
                return Ok(match fun {
                    M::Min => self.wide_bin(min, pair(0), pair(1)).to_vec(),
                    M::Max => self.wide_bin(max, pair(0), pair(1)).to_vec(),
                    M::Clamp => {
                        let above = self.wide_bin(max, pair(0), pair(1));
                        self.wide_bin(min, above, pair(2)).to_vec()
                    }
                    M::ExtractBits => self.extract_wide(signed, pair(0), args[1][0], args[2][0]).to_vec(),
                    M::InsertBits => self.insert_wide(pair(0), pair(1), args[2][0], args[3][0]).to_vec(),
                    other => {
                        return Err(format!(
                            "built-in function {other:?} on {num:?} is not supported by the CPU device"
                        )
                        .into());
                    }
                });
            }
        };
        Ok(self.wide_un(f, pair(0)).to_vec())
    }
    /// `offset` and `count` as the specification wants them: within the 64 bits.
    fn bit_range(&mut self, offset: Reg, count: Reg) -> (Reg, Reg) {
        let k = self.constant(64);
        let offset = self.bin(Bin::UMin, offset, k);
        let room = self.bin(Bin::ISub, k, offset);
        (offset, self.bin(Bin::UMin, count, room))
    }
    fn extract_wide(&mut self, signed: bool, e: [Reg; 2], offset: Reg, count: Reg) -> [Reg; 2] {
        let (offset, count) = self.bit_range(offset, count);
        let (k, zero) = (self.constant(64), self.constant(0));
        let room = self.bin(Bin::ISub, k, count);
        let left = self.bin(Bin::ISub, room, offset);
        let up = self.wide_bin(WideBin::Shl, e, [left, left]);
        let down = self.wide_bin(if signed { WideBin::ShrS } else { WideBin::ShrU }, up, [room, room]);
        let none = self.bin(Bin::IEq, count, zero);
        down.map(|w| self.select(none, zero, w))
    }
    fn insert_wide(&mut self, e: [Reg; 2], new: [Reg; 2], offset: Reg, count: Reg) -> [Reg; 2] {
        let (offset, count) = self.bit_range(offset, count);
        let (k, zero, ones) = (self.constant(64), self.constant(0), self.constant(u32::MAX));
        let room = self.bin(Bin::ISub, k, count);
        let low = self.wide_bin(WideBin::ShrU, [ones, ones], [room, room]);
        let none = self.bin(Bin::IEq, count, zero);
        let low = low.map(|w| self.select(none, zero, w));
        let mask = self.wide_bin(WideBin::Shl, low, [offset, offset]);
        let new = self.wide_bin(WideBin::Shl, new, [offset, offset]);
        std::array::from_fn(|i| {
            let kept = self.bin(Bin::AndNot, e[i], mask[i]);
            let put = self.bin(Bin::And, new[i], mask[i]);
            self.bin(Bin::Or, kept, put)
        })
    }

    /// Functions of whole vectors and matrices.
    #[expect(clippy::too_many_lines, reason = "an arm for each function")]
    fn geometry(&mut self, fun: M, num: Num, arg: E, args: &[Vec<Reg>]) -> Res<Option<Vec<Reg>>> {
        let a = &args[0];
        let f32 = Num::F32;
        let out = match fun {
            M::Dot => self.dot(num, a, &args[1])?,
            M::Outer => self.outer(num, a, &args[1]),
            M::Transpose => self.transpose(arg, a),
            M::Determinant => {
                let d = self.determinant(self.extent(arg).0, a);
                vec![self.narrow(num, d)]
            }
            M::Inverse => self.inverse(num, self.extent(arg).0, a),
            M::Cross => {
                let b = &args[1];
                (0..3)
                    .map(|i| {
                        let (j, k) = ((i + 1) % 3, (i + 2) % 3);
                        let (p, q) = (self.bin(Bin::FMul, a[j], b[k]), self.bin(Bin::FMul, a[k], b[j]));
                        let d = self.bin(Bin::FSub, p, q);
                        self.narrow(num, d)
                    })
                    .collect()
            }
            M::Length if a.len() == 1 => vec![self.un(Un::FAbs, a[0])],
            M::Length => {
                let d = self.length_of(a);
                vec![self.narrow(num, d)]
            }
            M::Distance => {
                let d: Vec<Reg> = a.iter().zip(&args[1]).map(|(x, y)| self.bin(Bin::FSub, *x, *y)).collect();
                let d = if d.len() == 1 { self.un(Un::FAbs, d[0]) } else { self.length_of(&d) };
                vec![self.narrow(num, d)]
            }
            M::Normalize => {
                let length = self.length_of(a);
                let d: Vec<Reg> = a.iter().map(|x| self.bin(Bin::FDiv, *x, length)).collect();
                d.into_iter().map(|x| self.narrow(num, x)).collect()
            }
            M::FaceForward => {
                let dot = self.dot_words(f32, &args[1], &args[2]);
                let zero = self.constant(0);
                let keep = self.bin(Bin::FLt, dot, zero);
                a.iter()
                    .map(|x| {
                        let turned = self.un(Un::FNeg, *x);
                        self.select(keep, *x, turned)
                    })
                    .collect()
            }
            M::Reflect => {
                let n = &args[1];
                let dot = self.dot_words(f32, n, a);
                let two = self.float(-2.0);
                let k = self.bin(Bin::FMul, dot, two);
                let d: Vec<Reg> = a.iter().zip(n).map(|(x, n)| self.fma(k, *n, *x)).collect();
                d.into_iter().map(|x| self.narrow(num, x)).collect()
            }
            M::Refract => self.refract(num, a, &args[1], args[2][0]),
            _ => return Ok(None),
        };
        if matches!(fun, M::Cross | M::Length | M::Distance | M::Normalize | M::Reflect | M::Determinant | M::Inverse) {
            let sources = args.concat();
            for d in &out {
                self.check_finite(num, *d, &sources);
            }
        }
        Ok(Some(out))
    }
    fn dot(&mut self, num: Num, a: &[Reg], b: &[Reg]) -> Res<Vec<Reg>> {
        use naga::BinaryOperator::{Add, Multiply};
        if num.is_float() {
            return Ok(vec![self.dot_words(num, a, b)]);
        }
        let n = num.words();
        let mut sum: Option<Vec<Reg>> = None;
        for (x, y) in a.chunks(n).zip(b.chunks(n)) {
            let p = self.binary_scalar(Multiply, num, x, y)?;
            sum = Some(match sum {
                None => p,
                Some(s) => self.binary_scalar(Add, num, &s, &p)?,
            });
        }
        Ok(sum.expect("bug: a vector without components"))
    }
    fn length_of(&mut self, a: &[Reg]) -> Reg {
        let mut sum = self.bin(Bin::FMul, a[0], a[0]);
        for x in &a[1..] {
            sum = self.fma(*x, *x, sum);
        }
        self.un(Un::FSqrt, sum)
    }
    /// `k = 1 - r² (1 - (n·i)²)`; zero if `k < 0`, else `r i - (r n·i + √k) n`.
    fn refract(&mut self, num: Num, i: &[Reg], n: &[Reg], ratio: Reg) -> Vec<Reg> {
        let dot = self.dot_words(Num::F32, n, i);
        let (one, zero) = (self.float(1.0), self.float(0.0));
        let square = self.bin(Bin::FMul, dot, dot);
        let rest = self.bin(Bin::FSub, one, square);
        let r2 = self.bin(Bin::FMul, ratio, ratio);
        let part = self.bin(Bin::FMul, r2, rest);
        let k = self.bin(Bin::FSub, one, part);
        let none = self.bin(Bin::FLt, k, zero);
        let root = self.un(Un::FSqrt, k);
        let along = self.fma(ratio, dot, root);
        i.iter()
            .zip(n)
            .map(|(x, n)| {
                let (p, q) = (self.bin(Bin::FMul, ratio, *x), self.bin(Bin::FMul, along, *n));
                let d = self.bin(Bin::FSub, p, q);
                let d = self.select(none, zero, d);
                self.narrow(num, d)
            })
            .collect()
    }

    /// Packing and unpacking, and products of packed words.
    fn packing(&mut self, fun: M, args: &[Vec<Reg>]) -> Option<Vec<Reg>> {
        let a = &args[0];
        let two = |f: Bin| (f, 2);
        let four = |f: Bin| (f, 4);
        let pack = match fun {
            M::Pack2x16snorm => Some(Bin::Pack2x16Snorm),
            M::Pack2x16unorm => Some(Bin::Pack2x16Unorm),
            M::Pack2x16float => Some(Bin::Pack2x16Float),
            _ => None,
        };
        if let Some(f) = pack {
            return Some(vec![self.bin(f, a[0], a[1])]);
        }
        let pack = match fun {
            M::Pack4x8snorm => Some(Qua::Pack4x8Snorm),
            M::Pack4x8unorm => Some(Qua::Pack4x8Unorm),
            M::Pack4xI8 => Some(Qua::Pack4xI8),
            M::Pack4xU8 => Some(Qua::Pack4xU8),
            M::Pack4xI8Clamp => Some(Qua::Pack4xI8Clamp),
            M::Pack4xU8Clamp => Some(Qua::Pack4xU8Clamp),
            _ => None,
        };
        if let Some(f) = pack {
            return Some(vec![self.qua(f, [a[0], a[1], a[2], a[3]])]);
        }
        let (f, n) = match fun {
            M::Dot4I8Packed => return Some(vec![self.bin(Bin::Dot4I8, a[0], args[1][0])]),
            M::Dot4U8Packed => return Some(vec![self.bin(Bin::Dot4U8, a[0], args[1][0])]),
            M::Unpack4x8snorm => four(Bin::Unpack4x8Snorm),
            M::Unpack4x8unorm => four(Bin::Unpack4x8Unorm),
            M::Unpack2x16snorm => two(Bin::Unpack2x16Snorm),
            M::Unpack2x16unorm => two(Bin::Unpack2x16Unorm),
            M::Unpack2x16float => two(Bin::Unpack2x16Float),
            M::Unpack4xI8 => four(Bin::Unpack4xI8),
            M::Unpack4xU8 => four(Bin::Unpack4xU8),
            _ => return None,
        };
        let component = |this: &mut Self, i: u32| {
            let k = this.constant(i);
            this.bin(f, a[0], k)
        };
        Some((0..n).map(|i| component(self, i)).collect())
    }
}

/// `Some(None)`: the function changes nothing.
fn unary(fun: M, num: Num) -> Option<Option<Un>> {
    let (float, signed) = (num.is_float(), num.is_signed());
    Some(Some(match fun {
        M::Abs if float => Un::FAbs,
        M::Abs if signed => Un::SAbs,
        M::Abs => return Some(None),
        M::Sign if float => Un::FSign,
        M::Sign if signed => Un::SSign,
        M::Saturate => Un::FSaturate,
        M::Cos => Un::FCos,
        M::Cosh => Un::FCosh,
        M::Sin => Un::FSin,
        M::Sinh => Un::FSinh,
        M::Tan => Un::FTan,
        M::Tanh => Un::FTanh,
        M::Acos => Un::FAcos,
        M::Asin => Un::FAsin,
        M::Atan => Un::FAtan,
        M::Asinh => Un::FAsinh,
        M::Acosh => Un::FAcosh,
        M::Atanh => Un::FAtanh,
        M::Radians => Un::FRadians,
        M::Degrees => Un::FDegrees,
        M::Ceil => Un::FCeil,
        M::Floor => Un::FFloor,
        M::Round => Un::FRound,
        M::Fract => Un::FFract,
        M::Trunc => Un::FTrunc,
        M::Modf => Un::FModfFract,
        M::Frexp => Un::FFrexpFract,
        M::Exp => Un::FExp,
        M::Exp2 => Un::FExp2,
        M::Log => Un::FLog,
        M::Log2 => Un::FLog2,
        M::Sqrt => Un::FSqrt,
        M::InverseSqrt => Un::FInvSqrt,
        M::QuantizeToF16 => Un::RoundF16,
        M::CountTrailingZeros => Un::CountTrailingZeros,
        M::CountLeadingZeros => Un::CountLeadingZeros,
        M::CountOneBits => Un::CountOneBits,
        M::ReverseBits => Un::ReverseBits,
        M::FirstTrailingBit => Un::FirstTrailingBit,
        M::FirstLeadingBit if signed => Un::FirstLeadingBitS,
        M::FirstLeadingBit => Un::FirstLeadingBitU,
        _ => return None,
    }))
}

fn by_kind(num: Num, float: Bin, signed: Bin, unsigned: Bin) -> Bin {
    match num {
        Num::F32 | Num::F16 => float,
        Num::S32 | Num::S16 | Num::S64 => signed,
        Num::U32 | Num::U16 | Num::U64 | Num::Bool => unsigned,
    }
}

fn binary(fun: M, num: Num) -> Option<Bin> {
    Some(match fun {
        M::Min => by_kind(num, Bin::FMin, Bin::SMin, Bin::UMin),
        M::Max => by_kind(num, Bin::FMax, Bin::SMax, Bin::UMax),
        M::Atan2 => Bin::FAtan2,
        M::Ldexp => Bin::FLdexp,
        M::Pow => Bin::FPow,
        M::Step => Bin::FStep,
        _ => return None,
    })
}

fn ternary(fun: M, num: Num) -> Option<Ter> {
    Some(match fun {
        M::Clamp if num.is_float() => Ter::FClamp,
        M::Clamp if num.is_signed() => Ter::SClamp,
        M::Clamp => Ter::UClamp,
        M::Fma => Ter::FFma,
        M::Mix => Ter::FMix,
        M::SmoothStep => Ter::FSmoothStep,
        M::ExtractBits if num.is_signed() => Ter::ExtractBitsS,
        M::ExtractBits => Ter::ExtractBitsU,
        _ => return None,
    })
}
