//! The instructions of pure operations. One that has none here is done by a call of the code that the plain instructions use.
use super::super::super::math::{Bin, Ter, Un};
use super::super::super::tape::Op;
use super::Emitter;
use super::allocate::{PART, U, W};
use super::encode as x;
use super::encode::{Form, K0, R13, R14, RDI, RSI, Rm, Zmm};
use super::step::{Operand, Value};

/// Predicates of float comparisons.
const EQ: u8 = 0x00;
const UNORDERED: u8 = 0x03;
const NE: u8 = 0x04;
const LT: u8 = 0x11;
const LE: u8 = 0x12;
const GE: u8 = 0x1d;
const GT: u8 = 0x1e;
/// How to round: to even, down, up, toward zero, without exceptions.
const EVEN: u8 = 8;
const DOWN: u8 = 9;
const UP: u8 = 10;
const ZERO: u8 = 11;
const ONE: u32 = 1.0f32.to_bits();
/// `a ? b : c`, bit by bit.
const CHOOSE: u8 = 0xca;
/// Shifts by a number.
const LEFT: u8 = 6;
const RIGHT: u8 = 2;
const RIGHT_SIGNED: u8 = 4;

impl Emitter<'_> {
    /// A pure operation.
    pub fn compute(&mut self, op: &Op, d: &[Value], s: &[Operand]) {
        let done = match op {
            Op::Un(f, ..) => self.unary(*f, d[0], s[0]),
            Op::Bin(f, ..) => self.binary(*f, d[0], [s[0], s[1]]),
            Op::Ter(f, ..) => self.ternary(*f, d[0], [s[0], s[1], s[2]]),
            _ => None,
        };
        if done.is_none() {
            self.call(op, d, s);
        }
    }

    /// `d = f(a)`.
    fn one(&mut self, f: Form, d: Value, a: Operand) {
        let rm = self.operand(a);
        let d = self.result(d, &[a]);
        self.code.two(f, d, rm);
    }

    /// `d = f(a, b)`.
    fn both(&mut self, f: Form, d: Value, [a, b]: [Operand; 2]) {
        let (ra, rb) = (self.in_register(a), self.operand(b));
        let d = self.result(d, &[a, b]);
        self.code.three(f, d, ra, rb);
    }

    /// The same, where the order does not matter.
    fn either(&mut self, f: Form, d: Value, [a, b]: [Operand; 2]) {
        self.both(f, d, if matches!(a, Operand::Uniform(_)) { [b, a] } else { [a, b] });
    }

    /// `d = f(a, constant)`.
    fn with(&mut self, f: Form, d: Value, a: Operand, word: u32) {
        let (ra, word) = (self.in_register(a), self.word(word));
        let d = self.result(d, &[a]);
        self.code.three(f, d, ra, word);
    }

    /// All ones where the mask is set.
    fn truth(&mut self, d: Value, operands: &[Operand]) {
        let d = self.result(d, operands);
        self.code.spread_mask(d, PART);
    }

    /// A comparison.
    fn compare(&mut self, f: Form, predicate: u8, d: Value, [a, b]: [Operand; 2]) {
        let (ra, rb) = (self.in_register(a), self.operand(b));
        self.code.compare(f, PART, ra, rb, Some(predicate), K0);
        self.truth(d, &[a, b]);
    }

    /// Moves to the value's register what was worked out.
    fn finish(&mut self, d: Value, operands: &[Operand], from: Zmm) {
        let d = self.result(d, operands);
        self.code.two(x::MOVE, d, Rm::Zmm(from));
    }

    fn round(&mut self, d: Value, a: Operand, how: u8) {
        let rm = self.operand(a);
        let d = self.result(d, &[a]);
        self.code.two_byte(x::RNDSCALE, d, rm, how);
    }

    /// To `to`: the smaller or greater; a number rather than a NaN. `to` is neither operand.
    fn extreme(&mut self, f: Form, to: Zmm, a: Zmm, b: Zmm) {
        self.code.three(f, to, b, Rm::Zmm(a));
        self.code.compare(x::CMPPS, PART, a, Rm::Zmm(a), Some(UNORDERED), K0);
        self.code.masked(x::MOVE, to, Rm::Zmm(b), PART);
    }

    fn unary(&mut self, f: Un, d: Value, a: Operand) -> Option<()> {
        match f {
            Un::FNeg => self.with(x::PXORD, d, a, 1 << 31),
            Un::FAbs => self.with(x::PANDD, d, a, !(1 << 31)),
            Un::FFloor => self.round(d, a, DOWN),
            Un::FCeil => self.round(d, a, UP),
            Un::FTrunc => self.round(d, a, ZERO),
            Un::FRound => self.round(d, a, EVEN),
            Un::FSqrt => self.one(x::SQRTPS, d, a),
            Un::FRadians => self.with(x::MULPS, d, a, (std::f32::consts::PI / 180.0).to_bits()),
            Un::FDegrees => self.with(x::MULPS, d, a, (180.0 / std::f32::consts::PI).to_bits()),
            Un::Not => self.with(x::PXORD, d, a, !0),
            Un::SAbs => self.one(x::PABSD, d, a),
            Un::S32ToF32 => self.one(x::CVTDQ2PS, d, a),
            Un::U32ToF32 => self.one(x::CVTUDQ2PS, d, a),
            Un::BToF32 => self.with(x::PANDD, d, a, ONE),
            Un::BToInt => self.with(x::PANDD, d, a, 1),
            Un::Ext16U => self.with(x::PANDD, d, a, 0xffff),
            _ => return self.unary_work(f, d, a),
        }
        Some(())
    }

    /// Functions that say yes or no: to the mask of this step.
    fn asks(&mut self, f: Un, r: Zmm) -> Option<()> {
        match f {
            Un::FIsNan => self.code.compare(x::CMPPS, PART, r, Rm::Zmm(r), Some(UNORDERED), K0),
            Un::FIsInf | Un::FIsFinite => {
                let (magnitude, infinity) = (self.word(!(1 << 31)), self.word(0x7f80_0000));
                self.code.three(x::PANDD, W, r, magnitude);
                let predicate = u8::from(f == Un::FIsFinite);
                self.code.compare(x::PCMPUD, PART, W, infinity, Some(predicate), K0);
            }
            Un::IntToB => self.code.compare(x::PTESTMD, PART, r, Rm::Zmm(r), None, K0),
            Un::FToB => {
                let zero = self.word(0);
                self.code.compare(x::CMPPS, PART, r, zero, Some(NE), K0);
            }
            _ => return None,
        }
        Some(())
    }

    /// Functions of several instructions.
    fn unary_work(&mut self, f: Un, d: Value, a: Operand) -> Option<()> {
        let r = self.in_register(a);
        if self.asks(f, r).is_some() {
            self.truth(d, &[a]);
            return Some(());
        }
        match f {
            Un::FFract => {
                self.code.two_byte(x::RNDSCALE, W, Rm::Zmm(r), DOWN);
                self.code.three(x::SUBPS, W, r, Rm::Zmm(W));
            }
            Un::FInvSqrt => {
                let one = self.word(ONE);
                self.fill(U, one);
                self.code.two(x::SQRTPS, W, Rm::Zmm(r));
                self.code.three(x::DIVPS, W, U, Rm::Zmm(W));
            }
            Un::FSaturate => {
                self.code.three(x::PXORD, U, U, Rm::Zmm(U));
                self.extreme(x::MAXPS, W, r, U);
                let one = self.word(ONE);
                self.fill(U, one);
                self.code.three(x::MINPS, W, U, Rm::Zmm(W));
            }
            Un::FSign => {
                self.code.three(x::PXORD, W, W, Rm::Zmm(W));
                for (predicate, word) in [(GT, ONE), (LT, ONE | 1 << 31)] {
                    let zero = self.word(0);
                    self.code.compare(x::CMPPS, PART, r, zero, Some(predicate), K0);
                    self.choose(word);
                }
            }
            Un::INeg => {
                self.code.three(x::PXORD, W, W, Rm::Zmm(W));
                self.code.three(x::PSUBD, W, W, Rm::Zmm(r));
            }
            Un::Ext16S => {
                self.code.shift(LEFT, W, Rm::Zmm(r), 16);
                self.code.shift(RIGHT_SIGNED, W, Rm::Zmm(W), 16);
            }
            Un::F32ToS32 => {
                self.code.two(x::CVTTPS2DQ, W, Rm::Zmm(r));
                let over = self.word(2_147_483_648.0f32.to_bits());
                self.code.compare(x::CMPPS, PART, r, over, Some(GE), K0);
                self.choose(i32::MAX.cast_unsigned());
                self.code.compare(x::CMPPS, PART, r, Rm::Zmm(r), Some(UNORDERED), K0);
                self.choose(0);
            }
            Un::F32ToU32 => {
                self.code.three(x::PXORD, U, U, Rm::Zmm(U));
                self.code.three(x::MAXPS, W, r, Rm::Zmm(U));
                self.code.two(x::CVTTPS2UDQ, W, Rm::Zmm(W));
            }
            _ => return None,
        }
        self.finish(d, &[a], W);
        Some(())
    }

    /// A constant where the mask of this step is set.
    fn choose(&mut self, word: u32) {
        let Rm::Spread(base, disp) = self.word(word) else { return };
        self.code.masked(x::BROADCAST, W, Rm::Mem(base, disp), PART);
    }

    fn binary(&mut self, f: Bin, d: Value, s: [Operand; 2]) -> Option<()> {
        match f {
            Bin::FAdd => self.either(x::ADDPS, d, s),
            Bin::FSub => self.both(x::SUBPS, d, s),
            Bin::FMul => self.either(x::MULPS, d, s),
            Bin::FDiv => self.both(x::DIVPS, d, s),
            Bin::FLt => self.compare(x::CMPPS, LT, d, s),
            Bin::FLe => self.compare(x::CMPPS, LE, d, s),
            Bin::FEq => self.compare(x::CMPPS, EQ, d, s),
            Bin::FNe => self.compare(x::CMPPS, NE, d, s),
            Bin::IAdd => self.either(x::PADDD, d, s),
            Bin::ISub => self.both(x::PSUBD, d, s),
            Bin::IMul => self.either(x::PMULLD, d, s),
            Bin::SMin => self.either(x::PMINSD, d, s),
            Bin::SMax => self.either(x::PMAXSD, d, s),
            Bin::UMin => self.either(x::PMINUD, d, s),
            Bin::UMax => self.either(x::PMAXUD, d, s),
            Bin::SLt => self.compare(x::PCMPD, 1, d, s),
            Bin::SLe => self.compare(x::PCMPD, 2, d, s),
            Bin::ULt => self.compare(x::PCMPUD, 1, d, s),
            Bin::ULe => self.compare(x::PCMPUD, 2, d, s),
            Bin::IEq => self.compare(x::PCMPD, 0, d, s),
            Bin::INe => self.compare(x::PCMPD, 4, d, s),
            Bin::And => self.either(x::PANDD, d, s),
            Bin::Or => self.either(x::PORD, d, s),
            Bin::Xor => self.either(x::PXORD, d, s),
            Bin::AndNot => self.both(x::PANDND, d, [s[1], s[0]]),
            Bin::Shl => self.shift(x::PSLLVD, LEFT, d, s),
            Bin::ShrU => self.shift(x::PSRLVD, RIGHT, d, s),
            Bin::ShrS => self.shift(x::PSRAVD, RIGHT_SIGNED, d, s),
            Bin::FMin | Bin::FMax => {
                let (a, b) = (self.in_register(s[0]), self.in_register(s[1]));
                self.extreme(if f == Bin::FMin { x::MINPS } else { x::MAXPS }, W, a, b);
                self.finish(d, &s, W);
            }
            Bin::FRem => {
                let (a, b) = (self.in_register(s[0]), self.in_register(s[1]));
                self.code.three(x::DIVPS, W, a, Rm::Zmm(b));
                self.code.two_byte(x::RNDSCALE, W, Rm::Zmm(W), ZERO);
                self.code.three(x::MULPS, W, b, Rm::Zmm(W));
                self.code.three(x::SUBPS, W, a, Rm::Zmm(W));
                self.finish(d, &s, W);
            }
            Bin::FStep => {
                let (a, b) = (self.in_register(s[0]), self.operand(s[1]));
                self.code.compare(x::CMPPS, PART, a, b, Some(LE), K0);
                self.code.spread_mask(W, PART);
                let one = self.word(ONE);
                self.code.three(x::PANDD, W, W, one);
                self.finish(d, &s, W);
            }
            _ => return None,
        }
        Some(())
    }

    /// A shift; the amount counts modulo 32.
    fn shift(&mut self, f: Form, number: u8, d: Value, s: [Operand; 2]) {
        if let Operand::Uniform(ix) = s[1]
            && let Some(amount) = self.constants.get(&ix).copied()
        {
            let rm = self.operand(s[0]);
            let d = self.result(d, &s[..1]);
            self.code.shift(number, d, rm, (amount & 31) as u8);
            return;
        }
        let (a, b, limit) = (self.in_register(s[0]), self.in_register(s[1]), self.word(31));
        self.code.three(x::PANDD, W, b, limit);
        let d = self.result(d, &s);
        self.code.three(f, d, a, Rm::Zmm(W));
    }

    fn ternary(&mut self, f: Ter, d: Value, s: [Operand; 3]) -> Option<()> {
        match f {
            Ter::FFma if self.fused => self.multiply_add(d, s),
            Ter::FFma => {
                let (a, b, c) = (self.in_register(s[0]), self.operand(s[1]), self.operand(s[2]));
                self.code.three(x::MULPS, W, a, b);
                let d = self.result(d, &s);
                self.code.three(x::ADDPS, d, W, c);
            }
            Ter::Select => {
                let (b, c) = (self.in_register(s[1]), self.operand(s[2]));
                let d = self.result_from(d, s[0]);
                self.code.three_byte(x::PTERNLOGD, d, b, c, CHOOSE);
            }
            Ter::FMix => {
                let (a, b, c) = (self.in_register(s[0]), self.in_register(s[1]), self.in_register(s[2]));
                let one = self.word(ONE);
                self.fill(U, one);
                self.code.three(x::SUBPS, W, U, Rm::Zmm(c));
                self.code.three(x::MULPS, W, a, Rm::Zmm(W));
                self.code.three(x::MULPS, U, b, Rm::Zmm(c));
                let d = self.result(d, &s);
                self.code.three(x::ADDPS, d, W, Rm::Zmm(U));
            }
            Ter::FClamp => {
                let (a, b, c) = (self.in_register(s[0]), self.in_register(s[1]), self.in_register(s[2]));
                self.extreme(x::MAXPS, U, a, b);
                self.extreme(x::MINPS, W, U, c);
                self.finish(d, &s, W);
            }
            Ter::SClamp | Ter::UClamp => {
                let (low, high) = if f == Ter::SClamp { (x::PMAXSD, x::PMINSD) } else { (x::PMAXUD, x::PMINUD) };
                let (a, b, c) = (self.in_register(s[0]), self.operand(s[1]), self.operand(s[2]));
                self.code.three(low, W, a, b);
                let d = self.result(d, &s);
                self.code.three(high, d, W, c);
            }
            Ter::ExtractBitsS | Ter::ExtractBitsU | Ter::FSmoothStep => return None,
        }
        Some(())
    }

    fn multiply_add(&mut self, d: Value, [a, b, c]: [Operand; 3]) {
        let (a, b) = if matches!(a, Operand::Uniform(_)) { (b, a) } else { (a, b) };
        // the operand that is changed into the result is one that is not read again, if there is such a one
        let kept = |o: Operand| matches!(o, Operand::Uniform(_));
        if self.dies(c) || !(kept(c) || self.dies(a) || self.dies(b)) {
            let (ra, rb) = (self.in_register(a), self.operand(b));
            let d = self.result_from(d, c);
            self.code.three(x::FMADD231, d, ra, rb);
        } else if self.dies(b) && !self.dies(a) {
            let (ra, rc) = (self.in_register(a), self.operand(c));
            let d = self.result_from(d, b);
            self.code.three(x::FMADD213, d, ra, rc);
        } else {
            let (rb, rc) = (self.in_register(b), self.operand(c));
            let d = self.result_from(d, a);
            self.code.three(x::FMADD213, d, rb, rc);
        }
    }

    /// By a call: the operands to the first lines of the scratch memory, from there the results.
    fn call(&mut self, op: &Op, d: &[Value], s: &[Operand]) {
        for (n, o) in s.iter().enumerate() {
            let r = match self.operand(*o) {
                Rm::Zmm(r) => r,
                rm => {
                    self.fill(W, rm);
                    W
                }
            };
            self.code.two(x::STORE, r, Rm::Mem(R14, 64 * (super::CALL_OPERANDS + n) as i32));
        }
        self.clear();
        self.code.load64(RDI, R13, super::Arguments::CONTEXT);
        self.code.load64(RSI, R13, super::Arguments::CALLS);
        self.code.lea64(RSI, RSI, (self.calls.len() * size_of::<super::super::context::Ins>()) as i32);
        self.code.call(R13, super::Arguments::FUNCTION);
        self.calls.push((op.clone(), d.len(), s.len()));
        self.memories();
        for (n, v) in d.iter().enumerate() {
            let r = self.new_value(*v);
            self.fill(r, Rm::Mem(R14, 64 * n as i32));
        }
    }
}
