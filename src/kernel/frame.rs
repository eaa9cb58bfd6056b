//! Generated kernels, part two: clusters of nodes in their frames.
//!
//! A [`Cluster`] is a set of nodes computed over one domain by one kernel. A *map* has one unit of work per element. A
//! *row program* has one per row: reductions over the row, level by level (a level uses the results of those before
//! it), then what is stored per element of the row or per row. Three forms of it:
//!
//! - `thread`: a thread walks a whole row; no barriers. For columns (neighbouring threads read neighbouring elements),
//!   for short rows, and on processors, where barriers are dear.
//! - `group`: a workgroup walks a row together. For long contiguous rows on GPUs.
//! - either of them in *parts*, when there are few long rows: the first kernel leaves one partial result per part, the
//!   second joins them. Whatever is stored per element without needing the results is stored by the first.
//!
//! Error bound of sums: a thread adds at most [`CHAIN`] terms in a row before it starts a new partial sum.

use super::emit::{Emitter, RESERVED_WORDS, Refusal, Scope, Value, buffer_type, identity};
use super::space::{Expr, Space};
use super::{Access, Kernel, Limits, expr, library};
use crate::dtype::DType;
use crate::graph::{Func, Node, Op, Reduce};
use crate::shape::Shape;
use std::fmt::Write;
use std::sync::Arc;

/// The longest chain of dependent additions.
pub const CHAIN: usize = 256;

/// The length from which a few rows are better reduced in parts than fused with what needs their results.
const LONG_ROW: usize = 1 << 14;

/// The longest part of a row that one thread or workgroup walks.
const LONGEST_PART: usize = 1 << 19;

/// Over what a cluster is computed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Domain {
    /// The elements of a shape, by their number.
    Map(usize),
    /// Rows of a shape: reductions over `axes`.
    Rows {
        /// The shape that is reduced.
        shape: Shape,
        /// The axes that vanish, ascending.
        axes: Vec<usize>,
    },
}

/// Nodes of one kernel.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Over what.
    pub domain: Domain,
    /// The reductions, sources before users; all over the domain's shape and axes.
    pub reduces: Vec<Node>,
    /// All stored nodes the kernel computes; those that nobody else needs are not among the outputs.
    pub members: Vec<Node>,
    /// What is stored. May contain reductions.
    pub outputs: Vec<Node>,
}

/// A buffer of a generated dispatch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Buffer {
    /// A stored value, by its number in the scope.
    Value(usize),
    /// Output `ix` of the cluster.
    Output(usize),
    /// Scratch buffer `ix` of the cluster.
    Scratch(usize),
}

/// One generated dispatch.
#[derive(Clone, Debug)]
pub struct Generated {
    pub kernel: Arc<Kernel>,
    pub buffers: Vec<Buffer>,
    /// Uniform words; the constants follow [`RESERVED_WORDS`].
    pub words: Vec<u32>,
    /// Number and dtype of each constant.
    pub constants: Vec<(usize, DType)>,
    /// Workgroups before folding.
    pub groups: u64,
}

/// A cluster as dispatches.
#[derive(Clone, Debug, Default)]
pub struct Emitted {
    pub dispatches: Vec<Generated>,
    /// Sizes of the scratch buffers in bytes.
    pub scratch: Vec<u64>,
}

/// Lowers a cluster, or says why its nodes cannot share a kernel.
pub fn lower(cluster: &Cluster, scope: &Scope<'_>, limits: &Limits) -> Result<Emitted, Refusal> {
    match &cluster.domain {
        Domain::Map(n) => map(cluster, *n, scope, limits),
        Domain::Rows { shape, axes } => Rows::new(cluster, shape, axes, limits).lower(scope),
    }
}

/// Runs `write` until the choice of vector bindings is stable: a buffer with any scalar access is bound as scalars.
fn settled<'a, T>(
    scope: &'a Scope<'a>,
    members: &[Node],
    space: &Space,
    mut write: impl FnMut(&mut Emitter<'a>) -> Result<T, Refusal>,
) -> Result<(T, Emitter<'a>), Refusal> {
    let mut scalar_only = Vec::new();
    loop {
        let mut emitter = Emitter::new(scope, space.clone(), scalar_only.clone());
        emitter.members = members.iter().map(Node::id).collect();
        let result = write(&mut emitter)?;
        if emitter.scalar_only == scalar_only {
            return Ok((result, emitter));
        }
        emitter.scalar_only.sort_unstable();
        emitter.scalar_only.dedup();
        if emitter.scalar_only == scalar_only {
            return Ok((result, emitter));
        }
        scalar_only = emitter.scalar_only;
    }
}

/// What a finished body is packed with.
struct Body<'b> {
    frame: &'b str,
    label: String,
    text: String,
    /// Element type of each output binding, as WGSL.
    outputs: Outputs,
    units: u64,
    workgroup: u32,
    per: u32,
}

fn pack(body: Body<'_>, emitter: &Emitter<'_>) -> Generated {
    let mut declarations = String::new();
    let mut buffers = Vec::new();
    let mut access = Vec::new();
    for (ix, &(buffer, dtype)) in emitter.reads.iter().enumerate() {
        let ty = buffer_type(dtype, emitter.is_vector_buffer(buffer));
        let _ok = writeln!(declarations, "@group(0) @binding({ix}) var<storage, read> x{ix}: {ty};");
        buffers.push(Buffer::Value(buffer));
        access.push(Access::Read);
    }
    for (ix, (buffer, ty)) in body.outputs.iter().enumerate() {
        let binding = emitter.reads.len() + ix;
        let _ok = writeln!(declarations, "@group(0) @binding({binding}) var<storage, read_write> y{ix}: {ty};");
        buffers.push(*buffer);
        access.push(Access::Write);
    }
    let n_vectors = (RESERVED_WORDS + emitter.used.len()).div_ceil(4);
    let _ok = writeln!(declarations, "@group(1) @binding(0) var<uniform> params: array<vec4<u32>, {n_vectors}>;");
    for snippet in &emitter.modules {
        declarations.push_str(&snippet.wgsl);
        declarations.push('\n');
    }
    let filled = library::fill(library::frame(body.frame), &[("declarations", &declarations), ("body", &body.text)]);
    let mut overrides = vec![("WG", f64::from(body.workgroup))];
    if body.frame == "each" {
        overrides.push(("PER", f64::from(body.per)));
    }
    let mut words = vec![0; n_vectors * 4];
    words[0] = body.units as u32;
    let kernel = Kernel { label: body.label, wgsl: library::link(&filled), overrides, access };
    let per_group = if body.frame == "each" { u64::from(body.workgroup) * u64::from(body.per) } else { 1 };
    Generated {
        kernel: Arc::new(kernel),
        buffers,
        words,
        constants: emitter.used.clone(),
        groups: body.units.div_ceil(per_group),
    }
}

/// The label of a cluster: what it ends in.
fn label(frame: &str, outputs: &[Node]) -> String {
    let names: Vec<_> = outputs.iter().take(3).map(|n| crate::graph::op_name(n.op())).collect();
    let more = if outputs.len() > 3 { format!("+{}", outputs.len() - 3) } else { String::new() };
    let shape = outputs.first().map(|n| format!("{}{}", n.dtype(), n.shape())).unwrap_or_default();
    format!("{frame}/{}{more}/{shape}", names.join("+"))
}

// ---- map ----

fn map(cluster: &Cluster, n: usize, scope: &Scope<'_>, limits: &Limits) -> Result<Emitted, Refusal> {
    let narrow = cluster.outputs.iter().any(|o| o.dtype().bytes() == 2);
    let units = n.div_ceil(4);
    let vector = Space::new(units, 1, 4, false);
    let scalar = Space::new(n, 1, 1, false);
    let tail = n % 4 != 0;
    let attempt = |space: &Space, tail: bool, clamp: bool| {
        settled(scope, &cluster.members, space, |e| {
            e.tail = tail;
            map_body(cluster, n, clamp, e)
        })
    };
    let mut done = attempt(&vector, tail, false);
    if matches!(done, Err(Refusal::Scalar)) {
        done = if narrow { attempt(&vector, false, true) } else { attempt(&scalar, false, false) };
    }
    let ((text, outputs), emitter) = done?;
    let units = emitter.space.rows as u64;
    let (workgroup, per) = if limits.cpu { (64, if units >= 1 << 14 { 4 } else { 1 }) } else { (256, 1) };
    let workgroup = workgroup.min(limits.invocations);
    let body = Body { frame: "each", label: label("map", &cluster.outputs), text, outputs, units, workgroup, per };
    Ok(Emitted { dispatches: vec![pack(body, &emitter)], scratch: Vec::new() })
}

/// Where each output goes, and the type of its binding.
type Outputs = Vec<(Buffer, String)>;

fn map_body(cluster: &Cluster, n: usize, clamp: bool, e: &mut Emitter<'_>) -> Result<(String, Outputs), Refusal> {
    let target = e.row();
    let mut index = target.clone();
    if clamp {
        let parts = (0..4).map(|c| format!("min({}, {}u)", e.space.text(&target, c), n - 1)).collect();
        index = {
            for (c, text) in Vec::into_iter(parts).enumerate() {
                let text: String = text;
                let _ok = writeln!(e.lines[0], "    let i_{c} = {text};");
            }
            e.space.name("i", n as i64 - 1, false, true)
        };
    }
    e.full = Some(index.clone());
    let mut outputs = Vec::new();
    let mut stores = String::new();
    for (ix, node) in cluster.outputs.iter().enumerate() {
        let at = e.space.coordinates(&index, node.shape());
        let value = e.eval(node, &at)?;
        let (statement, vector) = e.store(&format!("y{ix}"), node.dtype(), &target, &value)?;
        let _ok = writeln!(stores, "    {statement}");
        outputs.push((Buffer::Output(ix), buffer_type(node.dtype(), vector)));
    }
    Ok((format!("fn body(r: u32) {{\n{}{stores}}}", e.lines[0]), outputs))
}

// ---- row programs ----

struct Rows<'c> {
    cluster: &'c Cluster,
    shape: &'c Shape,
    axes: &'c [usize],
    n_rows: usize,
    n_cols: usize,
    /// Reductions by level.
    levels: Vec<Vec<Node>>,
    limits: &'c Limits,
}

/// One way to run a row program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Form {
    group: bool,
    width: i64,
    comp_in_col: bool,
    parts: usize,
}

impl<'c> Rows<'c> {
    fn new(cluster: &'c Cluster, shape: &'c Shape, axes: &'c [usize], limits: &'c Limits) -> Self {
        let n_cols = axes.iter().map(|&a| shape[a]).product();
        let n_rows = shape.without(axes).elements();
        let levels = levels(&cluster.reduces);
        Self { cluster, shape, axes, n_rows, n_cols, levels, limits }
    }

    fn lower(&self, scope: &Scope<'_>) -> Result<Emitted, Refusal> {
        let form = self.form(scope)?;
        if form.parts == 1 { self.whole(form, scope) } else { self.in_parts(form, scope) }
    }

    /// Chooses the form: the vectorisation that turns most accesses into vectors, then who walks a row.
    fn form(&self, scope: &Scope<'_>) -> Result<Form, Refusal> {
        let mut best: Option<(i32, Form)> = None;
        for (width, comp_in_col) in [(4, true), (4, false), (1, true)] {
            let fits = if comp_in_col { self.n_cols } else { self.n_rows } % width as usize == 0;
            if !fits {
                continue;
            }
            let form = Form { group: false, width, comp_in_col, parts: 1 };
            let score = match settled(scope, &self.cluster.members, &self.space(form), |e| self.first_level(e)) {
                Ok(_) if width == 1 => 0,
                Ok((_, e)) => e.score.vector * 4 - e.score.scalar,
                Err(Refusal::Scalar) => continue,
                Err(other) => return Err(other),
            };
            if best.is_none_or(|(s, _)| score > s) {
                best = Some((score, form));
            }
        }
        let Some((_, mut form)) = best else { return Err(Refusal::Scalar) };
        let rows = if form.comp_in_col { self.n_rows } else { self.n_rows / form.width as usize };
        let columns = !form.comp_in_col;
        form.group = !self.limits.cpu && !columns && self.n_cols >= 64;
        let (wanted, least) = match (self.limits.cpu, form.group) {
            (true, _) => (64, 2048),
            (false, true) => (512, 8192),
            (false, false) => (16_384, 32),
        };
        if !self.can_part() && rows < wanted / 16 && self.n_cols >= LONG_ROW {
            return Err(Refusal::Unaligned);
        }
        if self.can_part() {
            // enough units to fill the device, and no chain of additions longer than the contract
            let chains = self.n_cols.div_ceil(LONGEST_PART);
            let fill = if rows < wanted { wanted.div_ceil(rows).min(self.n_cols / least) } else { 1 };
            let many = if self.limits.cpu && rows == 1 { (self.n_cols / least).min(1024) } else { fill };
            form.parts = many.max(chains).max(1);
        }
        Ok(form)
    }

    /// Whether the rows may be walked in parts: one level, and nothing stored per element needs its result.
    fn can_part(&self) -> bool {
        self.levels.len() == 1 && self.per_element().all(|(_, node)| !reaches(node, &self.cluster.reduces))
    }

    fn per_element(&self) -> impl Iterator<Item = (usize, &'c Node)> {
        let whole = self.shape.elements();
        let rows = self.n_rows;
        self.cluster.outputs.iter().enumerate().filter(move |(_, n)| n.elements() == whole && whole != rows)
    }

    fn per_row(&self) -> impl Iterator<Item = (usize, &'c Node)> {
        let rows = self.n_rows;
        self.cluster.outputs.iter().enumerate().filter(move |(_, n)| n.elements() == rows)
    }

    fn space(&self, form: Form) -> Space {
        let w = form.width as usize;
        let (rows, cols) =
            if form.comp_in_col { (self.n_rows, self.n_cols / w) } else { (self.n_rows / w, self.n_cols) };
        Space::new(rows, cols, form.width, form.comp_in_col)
    }

    /// Coordinates in the reduced shape.
    fn coordinates(&self, e: &mut Emitter<'_>) -> Vec<Expr> {
        let kept: Vec<usize> = (0..self.shape.rank()).filter(|a| !self.axes.contains(a)).collect();
        let (row, col) = (e.row(), e.col());
        let of = |dims: &[usize]| dims.iter().map(|&a| self.shape[a]).collect::<Vec<_>>();
        let outer = e.space.coordinates(&row, &of(&kept));
        let inner = e.space.coordinates(&col, &of(self.axes));
        let mut all = vec![Expr::default(); self.shape.rank()];
        for (axis, c) in kept.iter().zip(outer).chain(self.axes.iter().zip(inner)) {
            all[*axis] = c;
        }
        e.full = Some(e.space.linear(&all, self.shape));
        all
    }

    /// The elements the first level reduces and the first level's stores per element: enough to judge a form.
    fn first_level(&self, e: &mut Emitter<'_>) -> Result<(), Refusal> {
        let at = self.coordinates(e);
        for reduce in &self.levels[0] {
            e.eval(reduce.source(0), &at)?;
        }
        Ok(())
    }

    fn whole(&self, form: Form, scope: &Scope<'_>) -> Result<Emitted, Refusal> {
        let ((text, outputs), emitter) = settled(scope, &self.cluster.members, &self.space(form), |e| {
            let mut program = String::new();
            for level in &self.levels {
                let at = self.coordinates(e);
                let accumulators: Vec<_> = level.iter().enumerate().map(|(i, r)| Accumulator::new(r, i, e)).collect();
                let elements = level.iter().map(|r| e.eval(r.source(0), &at)).collect::<Result<Vec<_>, _>>()?;
                self.reduce_loop(form, &accumulators, &elements, e, &mut program);
                for (reduce, accumulator) in level.iter().zip(&accumulators) {
                    let value = accumulator.result(form, &mut program);
                    e.known.insert(reduce.id(), value);
                }
            }
            let mut outputs = Vec::new();
            self.store_elements(form, e, &mut program, &mut outputs)?;
            self.store_rows(form, e, &mut program, &mut outputs)?;
            Ok((program, outputs))
        })?;
        let text = wrap(form, &text);
        Ok(Emitted { dispatches: vec![self.dispatch(form, 1, text, outputs, &emitter)], scratch: Vec::new() })
    }

    /// Part one: partial results and what is stored per element. Part two: the results.
    fn in_parts(&self, form: Form, scope: &Scope<'_>) -> Result<Emitted, Refusal> {
        let level = &self.levels[0];
        let ((text, outputs), emitter) = settled(scope, &self.cluster.members, &self.space(form), |e| {
            let mut program = String::new();
            let at = self.coordinates(e);
            let accumulators: Vec<_> = level.iter().enumerate().map(|(i, r)| Accumulator::new(r, i, e)).collect();
            let elements = level.iter().map(|r| e.eval(r.source(0), &at)).collect::<Result<Vec<_>, _>>()?;
            let mut outputs = Vec::new();
            let stores = self.element_stores(e, &mut outputs)?;
            e.lines[1].push_str(&stores);
            self.reduce_loop(form, &accumulators, &elements, e, &mut program);
            let mut scratch = 0;
            for accumulator in &accumulators {
                accumulator.store_partial(form, &mut outputs, &mut scratch, &mut program);
            }
            Ok((program, outputs))
        })?;
        let first = self.dispatch(form, form.parts as u64, wrap(form, &text), outputs, &emitter);
        let n_scratch = level.iter().map(|r| if positional(r) { 2 } else { 1 }).sum::<usize>();
        let scratch = vec![(self.n_rows * form.parts * 4).next_multiple_of(16) as u64; n_scratch];
        let second = self.join_parts(form, scope)?;
        Ok(Emitted { dispatches: vec![first, second], scratch })
    }

    fn join_parts(&self, first: Form, scope: &Scope<'_>) -> Result<Generated, Refusal> {
        let form = Form { group: !self.limits.cpu && first.parts >= 64, width: 1, comp_in_col: true, parts: 1 };
        let space = Space::new(self.n_rows, first.parts, 1, true);
        let level = &self.levels[0];
        let ((text, outputs, n_partial), emitter) = settled(scope, &self.cluster.members, &space, |e| {
            let mut program = String::new();
            let accumulators: Vec<_> = level.iter().enumerate().map(|(i, r)| Accumulator::new(r, i, e)).collect();
            let index = format!("r * {}u + k", first.parts);
            let mut n_partial = 0;
            let mut elements = Vec::new();
            for a in &accumulators {
                let value = a.load_partial(&mut n_partial, &index, e);
                elements.push(value);
            }
            self.reduce_loop_over(form, first.parts, &accumulators, &elements, true, e, &mut program);
            for (reduce, accumulator) in level.iter().zip(&accumulators) {
                let value = accumulator.result(form, &mut program);
                e.known.insert(reduce.id(), value);
            }
            let mut outputs = Vec::new();
            self.store_rows(form, e, &mut program, &mut outputs)?;
            Ok((program, outputs, n_partial))
        })?;
        let mut generated = self.dispatch(form, 1, wrap(form, &text), outputs, &emitter);
        // the partial results are bound behind everything else
        let kernel = Arc::make_mut(&mut generated.kernel);
        let base = generated.buffers.len();
        let mut declarations = String::new();
        let mut ix = 0;
        for accumulator in level.iter().enumerate().map(|(i, r)| Accumulator::shape(r, i)) {
            for ty in accumulator.word_types() {
                let binding = base + ix;
                let _ok =
                    writeln!(declarations, "@group(0) @binding({binding}) var<storage, read> z{ix}: array<{ty}>;");
                generated.buffers.push(Buffer::Scratch(ix));
                kernel.access.push(Access::Read);
                ix += 1;
            }
        }
        assert_eq!(ix, n_partial, "bug: partial results of {}", kernel.label);
        kernel.wgsl.insert_str(0, &declarations);
        kernel.label = kernel.label.replace("row/", "join/").replace("thread/", "join/");
        Ok(generated)
    }

    fn dispatch(&self, form: Form, parts: u64, text: String, outputs: Outputs, emitter: &Emitter<'_>) -> Generated {
        let frame = if form.group { "row" } else { "each" };
        let units = emitter.space.rows as u64 * parts;
        let workgroup = if form.group {
            let useful = (emitter.space.cols as u32 / parts as u32).max(1).next_power_of_two().max(32);
            useful.min(256).min(self.limits.invocations)
        } else if self.limits.cpu {
            if units <= 256 { 8 } else { 64 }
        } else {
            64
        };
        let name = label(if form.group { "row" } else { "thread" }, &self.cluster.outputs);
        let label = if parts > 1 { format!("{name}/parts{parts}") } else { name };
        pack(Body { frame, label, text, outputs, units, workgroup, per: 1 }, emitter)
    }

    fn reduce_loop(&self, form: Form, acc: &[Accumulator], elements: &[Value], e: &mut Emitter<'_>, out: &mut String) {
        self.reduce_loop_over(form, e.space.cols as usize, acc, elements, false, e, out);
    }

    /// Writes a loop over `cols` values of `k` that joins `elements` into the accumulators.
    #[expect(clippy::too_many_arguments, reason = "the text of one loop; splitting it would name the parts twice")]
    fn reduce_loop_over(
        &self,
        form: Form,
        cols: usize,
        accumulators: &[Accumulator],
        elements: &[Value],
        partial: bool,
        e: &mut Emitter<'_>,
        out: &mut String,
    ) {
        let mut join = String::new();
        for (accumulator, element) in accumulators.iter().zip(elements) {
            accumulator.join_element(element, partial, e, &mut join);
        }
        let body = e.leave_loop() + &join;
        out.push_str(&std::mem::take(&mut e.lines[0]));
        for accumulator in accumulators {
            accumulator.declare("a", out);
        }
        let stride = if form.group { "WG" } else { "1u" };
        let (first, end, chain) = if form.parts > 1 {
            let chunk = cols.div_ceil(form.parts);
            let first = format!("part * {chunk}u");
            let _ok = writeln!(out, "    let k_end = min({first} + {chunk}u, {cols}u);");
            (first, "k_end".to_owned(), chunk)
        } else {
            ("0u".to_owned(), format!("{cols}u"), cols)
        };
        let first = if form.group { format!("{first} + lane") } else { first };
        let blocked = !form.group && chain > CHAIN && accumulators.iter().any(|a| a.kind == Reduce::Sum);
        if blocked {
            let block = CHAIN.min(chain.isqrt().next_power_of_two());
            let _ok = writeln!(out, "    for (var k_block = {first}; k_block < {end}; k_block += {block}u) {{");
            for accumulator in accumulators {
                accumulator.declare("b", out);
            }
            let _ok = writeln!(out, "    for (var k = k_block; k < min(k_block + {block}u, {end}); k += 1u) {{");
            out.push_str(&body.replace("@acc_", "b_"));
            out.push_str("    }\n");
            for accumulator in accumulators {
                accumulator.join_block(out);
            }
            out.push_str("    }\n");
        } else {
            let _ok = writeln!(out, "    for (var k = {first}; k < {end}; k += {stride}) {{");
            out.push_str(&body.replace("@acc_", "a_"));
            out.push_str("    }\n");
        }
    }

    /// The statements that store what is kept per element; each output takes the next binding.
    fn element_stores(&self, e: &mut Emitter<'_>, outputs: &mut Outputs) -> Result<String, Refusal> {
        let mut stores = String::new();
        let at = self.coordinates(e);
        let index = e.space.linear(&at, self.shape);
        for (ix, node) in self.per_element() {
            let own = if node.shape() == self.shape { at.clone() } else { e.space.coordinates(&index, node.shape()) };
            let value = e.eval(node, &own)?;
            let (statement, vector) = e.store(&format!("y{}", outputs.len()), node.dtype(), &index, &value)?;
            let _ok = writeln!(stores, "        {statement}");
            outputs.push((Buffer::Output(ix), buffer_type(node.dtype(), vector)));
        }
        Ok(stores)
    }

    fn store_elements(
        &self,
        form: Form,
        e: &mut Emitter<'_>,
        out: &mut String,
        outputs: &mut Outputs,
    ) -> Result<(), Refusal> {
        let stores = self.element_stores(e, outputs)?;
        if stores.is_empty() {
            return Ok(());
        }
        let body = e.leave_loop() + &stores;
        out.push_str(&std::mem::take(&mut e.lines[0]));
        let (first, stride) = if form.group { ("lane", "WG") } else { ("0u", "1u") };
        let _ok = writeln!(out, "    for (var k = {first}; k < {}u; k += {stride}) {{\n{body}    }}", e.space.cols);
        Ok(())
    }

    fn store_rows(
        &self,
        form: Form,
        e: &mut Emitter<'_>,
        out: &mut String,
        outputs: &mut Outputs,
    ) -> Result<(), Refusal> {
        let mut stores = String::new();
        let row = e.row();
        for (ix, node) in self.per_row() {
            let at = e.space.coordinates(&row, node.shape());
            let value = e.eval(node, &at)?;
            let (statement, vector) = e.store(&format!("y{}", outputs.len()), node.dtype(), &row, &value)?;
            let _ok = writeln!(stores, "    {statement}");
            outputs.push((Buffer::Output(ix), buffer_type(node.dtype(), vector)));
        }
        out.push_str(&std::mem::take(&mut e.lines[0]));
        if form.group && !stores.is_empty() {
            let _ok = writeln!(out, "    if (lane == 0u) {{\n{stores}    }}");
        } else {
            out.push_str(&stores);
        }
        Ok(())
    }
}

/// The body function around a row program.
fn wrap(form: Form, program: &str) -> String {
    let (globals, program) = split_globals(program);
    let (name, lane) = if form.group { ("body", ", lane: u32") } else { ("body", "") };
    if form.parts > 1 {
        let parts = form.parts;
        return format!(
            "{globals}fn {name}(unit: u32{lane}) {{\n    let r = unit / {parts}u;\n    let part = unit % {parts}u;\n{program}}}"
        );
    }
    format!("{globals}fn {name}(r: u32{lane}) {{\n{program}}}")
}

/// Lines that start with `@@` are module-scope declarations.
fn split_globals(program: &str) -> (String, String) {
    let (mut globals, mut rest) = (String::new(), String::new());
    for line in program.lines() {
        match line.strip_prefix("@@") {
            Some(global) if !globals.contains(global) => globals.extend([global, "\n"]),
            Some(_) => {}
            None => rest.extend([line, "\n"]),
        }
    }
    (globals, rest)
}

fn positional(reduce: &Node) -> bool {
    matches!(reduce.op(), Op::Reduce { kind: Reduce::ArgMax | Reduce::ArgMin, .. })
}

/// Whether `node` depends on one of `targets` without passing through stored values… of other kernels: conservative.
fn reaches(node: &Node, targets: &[Node]) -> bool {
    crate::graph::topological(std::slice::from_ref(node), true).iter().any(|n| targets.contains(n))
}

/// Reductions by how many others of the cluster they wait for.
fn levels(reduces: &[Node]) -> Vec<Vec<Node>> {
    let mut of: Vec<usize> = Vec::new();
    for (ix, reduce) in reduces.iter().enumerate() {
        let inner = crate::graph::topological(std::slice::from_ref(reduce.source(0)), true);
        let level = (0..ix).filter(|&j| inner.contains(&reduces[j])).map(|j| of[j] + 1).max().unwrap_or(0);
        of.push(level);
    }
    let n = of.iter().max().map_or(0, |m| m + 1);
    (0..n).map(|l| reduces.iter().zip(&of).filter(|(_, o)| **o == l).map(|(r, _)| r.clone()).collect()).collect()
}

// ---- accumulators ----

/// What one reduction keeps while a row is walked: a value, and a position for the arg-reductions.
struct Accumulator {
    kind: Reduce,
    dtype: DType,
    name: String,
    /// Components that stay apart (4 where the vector lies along the rows).
    lanes: usize,
    width: usize,
}

impl Accumulator {
    fn shape(reduce: &Node, level_ix: usize) -> Self {
        let Op::Reduce { kind, .. } = reduce.op() else { panic!("bug: {reduce:?} is not a reduction") };
        let dtype = reduce.source(0).dtype();
        Self { kind: *kind, dtype, name: format!("{level_ix}"), lanes: 1, width: 1 }
    }

    fn new(reduce: &Node, level_ix: usize, e: &Emitter<'_>) -> Self {
        let mut this = Self::shape(reduce, level_ix);
        this.name = format!("{}_{level_ix}", e.known.len());
        this.width = e.space.width as usize;
        this.lanes = if e.space.width > 1 && !e.space.comp_in_col { 4 } else { 1 };
        this
    }

    fn positional(&self) -> bool {
        matches!(self.kind, Reduce::ArgMax | Reduce::ArgMin)
    }

    /// Type of the value where it is stored as a partial result.
    fn stored_type(&self) -> &'static str {
        if self.dtype == DType::Bool { "u32" } else { self.dtype.wgsl() }
    }

    fn word_types(&self) -> Vec<&'static str> {
        if self.positional() { vec![self.stored_type(), "u32"] } else { vec![self.stored_type()] }
    }

    fn declare(&self, prefix: &str, out: &mut String) {
        let (ty, name) = (self.dtype.wgsl(), &self.name);
        let start = expr::literal(identity(self.kind, self.dtype), self.dtype);
        for c in 0..self.lanes {
            let _ok = writeln!(out, "    var {prefix}_{name}_{c}: {ty} = {start};");
            if self.positional() {
                let _ok = writeln!(out, "    var {prefix}_{name}_{c}_at = 0xffffffffu;");
            }
        }
    }

    /// `a ∘ b` for the kinds that keep only a value.
    fn combine(&self, a: &str, b: &str) -> String {
        let func = match (self.kind, self.dtype) {
            (Reduce::Sum, _) => Func::Add,
            (Reduce::Prod, _) => Func::Mul,
            (Reduce::Max, DType::Bool) => Func::Or,
            (Reduce::Min, DType::Bool) => Func::And,
            (Reduce::Max | Reduce::ArgMax, _) => Func::Max,
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
    fn join_element(&self, element: &Value, partial: bool, e: &Emitter<'_>, out: &mut String) {
        let col = e.col();
        let at = |c: usize| if partial { format!("{}_at", element.part(0)) } else { e.space.text(&col, c) };
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

    fn join_block(&self, out: &mut String) {
        for c in 0..self.lanes {
            let (a, b) = (format!("a_{}_{c}", self.name), format!("b_{}_{c}", self.name));
            let at = format!("{b}_at");
            self.join_into(&a, &b, &at, out);
        }
    }

    /// The accumulator after the loop, joined over the lanes of the workgroup: the names of its components.
    fn joined(&self, form: Form, out: &mut String) -> Vec<String> {
        let names: Vec<_> = (0..self.lanes).map(|c| format!("a_{}_{c}", self.name)).collect();
        if form.group {
            self.tree(&names[0], out);
        }
        names
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
    fn result(&self, form: Form, out: &mut String) -> Value {
        let at = if self.positional() { "_at" } else { "" };
        let mut parts: Vec<_> = self.joined(form, out).into_iter().map(|name| name + at).collect();
        if parts.len() == 1 { Value::one(parts.remove(0), false) } else { Value::many(parts, false) }
    }

    /// Stores the partial result of this part in the next bindings, one for the value and one for the position.
    fn store_partial(&self, form: Form, outputs: &mut Outputs, n_scratch: &mut usize, out: &mut String) {
        let parts = form.parts;
        let names = self.joined(form, out);
        let mut stores = String::new();
        for (word, ty) in self.word_types().into_iter().enumerate() {
            for (c, name) in names.iter().enumerate() {
                let text = match (word, self.dtype) {
                    (0, DType::Bool) => format!("select(0u, 1u, {name})"),
                    (0, _) => name.clone(),
                    _ => format!("{name}_at"),
                };
                let row = if names.len() == 1 { "r".to_owned() } else { format!("(r * 4u + {c}u)") };
                let _ok = writeln!(stores, "    y{}[{row} * {parts}u + part] = {text};", outputs.len());
            }
            outputs.push((Buffer::Scratch(*n_scratch), format!("array<{ty}>")));
            *n_scratch += 1;
        }
        if form.group {
            let _ok = writeln!(out, "    if (lane == 0u) {{\n{stores}    }}");
        } else {
            out.push_str(&stores);
        }
    }

    /// Loads a partial result (and its position) within the joining loop.
    fn load_partial(&self, next: &mut usize, index: &str, e: &mut Emitter<'_>) -> Value {
        let name = format!("p_{}", self.name);
        let test = if self.dtype == DType::Bool { " != 0u" } else { "" };
        let _ok = writeln!(e.lines[1], "        let {name} = z{}[{index}]{test};", *next);
        *next += 1;
        if self.positional() {
            let _ok = writeln!(e.lines[1], "        let {name}_at = z{}[{index}];", *next);
            *next += 1;
        }
        Value::one(name, true)
    }
}
