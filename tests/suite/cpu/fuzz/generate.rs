//! Makes a random program: valid WGSL, bounded in time, free of races, and with one right answer. Floats hold small whole numbers, so
//! that their arithmetic is exact however it is fused; indices stay in range; atomics of a phase are of one kind and their old values unused.
use super::tree::{Expr, Function, Program, Scalar, Stmt, Type};
use Scalar::{Bool, F16, F32, I32, I64, U32, U64};

/// A counter-based generator: the k-th number depends on the seed and k only.
pub struct Random {
    seed: u64,
    counter: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }

    pub fn next(&mut self) -> u64 {
        self.counter += 1;
        let mut x = self.seed.wrapping_mul(0xd134_2543_de82_ef95) ^ self.counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (((self.next() >> 32) * n as u64) >> 32) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// A name in scope.
#[derive(Clone)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) ty: Type,
    /// May be assigned to.
    pub(super) mutable: bool,
    /// Is a `var`, whose address can be taken.
    pub(super) var: bool,
}

/// A helper function that may be called.
#[derive(Clone)]
pub(super) struct Helper {
    pub(super) name: String,
    pub(super) values: Vec<Type>,
    pub(super) pointers: Vec<Type>,
    pub(super) result: Option<Type>,
}

/// Which scalar types the adapters have.
#[derive(Clone, Copy)]
pub struct Features {
    pub wide: bool,
    pub half: bool,
}

pub struct Generator {
    pub(super) random: Random,
    pub(super) features: Features,
    pub(super) program: Program,
    pub(super) scope: Vec<Name>,
    pub(super) helpers: Vec<Helper>,
    /// Loops around the current place, and whether a `break` would leave one.
    pub(super) loops: usize,
    /// The result type of the function, if it may return early.
    pub(super) returns: Option<Type>,
    pub(super) fresh: usize,
    /// Statements left.
    pub(super) budget: usize,
    /// Indices within indices.
    pub(super) nested: usize,
}

/// A program from a seed; its names start with the prefix. `main` is the last function, `<prefix>main(gid, lid, in0, in1) -> u32`.
pub fn program(seed: u64, prefix: &str, features: Features) -> Program {
    let random = Random::new(seed);
    let program = Program { prefix: prefix.into(), ..Program::default() };
    let mut g = Generator {
        random,
        features,
        program,
        scope: vec![],
        helpers: vec![],
        loops: 0,
        returns: None,
        fresh: 0,
        budget: 0,
        nested: 0,
    };
    g.structs();
    if g.random.chance(60) {
        g.helper();
    }
    g.main();
    g.program
}

pub(super) fn node(ty: Type, form: impl Into<String>, args: Vec<Expr>) -> Expr {
    Expr { ty, form: form.into(), args, bound: 0.0, fraction: 0 }
}

impl Generator {
    fn name(&mut self, start: &str) -> String {
        self.fresh += 1;
        format!("{}{start}{}", self.program.prefix, self.fresh)
    }

    fn structs(&mut self) {
        for k in 0..1 + self.random.below(2) {
            let fields = 1 + self.random.below(4);
            let fields = (0..fields)
                .map(|_| if k > 0 && self.random.chance(30) { Type::Struct(k - 1) } else { self.small_type() })
                .collect();
            self.program.structs.push(fields);
        }
    }

    pub(super) fn scalar(&mut self) -> Scalar {
        match self.random.below(20) {
            0..6 => I32,
            6..12 => U32,
            12..15 => F32,
            15..17 => Bool,
            17 => {
                if self.features.wide {
                    I64
                } else {
                    I32
                }
            }
            18 => {
                if self.features.wide {
                    U64
                } else {
                    U32
                }
            }
            _ => {
                if self.features.half {
                    F16
                } else {
                    F32
                }
            }
        }
    }

    /// A scalar or vector type.
    fn value_type(&mut self) -> Type {
        let s = self.scalar();
        let n = if s.is_wide() || self.random.chance(50) { 1 } else { 2 + self.random.below(3) };
        Type::of(s, n)
    }

    fn matrix_type(&mut self) -> Type {
        Type::Matrix(2 + self.random.below(3), 2 + self.random.below(3))
    }

    /// Of a field or an element.
    fn small_type(&mut self) -> Type {
        match self.random.below(10) {
            0 => self.matrix_type(),
            1 => Type::Array(Box::new(self.value_type()), 2 + self.random.below(2)),
            _ => self.value_type(),
        }
    }

    fn any_type(&mut self) -> Type {
        match self.random.below(12) {
            0 | 1 if !self.program.structs.is_empty() => Type::Struct(self.random.below(self.program.structs.len())),
            2 => self.matrix_type(),
            3 | 4 => {
                let element = if self.random.chance(25) { Type::Struct(0) } else { self.small_type() };
                Type::Array(Box::new(element), 2 + self.random.below(2))
            }
            _ => self.value_type(),
        }
    }

    /// A helper function, called by those after it.
    fn helper(&mut self) {
        let name = self.name("f");
        let values: Vec<Type> = (0..self.random.below(3)).map(|_| self.any_type()).collect();
        let pointers: Vec<Type> = (0..self.random.below(3)).map(|_| self.any_type()).collect();
        let result = (pointers.is_empty() || self.random.chance(40)).then(|| self.value_type());
        let prefix = self.program.prefix.clone();
        let mut params = ["gid", "lid", "in0", "in1"].map(|name| format!("{name}: u32")).to_vec();
        self.begin();
        for (k, ty) in values.iter().enumerate() {
            params.push(format!("a{k}: {}", ty.name(&prefix)));
            self.scope.push(Name { text: format!("a{k}"), ty: ty.clone(), mutable: false, var: false });
        }
        for (k, ty) in pointers.iter().enumerate() {
            params.push(format!("q{k}: ptr<function, {}>", ty.name(&prefix)));
            self.scope.push(Name { text: format!("(*q{k})"), ty: ty.clone(), mutable: true, var: false });
        }
        let (n_vars, n_statements) = (1 + self.random.below(3), 1 + self.random.below(2));
        let vars = self.vars(n_vars);
        self.returns.clone_from(&result);
        self.budget = 3;
        let mut body = self.block(n_statements, 2);
        let mut head = format!("fn {name}({})", params.join(", "));
        if let Some(result) = &result {
            head += &format!(" -> {}", result.name(&prefix));
            // as a statement that shrinks in its expression
            let value = self.stored(result, 2);
            body.push(Stmt { form: "return $0;".into(), exprs: vec![value], blocks: vec![] });
        }
        self.returns = None;
        self.program.functions.push(Function { head, vars, body, tail: String::new() });
        self.helpers.push(Helper { name, values, pointers, result });
    }

    fn begin(&mut self) {
        self.scope = ["gid", "lid", "in0", "in1"]
            .map(|text| Name { text: text.into(), ty: Type::Scalar(U32), mutable: false, var: false })
            .into();
    }

    /// Declares variables.
    fn vars(&mut self, n: usize) -> Vec<(String, Type)> {
        let vars: Vec<_> = (0..n).map(|k| (format!("v{k}"), self.any_type())).collect();
        for (text, ty) in &vars {
            self.scope.push(Name { text: text.clone(), ty: ty.clone(), mutable: true, var: true });
        }
        vars
    }

    fn main(&mut self) {
        self.begin();
        let n_vars = 2 + self.random.below(2);
        let vars = self.vars(n_vars);
        self.budget = 7;
        let mut body = vec![];
        // what they start as
        for (name, ty) in &vars {
            if self.random.chance(80) {
                let value = self.stored(ty, 1);
                body.push(Stmt { form: format!("{name} = $0;"), exprs: vec![value], blocks: vec![] });
            }
        }
        for _ in 0..2 + self.random.below(2) {
            if self.random.chance(15) {
                self.phase(&mut body);
            } else {
                let kept = self.scope.len();
                body.extend(self.block(2, 3));
                self.scope.truncate(kept);
            }
        }
        let mut tail = "  var h = 17u;\n".to_string();
        for (name, ty) in &vars {
            self.digest(name, ty, &mut tail);
        }
        tail += "  return h;\n";
        let prefix = &self.program.prefix;
        let head = format!("fn {prefix}main(gid: u32, lid: u32, in0: u32, in1: u32) -> u32");
        self.program.functions.push(Function { head, vars, body, tail });
    }

    /// Mixes every scalar of a variable into the result.
    fn digest(&self, text: &str, ty: &Type, out: &mut String) {
        match ty {
            Type::Scalar(s) => {
                let words: &[String] = &match s {
                    Bool => vec![format!("select(3u, 5u, {text})")],
                    U32 => vec![text.into()],
                    I32 => vec![format!("u32({text})")],
                    F32 | F16 => vec![format!("u32(i32({text}))")],
                    U64 => vec![format!("u32({text})"), format!("u32({text} >> 32u)")],
                    I64 => vec![format!("u32({text})"), format!("u32({text} >> 32u)")],
                };
                for word in words {
                    *out += &format!("  h = mixed(h, {word});\n");
                }
            }
            Type::Vector(n, s) => {
                for c in 0..*n {
                    self.digest(&format!("{text}[{c}]"), &Type::Scalar(*s), out);
                }
            }
            Type::Matrix(c, r) => {
                for c in 0..*c {
                    self.digest(&format!("{text}[{c}]"), &Type::Vector(*r, F32), out);
                }
            }
            Type::Array(element, n) => {
                for k in 0..*n {
                    self.digest(&format!("{text}[{k}]"), element, out);
                }
            }
            Type::Struct(k) => {
                for (j, field) in self.program.structs[*k].iter().enumerate() {
                    self.digest(&format!("{text}.m{j}"), field, out);
                }
            }
        }
    }

    // ---- statements ----

    fn block(&mut self, n: usize, depth: usize) -> Vec<Stmt> {
        let kept = self.scope.len();
        let mut body = vec![];
        for _ in 0..n {
            if self.budget == 0 {
                break;
            }
            self.budget -= 1;
            self.statement(depth, &mut body);
        }
        self.scope.truncate(kept);
        body
    }

    fn statement(&mut self, depth: usize, body: &mut Vec<Stmt>) {
        let kind = self.random.below(if depth == 0 { 10 } else { 20 });
        let stmt = match kind {
            0 | 1 => self.compound(),
            2 => return self.binding(body),
            3 => self.leave(),
            4 => return self.call(body),
            5..10 => self.assignment(),
            10..13 => self.branch(depth),
            13..16 => self.choice(depth),
            _ => self.repetition(depth),
        };
        body.push(stmt);
    }

    fn assignment(&mut self) -> Stmt {
        let (place, ty) = self.place();
        let value = self.stored(&ty, 2);
        Stmt { form: "$0 = $1;".into(), exprs: vec![place, value], blocks: vec![] }
    }

    /// `+=` and its kin, `++`: on integers only, so that floats stay small.
    fn compound(&mut self) -> Stmt {
        let (place, ty) = self.place();
        let Some((s, n)) = ty.scalar().filter(|(s, _)| !s.is_float() && *s != Bool) else {
            let value = self.stored(&ty, 2);
            return Stmt { form: "$0 = $1;".into(), exprs: vec![place, value], blocks: vec![] };
        };
        if n == 1 && !s.is_wide() && self.random.chance(20) {
            let form = if self.random.chance(50) { "$0++;" } else { "$0--;" };
            return Stmt { form: form.into(), exprs: vec![place], blocks: vec![] };
        }
        if self.random.chance(20) {
            let form = if self.random.chance(50) { "$0 <<= $1;" } else { "$0 >>= $1;" };
            let amount = self.dynamic(&Type::of(U32, n), 1);
            return Stmt { form: form.into(), exprs: vec![place, amount], blocks: vec![] };
        }
        let op = self.random.pick(&["+", "-", "*", "&", "|", "^"]);
        let form = format!("$0 {op}= $1;");
        let value = self.expr(&ty, 2);
        Stmt { form, exprs: vec![place, value], blocks: vec![] }
    }

    fn binding(&mut self, body: &mut Vec<Stmt>) {
        let ty = self.any_type();
        let value = self.stored_dynamic(&ty, 2);
        let text = self.name("l");
        body.push(Stmt { form: format!("let {text} = $0;"), exprs: vec![value], blocks: vec![] });
        self.scope.push(Name { text, ty, mutable: false, var: false });
    }

    /// Out of a loop or a function, on a condition.
    fn leave(&mut self) -> Stmt {
        let condition = self.dynamic(&Type::Scalar(Bool), 2);
        if self.loops > 0 && self.random.chance(70) {
            let form = if self.random.chance(50) { "if ($0) { break; }" } else { "if ($0) { continue; }" };
            return Stmt { form: form.into(), exprs: vec![condition], blocks: vec![] };
        }
        let Some(ty) = self.returns.clone() else { return self.assignment() };
        let value = self.stored(&ty, 2);
        Stmt { form: "if ($0) { return $1; }".into(), exprs: vec![condition, value], blocks: vec![] }
    }

    /// A call for its effects.
    fn call(&mut self, body: &mut Vec<Stmt>) {
        let with_pointers: Vec<Helper> = self.helpers.iter().filter(|h| !h.pointers.is_empty()).cloned().collect();
        if with_pointers.is_empty() || self.returns.is_some() && self.loops > 1 {
            let stmt = self.assignment();
            return body.push(stmt);
        }
        let helper = self.random.pick(&with_pointers).clone();
        let mut used: Vec<String> = vec![];
        let mut form = format!("{}(gid, lid, in0, in1", helper.name);
        let mut exprs = vec![];
        for ty in &helper.values {
            form += &format!(", ${}", exprs.len());
            exprs.push(self.stored(ty, 2));
        }
        for ty in &helper.pointers {
            let found =
                self.scope.iter().find(|n| n.var && n.ty == *ty && !used.contains(&n.text)).map(|n| n.text.clone());
            let text = found.unwrap_or_else(|| {
                // a variable of its own for the purpose
                let text = self.name("t");
                let value = self.stored(ty, 1);
                body.push(Stmt { form: format!("var {text} = $0;"), exprs: vec![value], blocks: vec![] });
                self.scope.push(Name { text: text.clone(), ty: ty.clone(), mutable: true, var: true });
                text
            });
            form += &format!(", &{text}");
            used.push(text);
        }
        let form = if helper.result.is_some() { format!("_ = {form});") } else { format!("{form});") };
        body.push(Stmt { form, exprs, blocks: vec![] });
    }

    fn branch(&mut self, depth: usize) -> Stmt {
        let condition = self.dynamic(&Type::Scalar(Bool), 2);
        let n = 1 + self.random.below(3);
        let mut blocks = vec![self.block(n, depth - 1)];
        let mut form = "if ($0) @0".to_string();
        let mut exprs = vec![condition];
        if self.random.chance(30) {
            form += " else if ($1) @1";
            exprs.push(self.dynamic(&Type::Scalar(Bool), 2));
            blocks.push(self.block(2, depth - 1));
        }
        if self.random.chance(50) {
            form += &format!(" else @{}", blocks.len());
            blocks.push(self.block(2, depth - 1));
        }
        Stmt { form, exprs, blocks }
    }

    fn choice(&mut self, depth: usize) -> Stmt {
        let signed = self.random.chance(50);
        let (s, suffix) = if signed { (I32, "i") } else { (U32, "u") };
        let selector = self.dynamic(&Type::Scalar(s), 2);
        let cases = 1 + self.random.below(3);
        let default = self.random.below(cases + 1);
        let mut form = format!("switch ($0 % 5{suffix}) {{");
        let mut blocks = vec![];
        let mut value = 0;
        for k in 0..=cases {
            if k == default {
                form += &format!(" default: @{}", blocks.len());
            } else if self.random.chance(30) {
                form += &format!(" case {value}{suffix}, {}{suffix}: @{}", value + 1, blocks.len());
                value += 2;
            } else {
                form += &format!(" case {value}{suffix}: @{}", blocks.len());
                value += 1;
            }
            let mut body = self.block(2, depth - 1);
            if self.random.chance(15) {
                let condition = self.dynamic(&Type::Scalar(Bool), 1);
                body.insert(0, Stmt { form: "if ($0) { break; }".into(), exprs: vec![condition], blocks: vec![] });
            }
            blocks.push(body);
        }
        form += " }";
        Stmt { form, exprs: vec![selector], blocks }
    }

    /// A loop of at most a few turns, which its body cannot lengthen.
    fn repetition(&mut self, depth: usize) -> Stmt {
        let k = self.name("k");
        let turns = if self.loops > 0 { 3 } else { 6 };
        let mut exprs = vec![];
        let count = if self.random.chance(50) {
            format!("{}u", 1 + self.random.below(turns))
        } else {
            exprs.push(self.dynamic(&Type::Scalar(U32), 1));
            format!("($0 % {turns}u)")
        };
        let kind = self.random.below(4);
        // the bound is read before the loop, whatever the body does to what it depends on
        let form = match kind {
            0 | 1 => format!("for (var {k} = 0u; {k} < {k}n; {k}++) @0"),
            2 => format!("for (var {k} = 0u; ; ) {{ if ({k} >= {k}n) {{ break; }} {k}++; @0 }}"),
            _ => format!(
                "{{ var {k} = 0u; loop {{ if ({k} >= {k}n) {{ break; }} @0 continuing {{ {k}++; break if {k} >= {k}n; }} }} }}"
            ),
        };
        let kept = self.scope.len();
        self.scope.push(Name { text: k.clone(), ty: Type::Scalar(U32), mutable: false, var: false });
        self.loops += 1;
        let n = 1 + self.random.below(3);
        let body = self.block(n, depth - 1);
        self.loops -= 1;
        self.scope.truncate(kept);
        Stmt { form: format!("{{ let {k}n = {count}; {form} }}"), exprs, blocks: vec![body] }
    }

    // ---- phases of the whole workgroup ----

    /// Exchanges values through workgroup memory, or counts by atomics: barriers in uniform flow, each variable used by one phase.
    fn phase(&mut self, body: &mut Vec<Stmt>) {
        let name = self.name("w");
        match self.random.below(4) {
            0 | 1 => self.exchange(&name, body),
            2 => self.broadcast(&name, body),
            _ => self.count(&name, body),
        }
    }

    fn exchange(&mut self, name: &str, body: &mut Vec<Stmt>) {
        let ty = self.any_type();
        let prefix = self.program.prefix.clone();
        self.program.globals += &format!("var<workgroup> {name}: array<{}, 32>;\n", ty.name(&prefix));
        let value = self.stored(&ty, 2);
        let from = self.dynamic(&Type::Scalar(U32), 2);
        let text = self.name("l");
        let turns = self.random.below(4);
        let (open, close) =
            if turns == 0 { (String::new(), "") } else { (format!("for (var r = 0u; r < {turns}u; r++) {{ "), " }") };
        // the value may be computed from what an earlier turn brought: through a variable of the type, if there is one
        let target = self.scope.iter().find(|n| n.var && n.ty == ty).map(|n| n.text.clone());
        match target {
            Some(target) => body.push(Stmt {
                form: format!("{open}{name}[lid] = $0; workgroupBarrier(); {target} = {name}[$1 % 32u]; workgroupBarrier();{close}"),
                exprs: vec![value, from],
                blocks: vec![],
            }),
            None => {
                body.push(Stmt {
                    form: format!("{name}[lid] = $0; workgroupBarrier(); let {text} = {name}[$1 % 32u]; workgroupBarrier();"),
                    exprs: vec![value, from],
                    blocks: vec![],
                });
                self.scope.push(Name { text, ty, mutable: false, var: false });
            }
        }
    }

    fn broadcast(&mut self, name: &str, body: &mut Vec<Stmt>) {
        let ty = self.value_type();
        let prefix = self.program.prefix.clone();
        self.program.globals += &format!("var<workgroup> {name}: {};\n", ty.name(&prefix));
        let value = self.stored(&ty, 2);
        let text = self.name("l");
        let who = self.random.below(32);
        body.push(Stmt {
            form: format!("if (lid == {who}u) {{ {name} = $0; }} let {text} = workgroupUniformLoad(&{name});"),
            exprs: vec![value],
            blocks: vec![],
        });
        self.scope.push(Name { text, ty, mutable: false, var: false });
    }

    fn count(&mut self, name: &str, body: &mut Vec<Stmt>) {
        let s = if self.random.chance(50) { I32 } else { U32 };
        let op = *self.random.pick(&[
            "atomicAdd",
            "atomicSub",
            "atomicMax",
            "atomicMin",
            "atomicAnd",
            "atomicOr",
            "atomicXor",
        ]);
        self.program.globals += &format!("var<workgroup> {name}: array<atomic<{}>, 8>;\n", s.name());
        let (value, to) = (self.expr(&Type::Scalar(s), 2), self.dynamic(&Type::Scalar(U32), 2));
        let (condition, from) = (self.dynamic(&Type::Scalar(Bool), 1), self.dynamic(&Type::Scalar(U32), 1));
        let text = self.name("l");
        let guard = if self.random.chance(50) { "if ($2) { " } else { "if (!($2)) { " };
        body.push(Stmt {
            form: format!("{guard}{op}(&{name}[$1 % 8u], $0); }} workgroupBarrier(); let {text} = atomicLoad(&{name}[$3 % 8u]); workgroupBarrier();"),
            exprs: vec![value, to, condition, from],
            blocks: vec![],
        });
        self.scope.push(Name { text, ty: Type::Scalar(s), mutable: false, var: false });
    }

    pub(super) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    pub(super) fn features(&self) -> Features {
        self.features
    }
}
