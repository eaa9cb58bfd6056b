//! Atomic operations.
use naga::{AtomicFunction as A, Expression, Handle, TypeInner};

use super::{
    super::{super::tape::AtomicFn as F, layout::Num, layout::Shape},
    Addr, Bin, Builder, Op, Reg, Res, Un, Value, WideCmp, WideUn,
    place::{Place, Root},
};

impl Builder<'_> {
    /// Does the pointer point to an atomic?
    pub(super) fn is_atomic(&self, pointer: Handle<Expression>) -> bool {
        match *self.inner(pointer) {
            TypeInner::Pointer { base, .. } => matches!(self.module.types[base].inner, TypeInner::Atomic(_)),
            _ => false,
        }
    }

    /// The old value, if wanted.
    fn access_atomic(&mut self, p: Place, f: F, s: &[Vec<Reg>], wanted: bool) -> Res<Vec<Reg>> {
        let Root::Memory { mem, .. } = p.root else { return Err("an atomic in a variable of one invocation".into()) };
        let Shape::Scalar(scalar) = p.shape else { return Err("an atomic that is not a scalar".into()) };
        let addr = Addr { mem, lane: p.index, uniform: None, offset: p.offset, shape: None };
        let at = self.at;
        let n = if wanted { Num::of(scalar)?.words() } else { 0 };
        let d: Vec<Reg> = (0..n).map(|_| self.value()).collect();
        if Num::of(scalar)?.is_wide() {
            let s = s.iter().map(|w| [w[0], w[1]]).collect();
            self.push(Op::AtomicWide { f, d: wanted.then(|| [d[0], d[1]]), addr, s, at });
        } else {
            let s = s.iter().map(|w| w[0]).collect();
            self.push(Op::Atomic { f, d: wanted.then(|| d[0]), addr, s, at });
        }
        if f != F::Load {
            self.touch(mem);
        }
        Ok(d)
    }
    pub(super) fn atomic_load(&mut self, p: Place) -> Res<Vec<Reg>> {
        self.access_atomic(p, F::Load, &[], true)
    }
    pub(super) fn atomic_store(&mut self, p: Place, words: &[Reg]) -> Res<()> {
        self.access_atomic(p, F::Store, &[words.to_vec()], false).map(drop)
    }

    pub(super) fn atomic(
        &mut self,
        pointer: Handle<Expression>,
        fun: A,
        value: Handle<Expression>,
        result: Option<Handle<Expression>>,
    ) -> Res<()> {
        let p = self.place(pointer)?;
        let num = self.num(value)?;
        let mut words = self.words(value)?;
        let by_sign = |s, u| if num.is_signed() { s } else { u };
        let f = match fun {
            A::Add if num.is_float() => F::AddF32,
            A::Subtract if num.is_float() => {
                words = vec![self.un(Un::FNeg, words[0])];
                F::AddF32
            }
            A::Add => F::Add,
            A::Subtract => F::Sub,
            A::And => F::And,
            A::ExclusiveOr => F::Xor,
            A::InclusiveOr => F::Or,
            A::Min => by_sign(F::MinS, F::MinU),
            A::Max => by_sign(F::MaxS, F::MaxU),
            A::Exchange { compare: None } => F::Exchange,
            A::Exchange { compare: Some(compare) } => {
                let compare = self.words(compare)?;
                let mut out = self.access_atomic(p, F::CompareExchange, &[words, compare.clone()], true)?;
                let done = if num.is_wide() {
                    self.wide_cmp(WideCmp::Eq, [out[0], out[1]], [compare[0], compare[1]])
                } else {
                    self.bin(Bin::IEq, out[0], compare[0])
                };
                out.push(done);
                if let Some(e) = result {
                    self.frame_mut().values[e.index()] = Some(Value::Words(out));
                }
                return Ok(());
            }
        };
        let f = match f {
            // the wide forms know no subtraction of their own: add the negative
            F::Sub if num.is_wide() => {
                words = self.wide_un(WideUn::Neg, [words[0], words[1]]).to_vec();
                F::Add
            }
            f => f,
        };
        let out = self.access_atomic(p, f, &[words], result.is_some())?;
        if let Some(e) = result {
            self.frame_mut().values[e.index()] = Some(Value::Words(out));
        }
        Ok(())
    }
}
