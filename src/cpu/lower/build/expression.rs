//! Expressions.
use naga::{
    BinaryOperator, Expression as E, Handle, Literal, RelationalFunction, ScalarKind, TypeInner, UnaryOperator,
};

use super::{
    super::layout::{Num, Packing, Shape},
    Bin, Builder, Reg, Res, Un, Value,
};

impl<'m> Builder<'m> {
    /// The value of an expression: what it was when it was emitted; what needs no emission is made here.
    pub(super) fn evaluate(&mut self, e: Handle<E>) -> Res<Value> {
        if let Some(v) = &self.frame().values[e.index()] {
            return Ok(v.clone());
        }
        let v = self.fresh(e)?;
        self.frame_mut().values[e.index()] = Some(v.clone());
        Ok(v)
    }
    /// The same, of an expression that is not a pointer.
    pub(super) fn words(&mut self, e: Handle<E>) -> Res<Vec<Reg>> {
        match self.evaluate(e)? {
            Value::Words(w) => Ok(w),
            Value::Place(_) => Err("a value is expected, not a pointer".into()),
        }
    }
    pub(super) fn word(&mut self, e: Handle<E>) -> Res<Reg> {
        Ok(self.words(e)?[0])
    }
    /// The expression is emitted here: evaluate it anew.
    pub(super) fn emit_expression(&mut self, e: Handle<E>) -> Res<()> {
        let span = self.frame().function.expressions.get_span(e);
        self.at = self.locate(span);
        let v = self.fresh(e)?;
        self.frame_mut().values[e.index()] = Some(v);
        Ok(())
    }

    /// The kind of the scalars an expression is made of.
    pub(super) fn num(&self, e: Handle<E>) -> Res<Num> {
        let inner = self.inner(e);
        let scalar = match *inner {
            TypeInner::Scalar(s)
            | TypeInner::Vector { scalar: s, .. }
            | TypeInner::Matrix { scalar: s, .. }
            | TypeInner::Atomic(s) => s,
            ref other => return Err(format!("a number is expected, not {other:?}").into()),
        };
        Ok(Num::of(scalar)?)
    }
    /// The shape of a value.
    pub(super) fn shape_of(&self, e: Handle<E>) -> Res<Shape> {
        use naga::proc::TypeResolution;
        Ok(match &self.frame().info[e].ty {
            TypeResolution::Handle(h) => self.layouts.shape(*h),
            TypeResolution::Value(TypeInner::Scalar(s)) => Shape::Scalar(*s),
            TypeResolution::Value(TypeInner::Vector { size, scalar }) => Shape::Vector(*size, *scalar),
            TypeResolution::Value(TypeInner::Matrix { columns, rows, scalar }) => {
                Shape::Matrix(*columns, *rows, *scalar)
            }
            TypeResolution::Value(inner) => return Err(format!("a value of type {inner:?}").into()),
        })
    }

    fn fresh(&mut self, e: Handle<E>) -> Res<Value> {
        let function = self.frame().function;
        Ok(Value::Words(match &function.expressions[e] {
            E::Literal(l) => self.literal(*l)?,
            E::Constant(c) => self.global(self.module.constants[*c].init)?,
            E::ZeroValue(t) => self.zero(*t)?,
            E::Override(_) => return Err("an override that has no value: process overrides before".into()),
            E::Compose { components, .. } => {
                let mut out = vec![];
                for c in components {
                    out.extend(self.words(*c)?);
                }
                out
            }
            E::Access { base, index } => return self.access(*base, *index),
            E::AccessIndex { base, index } => match self.evaluate(*base)? {
                Value::Place(p) => return Ok(Value::Place(self.part(p, *index)?)),
                Value::Words(w) => self.component(*base, &w, *index)?,
            },
            E::Splat { size, value } => {
                let w = self.words(*value)?;
                w.repeat(*size as usize)
            }
            E::Swizzle { size, vector, pattern } => {
                let n = self.num(*vector)?.words();
                let w = self.words(*vector)?;
                pattern[..*size as usize].iter().flat_map(|c| w[*c as usize * n..][..n].to_vec()).collect()
            }
            E::FunctionArgument(i) => return Ok(self.frame().arguments[*i as usize].clone()),
            E::GlobalVariable(g) => {
                let place = self.globals.get(g).copied();
                let name = self.module.global_variables[*g].name.as_deref().unwrap_or("without a name");
                return Ok(Value::Place(
                    place.ok_or_else(|| format!("global variable {name} is not usable on the CPU device"))?,
                ));
            }
            E::LocalVariable(v) => return Ok(Value::Place(self.frame().locals[v])),
            E::Load { pointer } => {
                let p = self.place(*pointer)?;
                if self.is_atomic(*pointer) { self.atomic_load(p)? } else { self.load(p)? }
            }
            E::Unary { op, expr } => self.unary(*op, *expr)?,
            E::Binary { op, left, right } => self.binary(*op, *left, *right)?,
            E::Select { condition, accept, reject } => {
                let (c, a, b) = (self.words(*condition)?, self.words(*accept)?, self.words(*reject)?);
                let per = a.len() / c.len();
                (0..a.len()).map(|i| self.select(c[i / per], a[i], b[i])).collect()
            }
            E::Relational { fun, argument } => self.relational(*fun, *argument)?,
            E::Math { fun, arg, arg1, arg2, arg3 } => self.math(*fun, *arg, [*arg1, *arg2, *arg3])?,
            E::As { expr, kind, convert } => self.cast(*expr, *kind, *convert)?,
            E::ArrayLength(pointer) => {
                let p = self.place(*pointer)?;
                vec![self.length(p)?]
            }
            other => return Err(unsupported(other).into()),
        }))
    }

    /// Every form a constant can have.
    pub(super) fn global(&mut self, e: Handle<E>) -> Res<Vec<Reg>> {
        let module = self.module;
        Ok(match &module.global_expressions[e] {
            E::Literal(l) => self.literal(*l)?,
            E::Constant(c) => self.global(module.constants[*c].init)?,
            E::ZeroValue(t) => self.zero(*t)?,
            E::Compose { components, .. } => {
                let mut out = vec![];
                for c in components {
                    out.extend(self.global(*c)?);
                }
                out
            }
            E::Splat { size, value } => self.global(*value)?.repeat(*size as usize),
            E::Swizzle { size, vector, pattern } => {
                let w = self.global(*vector)?;
                let TypeInner::Vector { scalar, .. } = *self.info[*vector].inner_with(&module.types) else {
                    return Err("a swizzle of what is not a vector".into());
                };
                let n = Num::of(scalar)?.words();
                pattern[..*size as usize].iter().flat_map(|c| w[*c as usize * n..][..n].to_vec()).collect()
            }
            other => return Err(format!("the constant expression {other:?} is not evaluated").into()),
        })
    }

    pub(super) fn zero(&mut self, t: Handle<naga::Type>) -> Res<Vec<Reg>> {
        let n = self.layouts.words(self.layouts.shape(t))?;
        Ok(vec![self.constant(0); n as usize])
    }

    fn literal(&mut self, l: Literal) -> Res<Vec<Reg>> {
        let one = match l {
            Literal::F32(x) => x.to_bits(),
            Literal::F16(x) => x.to_f32().to_bits(),
            Literal::U16(x) => u32::from(x),
            Literal::I16(x) => i32::from(x).cast_unsigned(),
            Literal::U32(x) => x,
            Literal::I32(x) => x.cast_unsigned(),
            Literal::Bool(x) => u32::from(x).wrapping_neg(),
            Literal::U64(x) => return Ok(self.wide_constant(x).to_vec()),
            Literal::I64(x) => return Ok(self.wide_constant(x.cast_unsigned()).to_vec()),
            Literal::F64(_) => return Err("f64 is not supported by the CPU device; use f32".into()),
            Literal::AbstractInt(_) | Literal::AbstractFloat(_) => return Err("an abstract literal".into()),
        };
        Ok(vec![self.constant(one)])
    }
    /// Low and high word.
    pub(super) fn wide_constant(&mut self, x: u64) -> [Reg; 2] {
        let [low, high] = [x, x >> 32].map(|w| u32::try_from(w & 0xffff_ffff).expect("bug: masked"));
        [self.constant(low), self.constant(high)]
    }

    fn access(&mut self, base: Handle<E>, index: Handle<E>) -> Res<Value> {
        let signed = self.inner(index).scalar_kind() == Some(ScalarKind::Sint);
        let i = self.word(index)?;
        match self.evaluate(base)? {
            Value::Place(p) => Ok(Value::Place(self.element(p, i, signed)?)),
            Value::Words(w) => {
                let shape = self.shape_of(base)?;
                if let Some(i) = self.tree.constant(i)
                    && !self.config.checks.index
                {
                    let n = self.layouts.sequence(shape, Packing::Words)?.count.unwrap_or(1);
                    return Ok(Value::Words(self.component(base, &w, i.min(n - 1))?));
                }
                let whole = self.as_place(&w, shape);
                let part = self.element(whole, i, signed)?;
                Ok(Value::Words(self.load(part)?))
            }
        }
    }
    /// Element or member of a value.
    fn component(&mut self, base: Handle<E>, words: &[Reg], ix: u32) -> Res<Vec<Reg>> {
        let (element, _, at) = self.layouts.part(self.shape_of(base)?, ix, Packing::Words)?;
        let n = self.layouts.words(element)? as usize;
        Ok(words[at as usize..][..n].to_vec())
    }

    fn unary(&mut self, op: UnaryOperator, e: Handle<E>) -> Res<Vec<Reg>> {
        let num = self.num(e)?;
        let w = self.words(e)?;
        Ok(w.chunks(num.words()).flat_map(|x| self.unary_scalar(op, num, x)).collect())
    }

    fn relational(&mut self, fun: RelationalFunction, e: Handle<E>) -> Res<Vec<Reg>> {
        let w = self.words(e)?;
        let join = |this: &mut Self, f: Bin| {
            let all = w[1..].iter().fold(w[0], |a, b| this.bin(f, a, *b));
            vec![all]
        };
        Ok(match fun {
            RelationalFunction::All => join(self, Bin::And),
            RelationalFunction::Any => join(self, Bin::Or),
            RelationalFunction::IsNan => w.iter().map(|x| self.un(Un::FIsNan, *x)).collect(),
            RelationalFunction::IsInf => w.iter().map(|x| self.un(Un::FIsInf, *x)).collect(),
        })
    }

    fn binary(&mut self, op: BinaryOperator, left: Handle<E>, right: Handle<E>) -> Res<Vec<Reg>> {
        let num = self.num(left)?;
        let (a, b) = (self.words(left)?, self.words(right)?);
        if op == BinaryOperator::Multiply
            && let Some(product) = self.matrix_product((left, &a), (right, &b), num)
        {
            return Ok(product);
        }
        let (n, m) = (num.words(), self.num(right)?.words());
        let count = (a.len() / n).max(b.len() / m);
        let at = |w: &[Reg], i: usize, n: usize| if w.len() == n { w.to_vec() } else { w[i * n..][..n].to_vec() };
        let mut out = vec![];
        for i in 0..count {
            out.extend(self.binary_scalar(op, num, &at(&a, i, n), &at(&b, i, m))?);
        }
        Ok(out)
    }
}

/// Names what cannot be lowered.
fn unsupported(e: &E) -> String {
    let what = match e {
        E::ImageSample { .. } | E::ImageLoad { .. } | E::ImageQuery { .. } => "textures; use storage buffers",
        E::Derivative { .. } => "derivatives, which only fragment shaders have",
        E::RayQueryVertexPositions { .. } | E::RayQueryProceedResult | E::RayQueryGetIntersection { .. } => {
            "ray queries"
        }
        E::CooperativeLoad { .. } | E::CooperativeMultiplyAdd { .. } => "cooperative matrices; use workgroup memory",
        other => return format!("the expression {other:?} has no value at this point"),
    };
    format!("the CPU device has no {what}")
}
