//! Generated kernels, part one: a fused expression as WGSL lines.
//!
//! The [`Emitter`] follows a node's sources down to buffers that other kernels (or the caller) fill, writing one `let`
//! per value. Values that do not change within a reduction loop are written before it. With a vector width of 4 each
//! thread computes four neighbours, and loads and stores whose index is `4 e + component` take one vector access.

use super::expr;
use super::space::{Expr, Space, Var};
use crate::dtype::DType;
use crate::graph::{AxisMap, Fill, Func, Node, NodeMap, Op, Reduce, Snippet};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

/// What surrounds a cluster of nodes that becomes one kernel.
pub struct Scope<'a> {
    /// The number of the buffer that holds a node's value, for nodes that are stored.
    pub stored: &'a NodeMap<usize>,
    /// The number of each constant that is not fixed.
    pub constants: &'a NodeMap<usize>,
    /// Whether a buffer may be read up to the next multiple of 16 bytes.
    pub padded: &'a dyn Fn(usize) -> bool,
    /// See [`Limits::half`](super::Limits::half).
    pub half: bool,
}

/// Why nodes cannot share a kernel. Not an error: the planner then keeps them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// A reduction of the kernel is used at another row than the one at hand.
    Unaligned,
    /// The vectorised form needs more knowledge of the indices than there is; a scalar form may do.
    Scalar,
    /// Two-byte elements can only be written by kernels that write whole words.
    Narrow,
    /// A routine's result was met inside an expression.
    Unstored,
}

/// A value in the shader: one name per component, or one for all.
#[derive(Clone, Debug)]
pub struct Value {
    parts: Vec<String>,
    in_loop: bool,
}

impl Value {
    /// One value for all components.
    #[must_use]
    pub fn one(text: String, in_loop: bool) -> Self {
        Self { parts: vec![text], in_loop }
    }

    /// A value per component.
    #[must_use]
    pub fn many(parts: Vec<String>, in_loop: bool) -> Self {
        Self { parts, in_loop }
    }

    /// The text of a component.
    #[must_use]
    pub fn part(&self, component: usize) -> &str {
        if self.parts.len() == 1 { &self.parts[0] } else { &self.parts[component] }
    }

    /// Whether all components are one value.
    #[must_use]
    pub fn uniform(&self) -> bool {
        self.parts.len() == 1
    }
}

/// How many loads and stores of a kernel move whole vectors.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Score {
    /// Vector accesses.
    pub vector: i32,
    /// Scalar accesses where a vector was wanted.
    pub scalar: i32,
}

/// See the module.
pub struct Emitter<'a> {
    scope: &'a Scope<'a>,
    /// The loop variables.
    pub space: Space,
    /// Buffers read, in the order of their bindings, with the dtype of their elements.
    pub reads: Vec<(usize, DType)>,
    /// Buffers that a scalar access forbids to bind as vectors; found by a first pass.
    pub scalar_only: Vec<usize>,
    /// Nodes computed by this kernel; they may be used only at the element at hand (`full`, or the row).
    pub members: HashSet<usize>,
    /// The linear index of the element at hand.
    pub full: Option<Expr>,
    /// Buffers read at another place than the element at hand.
    pub elsewhere: HashSet<usize>,
    /// Buffers that are the buffers of outputs (by number) too.
    pub shared: Vec<(usize, usize)>,
    /// The uniform word of the first constant.
    pub first_word: usize,
    /// Constants used: `(number, dtype)`; each takes a word.
    pub used: Vec<(usize, DType)>,
    /// Whether constants are read from private variables `w<word>` that the frame's `prepare` loads, because an invocation
    /// has several units: a compiler cannot know that the stores between them leave the uniform words alone.
    pub prepared: bool,
    /// Whether neighbours of a result come from places a cache line or more apart.
    pub far: bool,
    /// WGSL modules of the snippets called.
    pub modules: Vec<Arc<Snippet>>,
    /// Results of reductions of this kernel, as they become known.
    pub known: HashMap<usize, Value>,
    /// Nodes whose value is in a register at `[linear index]`: a routine's result in its epilogue.
    pub given: HashMap<usize, (Vec<Expr>, Value)>,
    /// Lines before the loop, and within it.
    pub lines: [String; 2],
    /// See [`Score`].
    pub score: Score,
    /// Whether a vector may reach beyond the last element, so that only plain linear accesses are sound.
    pub tail: bool,
    /// Values of one loop over a row that another loop over the same row asks for again, where these are kept in registers
    /// (`None`: they are not). Found by a first pass, like `scalar_only`.
    pub keep: Option<Vec<Key>>,
    /// The dtypes of the values kept, and their numbers of components.
    pub kept: Vec<(DType, usize)>,
    memo: HashMap<Key, Value>,
    /// What earlier loops computed, if values may be kept.
    expired: HashMap<Key, Value>,
    count: usize,
}

/// A node at an index.
pub type Key = (usize, Vec<Expr>);

/// A word of `params` as an expression.
#[must_use]
pub fn uniform_word(word: usize) -> String {
    format!("params[{}].{}", word / 4, ["x", "y", "z", "w"][word % 4])
}

/// The prefix of variables that hold values of a row between two loops over it; replaced for each turn of the loops.
pub const KEPT: &str = "@keep_";

/// Uniform words before the first constant.
pub const RESERVED_WORDS: usize = 4;

impl<'a> Emitter<'a> {
    /// An emitter with nothing written.
    #[must_use]
    pub fn new(scope: &'a Scope<'a>, space: Space, scalar_only: Vec<usize>) -> Self {
        Self {
            scope,
            space,
            reads: Vec::new(),
            scalar_only,
            members: HashSet::new(),
            full: None,
            elsewhere: HashSet::new(),
            shared: Vec::new(),
            first_word: RESERVED_WORDS,
            used: Vec::new(),
            prepared: false,
            far: false,
            modules: Vec::new(),
            known: HashMap::new(),
            given: HashMap::new(),
            lines: [String::new(), String::new()],
            score: Score::default(),
            tail: false,
            keep: None,
            kept: Vec::new(),
            memo: HashMap::new(),
            expired: HashMap::new(),
            count: 0,
        }
    }

    /// Ends the loop: what was computed in it and is not kept is no longer in scope.
    pub fn leave_loop(&mut self) -> String {
        let (keep, expired) = (&self.keep, &mut self.expired);
        self.memo.retain(|key, value| {
            let stays = !value.in_loop || keep.as_ref().is_some_and(|k| k.contains(key));
            if !stays && keep.is_some() {
                expired.insert(key.clone(), value.clone());
            }
            stays
        });
        std::mem::take(&mut self.lines[1])
    }

    /// Puts a value of this loop where the next loops find it: in a variable per component. `KEPT` stands for a name that
    /// differs from one turn of the loop to the next.
    fn store_kept(&mut self, node: &Node, value: &Value) -> Value {
        let number = self.kept.len();
        self.kept.push((node.dtype().compute(), value.parts.len()));
        let mut parts = Vec::with_capacity(value.parts.len());
        for (c, text) in value.parts.iter().enumerate() {
            let name = format!("{KEPT}{number}_{c}");
            self.line(true, &format!("{name} = {text};"));
            parts.push(name);
        }
        Value { parts, in_loop: true }
    }

    fn fresh(&mut self) -> String {
        self.count += 1;
        format!("v{}", self.count)
    }

    fn line(&mut self, in_loop: bool, text: &str) {
        let out = &mut self.lines[usize::from(in_loop)];
        let indent = if in_loop { "        " } else { "    " };
        let _infallible = writeln!(out, "{indent}{text}");
    }

    /// Names a value: one `let` per distinct component.
    fn bind(&mut self, value: &Value) -> Value {
        let name = self.fresh();
        let mut parts = Vec::with_capacity(value.parts.len());
        for (c, text) in value.parts.iter().enumerate() {
            let part = if value.uniform() { name.clone() } else { format!("{name}_{c}") };
            self.line(value.in_loop, &format!("let {part} = {text};"));
            parts.push(part);
        }
        Value { parts, in_loop: value.in_loop }
    }

    fn per_component(&self, by_component: bool, in_loop: bool, text: impl Fn(usize) -> String) -> Value {
        let n = if by_component { self.space.width as usize } else { 1 };
        Value { parts: (0..n).map(text).collect(), in_loop }
    }

    /// An index as a `u32` value.
    fn index_value(&self, index: &Expr) -> Value {
        let (by, in_loop) = (self.space.by_component(index), self.space.in_loop(index));
        self.per_component(by, in_loop, |c| self.space.text(index, c))
    }

    /// The value of `node` at `coordinates`.
    pub fn eval(&mut self, node: &Node, coordinates: &[Expr]) -> Result<Value, Refusal> {
        let key = (node.id(), coordinates.to_vec());
        if let Some(value) = self.memo.get(&key) {
            return Ok(value.clone());
        }
        if let Some(value) = self.expired.get(&key) {
            // this pass is repeated with the value kept
            self.keep.get_or_insert_default().push(key);
            return Ok(value.clone());
        }
        let mut value = self.compute(node, coordinates)?;
        if value.in_loop && self.keep.as_ref().is_some_and(|k| k.contains(&key)) {
            value = self.store_kept(node, &value);
        }
        self.memo.insert(key, value.clone());
        Ok(value)
    }

    fn compute(&mut self, node: &Node, at: &[Expr]) -> Result<Value, Refusal> {
        if node.elements() == 0 {
            // written in a loop that never runs
            return Ok(Value::one(expr::literal(0.0, node.dtype().compute()), false));
        }
        if let Some((index, value)) = self.given.get(&node.id()) {
            return if index.as_slice() == at { Ok(value.clone()) } else { Err(Refusal::Unaligned) };
        }
        if let Some(value) = self.known.get(&node.id()).cloned() {
            let linear = self.space.linear(at, node.shape());
            return if linear == self.row() { Ok(value) } else { Err(Refusal::Unaligned) };
        }
        if self.members.contains(&node.id()) {
            let linear = self.space.linear(at, node.shape());
            if node.elements() > 1 && Some(&linear) != self.full.as_ref() && linear != self.row() {
                return Err(Refusal::Unaligned);
            }
        } else if let Some(&buffer) = self.scope.stored.get(&node.id()) {
            let linear = self.space.linear(at, node.shape());
            return self.load(buffer, node.dtype(), &linear);
        }
        match node.op() {
            Op::Data(_) => unreachable!("bug: data without a buffer: {node:?}"),
            Op::Const { value, fixed } => Ok(self.constant(node, *value, *fixed)),
            Op::Iota => {
                let index = self.index_value(&at[0]);
                // In brackets: an operand must be one primary expression.
                let cast = |t: &String| expr::call(&Func::Cast(node.dtype()), &[&format!("({t})")], &[DType::U32]);
                Ok(Value { parts: index.parts.iter().map(cast).collect(), in_loop: index.in_loop })
            }
            Op::Map(func) => self.map(func, node, at),
            Op::Reshape => {
                let source = node.source(0);
                let linear = self.space.linear(at, node.shape());
                let inner = self.space.coordinates(&linear, source.shape());
                self.eval(source, &inner)
            }
            Op::View(_) => self.view(node, at),
            Op::Gather { axis } => self.gather(node, *axis, at),
            Op::Reduce { .. } => Err(Refusal::Unaligned),
            Op::Routine(_) => Err(Refusal::Unstored),
        }
    }

    /// The linear index of the row this thread (or group) is at.
    #[must_use]
    pub fn row(&self) -> Expr {
        self.loop_index(Var::Row, self.space.rows, !self.space.comp_in_col)
    }

    /// The linear index within the reduction.
    #[must_use]
    pub fn col(&self) -> Expr {
        self.loop_index(Var::Col, self.space.cols, self.space.comp_in_col)
    }

    fn loop_index(&self, var: Var, n: i64, vector: bool) -> Expr {
        let index = if n <= 1 { Expr::default() } else { Expr::var(var) };
        if self.space.width > 1 && vector {
            index.times(self.space.width).plus(&Expr::var(Var::Comp), 1)
        } else {
            index
        }
    }

    fn constant(&mut self, node: &Node, value: f64, fixed: bool) -> Value {
        if fixed {
            return Value::one(expr::literal(value, node.dtype()), false);
        }
        let number = self.scope.constants[&node.id()];
        let dtype = node.dtype();
        let ix = self.used.iter().position(|&u| u == (number, dtype)).unwrap_or_else(|| {
            self.used.push((number, dtype));
            self.used.len() - 1
        });
        let word = ix + self.first_word;
        let text = expr::from_word(dtype, &if self.prepared { format!("w{word}") } else { uniform_word(word) });
        self.bind(&Value::one(text, false))
    }

    fn map(&mut self, func: &Func, node: &Node, at: &[Expr]) -> Result<Value, Refusal> {
        if let Func::Call(snippet) = func
            && !self.modules.iter().any(|m| m.module == snippet.module)
        {
            self.modules.push(snippet.clone());
        }
        if *func == Func::Cast(DType::F16)
            && self.scope.half
            && let Some(name) = native(node.source(0))
            && !self.is_elsewhere(node.source(0))
        {
            return self.native(name, node.source(0), at);
        }
        let args = node.sources().iter().map(|s| self.eval(s, at)).collect::<Result<Vec<_>, _>>()?;
        let dtypes: Vec<_> = node.sources().iter().map(Node::dtype).collect();
        let below = *func == Func::Exp && is_below_its_greatest(node.source(0));
        let in_loop = args.iter().any(|a| a.in_loop);
        let value = self.per_component(args.iter().any(|a| !a.uniform()), in_loop, |c| {
            let parts: Vec<_> = args.iter().map(|a| a.part(c)).collect();
            if below { format!("special_exp_below({})", parts[0]) } else { expr::call(func, &parts, &dtypes) }
        });
        Ok(self.bind(&value))
    }

    /// Whether the value of a node is not computed here.
    fn is_elsewhere(&self, node: &Node) -> bool {
        let id = node.id();
        let stored = self.scope.stored.contains_key(&id) && !self.members.contains(&id);
        stored || self.known.contains_key(&id) || self.given.contains_key(&id)
    }

    /// A function of two numbers of 16 bits, rounded to one.
    fn native(&mut self, name: &str, node: &Node, at: &[Expr]) -> Result<Value, Refusal> {
        let (a, b) = (self.eval(node.source(0), at)?, self.eval(node.source(1), at)?);
        let value = self.per_component(!(a.uniform() && b.uniform()), a.in_loop || b.in_loop, |c| {
            format!("{name}({}, {})", a.part(c), b.part(c))
        });
        Ok(self.bind(&value))
    }

    fn view(&mut self, node: &Node, at: &[Expr]) -> Result<Value, Refusal> {
        let Op::View(view) = node.op() else { unreachable!("bug: {node:?} is not a view") };
        let source = node.source(0);
        let mut inner = Vec::with_capacity(view.axes.len());
        let mut checks: Vec<Value> = Vec::new();
        for (axis, &len) in view.axes.iter().zip(source.shape().iter()) {
            let sum = axis.terms.iter().fold(Expr::constant(axis.offset), |e, &(o, c)| e.plus(&at[o], c));
            let sum = self.space.simplify(&sum);
            let (lo, hi) = self.space.range(&sum);
            if axis.divisor == 1 && lo >= 0 && hi < len as i64 {
                inner.push(sum);
            } else if self.tail {
                return Err(Refusal::Scalar);
            } else {
                let (index, check) = self.checked(&sum, axis.divisor, len);
                inner.push(index);
                checks.push(check);
            }
        }
        let fill = expr::literal(view.fill.value(node.dtype()), node.dtype().compute());
        if source.elements() == 0 {
            return Ok(Value::one(fill, false));
        }
        let value = self.eval(source, &inner)?;
        if checks.is_empty() {
            return Ok(value);
        }
        let in_loop = value.in_loop || checks.iter().any(|c| c.in_loop);
        let by_component = !value.uniform() || checks.iter().any(|c| !c.uniform());
        let selected = self.per_component(by_component, in_loop, |c| {
            let all = checks.iter().map(|check| check.part(c)).collect::<Vec<_>>().join(" && ");
            format!("select({fill}, {}, {all})", value.part(c))
        });
        Ok(self.bind(&selected))
    }

    /// `sum / divisor` where that is an index below `len`, else 0; and whether it is.
    fn checked(&mut self, sum: &Expr, divisor: i64, len: usize) -> (Expr, Value) {
        let raw = self.index_value(sum);
        let (by, in_loop) = (!raw.uniform(), raw.in_loop);
        let raw = self.bind(&raw);
        let check = self.per_component(by, in_loop, |c| {
            let r = raw.part(c);
            let bound = len as i64 * divisor;
            if divisor == 1 {
                format!("({r} < {bound}u)")
            } else {
                format!("({r} < {bound}u && {r} % {divisor}u == 0u)")
            }
        });
        let check = self.bind(&check);
        let index = self.per_component(by, in_loop, |c| {
            let r = raw.part(c);
            let quotient = if divisor == 1 { r.to_owned() } else { format!("{r} / {divisor}u") };
            format!("select(0u, {quotient}, {})", check.part(c))
        });
        let index = self.bind(&index);
        (self.named(&index, len), check)
    }

    /// A bound `u32` value in `0..len` as an index variable.
    pub fn named(&mut self, index: &Value, len: usize) -> Expr {
        let name = index.part(0).to_owned();
        let name = if index.uniform() { name } else { name.trim_end_matches("_0").to_owned() };
        self.space.name(&name, (len as i64 - 1).max(0), index.in_loop, !index.uniform())
    }

    fn gather(&mut self, node: &Node, axis: usize, at: &[Expr]) -> Result<Value, Refusal> {
        let (source, index) = (node.source(0), node.source(1));
        let len = source.shape()[axis];
        let zero = if node.dtype().is_float() { f64::NAN } else { 0.0 };
        let fill = expr::literal(zero, node.dtype().compute());
        if len == 0 {
            return Ok(Value::one(fill, false));
        }
        let raw = self.eval(index, at)?;
        let word = self.per_component(!raw.uniform(), raw.in_loop, |c| match index.dtype() {
            DType::I32 => format!("bitcast<u32>({})", raw.part(c)),
            _ => raw.part(c).to_owned(),
        });
        let word = self.bind(&word);
        let check = self.per_component(!raw.uniform(), raw.in_loop, |c| format!("({} < {len}u)", word.part(c)));
        let check = self.bind(&check);
        let safe = self
            .per_component(!raw.uniform(), raw.in_loop, |c| format!("select(0u, {}, {})", word.part(c), check.part(c)));
        let safe = self.bind(&safe);
        let mut inner = at.to_vec();
        inner[axis] = self.named(&safe, len);
        let value = self.eval(source, &inner)?;
        let in_loop = value.in_loop || check.in_loop;
        let by_component = !value.uniform() || !check.uniform();
        let selected = self
            .per_component(by_component, in_loop, |c| format!("select({fill}, {}, {})", value.part(c), check.part(c)));
        Ok(self.bind(&selected))
    }

    /// The name of a buffer that is read.
    fn read(&mut self, buffer: usize, dtype: DType) -> String {
        if let Some((_, output)) = self.shared.iter().find(|(b, _)| *b == buffer) {
            return format!("y{output}");
        }
        let ix = self.reads.iter().position(|&r| r == (buffer, dtype)).unwrap_or_else(|| {
            self.reads.push((buffer, dtype));
            self.reads.len() - 1
        });
        format!("x{ix}")
    }

    /// Element `index` of a buffer.
    pub fn load(&mut self, buffer: usize, dtype: DType, index: &Expr) -> Result<Value, Refusal> {
        let name = self.read(buffer, dtype);
        let (by, in_loop) = (self.space.by_component(index), self.space.in_loop(index));
        if self.full.as_ref() != Some(index) {
            self.elsewhere.insert(buffer);
        }
        let vector = self.space.is_vector(index);
        if self.tail && by && (!vector || !(self.scope.padded)(buffer)) {
            return Err(Refusal::Scalar);
        }
        if by && !vector {
            self.scalar_only.push(buffer);
            self.score.scalar += 4;
            self.far |= index.coefficient(Var::Comp).abs() >= 16;
        } else if by {
            self.score.vector += 1;
        }
        if !self.is_vector_buffer(buffer) {
            let value = self
                .per_component(by, in_loop, |c| expr::load(dtype, &name, &self.space.text(index, c), self.scope.half));
            return Ok(self.bind(&value));
        }
        if !by {
            let text = self.space.text(index, 0);
            let value = Value::one(load_lane(dtype, &name, &text, self.scope.half), in_loop);
            return Ok(self.bind(&value));
        }
        let base = vector_index(index);
        let text = self.space.text(&base, 0);
        let whole = self.fresh();
        self.line(in_loop, &format!("let {whole} = {name}[{text}];"));
        let value = self.per_component(true, in_loop, |c| vector_part(dtype, &whole, c, self.scope.half));
        Ok(self.bind(&value))
    }

    /// Whether a buffer is bound as vectors.
    #[must_use]
    pub fn is_vector_buffer(&self, buffer: usize) -> bool {
        self.space.width == 4 && !self.scalar_only.contains(&buffer)
    }

    /// The statement that writes a value to element `index` of the buffer bound as `name`; whether it writes vectors.
    pub fn store(&mut self, name: &str, dtype: DType, index: &Expr, value: &Value) -> Result<(String, bool), Refusal> {
        let word = |part: &str| if dtype == DType::Bool { format!("u32({part})") } else { part.to_owned() };
        let parts: Vec<&str> = (0..self.space.width as usize).map(|c| value.part(c)).collect();
        if self.space.is_vector(index) {
            let base = self.space.text(&vector_index(index), 0);
            let statement = match dtype {
                DType::F16 | DType::BF16 => {
                    let words = [&parts[..2], &parts[2..]].map(|two| expr::pack(dtype, two, self.scope.half));
                    format!("{name}[{base}] = vec2<u32>({}, {});", words[0], words[1])
                }
                _ => {
                    let list = parts.iter().map(|p| word(p)).collect::<Vec<_>>().join(", ");
                    format!("{name}[{base}] = vec4<{}>({list});", buffer_element(dtype))
                }
            };
            return Ok((statement, true));
        }
        if dtype.bytes() == 2 {
            return Err(Refusal::Narrow);
        }
        // what is written as scalars is read so
        let shared = self.shared.iter().filter(|s| name.strip_prefix('y') == Some(&s.1.to_string())).map(|s| s.0);
        self.scalar_only.extend(shared);
        let n = if self.space.by_component(index) { self.space.width as usize } else { 1 };
        let one = |c: usize| format!("{name}[{}] = {};", self.space.text(index, c), word(parts[c]));
        Ok(((0..n).map(one).collect::<Vec<_>>().join(" "), false))
    }
}

/// The WGSL type of a scalar element in a buffer.
#[must_use]
pub fn buffer_element(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "f32",
        DType::I32 => "i32",
        DType::U32 | DType::Bool | DType::F16 | DType::BF16 => "u32",
    }
}

/// The type of a buffer's runtime-sized array.
#[must_use]
pub fn buffer_type(dtype: DType, vector: bool) -> String {
    let element = buffer_element(dtype);
    match (vector, dtype.bytes()) {
        (false, _) => format!("array<{element}>"),
        (true, 2) => "array<vec2<u32>>".into(),
        (true, _) => format!("array<vec4<{element}>>"),
    }
}

/// `(4 e + component) / 4`.
fn vector_index(index: &Expr) -> Expr {
    Expr {
        terms: index.terms.iter().filter(|(v, _)| **v != Var::Comp).map(|(&v, &c)| (v, c / 4)).collect(),
        constant: index.constant / 4,
    }
}

/// Component `c` of a loaded vector.
fn vector_part(dtype: DType, whole: &str, c: usize, half: bool) -> String {
    let lane = ["x", "y", "z", "w"][c];
    match dtype {
        DType::F32 | DType::I32 | DType::U32 => format!("{whole}.{lane}"),
        DType::Bool => format!("({whole}.{lane} != 0u)"),
        DType::F16 | DType::BF16 => {
            expr::unpack(dtype, &format!("{whole}.{}", ["x", "y"][c / 2]), half).swap_remove(c % 2)
        }
    }
}

/// One element of a buffer that is bound as vectors.
fn load_lane(dtype: DType, name: &str, index: &str, half: bool) -> String {
    match dtype {
        DType::F32 | DType::I32 | DType::U32 => format!("{name}[({index}) / 4u][({index}) % 4u]"),
        DType::Bool => format!("({name}[({index}) / 4u][({index}) % 4u] != 0u)"),
        DType::F16 | DType::BF16 => {
            let word = format!("{name}[({index}) / 4u][(({index}) / 2u) % 2u]");
            let bits = format!("(({word} >> ((({index}) % 2u) * 16u)) & 0xffffu)");
            expr::unpack(dtype, &bits, half).swap_remove(0)
        }
    }
}

/// The function for `node`, rounded to 16 bits, where its operands have no more.
fn native(node: &Node) -> Option<&'static str> {
    let Op::Map(func) = node.op() else { return None };
    let name = match func {
        Func::Add => "half_add",
        Func::Sub => "half_sub",
        Func::Mul => "half_mul",
        _ => return None,
    };
    node.sources().iter().all(is_half).then_some(name)
}

/// Whether all values are those of a binary16.
fn is_half(node: &Node) -> bool {
    match node.op() {
        Op::View(view) => matches!(view.fill, Fill::Zero | Fill::One) && is_half(node.source(0)),
        Op::Reshape | Op::Map(Func::Cast(DType::F32)) => is_half(node.source(0)),
        _ => node.dtype() == DType::F16,
    }
}

/// Whether this is what is left of `x` after its greatest element along some axes is taken away: not above 0.
fn is_below_its_greatest(node: &Node) -> bool {
    let Op::Map(Func::Sub) = node.op() else { return false };
    let (x, greatest) = (node.source(0), node.source(1));
    let Op::View(view) = greatest.op() else { return false };
    let Op::Reduce { kind: Reduce::Max | Reduce::MaxNumber, axes } = greatest.source(0).op() else { return false };
    let kept = (0..x.shape().rank()).filter(|a| !axes.contains(a)).map(AxisMap::same);
    greatest.source(0).source(0).id() == x.id() && view.axes.iter().cloned().eq(kept)
}

/// The identity of a reduction, as an f64 that the dtype holds.
#[must_use]
pub fn identity(kind: Reduce, dtype: DType) -> f64 {
    let (lowest, highest) = match dtype {
        DType::F32 | DType::F16 | DType::BF16 => (f64::NEG_INFINITY, f64::INFINITY),
        DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        DType::U32 => (0.0, f64::from(u32::MAX)),
        DType::Bool => (0.0, 1.0),
    };
    match kind {
        Reduce::Sum => 0.0,
        Reduce::Prod => 1.0,
        Reduce::Max | Reduce::MaxNumber | Reduce::ArgMax => lowest,
        Reduce::Min | Reduce::ArgMin => highest,
    }
}
