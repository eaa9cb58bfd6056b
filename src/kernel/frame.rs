//! Generated kernels, part two: clusters of nodes in their frames.
//!
//! A [`Cluster`] is a set of nodes computed over one domain by one kernel. A *map* has one unit of work per element
//! (here), a *row program* one per row (`rows`).
//!
//! Error bound of sums: a thread adds at most [`CHAIN`] terms in a row before it starts a new partial sum.

use super::emit::{Emitter, RESERVED_WORDS, Refusal, Scope, buffer_type, uniform_word};
use super::rows::Rows;
use super::space::Space;
use super::{Access, Kernel, Limits, library};
use crate::dtype::DType;
use crate::graph::Node;
use crate::shape::Shape;
use std::fmt::Write;
use std::sync::Arc;

/// The longest chain of dependent additions.
pub const CHAIN: usize = 256;

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
    /// Buffers read at the element at hand alone, and the output that takes the place of each: one binding.
    pub shared: Vec<(usize, usize)>,
}

/// A buffer of a generated dispatch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Buffer {
    /// A stored value, by its number in the scope.
    Value(usize),
    /// Output `ix` of the cluster.
    Output(usize),
    /// The device's board (`shaders/lib/board.wgsl`).
    Board,
}

/// One generated dispatch.
#[derive(Clone, Debug)]
pub struct Generated {
    /// What runs.
    pub kernel: Arc<Kernel>,
    /// Its bindings.
    pub buffers: Vec<Buffer>,
    /// Uniform words; the constants follow [`RESERVED_WORDS`].
    pub words: Vec<u32>,
    /// Number and dtype of each constant.
    pub constants: Vec<(usize, DType)>,
    /// Workgroups before folding.
    pub groups: u64,
    /// The values it reads at the element at hand alone, before it stores anything there.
    pub in_place: Vec<usize>,
}

/// A cluster as dispatches.
#[derive(Clone, Debug, Default)]
pub struct Emitted {
    /// In order.
    pub dispatches: Vec<Generated>,
    /// Bytes of the board that they need.
    pub board: u64,
}

/// Lowers a cluster, or says why its nodes cannot share a kernel.
pub fn lower(cluster: &Cluster, scope: &Scope<'_>, limits: &Limits) -> Result<Emitted, Refusal> {
    match &cluster.domain {
        Domain::Map(n) => map(cluster, *n, scope, limits),
        Domain::Rows { shape, axes } => Rows::new(cluster, shape, axes, limits).lower(scope),
    }
}

/// Runs `write` until the choice of vector bindings is stable (a buffer with any scalar access is bound as scalars), and
/// that of values kept between loops.
pub(super) fn settled<'a, T>(
    scope: &'a Scope<'a>,
    cluster: &Cluster,
    space: &Space,
    mut write: impl FnMut(&mut Emitter<'a>) -> Result<T, Refusal>,
) -> Result<(T, Emitter<'a>), Refusal> {
    let mut scalar_only = Vec::new();
    let mut keep = Vec::new();
    loop {
        let mut emitter = Emitter::new(scope, space.clone(), scalar_only.clone());
        emitter.members = cluster.members.iter().map(Node::id).collect();
        emitter.shared.clone_from(&cluster.shared);
        emitter.keep = (!keep.is_empty()).then(|| keep.clone());
        let result = write(&mut emitter)?;
        emitter.scalar_only.sort_unstable();
        emitter.scalar_only.dedup();
        let kept = emitter.keep.clone().unwrap_or_default();
        if emitter.scalar_only == scalar_only && kept == keep {
            return Ok((result, emitter));
        }
        (scalar_only, keep) = (emitter.scalar_only, kept);
    }
}

/// What a finished body is packed with.
pub(super) struct Body<'b> {
    pub frame: &'b str,
    pub label: String,
    pub text: String,
    /// Element type of each output binding, as WGSL.
    pub outputs: Outputs,
    pub units: u64,
    pub workgroup: u32,
    pub per: u32,
    /// See `ACROSS` of the frame.
    pub across: u32,
    pub teams: u32,
}

pub(super) fn pack(body: Body<'_>, emitter: &Emitter<'_>) -> Generated {
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
        let (name, how) = match buffer {
            Buffer::Board => ("board".to_owned(), Access::ReadWrite),
            Buffer::Output(o) if emitter.shared.iter().any(|s| s.1 == *o) => (format!("y{o}"), Access::ReadWrite),
            Buffer::Output(o) => (format!("y{o}"), Access::Write),
            Buffer::Value(v) => panic!("bug: value {v} is written"),
        };
        let _ok = writeln!(declarations, "@group(0) @binding({binding}) var<storage, read_write> {name}: {ty};");
        buffers.push(*buffer);
        access.push(how);
    }
    let n_vectors = (RESERVED_WORDS + emitter.used.len()).div_ceil(4);
    let _ok = writeln!(declarations, "@group(1) @binding(0) var<uniform> params: array<vec4<u32>, {n_vectors}>;");
    for snippet in &emitter.modules {
        declarations.push_str(&snippet.wgsl);
        declarations.push('\n');
    }
    let prepare = prepare(emitter, &mut declarations);
    let mut slots = vec![("declarations", declarations.as_str()), ("body", &body.text)];
    slots.extend(prepare.as_deref().map(|text| ("prepare", text)));
    let filled = library::fill(library::frame(body.frame), &slots);
    let mut overrides = vec![("WG", f64::from(body.workgroup))];
    if body.frame == "each" {
        overrides.push(("PER", f64::from(body.per)));
        overrides.push(("ACROSS", f64::from(body.across)));
    }
    if body.frame == "teams" {
        overrides.push(("TEAMS", f64::from(body.teams)));
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
        in_place: emitter.reads.iter().map(|r| r.0).filter(|b| !emitter.elsewhere.contains(b)).collect(),
    }
}

/// The function that loads the constants, and their private variables; `None` if there is nothing to load.
fn prepare(emitter: &Emitter<'_>, declarations: &mut String) -> Option<String> {
    if !emitter.prepared || emitter.used.is_empty() {
        return None;
    }
    let mut text = String::from("fn prepare() {\n");
    for word in (0..emitter.used.len()).map(|ix| ix + RESERVED_WORDS) {
        let _ok = writeln!(declarations, "var<private> w{word}: u32;");
        let _ok = writeln!(text, "    w{word} = {};", uniform_word(word));
    }
    Some(text + "}")
}

/// The label of a cluster: what it ends in.
pub(super) fn label(frame: &str, outputs: &[Node]) -> String {
    let names: Vec<_> = outputs.iter().take(3).map(|n| crate::graph::op_name(n.op())).collect();
    let more = if outputs.len() > 3 { format!("+{}", outputs.len() - 3) } else { String::new() };
    let shape = outputs.first().map(|n| format!("{}{}", n.dtype(), n.shape())).unwrap_or_default();
    format!("{frame}/{}{more}/{shape}", names.join("+"))
}

fn map(cluster: &Cluster, n: usize, scope: &Scope<'_>, limits: &Limits) -> Result<Emitted, Refusal> {
    let narrow = cluster.outputs.iter().any(|o| o.dtype().bytes() == 2);
    let units = n.div_ceil(4);
    let vector = Space::new(units, 1, 4, false);
    let scalar = Space::new(n, 1, 1, false);
    let tail = !n.is_multiple_of(4);
    let attempt = |space: &Space, tail: bool, clamp: bool| {
        settled(scope, cluster, space, |e| {
            e.tail = tail;
            e.prepared = limits.tune().map_prepared;
            map_body(cluster, n, clamp, e)
        })
    };
    let mut done = attempt(&vector, tail, false);
    if matches!(done, Err(Refusal::Scalar)) {
        done = if narrow { attempt(&vector, false, true) } else { attempt(&scalar, false, false) };
    }
    let ((text, outputs), emitter) = done?;
    let units = emitter.space.rows as u64;
    // on processors an invocation takes a run of neighbours; short ones where many buffers share the cache
    let tune = limits.tune();
    let run = if emitter.reads.len() + outputs.len() > 4 { tune.map_run.min(2) } else { tune.map_run };
    let (workgroup, per) = (limits.lanes(tune.map_lanes) as u32, if units >= 1 << 14 { run } else { 1 });
    let label = label("map", &cluster.outputs);
    let across = if emitter.far && (limits.cpu || limits.lockstep) { across(cluster, units, per) } else { 0 };
    let body = Body { frame: "each", label, text, outputs, units, workgroup, per, across, teams: 1 };
    Ok(Emitted { dispatches: vec![pack(body, &emitter)], board: 0 })
}

/// The units of a line of the result, if 16 neighbouring lines can be walked side by side: where operands are read down their
/// columns, a processor's cache line holds what 16 lines need. 0 if not, or if it does not pay.
fn across(cluster: &Cluster, units: u64, per: u32) -> u32 {
    let line = cluster.outputs.first().and_then(|o| o.shape().last().copied()).unwrap_or(0) as u64;
    let whole = line.is_multiple_of(4 * u64::from(per)) && line > 0 && (4 * units).is_multiple_of(16 * line);
    if whole && units >= 1 << 14 { (line / 4) as u32 } else { 0 }
}

/// Where each output goes, and the type of its binding.
pub(super) type Outputs = Vec<(Buffer, String)>;

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
