//! Generated kernels, part four: what reductions keep while a row is walked, and the loop that walks it.

use super::emit::{Emitter, Value, identity};
use super::expr;
use super::frame::CHAIN;
use super::rows::Form;
use crate::dtype::DType;
use crate::graph::{Func, Node, Op, Reduce};
use std::fmt::Write;

/// A loop over `cols` values of `k` that joins `elements` into `accumulators`.
pub(super) struct Loop<'l> {
    pub form: Form,
    pub cols: usize,
    pub accumulators: &'l [Accumulator],
    pub elements: &'l [Value],
    /// Whether the elements are partial results, which bring positions of their own.
    pub partial: bool,
}

impl Loop<'_> {
    /// Writes it; what the elements need before and within the loop is taken from the emitter.
    pub fn write(&self, e: &mut Emitter<'_>, out: &mut String) {
        let Self { form, cols, accumulators, elements, partial } = *self;
        let mut join = String::new();
        for (accumulator, element) in accumulators.iter().zip(elements) {
            accumulator.join_element(element, partial, e, &mut join);
        }
        let body = e.leave_loop() + &join;
        out.push_str(&std::mem::take(&mut e.lines[0]));
        let prefixes = form.prefixes("a");
        prefixes.iter().for_each(|prefix| accumulators.iter().for_each(|a| a.declare(prefix, out)));
        let chain = self.chain();
        let (first, end) = if form.parts > 1 {
            let chunk = chain;
            let first = format!("part * {chunk}u");
            let _ok = writeln!(out, "    let k_end = min({first} + {chunk}u, {cols}u);");
            (first, "k_end".to_owned())
        } else {
            ("0u".to_owned(), format!("{cols}u"))
        };
        let first = if form.group() { format!("{first} + lane") } else { first };
        if self.blocked() {
            let block = CHAIN.min(chain.isqrt().next_power_of_two());
            let _ok = writeln!(out, "    for (var k_block = {first}; k_block < {end}; k_block += {block}u) {{");
            for accumulator in accumulators {
                accumulator.declare("b", out);
            }
            let end = format!("min(k_block + {block}u, {end})");
            let step = if !partial && chain.is_multiple_of(UNROLL) && cols.is_multiple_of(UNROLL) { UNROLL } else { 1 };
            walk("k_block", &end, step, form.turn(cols), &body.replace("@acc_", "b_"), out);
            for accumulator in accumulators {
                accumulator.settle("b", out);
                accumulator.join_block(out);
            }
            out.push_str("    }\n");
        } else {
            let body = form.each_line("a", &body);
            if form.group() {
                form.stride(&first, &end, cols, &body, out);
            } else {
                // an executor that keeps a mask of lanes goes through the joining loop once for nothing: no more than once
                let whole = form.lines == 1 && !partial && chain.is_multiple_of(UNROLL) && cols.is_multiple_of(UNROLL);
                walk(&first, &end, if whole { UNROLL } else { 1 }, form.turn(cols), &body, out);
            }
            prefixes.iter().for_each(|prefix| accumulators.iter().for_each(|a| a.settle(prefix, out)));
        }
    }

    /// The steps of a thread, or of a group's lanes together.
    fn chain(&self) -> usize {
        if self.form.parts == 1 {
            return self.cols;
        }
        // neighbouring parts must not begin a power of two apart, or the caches of processors hold few of them
        let even = self.cols.div_ceil(self.form.parts);
        if !self.form.group() && even.is_multiple_of(64) { even + UNROLL } else { even }
    }

    /// Whether a thread adds more terms than the contract allows in a row.
    pub fn blocked(&self) -> bool {
        !self.form.group() && self.chain() > CHAIN && self.accumulators.iter().any(|a| a.kind == Reduce::Sum)
    }
}

/// `f(f(a, b), f(c, d))`.
fn nested(f: &str, parts: &[String]) -> String {
    match parts {
        [one] => one.clone(),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            format!("{f}({}, {})", nested(f, left), nested(f, right))
        }
    }
}

/// Steps of a thread's loop that a compiler is invited to write out: a round of a loop is dear on executors that keep a
/// mask of lanes.
pub(super) const UNROLL: usize = 4;

/// A thread's loop over `k` from `first` to `end`, whose distance is a multiple of `step`. With `turn` neighbouring rows
/// begin that many elements apart, modulo the number given with it.
pub(super) fn walk(first: &str, end: &str, step: usize, turn: Option<(usize, usize)>, body: &str, out: &mut String) {
    let _ok = match (step, turn) {
        (1, _) => writeln!(out, "    for (var k = {first}; k < {end}; k += 1u) {{\n{body}    }}"),
        (_, None) => writeln!(
            out,
            "    for (var k_step = {first}; k_step < {end}; k_step += {step}u) {{\n    for (var k_ix = 0u; k_ix < {step}u; \
             k_ix += 1u) {{\n        let k = k_step + k_ix;\n{body}    }}\n    }}"
        ),
        (_, Some((apart, cols))) => writeln!(
            out,
            "    for (var k_step = {first}; k_step < {end}; k_step += {step}u) {{\n        let k_far = k_step + (r & 7u) * \
             {apart}u;\n        let k_from = select(k_far, k_far - {cols}u, k_far >= {cols}u);\n    for (var k_ix = 0u; k_ix < \
             {step}u; k_ix += 1u) {{\n        let k = k_from + k_ix;\n{body}    }}\n    }}"
        ),
    };
}

/// What one reduction keeps while a row is walked: a value, and a position for the arg-reductions.
pub(super) struct Accumulator {
    pub kind: Reduce,
    dtype: DType,
    name: String,
    /// Components that stay apart (4 where the vector lies along the rows).
    lanes: usize,
    width: usize,
}

impl Accumulator {
    pub fn new(reduce: &Node, level_ix: usize, e: &Emitter<'_>) -> Self {
        let Op::Reduce { kind, .. } = reduce.op() else { panic!("bug: {reduce:?} is not a reduction") };
        Self {
            kind: *kind,
            dtype: reduce.source(0).dtype(),
            name: format!("{}_{level_ix}", e.known.len()),
            lanes: if e.space.width > 1 && !e.space.comp_in_col { 4 } else { 1 },
            width: e.space.width as usize,
        }
    }

    fn positional(&self) -> bool {
        matches!(self.kind, Reduce::ArgMax | Reduce::ArgMin)
    }

    /// Whether the loop keeps the greatest bits of a magnitude beside the extremum: a NaN shows there, and the extremum may
    /// then be taken with the function that knows no NaN, which costs a third.
    fn guarded(&self) -> bool {
        matches!(self.kind, Reduce::Max | Reduce::Min) && self.dtype == DType::F32
    }

    /// After the loop: a NaN among the elements makes the extremum one.
    fn settle(&self, prefix: &str, out: &mut String) {
        if self.guarded() {
            for c in 0..self.lanes {
                let a = format!("{prefix}_{}_{c}", self.name);
                let _ok = writeln!(out, "    {a} = select({a}, bits_nan(), {a}_bits > 0x7f800000u);");
            }
        }
    }

    fn join_guarded(&self, target: &str, parts: &[&str], out: &mut String) {
        let extremum = if self.kind == Reduce::Max { "max" } else { "min" };
        let bits: Vec<_> = parts.iter().map(|p| format!("(bitcast<u32>({p}) & 0x7fffffffu)")).collect();
        let values: Vec<_> = parts.iter().map(|&p| p.to_owned()).collect();
        let _ok = writeln!(out, "        {target} = {extremum}({target}, {});", nested(extremum, &values));
        let _ok = writeln!(out, "        {target}_bits = max({target}_bits, {});", nested("max", &bits));
    }

    /// What joins partial results of this one.
    pub fn of_parts(&self) -> Self {
        Self { name: format!("{}_parts", self.name), width: self.lanes, ..*self }
    }

    /// The types of a partial result: the value, and the position if there is one.
    pub fn word_types(&self) -> Vec<&'static str> {
        if self.positional() { vec![self.dtype.wgsl(), "u32"] } else { vec![self.dtype.wgsl()] }
    }

    pub fn declare(&self, prefix: &str, out: &mut String) {
        let (ty, name) = (self.dtype.wgsl(), &self.name);
        let start = expr::literal(identity(self.kind, self.dtype), self.dtype);
        for c in 0..self.lanes {
            let _ok = writeln!(out, "    var {prefix}_{name}_{c}: {ty} = {start};");
            if self.positional() {
                let _ok = writeln!(out, "    var {prefix}_{name}_{c}_at = 0xffffffffu;");
            }
            if self.guarded() {
                let _ok = writeln!(out, "    var {prefix}_{name}_{c}_bits = 0u;");
            }
        }
    }

    /// `a ∘ b` for the kinds that keep only a value.
    fn combine(&self, a: &str, b: &str) -> String {
        if self.kind == Reduce::MaxNumber {
            return format!("max({a}, {b})");
        }
        let func = match (self.kind, self.dtype) {
            (Reduce::Sum, _) => Func::Add,
            (Reduce::Prod, _) => Func::Mul,
            (Reduce::Max, DType::Bool) => Func::Or,
            (Reduce::Min, DType::Bool) => Func::And,
            (Reduce::Max | Reduce::MaxNumber | Reduce::ArgMax, _) => Func::Max,
            (Reduce::Min | Reduce::ArgMin, _) => Func::Min,
        };
        expr::call(&func, &[a, b], &[self.dtype, self.dtype])
    }

    /// Whether `(b, bi)` beats `(a, ai)`.
    fn beats(&self, b: &str, bi: &str, a: &str, ai: &str) -> String {
        let side = if self.kind == Reduce::ArgMax { "greater" } else { "less" };
        format!("arg_{side}_{}({b}, {bi}, {a}, {ai})", self.dtype.wgsl())
    }

    fn join_into(&self, target: &str, value: &str, at: &str, out: &mut String) {
        if self.positional() {
            let test = self.beats(value, at, target, &format!("{target}_at"));
            let _ok = writeln!(out, "        if ({test}) {{ {target} = {value}; {target}_at = {at}; }}");
        } else {
            let _ok = writeln!(out, "        {target} = {};", self.combine(target, value));
        }
    }

    /// Joins the element(s) of one value of `k`. A partial result brings its own position in `<name>_at`.
    pub fn join_element(&self, element: &Value, partial: bool, e: &Emitter<'_>, out: &mut String) {
        let col = e.col();
        if self.guarded() {
            let parts: Vec<_> = (0..self.width).map(|c| element.part(c)).collect();
            if self.lanes > 1 {
                for (c, part) in parts.iter().enumerate() {
                    self.join_guarded(&format!("@acc_{}_{c}", self.name), &[part], out);
                }
            } else {
                self.join_guarded(&format!("@acc_{}_0", self.name), &parts, out);
            }
            return;
        }
        let at = |c: usize| if partial { format!("{}_at", element.part(c)) } else { e.space.text(&col, c) };
        if self.lanes > 1 {
            for c in 0..self.lanes {
                self.join_into(&format!("@acc_{}_{c}", self.name), element.part(c), &at(c), out);
            }
        } else if self.width == 1 {
            self.join_into(&format!("@acc_{}_0", self.name), element.part(0), &at(0), out);
        } else if self.positional() {
            for c in 0..self.width {
                self.join_into(&format!("@acc_{}_0", self.name), element.part(c), &at(c), out);
            }
        } else {
            let pair = |a: usize| self.combine(element.part(a), element.part(a + 1));
            self.join_into(&format!("@acc_{}_0", self.name), &self.combine(&pair(0), &pair(2)), "", out);
        }
    }

    /// Variables of the prefix `to` with what those of `from` hold.
    pub fn copy(&self, from: &str, to: &str, out: &mut String) {
        for c in 0..self.lanes {
            for suffix in if self.positional() { &["", "_at"][..] } else { &[""] } {
                let name = format!("{}_{c}{suffix}", self.name);
                let _ok = writeln!(out, "    var {to}_{name} = {from}_{name};");
            }
        }
    }

    pub fn join_block(&self, out: &mut String) {
        for c in 0..self.lanes {
            let (a, b) = (format!("a_{}_{c}", self.name), format!("b_{}_{c}", self.name));
            let at = format!("{b}_at");
            self.join_into(&a, &b, &at, out);
        }
    }

    /// The names of its components.
    pub fn names(&self) -> Vec<String> {
        (0..self.lanes).map(|c| format!("a_{}_{c}", self.name)).collect()
    }

    /// After the loop: joins it over the lanes of the workgroup.
    pub fn share(&self, form: Form, out: &mut String) {
        if form.subgroup {
            self.exchange(&self.names()[0], form.lanes, out);
        } else if form.group() {
            self.tree(&self.names()[0], out);
        }
    }

    /// Joins `a` over the lanes of a subgroup; afterwards every lane holds the result.
    fn exchange(&self, a: &str, lanes: u32, out: &mut String) {
        let mut apart = lanes / 2;
        while apart > 0 {
            out.push_str("    {\n");
            let (word, back) = match self.dtype {
                DType::Bool => (format!("select(0u, 1u, {a})"), " != 0u"),
                _ => (a.to_owned(), ""),
            };
            let _ok = writeln!(out, "        let b = subgroupShuffleXor({word}, {apart}u){back};");
            if self.positional() {
                let _ok = writeln!(out, "        let b_at = subgroupShuffleXor({a}_at, {apart}u);");
            }
            self.join_into(a, "b", "b_at", out);
            out.push_str("    }\n");
            apart /= 2;
        }
    }

    /// Joins `a` over the lanes through workgroup memory; afterwards every lane holds the result.
    fn tree(&self, a: &str, out: &mut String) {
        let ty = if self.dtype == DType::Bool { "u32" } else { self.dtype.wgsl() };
        let sh = format!("sh_{ty}");
        let (to, from) = match self.dtype {
            DType::Bool => (format!("select(0u, 1u, {a})"), "!= 0u"),
            _ => (a.to_owned(), ""),
        };
        let read = |ix: &str| if from.is_empty() { format!("{sh}[{ix}]") } else { format!("({sh}[{ix}] {from})") };
        let _ok = writeln!(out, "@@var<workgroup> {sh}: array<{ty}, WG>;");
        let _ok = writeln!(out, "    {sh}[lane] = {to};");
        if self.positional() {
            let _ok = writeln!(out, "@@var<workgroup> sh_at: array<u32, WG>;\n    sh_at[lane] = {a}_at;");
        }
        let _ok = writeln!(out, "    workgroupBarrier();\n    for (var s = WG / 2u; s > 0u; s = s / 2u) {{");
        let _ok = writeln!(out, "        if (lane < s) {{");
        if self.positional() {
            let test = self.beats(&read("lane + s"), "sh_at[lane + s]", &read("lane"), "sh_at[lane]");
            let _ok = writeln!(
                out,
                "            if ({test}) {{ {sh}[lane] = {sh}[lane + s]; sh_at[lane] = sh_at[lane + s]; }}"
            );
        } else {
            let joined = self.combine(&read("lane"), &read("lane + s"));
            let word = if self.dtype == DType::Bool { format!("select(0u, 1u, {joined})") } else { joined };
            let _ok = writeln!(out, "            {sh}[lane] = {word};");
        }
        let _ok = writeln!(out, "        }}\n        workgroupBarrier();\n    }}\n    {a} = {};", read("0"));
        if self.positional() {
            let _ok = writeln!(out, "    {a}_at = sh_at[0];");
        }
        out.push_str("    workgroupBarrier();\n");
    }

    /// The result as a value for what follows.
    pub fn result(&self, form: Form, out: &mut String) -> Value {
        let at = if self.positional() { "_at" } else { "" };
        self.share(form, out);
        let mut parts: Vec<_> = self.names().into_iter().map(|name| name + at).collect();
        if parts.len() == 1 { Value::one(parts.remove(0), false) } else { Value::many(parts, false) }
    }
}
