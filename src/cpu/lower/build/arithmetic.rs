//! Operators on scalars of every kind.
use naga::{BinaryOperator as B, UnaryOperator};

use super::{super::layout::Num, Bin, Builder, Op, Reg, Res, Un, WideBin, WideCmp, WideUn};

impl Builder<'_> {
    /// A result as its kind holds it: f16 rounded, 16-bit integers extended.
    pub(super) fn narrow(&mut self, num: Num, r: Reg) -> Reg {
        match num {
            Num::F16 => self.un(Un::RoundF16, r),
            Num::S16 => self.un(Un::Ext16S, r),
            Num::U16 => self.un(Un::Ext16U, r),
            Num::F32 | Num::S32 | Num::U32 | Num::S64 | Num::U64 | Num::Bool => r,
        }
    }
    /// The sanitizer wants to know where finite numbers give one that is not.
    pub(super) fn check_finite(&mut self, num: Num, d: Reg, s: &[Reg]) {
        if self.config.checks.finite && num.is_float() && self.tree.constant(d).is_none() {
            self.push(Op::CheckFinite { d, s: s.into(), at: self.at });
        }
    }

    pub(super) fn unary_scalar(&mut self, op: UnaryOperator, num: Num, x: &[Reg]) -> Vec<Reg> {
        if num.is_wide() {
            let f = if op == UnaryOperator::Negate { WideUn::Neg } else { WideUn::Not };
            return self.wide_un(f, [x[0], x[1]]).to_vec();
        }
        let f = match op {
            UnaryOperator::Negate if num.is_float() => return vec![self.un(Un::FNeg, x[0])],
            UnaryOperator::Negate => Un::INeg,
            UnaryOperator::LogicalNot | UnaryOperator::BitwiseNot => Un::Not,
        };
        let d = self.un(f, x[0]);
        vec![self.narrow(num, d)]
    }

    pub(super) fn binary_scalar(&mut self, op: B, num: Num, a: &[Reg], b: &[Reg]) -> Res<Vec<Reg>> {
        if matches!(op, B::Divide | B::Modulo) && !num.is_float() {
            self.check_divisor(num, b);
        }
        if num.is_wide() {
            return self.binary_wide(op, num, a, b);
        }
        let (mut a, mut b) = (a[0], b[0]);
        if matches!(op, B::Greater | B::GreaterEqual) {
            (a, b) = (b, a);
        }
        if matches!(op, B::ShiftLeft | B::ShiftRight) && num.is_short() {
            let width = self.constant(15);
            b = self.bin(Bin::And, b, width);
        }
        let f = one_word(op, num).ok_or_else(|| format!("operator {op:?} on {num:?}"))?;
        let d = self.bin(f, a, b);
        let is_number = matches!(op, B::Add | B::Subtract | B::Multiply | B::Divide | B::Modulo | B::ShiftLeft);
        if !is_number {
            return Ok(vec![d]);
        }
        let d = self.narrow(num, d);
        self.check_finite(num, d, &[a, b]);
        Ok(vec![d])
    }

    fn check_divisor(&mut self, num: Num, b: &[Reg]) {
        if !self.config.checks.divisor || b.iter().any(|r| self.tree.constant(*r).is_some_and(|w| w != 0)) {
            return;
        }
        let d = if num.is_wide() { self.bin(Bin::Or, b[0], b[1]) } else { b[0] };
        self.push(Op::CheckDivisor { d, at: self.at });
    }

    fn binary_wide(&mut self, op: B, num: Num, a: &[Reg], b: &[Reg]) -> Res<Vec<Reg>> {
        let signed = num.is_signed();
        let a = [a[0], a[1]];
        if matches!(op, B::ShiftLeft | B::ShiftRight) {
            let f = match (op, signed) {
                (B::ShiftLeft, _) => WideBin::Shl,
                (_, true) => WideBin::ShrS,
                (_, false) => WideBin::ShrU,
            };
            return Ok(self.wide_bin(f, a, [b[0], b[0]]).to_vec());
        }
        let b = [b[0], b[1]];
        let by_sign = |s, u| if signed { s } else { u };
        let f = match op {
            B::Add => WideBin::Add,
            B::Subtract => WideBin::Sub,
            B::Multiply => WideBin::Mul,
            B::Divide => by_sign(WideBin::SDiv, WideBin::UDiv),
            B::Modulo => by_sign(WideBin::SRem, WideBin::URem),
            B::And => return Ok((0..2).map(|i| self.bin(Bin::And, a[i], b[i])).collect()),
            B::InclusiveOr => return Ok((0..2).map(|i| self.bin(Bin::Or, a[i], b[i])).collect()),
            B::ExclusiveOr => return Ok((0..2).map(|i| self.bin(Bin::Xor, a[i], b[i])).collect()),
            _ => {
                let (f, a, b) = match op {
                    B::Equal => (WideCmp::Eq, a, b),
                    B::NotEqual => (WideCmp::Ne, a, b),
                    B::Less => (if signed { WideCmp::SLt } else { WideCmp::ULt }, a, b),
                    B::LessEqual => (if signed { WideCmp::SLe } else { WideCmp::ULe }, a, b),
                    B::Greater => (if signed { WideCmp::SLt } else { WideCmp::ULt }, b, a),
                    B::GreaterEqual => (if signed { WideCmp::SLe } else { WideCmp::ULe }, b, a),
                    other => return Err(format!("operator {other:?} on {num:?}").into()),
                };
                return Ok(vec![self.wide_cmp(f, a, b)]);
            }
        };
        Ok(self.wide_bin(f, a, b).to_vec())
    }
}

/// The instruction of an operator on scalars of one word; for "greater" with the operands exchanged.
fn one_word(op: B, num: Num) -> Option<Bin> {
    let pick = |float: Option<Bin>, signed: Option<Bin>, unsigned: Option<Bin>| match num {
        Num::F32 | Num::F16 => float,
        Num::S32 | Num::S16 => signed,
        Num::U32 | Num::U16 => unsigned,
        Num::S64 | Num::U64 | Num::Bool => None,
    };
    let bits = |f: Bin| if num.is_float() { None } else { Some(f) };
    let integer = |float: Bin, f: Bin| pick(Some(float), Some(f), Some(f));
    match op {
        B::Add => integer(Bin::FAdd, Bin::IAdd),
        B::Subtract => integer(Bin::FSub, Bin::ISub),
        B::Multiply => integer(Bin::FMul, Bin::IMul),
        B::Divide => pick(Some(Bin::FDiv), Some(Bin::SDiv), Some(Bin::UDiv)),
        B::Modulo => pick(Some(Bin::FRem), Some(Bin::SRem), Some(Bin::URem)),
        B::Equal => Some(if num.is_float() { Bin::FEq } else { Bin::IEq }),
        B::NotEqual => Some(if num.is_float() { Bin::FNe } else { Bin::INe }),
        B::Less | B::Greater => pick(Some(Bin::FLt), Some(Bin::SLt), Some(Bin::ULt)),
        B::LessEqual | B::GreaterEqual => pick(Some(Bin::FLe), Some(Bin::SLe), Some(Bin::ULe)),
        B::And | B::LogicalAnd => bits(Bin::And),
        B::InclusiveOr | B::LogicalOr => bits(Bin::Or),
        B::ExclusiveOr => bits(Bin::Xor),
        B::ShiftLeft => bits(Bin::Shl),
        B::ShiftRight => pick(None, Some(Bin::ShrS), Some(Bin::ShrU)),
    }
}
