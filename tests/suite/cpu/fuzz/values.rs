//! Places to assign to, and values: names in scope, literals, composites, calls.
use super::generate::{Generator, Name, node};
use super::tree::{Expr, Scalar, Type};
use Scalar::{Bool, F16, F32, I32, I64, U32, U64};

/// What a variable of the type may hold: whole numbers up to this.
fn limit(s: Scalar) -> f64 {
    if s == F16 { 15.0 } else { 255.0 }
}

/// What a matrix element may hold: what any vector may.
const MATRIX_LIMIT: f64 = 255.0;

/// Are the numbers exact, with room for a rounding of the sum of two?
pub(super) fn is_exact(s: Scalar, bound: f64, fraction: u32) -> bool {
    bound * 2f64.powi(fraction.cast_signed()) <= if s == F16 { 1024.0 } else { 4_194_304.0 }
}

impl Generator {
    /// Something to assign to, and its type.
    pub(super) fn place(&mut self) -> (Expr, Type) {
        let names: Vec<Name> = self.scope.iter().filter(|n| n.mutable).cloned().collect();
        let name = self.random.pick(&names).clone();
        let place = node(name.ty, name.text, vec![]);
        let place = self.descend(place, true, 70);
        let ty = place.ty.clone();
        (place, ty)
    }

    /// Goes down into a composite, with some probability at each step.
    fn descend(&mut self, e: Expr, dynamic: bool, percent: usize) -> Expr {
        if !self.random.chance(percent) {
            return e;
        }
        let index = |g: &mut Self, n: usize| -> Expr {
            if dynamic && g.random.chance(60) {
                g.nested += 1;
                let i = if g.nested > 2 { g.input() } else { g.dynamic(&Type::Scalar(U32), 1) };
                g.nested -= 1;
                node(Type::Scalar(U32), format!("($0 % {n}u)"), vec![i])
            } else {
                let k = g.random.below(n);
                node(Type::Scalar(U32), format!("{k}"), vec![])
            }
        };
        let next = match e.ty.clone() {
            Type::Scalar(_) => return e,
            Type::Vector(n, s) => {
                let i = index(self, n);
                node(Type::Scalar(s), "$0[$1]", vec![e, i])
            }
            Type::Matrix(c, r) => {
                let i = index(self, c);
                node(Type::Vector(r, F32), "$0[$1]", vec![e, i])
            }
            Type::Array(element, n) => {
                let i = index(self, n);
                node(*element, "$0[$1]", vec![e, i])
            }
            Type::Struct(k) => {
                let j = self.random.below(self.program.structs[k].len());
                let ty = self.program.structs[k][j].clone();
                node(ty, format!("$0.m{j}"), vec![e])
            }
        };
        self.descend(next, dynamic, percent)
    }

    /// A name, or part of one, of this type.
    pub(super) fn read(&mut self, ty: &Type) -> Option<Expr> {
        for _ in 0..6 {
            let name = self.random.pick(&self.scope).clone();
            let whole = node(name.ty.clone(), name.text, vec![]);
            let e = if name.ty == *ty { whole } else { self.descend(whole, name.mutable, 85) };
            if e.ty == *ty {
                return Some(Self::held(e));
            }
        }
        None
    }

    /// Notes what a variable of its type may hold.
    pub(super) fn held(mut e: Expr) -> Expr {
        e.bound = match &e.ty {
            Type::Scalar(s) | Type::Vector(_, s) => limit(*s),
            Type::Matrix(..) => MATRIX_LIMIT,
            Type::Array(..) | Type::Struct(_) => 0.0,
        };
        e
    }

    /// A word made of the input. Only two are read (each read is a loop in the oracle's code), all others are made of them.
    fn input(&mut self) -> Expr {
        let word = *self.random.pick(&["in0", "in1"]);
        let k = self.random.below(30);
        let form = match self.random.below(4) {
            0 => word.to_string(),
            1 => format!("({word} >> {}u)", k + 1),
            2 => format!("({word} * {}u)", 2 * k + 3),
            _ => format!("((in0 ^ in1) + {}u)", 37 * k),
        };
        node(Type::Scalar(U32), form, vec![])
    }

    /// Something of the type that is not constant, however shallow.
    pub(super) fn leaf(&mut self, ty: &Type) -> Expr {
        if let Some(e) = self.read(ty) {
            return e;
        }
        match ty {
            Type::Scalar(s) => {
                let word = self.input();
                let form = match s {
                    U32 => return word,
                    I32 => "bitcast<i32>($0)",
                    Bool => "(($0 & 1u) == 1u)",
                    F32 => "f32(i32($0 & 15u) - 8i)",
                    F16 => "f16(i32($0 & 15u) - 8i)",
                    I64 => "i64(u64($0) * 12345678901lu)",
                    U64 => "(u64($0) * 123456789lu)",
                };
                let mut e = node(ty.clone(), form, vec![word]);
                e.bound = 8.0;
                e
            }
            Type::Vector(n, s) => {
                let parts: Vec<Expr> = (0..*n).map(|_| self.leaf(&Type::Scalar(*s))).collect();
                self.compose(ty, parts)
            }
            _ => self.composite(ty, 0),
        }
    }

    /// A vector, matrix, array or struct from its parts, in order.
    pub(super) fn compose(&self, ty: &Type, parts: Vec<Expr>) -> Expr {
        let holes: Vec<String> = (0..parts.len()).map(|k| format!("${k}")).collect();
        let form = format!("{}({})", ty.name(&self.program.prefix), holes.join(", "));
        let bound = parts.iter().map(|p| p.bound).fold(0.0, f64::max);
        let fraction = parts.iter().map(|p| p.fraction).max().unwrap_or(0);
        Expr { ty: ty.clone(), form, args: parts, bound, fraction }
    }

    pub(super) fn composite(&mut self, ty: &Type, depth: usize) -> Expr {
        let parts: Vec<Expr> = match ty {
            Type::Array(element, n) => (0..*n).map(|_| self.stored(element, depth)).collect(),
            Type::Struct(k) => self.program.structs[*k].clone().iter().map(|field| self.stored(field, depth)).collect(),
            Type::Matrix(c, r) => (0..*c)
                .map(|_| {
                    let column = self.expr(&Type::Vector(*r, F32), depth);
                    Self::cut(column, MATRIX_LIMIT)
                })
                .collect(),
            Type::Scalar(_) | Type::Vector(..) => unreachable!("bug: not a composite"),
        };
        self.compose(ty, parts)
    }

    /// An expression that may be kept in a variable.
    pub(super) fn stored(&mut self, ty: &Type, depth: usize) -> Expr {
        let e = self.expr(ty, depth);
        Self::kept(e)
    }

    pub(super) fn stored_dynamic(&mut self, ty: &Type, depth: usize) -> Expr {
        let e = self.dynamic(ty, depth);
        Self::kept(e)
    }

    pub(super) fn kept(e: Expr) -> Expr {
        match e.ty.scalar() {
            Some((s, _)) if s.is_float() => Self::cut(e, limit(s)),
            _ => e,
        }
    }

    /// A float or vector of them as whole numbers within the limit.
    pub(super) fn cut(e: Expr, limit: f64) -> Expr {
        if e.bound <= limit && e.fraction == 0 {
            return e;
        }
        let name = e.ty.name("");
        let (s, _) = e.ty.scalar().expect("bug: only scalars and vectors are cut");
        let suffix = if s == F16 { "h" } else { "f" };
        let inner = if e.fraction > 0 { "trunc($0)" } else { "$0" };
        let form = format!("clamp({inner}, {name}(-{limit:.1}{suffix}), {name}({limit:.1}{suffix}))");
        Expr { ty: e.ty.clone(), form, args: vec![e], bound: limit, fraction: 0 }
    }

    /// A literal or an expression.
    pub(super) fn expr(&mut self, ty: &Type, depth: usize) -> Expr {
        if self.random.chance(20)
            && let Some((s, n)) = ty.scalar()
        {
            let x = if s.is_float() {
                self.random.below(17) as i64 - 8
            } else {
                *self.random.pick(&[0, 1, 2, 3, 5, 7, 31, 100, 255, 65535, 0x7fff_ffff, -1, -2, -7, -1000])
            };
            let form = if n == 1 { s.literal(x) } else { format!("{}({})", ty.name(""), s.literal(x)) };
            let mut e = node(ty.clone(), form, vec![]);
            e.bound = x.abs() as f64;
            return e;
        }
        self.dynamic(ty, depth)
    }

    /// An expression that is not constant, so that no compiler evaluates (and rejects) it.
    pub(super) fn dynamic(&mut self, ty: &Type, depth: usize) -> Expr {
        if depth == 0 || self.random.chance(15) {
            return self.leaf(ty);
        }
        match ty.scalar() {
            None if matches!(ty, Type::Matrix(..)) => self.matrix(ty, depth - 1),
            None => self.read(ty).unwrap_or_else(|| self.composite(ty, depth - 1)),
            Some((s, n)) => {
                if self.random.chance(8)
                    && let Some(e) = self.result(ty, depth - 1)
                {
                    return e;
                }
                self.operation(s, n, depth - 1)
            }
        }
    }

    /// A call for its result.
    fn result(&mut self, ty: &Type, depth: usize) -> Option<Expr> {
        if self.loops > 1 {
            return None;
        }
        let helper = self.helpers.iter().find(|h| h.pointers.is_empty() && h.result.as_ref() == Some(ty))?.clone();
        let args: Vec<Expr> = helper.values.iter().map(|ty| self.stored(ty, depth.min(1))).collect();
        let holes: String = (0..args.len()).map(|k| format!(", ${k}")).collect();
        let e = node(ty.clone(), format!("{}(gid, lid, in0, in1{holes})", helper.name), args);
        Some(Self::held(e))
    }

    fn matrix(&mut self, ty: &Type, depth: usize) -> Expr {
        let Type::Matrix(c, r) = *ty else { unreachable!("bug: not a matrix") };
        let mut e = match self.random.below(5) {
            0 => {
                let m = self.read(&Type::Matrix(r, c)).unwrap_or_else(|| self.composite(&Type::Matrix(r, c), depth));
                let bound = m.bound;
                let mut e = node(ty.clone(), "transpose($0)", vec![m]);
                e.bound = bound;
                e
            }
            _ => match self.read(ty) {
                Some(e) => e,
                None => self.composite(ty, depth),
            },
        };
        e.bound = e.bound.max(1.0);
        e
    }
}
