//! Operators and built-in functions on scalars and vectors, by the type of the result.
use super::generate::{Generator, node};
use super::tree::{Expr, Scalar, Type};
use super::values::is_exact;
use Scalar::{Bool, F16, F32, I32, I64, U32, U64};

impl Generator {
    /// An operation whose result has `n` components of a scalar type.
    pub(super) fn operation(&mut self, s: Scalar, n: usize, depth: usize) -> Expr {
        match self.random().below(12) {
            0 => return self.selection(s, n, depth),
            1 if n > 1 => {
                let parts: Vec<Expr> = (0..n)
                    .map(|k| {
                        if k == 0 { self.dynamic(&Type::Scalar(s), depth) } else { self.expr(&Type::Scalar(s), depth) }
                    })
                    .collect();
                return self.compose(&Type::of(s, n), parts);
            }
            2 if !s.is_wide() => return self.swizzle(s, n, depth),
            _ => {}
        }
        match s {
            Bool => self.comparison(n, depth),
            I32 | U32 => self.integer(s, n, depth),
            I64 | U64 => self.wide(s, depth),
            F32 | F16 => self.float(s, n, depth),
        }
    }

    fn selection(&mut self, s: Scalar, n: usize, depth: usize) -> Expr {
        let ty = Type::of(s, n);
        let (a, b) = (self.dynamic(&ty, depth), self.expr(&ty, depth));
        let shape = if self.random().chance(50) { 1 } else { n };
        let condition = self.dynamic(&Type::of(Bool, shape), depth);
        let (bound, fraction) = (a.bound.max(b.bound), a.fraction.max(b.fraction));
        if !is_exact(s, bound, fraction) {
            return a;
        }
        let form = if self.random().chance(50) { "select($0, $1, $2)" } else { "select($1, $0, $2)" };
        Expr { ty, form: form.into(), args: vec![a, b, condition], bound, fraction }
    }

    /// Components of a vector, in any order.
    fn swizzle(&mut self, s: Scalar, n: usize, depth: usize) -> Expr {
        let from = 2 + self.random().below(3);
        let v = self.dynamic(&Type::Vector(from, s), depth);
        let (bound, fraction) = (v.bound, v.fraction);
        let letters: String = (0..n).map(|_| ["x", "y", "z", "w"][self.random().below(from)]).collect();
        Expr { ty: Type::of(s, n), form: format!("$0.{letters}"), args: vec![v], bound, fraction }
    }

    fn comparison(&mut self, n: usize, depth: usize) -> Expr {
        let ty = Type::of(Bool, n);
        match self.random().below(10) {
            0 => {
                let a = self.dynamic(&ty, depth);
                node(ty, "(!$0)", vec![a])
            }
            1 | 2 => {
                let op = *self.random().pick(&["&", "|", "==", "!="]);
                let (a, b) = (self.dynamic(&ty, depth), self.expr(&ty, depth));
                node(ty, format!("($0 {op} $1)"), vec![a, b])
            }
            3 if n == 1 => {
                let form = *self.random().pick(&["($0 && $1)", "($0 || $1)"]);
                let (a, b) = (self.dynamic(&ty, depth), self.dynamic(&ty, depth));
                node(ty, form, vec![a, b])
            }
            4 if n == 1 => {
                let m = 2 + self.random().below(3);
                let form = *self.random().pick(&["any($0)", "all($0)"]);
                let a = self.dynamic(&Type::Vector(m, Bool), depth);
                node(ty, form, vec![a])
            }
            _ => {
                let s = loop {
                    let s = self.scalar();
                    if s != Bool && !(s.is_wide() && n > 1) {
                        break s;
                    }
                };
                let op = *self.random().pick(&["<", "<=", ">", ">=", "==", "!="]);
                let of = Type::of(s, n);
                let (a, b) = (self.dynamic(&of, depth), self.expr(&of, depth));
                node(ty, format!("($0 {op} $1)"), vec![a, b])
            }
        }
    }

    /// 32-bit integers.
    fn integer(&mut self, s: Scalar, n: usize, depth: usize) -> Expr {
        let ty = Type::of(s, n);
        match self.random().below(16) {
            0..6 => self.arithmetic(s, n, depth),
            6 => {
                let unary = [
                    "(~$0)",
                    "abs($0)",
                    "countOneBits($0)",
                    "reverseBits($0)",
                    "countLeadingZeros($0)",
                    "countTrailingZeros($0)",
                    "firstLeadingBit($0)",
                    "firstTrailingBit($0)",
                ];
                let form = *self.random().pick(&unary);
                let a = self.dynamic(&ty, depth);
                node(ty, form, vec![a])
            }
            7 if s == I32 => {
                let form = *self.random().pick(&["(-$0)", "sign($0)"]);
                let a = self.dynamic(&ty, depth);
                node(ty, form, vec![a])
            }
            8 => {
                let (a, b, c) = (self.dynamic(&ty, depth), self.dynamic(&ty, 0), self.expr(&ty, 0));
                node(ty, "clamp($0, min($1, $2), max($1, $2))", vec![a, b, c])
            }
            9 => {
                let word = Type::Scalar(U32);
                let (a, o, c) = (self.dynamic(&ty, depth), self.dynamic(&word, 0), self.dynamic(&word, 0));
                if self.random().chance(50) {
                    let cut = if self.random().chance(50) { ("", "") } else { (" % 33u", " % 33u") };
                    return node(ty, format!("extractBits($0, ($1{}), ($2{}))", cut.0, cut.1), vec![a, o, c]);
                }
                let b = self.dynamic(&ty, depth);
                node(ty, "insertBits($0, $3, ($1 % 40u), ($2 % 40u))", vec![a, o, c, b])
            }
            10 if n == 1 => {
                let m = Type::Vector(2 + self.random().below(3), s);
                let (a, b) = (self.dynamic(&m, depth), self.expr(&m, depth));
                node(ty, "dot($0, $1)", vec![a, b])
            }
            11 if n == 1 => self.packed(s, depth),
            12 if n == 4 => {
                let a = self.dynamic(&Type::Scalar(U32), depth);
                node(ty, if s == I32 { "unpack4xI8($0)" } else { "unpack4xU8($0)" }, vec![a])
            }
            _ => self.conversion(s, n, depth),
        }
    }

    fn packed(&mut self, s: Scalar, depth: usize) -> Expr {
        let ty = Type::Scalar(s);
        let word = Type::Scalar(U32);
        if s == I32 {
            let (a, b) = (self.dynamic(&word, depth), self.expr(&word, depth));
            return node(ty, "dot4I8Packed($0, $1)", vec![a, b]);
        }
        match self.random().below(5) {
            0 => {
                let (a, b) = (self.dynamic(&word, depth), self.expr(&word, depth));
                node(ty, "dot4U8Packed($0, $1)", vec![a, b])
            }
            k => {
                let (form, of) = [
                    ("pack4xU8($0)", U32),
                    ("pack4xU8Clamp($0)", U32),
                    ("pack4xI8($0)", I32),
                    ("pack4xI8Clamp($0)", I32),
                ][k - 1];
                let a = self.dynamic(&Type::Vector(4, of), depth);
                node(ty, form, vec![a])
            }
        }
    }

    /// `+`, `/`, shifts and their kin, of vectors also with a scalar on one side.
    fn arithmetic(&mut self, s: Scalar, n: usize, depth: usize) -> Expr {
        let ty = Type::of(s, n);
        if self.random().chance(15) {
            let op = *self.random().pick(&["<<", ">>"]);
            let (a, b) = (self.dynamic(&ty, depth), self.dynamic(&Type::of(U32, n), depth));
            return node(ty, format!("($0 {op} $1)"), vec![a, b]);
        }
        if self.random().chance(20) {
            let op = *self.random().pick(&["/", "%"]);
            // a constant divisor must not be zero
            let a = self.dynamic(&ty, depth);
            let b = if self.random().chance(30) && n == 1 {
                let x = 1 + self.random().below(300) as i64;
                node(ty.clone(), s.literal(x), vec![])
            } else {
                self.dynamic(&ty, depth)
            };
            return node(ty, format!("($0 {op} $1)"), vec![a, b]);
        }
        if self.random().chance(15) {
            let form = *self.random().pick(&["min($0, $1)", "max($0, $1)"]);
            let (a, b) = (self.dynamic(&ty, depth), self.expr(&ty, depth));
            return node(ty, form, vec![a, b]);
        }
        let mixed = n > 1 && self.random().chance(20);
        let op = if mixed {
            *self.random().pick(&["+", "-", "*"])
        } else {
            *self.random().pick(&["+", "-", "*", "&", "|", "^"])
        };
        let a = self.dynamic(&ty, depth);
        let b = self.expr(&Type::of(s, if mixed { 1 } else { n }), depth);
        let form = if self.random().chance(30) { format!("($1 {op} $0)") } else { format!("($0 {op} $1)") };
        node(ty, form, vec![a, b])
    }

    /// From another scalar type to a 32-bit integer.
    fn conversion(&mut self, s: Scalar, n: usize, depth: usize) -> Expr {
        let ty = Type::of(s, n);
        let other = if s == I32 { U32 } else { I32 };
        let name = ty.name("");
        let (form, from) = match self.random().below(8) {
            0 | 1 => (format!("{name}($0)"), other),
            2 => (format!("bitcast<{name}>($0)"), other),
            3 => (format!("{name}($0)"), Bool),
            4 | 5 => (format!("{name}($0)"), F32),
            6 if self.features().half => (format!("{name}($0)"), F16),
            7 if self.features().wide && n == 1 => {
                (format!("{name}($0)"), if self.random().chance(50) { I64 } else { U64 })
            }
            _ => (format!("{name}($0)"), other),
        };
        let a = self.dynamic(&Type::of(from, n), depth);
        node(ty, form, vec![a])
    }

    /// 64-bit integers.
    fn wide(&mut self, s: Scalar, depth: usize) -> Expr {
        let ty = Type::Scalar(s);
        match self.random().below(10) {
            0..5 => {
                let a = self.dynamic(&ty, depth);
                let op = *self.random().pick(&["+", "-", "*", "&", "|", "^"]);
                let b = self.expr(&ty, depth);
                node(ty, format!("($0 {op} $1)"), vec![a, b])
            }
            5 => {
                let (a, b) = (self.dynamic(&ty, depth), self.dynamic(&Type::Scalar(U32), depth));
                let op = *self.random().pick(&["<<", ">>"]);
                node(ty, format!("($0 {op} ($1 & 63u))"), vec![a, b])
            }
            6 => {
                let (a, b) = (self.dynamic(&ty, depth), self.dynamic(&ty, depth));
                let op = *self.random().pick(&["/", "%"]);
                node(ty, format!("($0 {op} $1)"), vec![a, b])
            }
            7 => {
                let (a, b) = (self.dynamic(&ty, depth), self.expr(&ty, depth));
                let form = *self.random().pick(&["min($0, $1)", "max($0, $1)"]);
                node(ty, form, vec![a, b])
            }
            8 if s == I64 => {
                let a = self.dynamic(&ty, depth);
                let form = *self.random().pick(&["(-$0)", "abs($0)", "(~$0)", "sign($0)"]);
                node(ty, form, vec![a])
            }
            _ => {
                // the oracle gets i64 of 32 bits wrong: see `KNOWN` of the built-ins
                let from = if s == I64 { U64 } else { *self.random().pick(&[U32, I64]) };
                let a = self.dynamic(&Type::Scalar(from), depth);
                node(ty.clone(), format!("{}($0)", ty.name("")), vec![a])
            }
        }
    }

    /// Floats, as long as they are exact.
    fn float(&mut self, s: Scalar, n: usize, depth: usize) -> Expr {
        let ty = Type::of(s, n);
        let a = self.dynamic(&ty, depth);
        let e = match self.random().below(12) {
            0..4 => self.sum_or_product(s, n, &a, depth),
            4 => {
                let (form, whole) = *self.random().pick(&[
                    ("floor($0)", true),
                    ("ceil($0)", true),
                    ("trunc($0)", true),
                    ("round($0)", true),
                    ("abs($0)", false),
                    ("(-$0)", false),
                ]);
                let fraction = if whole { 0 } else { a.fraction };
                Some(Expr {
                    ty: ty.clone(),
                    form: form.into(),
                    bound: a.bound + f64::from(u32::from(whole)),
                    fraction,
                    args: vec![a.clone()],
                })
            }
            5 => {
                let form = *self.random().pick(&["sign($0)", "fract($0)", "saturate($0)"]);
                Some(Expr {
                    ty: ty.clone(),
                    form: form.into(),
                    bound: 1.0,
                    fraction: a.fraction,
                    args: vec![a.clone()],
                })
            }
            6 | 7 => {
                let form = *self.random().pick(&["min($0, $1)", "max($0, $1)", "step($0, $1)"]);
                let b = self.expr(&ty, depth);
                Some(Expr {
                    ty: ty.clone(),
                    form: form.into(),
                    bound: a.bound.max(b.bound).max(1.0),
                    fraction: a.fraction.max(b.fraction),
                    args: vec![a.clone(), b],
                })
            }
            8 if s == F32 && n == 1 => Some(self.dot(depth)),
            9 if s == F32 && n > 1 => self.product(n, depth),
            _ => Some(self.converted(s, n, depth)),
        };
        e.filter(|e| is_exact(s, e.bound, e.fraction)).unwrap_or(a)
    }

    fn sum_or_product(&mut self, s: Scalar, n: usize, a: &Expr, depth: usize) -> Option<Expr> {
        let ty = Type::of(s, n);
        let suffix = if s == F16 { "h" } else { "f" };
        let made =
            |form: String, args: Vec<Expr>, bound, fraction| Some(Expr { ty: ty.clone(), form, args, bound, fraction });
        match self.random().below(8) {
            0 => made(format!("($0 * 0.5{suffix})"), vec![a.clone()], a.bound / 2.0, a.fraction + 1),
            1 => {
                let (b, c) = (self.expr(&ty, depth), self.expr(&ty, 0));
                let fraction = (a.fraction + b.fraction).max(c.fraction);
                let bound = a.bound * b.bound + c.bound;
                let form = if self.random().chance(50) { "fma($0, $1, $2)" } else { "($0 * $1 + $2)" };
                made(form.into(), vec![a.clone(), b, c], bound, fraction)
            }
            2 | 3 => {
                let b = self.expr(&ty, depth);
                let (bound, fraction) = (a.bound * b.bound, a.fraction + b.fraction);
                made("($0 * $1)".into(), vec![a.clone(), b], bound, fraction)
            }
            k => {
                let b = self.expr(&ty, depth);
                let (bound, fraction) = (a.bound + b.bound, a.fraction.max(b.fraction));
                let form = if k % 2 == 0 { "($0 + $1)" } else { "($0 - $1)" };
                made(form.into(), vec![a.clone(), b], bound, fraction)
            }
        }
    }

    fn dot(&mut self, depth: usize) -> Expr {
        let m = 2 + self.random().below(3);
        let of = Type::Vector(m, F32);
        let (a, b) = (self.dynamic(&of, depth), self.expr(&of, depth));
        let (bound, fraction) = (a.bound * b.bound * m as f64, a.fraction + b.fraction);
        Expr { ty: Type::Scalar(F32), form: "dot($0, $1)".into(), args: vec![a, b], bound, fraction }
    }

    /// A matrix times a vector, a vector times a matrix, or a column of a product of matrices.
    fn product(&mut self, n: usize, depth: usize) -> Option<Expr> {
        let m = 2 + self.random().below(3);
        let (form, args, terms): (String, Vec<Expr>, usize) = match self.random().below(4) {
            0 => {
                let (a, b) = (self.dynamic(&Type::Matrix(m, n), depth), self.dynamic(&Type::Vector(m, F32), depth));
                ("($0 * $1)".into(), vec![a, b], m)
            }
            1 => {
                let (a, b) = (self.dynamic(&Type::Vector(m, F32), depth), self.dynamic(&Type::Matrix(n, m), depth));
                ("($0 * $1)".into(), vec![a, b], m)
            }
            2 if n == 3 => {
                let of = Type::Vector(3, F32);
                let (a, b) = (self.dynamic(&of, depth), self.dynamic(&of, depth));
                ("cross($0, $1)".into(), vec![a, b], 2)
            }
            _ => {
                let c = 2 + self.random().below(3);
                let k = self.random().below(c);
                let (a, b) = (self.dynamic(&Type::Matrix(m, n), depth), self.dynamic(&Type::Matrix(c, m), depth));
                if a.form.starts_with("transpose") && b.form.starts_with("transpose") {
                    // Mesa 22.3 crashes where it turns the product of two transposed matrices around
                    return None;
                }
                (format!("($0 * $1)[{k}]"), vec![a, b], m)
            }
        };
        let bound = args[0].bound * args[1].bound * terms as f64;
        let fraction = args[0].fraction + args[1].fraction;
        Some(Expr { ty: Type::Vector(n, F32), form, args, bound, fraction })
    }

    fn converted(&mut self, s: Scalar, n: usize, depth: usize) -> Expr {
        let ty = Type::of(s, n);
        let name = ty.name("");
        let (form, from, bound) = match self.random().below(4) {
            0 => (format!("{name}($0)"), Bool, 1.0),
            1 => (format!("{name}($0 & {}(15u))", Type::of(U32, n).name("")), U32, 15.0),
            2 if s == F32 && self.features().half => (format!("{name}($0)"), F16, 1024.0),
            _ => (format!("{name}($0 % {}(9i))", Type::of(I32, n).name("")), I32, 8.0),
        };
        let a = self.dynamic(&Type::of(from, n), depth);
        let fraction = a.fraction;
        let bound = if from == F16 { a.bound } else { bound };
        Expr { ty, form, args: vec![a], bound, fraction }
    }
}
