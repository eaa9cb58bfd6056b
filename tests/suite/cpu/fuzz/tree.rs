//! Random programs as trees of text with holes: enough to print them and to cut them down.

/// A scalar type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scalar {
    Bool,
    I32,
    U32,
    F32,
    I64,
    U64,
    F16,
}

/// A type; a struct by its number in the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Type {
    Scalar(Scalar),
    Vector(usize, Scalar),
    /// Columns and rows, of f32.
    Matrix(usize, usize),
    Array(Box<Type>, usize),
    Struct(usize),
}

/// An expression: `form` with `$0`, `$1` … for its arguments. A float is a multiple of `2^-fraction`, at most `bound` in size, so that all
/// arithmetic on it is exact, fused or not.
#[derive(Clone, Debug)]
pub struct Expr {
    pub ty: Type,
    pub form: String,
    pub args: Vec<Expr>,
    pub bound: f64,
    pub fraction: u32,
}

/// A statement: `form` with `$0` … for expressions and `@0` … for blocks in braces.
#[derive(Clone, Debug)]
pub struct Stmt {
    pub form: String,
    pub exprs: Vec<Expr>,
    pub blocks: Vec<Vec<Stmt>>,
}

/// A function. Statements of the body are the only part that shrinks.
#[derive(Clone, Debug)]
pub struct Function {
    /// Up to the opening brace.
    pub head: String,
    pub vars: Vec<(String, Type)>,
    pub body: Vec<Stmt>,
    /// What stands after the body.
    pub tail: String,
}

/// One program: declarations, functions and the one that `main` calls last.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub structs: Vec<Vec<Type>>,
    /// Workgroup and other module variables, as text.
    pub globals: String,
    pub functions: Vec<Function>,
    /// Starts its names.
    pub prefix: String,
}

impl Scalar {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I32 => "i32",
            Self::U32 => "u32",
            Self::F32 => "f32",
            Self::I64 => "i64",
            Self::U64 => "u64",
            Self::F16 => "f16",
        }
    }

    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16)
    }

    pub fn is_wide(self) -> bool {
        matches!(self, Self::I64 | Self::U64)
    }

    /// Of a whole number.
    pub fn literal(self, x: i64) -> String {
        match self {
            Self::Bool => if x & 1 == 0 { "false" } else { "true" }.into(),
            Self::I32 => format!("({}i)", x as i32),
            Self::U32 => format!("{}u", x as u32),
            Self::F32 => format!("({}.0f)", x as i32),
            Self::F16 => format!("({}.0h)", x as i32),
            Self::I64 => format!("({}li)", x.max(-i64::MAX)),
            Self::U64 => format!("{}lu", x.cast_unsigned()),
        }
    }
}

impl Type {
    pub fn name(&self, prefix: &str) -> String {
        match self {
            Self::Scalar(s) => s.name().into(),
            Self::Vector(n, s) => format!("vec{n}<{}>", s.name()),
            Self::Matrix(c, r) => format!("mat{c}x{r}<f32>"),
            Self::Array(element, n) => format!("array<{}, {n}>", element.name(prefix)),
            Self::Struct(k) => format!("{prefix}S{k}"),
        }
    }

    /// Of scalars and vectors: the scalar and the number of components.
    pub fn scalar(&self) -> Option<(Scalar, usize)> {
        match self {
            Self::Scalar(s) => Some((*s, 1)),
            Self::Vector(n, s) => Some((*s, *n)),
            Self::Matrix(..) | Self::Array(..) | Self::Struct(_) => None,
        }
    }

    /// So many components of a scalar.
    pub fn of(s: Scalar, n: usize) -> Self {
        if n == 1 { Self::Scalar(s) } else { Self::Vector(n, s) }
    }
}

impl Expr {
    pub fn print(&self, out: &mut String) {
        fill(&self.form, out, |hole, k, out| {
            assert_eq!(hole, '$', "bug: an expression has no blocks: {}", self.form);
            self.args[k].print(out);
        });
    }

    /// Every place in the tree, by a path of argument numbers.
    pub fn paths(&self, path: &mut Vec<usize>, all: &mut Vec<Vec<usize>>) {
        all.push(path.clone());
        for (k, arg) in self.args.iter().enumerate() {
            path.push(k);
            arg.paths(path, all);
            path.pop();
        }
    }

    pub fn at(&mut self, path: &[usize]) -> &mut Self {
        path.iter().fold(self, |e, k| &mut e.args[*k])
    }
}

/// Copies the text, handing over at each `$k` and `@k`.
fn fill(form: &str, out: &mut String, mut hole: impl FnMut(char, usize, &mut String)) {
    let mut chars = form.chars();
    while let Some(c) = chars.next() {
        match c {
            '$' | '@' => {
                let k = chars.next().and_then(|d| d.to_digit(10)).expect("bug: a digit after a hole");
                hole(c, k as usize, out);
            }
            c => out.push(c),
        }
    }
}

impl Stmt {
    fn print(&self, depth: usize, out: &mut String) {
        *out += &"  ".repeat(depth);
        fill(&self.form, out, |hole, k, out| match hole {
            '$' => self.exprs[k].print(out),
            _ => {
                *out += "{\n";
                block(&self.blocks[k], depth + 1, out);
                *out += &format!("{}}}", "  ".repeat(depth));
            }
        });
        out.push('\n');
    }
}

fn block(body: &[Stmt], depth: usize, out: &mut String) {
    for stmt in body {
        stmt.print(depth, out);
    }
}

impl Program {
    pub fn print(&self, out: &mut String) {
        let prefix = &self.prefix;
        for (k, fields) in self.structs.iter().enumerate() {
            let fields: Vec<String> =
                fields.iter().enumerate().map(|(j, t)| format!("m{j}: {}", t.name(prefix))).collect();
            *out += &format!("struct {prefix}S{k} {{ {} }}\n", fields.join(", "));
        }
        *out += &self.globals;
        for function in &self.functions {
            *out += &format!("{} {{\n", function.head);
            for (name, ty) in &function.vars {
                *out += &format!("  var {name}: {};\n", ty.name(prefix));
            }
            block(&function.body, 1, out);
            *out += &format!("{}}}\n", function.tail);
        }
    }
}
