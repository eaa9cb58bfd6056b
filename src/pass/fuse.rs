//! Which nodes share a kernel.
//!
//! First every node that must have a buffer gets one: roots, reductions, routines and their operands, and what would be
//! computed again and again (used several times, spread by a broadcast or a window) at more cost than a load. Each is a
//! cluster of its own. Then clusters merge while the merged kernel is legal: one domain, no cycle, few enough buffers,
//! and reductions used only at the row at hand; the emitter is the judge. What is then used by its own kernel alone
//! loses its buffer again. So softmax becomes one kernel, an optimizer step another.

use crate::dtype::DType;
use crate::graph::{Func, Node, NodeMap, Op, Routine};
use crate::kernel::Limits;
use crate::kernel::emit::{Emitter, Scope, Value, buffer_type};
use crate::kernel::frame::{self, Cluster, Domain, Emitted};
use crate::kernel::routine::{self, Epilogue};
use crate::kernel::space::{Expr, Space};
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;

/// The inline cost above which a node is given a buffer of its own.
const COST_LIMIT: usize = 400;

/// A kernel to be: nodes fused, or a routine.
#[derive(Clone, Debug)]
pub enum Work {
    /// Generated.
    Fused(Cluster, Emitted),
    /// Hand-written, with the map that it ends in, if any.
    Routine(Node, Option<Fused>),
}

/// A map fused into a matrix product.
#[derive(Clone, Debug)]
pub struct Fused {
    /// The map's result: what the kernel stores.
    pub target: Node,
    /// What it stores beside it: other results of the map, or the product.
    pub more: Vec<Node>,
    /// Its text.
    pub epilogue: Epilogue,
    /// The values it reads, in the order of its bindings.
    pub reads: Vec<usize>,
    /// The constants it uses.
    pub constants: Vec<(usize, DType)>,
}

/// The length of an inline chain above which a node is given a buffer of its own.
const DEPTH_LIMIT: usize = 150;

/// What an inline expression amounts to.
#[derive(Clone, Default)]
struct Inline {
    /// Stored nodes and leaves it loads.
    loads: Vec<usize>,
    cost: usize,
    depth: usize,
}

/// Which nodes have buffers, and what the others cost.
struct Facts<'a> {
    order: &'a [Node],
    stored: HashSet<usize>,
    inline: NodeMap<Inline>,
}

/// The buffer a routine's operand comes from: a stored node or leaf whose elements it is, in the same order.
#[must_use]
pub fn contiguous_base(node: &Node) -> &Node {
    match node.op() {
        Op::Reshape if node.value().is_none() => contiguous_base(node.source(0)),
        _ => node,
    }
}

/// The buffer, strides and offset of a strided window on a contiguous base; `None` if it is not one.
#[must_use]
pub fn strided_base(node: &Node) -> Option<(&Node, Vec<i64>, i64)> {
    if node.value().is_none() && node.elements() > 0 {
        match node.op() {
            Op::View(view) => {
                let (base, inner, mut offset) = strided_base(node.source(0))?;
                let mut strides = vec![0i64; node.shape().rank()];
                for ((axis, stride), &len) in view.axes.iter().zip(&inner).zip(node.source(0).shape().iter()) {
                    let reach = |pick: fn(i64) -> bool| {
                        axis.terms
                            .iter()
                            .filter(|t| pick(t.1))
                            .map(|&(o, c)| c * (node.shape()[o] as i64 - 1))
                            .sum::<i64>()
                    };
                    let (lo, hi) = (axis.offset + reach(|c| c < 0), axis.offset + reach(|c| c > 0));
                    if axis.divisor != 1 || lo < 0 || hi >= len as i64 {
                        return None;
                    }
                    offset += axis.offset * stride;
                    for &(o, c) in &axis.terms {
                        strides[o] += c * stride;
                    }
                }
                return strides.iter().all(|&s| s >= 0).then_some((base, strides, offset));
            }
            Op::Reshape => {
                let (base, inner, offset) = strided_base(node.source(0))?;
                let strides = reshaped_strides(node.source(0).shape(), &inner, node.shape())?;
                return Some((base, strides, offset));
            }
            _ => {}
        }
    }
    Some((node, node.shape().strides().iter().map(|&s| s as i64).collect(), 0))
}

/// Strides after a reshape that only splits axes or merges axes that lie one within the other.
fn reshaped_strides(from: &[usize], strides: &[i64], to: &[usize]) -> Option<Vec<i64>> {
    if to.contains(&0) {
        return None;
    }
    let mut runs: Vec<(usize, i64)> = Vec::new();
    for (&d, &s) in from.iter().zip(strides).filter(|(d, _)| **d != 1) {
        match runs.last_mut() {
            Some((len, inner)) if *inner == s * d as i64 => {
                *len *= d;
                *inner = s;
            }
            _ => runs.push((d, s)),
        }
    }
    let mut out = vec![0i64; to.len()];
    let mut run = runs.pop();
    for axis in (0..to.len()).rev() {
        if to[axis] == 1 {
            continue;
        }
        let (len, stride) = run.as_mut()?;
        if *len % to[axis] != 0 {
            return None;
        }
        out[axis] = *stride;
        *stride *= to[axis] as i64;
        *len /= to[axis];
        if *len == 1 {
            run = runs.pop();
        }
    }
    Some(out)
}

fn weight(func: &Func) -> usize {
    use Func::*;
    match func {
        Neg | Abs | Add | Sub | Mul | Min | Max | Eq | Ne | Lt | Le | Gt | Ge | And | Or | Xor | Shl | Shr | Select
        | Not | Bits | FromBits | Detach | Sign | Cast(_) | IsNan | IsFinite | Floor | Ceil | Round | Trunc => 1,
        Div | Recip | Sqrt | Rsqrt | Rem | Copysign => 2,
        Call(_) => 4,
        Exp | Exp2 | Log | Log2 | Cbrt | Expm1 | Log1p | Sin | Cos | Tan | Asin | Acos | Atan | Sinh | Cosh | Tanh
        | Asinh | Acosh | Atanh | Sigmoid | Softplus | Erf | Erfc | Pow | Atan2 => 8,
        Philox(_) => 40,
    }
}

impl<'a> Facts<'a> {
    fn new(order: &'a [Node], roots: &[Node], limits: &Limits) -> Self {
        let mut uses: NodeMap<usize> = NodeMap::default();
        for node in order.iter().filter(|n| n.value().is_none()) {
            for source in node.sources() {
                *uses.entry(source.id()).or_insert(0) += 1;
            }
        }
        let mut facts = Facts { order, stored: HashSet::new(), inline: NodeMap::default() };
        facts.stored.extend(roots.iter().map(Node::id));
        let most = limits.storage_buffers.saturating_sub(2).max(2);
        // storing one node changes what its users load, so this is done until nothing changes
        loop {
            let before = facts.stored.len();
            for node in order {
                facts.visit(node, uses.get(&node.id()).copied().unwrap_or(0), most);
            }
            if facts.stored.len() == before {
                return facts;
            }
        }
    }

    fn leaf(&self, node: &Node) -> bool {
        node.value().is_some() || self.stored.contains(&node.id())
    }

    /// What reading a node costs a kernel that computes it inline, or loads it if it is stored.
    fn outside(&self, node: &Node) -> Inline {
        if self.leaf(node) {
            Inline { loads: vec![node.id()], cost: 0, depth: 0 }
        } else {
            self.inline[&node.id()].clone()
        }
    }

    /// What a kernel that computes the node loads.
    fn loads(&self, node: &Node) -> Vec<usize> {
        let mut all: Vec<usize> = node.sources().iter().flat_map(|s| self.outside(s).loads).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn visit(&mut self, node: &Node, uses: usize, most: usize) {
        if node.value().is_some() {
            return;
        }
        self.spread(node);
        while self.loads(node).len() > most {
            let inline = node.sources().iter().filter(|s| !self.leaf(s));
            let Some(widest) = inline.max_by_key(|s| self.outside(s).loads.len()) else { break };
            self.stored.insert(widest.id());
        }
        let own = match node.op() {
            Op::Map(func) => weight(func),
            Op::Gather { .. } => 2,
            Op::View(_) | Op::Reshape | Op::Const { .. } | Op::Iota | Op::Data(_) => 0,
            Op::Reduce { .. } | Op::Routine(_) => 1,
        };
        let sources: Vec<Inline> = node.sources().iter().map(|s| self.outside(s)).collect();
        let cost = own + sources.iter().map(|s| s.cost).sum::<usize>();
        let depth = 1 + sources.iter().map(|s| s.depth).max().unwrap_or(0);
        let loads = self.loads(node);
        let computed = matches!(node.op(), Op::Map(_) | Op::Gather { .. });
        let again = computed && uses > 1 && cost >= 2 && !loads.is_empty();
        let must = matches!(node.op(), Op::Reduce { .. } | Op::Routine(_));
        self.inline.insert(node.id(), Inline { loads, cost, depth });
        if must || again || cost > COST_LIMIT || depth > DEPTH_LIMIT {
            self.stored.insert(node.id());
        }
        if let Op::Routine(routine) = node.op() {
            for source in node.sources() {
                let base = operand_base(routine, source);
                if base.value().is_none() {
                    self.stored.insert(base.id());
                }
            }
        }
    }

    /// A computed node that a view multiplies, or that is picked from at computed places, is worth a buffer.
    fn spread(&mut self, node: &Node) {
        let mut inner = match node.op() {
            Op::View(_) if node.elements() >= 2 * node.source(0).elements() => node.source(0),
            Op::Gather { .. } => node.source(0),
            _ => return,
        };
        while matches!(inner.op(), Op::View(_) | Op::Reshape) && !self.leaf(inner) {
            inner = inner.source(0);
        }
        let own = self.outside(inner);
        if own.cost >= 2 && !own.loads.is_empty() && inner.elements() > 1 {
            self.stored.insert(inner.id());
        }
    }
}

/// The stored node or leaf whose buffer a routine reads for an operand.
fn operand_base<'n>(routine: &Routine, source: &'n Node) -> &'n Node {
    match (routine, strided_base(source)) {
        (Routine::Matmul, Some((base, ..))) => base,
        (Routine::Matmul, None) => source,
        _ => contiguous_base(source),
    }
}

/// A cluster on its way to become a kernel.
#[derive(Clone)]
struct Draft {
    cluster: Option<Cluster>,
    /// All stored nodes it computes.
    members: Vec<Node>,
    routine: Option<(Node, Option<Fused>)>,
    /// Stored nodes and leaves it reads that are not its own.
    reads: HashSet<usize>,
}

/// Partitions a simplified graph into kernels, in an order in which each finds its inputs.
pub fn fuse(
    order: &[Node],
    roots: &[Node],
    limits: &Limits,
    scope: &dyn Fn(&HashSet<usize>) -> Numbers,
) -> (Vec<Work>, Numbers) {
    let mut fusion = Fusion::new(order, roots, limits, scope);
    fusion.merge_all();
    fusion.epilogues();
    fusion.finish()
}

/// The numbering of buffers and constants that emission uses.
pub struct Numbers {
    /// The buffer of each stored node and leaf.
    pub stored: NodeMap<usize>,
    /// The number of each constant that is not fixed.
    pub constants: NodeMap<usize>,
    /// Whether each buffer may be read up to the next multiple of 16 bytes.
    pub padded: Vec<bool>,
}

impl Numbers {
    /// The cluster as dispatches; `None` if its nodes cannot share a kernel.
    #[must_use]
    pub fn emit(&self, cluster: &Cluster, limits: &Limits) -> Option<Emitted> {
        let padded = |buffer: usize| self.padded[buffer];
        let half = limits.half;
        let scope = Scope { stored: &self.stored, constants: &self.constants, padded: &padded, half };
        frame::lower(cluster, &scope, limits).ok()
    }
}

struct Fusion<'a> {
    facts: Facts<'a>,
    roots: HashSet<usize>,
    limits: &'a Limits,
    numbers: Numbers,
    drafts: Vec<Option<Draft>>,
    /// Which draft computes a node.
    home: NodeMap<usize>,
    /// Drafts that read a node, or did before they were merged into others.
    readers: NodeMap<BTreeSet<usize>>,
    /// Where a node stands in the order.
    place: NodeMap<usize>,
    /// For each place the last one up to it that no draft has members on both sides of.
    cut: Vec<usize>,
}

/// Drafts that share what they read are merged if they are no further apart than this: a graph of thousands of kernels that
/// all read one tensor (the steps of a solver) would be compared pair by pair otherwise.
const NEAR: usize = 128;

impl<'a> Fusion<'a> {
    /// One draft per stored node.
    fn new(order: &'a [Node], roots: &[Node], limits: &'a Limits, scope: &dyn Fn(&HashSet<usize>) -> Numbers) -> Self {
        let facts = Facts::new(order, roots, limits);
        let numbers = scope(&facts.stored);
        let mut fusion = Self {
            facts,
            roots: roots.iter().map(Node::id).collect(),
            limits,
            numbers,
            drafts: Vec::new(),
            home: NodeMap::default(),
            readers: NodeMap::default(),
            place: order.iter().enumerate().map(|(ix, node)| (node.id(), ix)).collect(),
            cut: (0..=order.len()).collect(),
        };
        fusion.start();
        fusion
    }
}

impl Fusion<'_> {
    fn start(&mut self) {
        for node in self.facts.order {
            if node.value().is_some() || !self.facts.stored.contains(&node.id()) {
                continue;
            }
            if node.elements() == 0 {
                continue;
            }
            let reads: HashSet<usize> = match node.op() {
                Op::Routine(routine) => node.sources().iter().map(|s| operand_base(routine, s).id()).collect(),
                _ => self.facts.loads(node).into_iter().collect(),
            };
            let cluster = match node.op() {
                Op::Routine(_) => None,
                Op::Reduce { axes, .. } => Some(Cluster {
                    domain: Domain::Rows { shape: node.source(0).shape().clone(), axes: axes.clone() },
                    reduces: vec![node.clone()],
                    members: vec![node.clone()],
                    outputs: vec![node.clone()],
                    shared: Vec::new(),
                }),
                _ => Some(Cluster {
                    domain: Domain::Map(node.elements()),
                    reduces: Vec::new(),
                    members: vec![node.clone()],
                    outputs: vec![node.clone()],
                    shared: Vec::new(),
                }),
            };
            let routine = matches!(node.op(), Op::Routine(_)).then(|| (node.clone(), None));
            self.home.insert(node.id(), self.drafts.len());
            for &id in &reads {
                self.readers.entry(id).or_default().insert(self.drafts.len());
            }
            self.drafts.push(Some(Draft { cluster, members: vec![node.clone()], routine, reads }));
        }
    }

    /// The drafts that draft `ix` reads from.
    fn feeders(&self, ix: usize) -> Vec<usize> {
        let Some(draft) = &self.drafts[ix] else { return Vec::new() };
        let mut homes: Vec<usize> =
            draft.reads.iter().filter_map(|id| self.home.get(id).copied()).filter(|&h| h != ix).collect();
        homes.sort_unstable();
        homes.dedup();
        homes
    }

    /// Whether `from` reads, directly or not, from `to`, leaving direct reads out if `indirect`.
    fn depends(&self, from: usize, to: usize, indirect: bool) -> bool {
        let mut stack: Vec<usize> = self.feeders(from).into_iter().filter(|&f| !(indirect && f == to)).collect();
        let mut seen = HashSet::new();
        let places = |ix: usize| self.drafts[ix].iter().flat_map(|d| &d.members).map(|m| self.place[&m.id()]);
        let first = places(to).min().unwrap_or(0);
        while let Some(ix) = stack.pop() {
            if ix == to {
                return true;
            }
            // what stands before a cut before all of `to` reads nothing of it, nor does what that reads
            if places(ix).max().is_some_and(|last| last >= self.cut[first]) && seen.insert(ix) {
                stack.extend(self.feeders(ix));
            }
        }
        false
    }

    /// There is no cut between the members of a draft.
    fn bridge(&mut self, members: &[Node]) {
        let places = || members.iter().map(|m| self.place[&m.id()]);
        let (first, last) = (places().min().unwrap_or(0), places().max().unwrap_or(0));
        let to = self.cut[first];
        for cut in self.cut[first + 1..].iter_mut().take_while(|cut| **cut <= last) {
            *cut = to;
        }
    }

    /// Merges drafts until none can be, each with its nearest first; how many pairs were looked at.
    fn merge_all(&mut self) -> usize {
        let mut pairs = 0;
        for late in 0..self.drafts.len() {
            let (mut at, mut below) = (late, late);
            while let Some(early) = self.next_before(at, below) {
                below = early;
                pairs += 1;
                if let Some(merged) = self.merged(early, at) {
                    // the merged draft takes the earlier place; it may now meet further ones
                    self.bridge(&merged.members);
                    for member in &merged.members {
                        self.home.insert(member.id(), early);
                    }
                    for &id in &merged.reads {
                        self.readers.entry(id).or_default().insert(early);
                    }
                    self.drafts[early] = Some(merged);
                    self.drafts[at] = None;
                    at = early;
                }
            }
        }
        pairs
    }

    /// The last draft before `below` that draft `at` reads from, or that is near and reads what it reads.
    fn next_before(&self, at: usize, below: usize) -> Option<usize> {
        let reads = || self.drafts[at].iter().flat_map(|d| &d.reads);
        let feeds = reads().filter_map(|id| self.home.get(id).copied()).filter(|&h| h < below);
        let last = |readers: &BTreeSet<usize>| readers.range(..below).next_back().copied();
        let shares = reads().filter_map(|id| last(self.readers.get(id)?)).filter(|&early| at - early <= NEAR);
        feeds.chain(shares).max()
    }

    /// Two drafts of which one reads from the other or what it reads, as one, if they can be.
    fn merged(&self, early: usize, late: usize) -> Option<Draft> {
        let (a, b) = (self.drafts[early].as_ref()?, self.drafts[late].as_ref()?);
        let (ca, cb) = (a.cluster.as_ref()?, b.cluster.as_ref()?);
        let domain = joint_domain(ca, cb)?;
        if self.depends(late, early, true) || self.depends(early, late, false) {
            return None;
        }
        let mut members = a.members.clone();
        members.extend(b.members.iter().cloned());
        self.in_order(&mut members);
        let own: HashSet<usize> = members.iter().map(Node::id).collect();
        let reads: HashSet<usize> = a.reads.union(&b.reads).copied().filter(|id| !own.contains(id)).collect();
        let mut reduces = ca.reduces.clone();
        reduces.extend(cb.reduces.iter().cloned());
        self.in_order(&mut reduces);
        let mut draft = Draft {
            cluster: Some(Cluster {
                domain,
                reduces,
                members: members.clone(),
                outputs: Vec::new(),
                shared: Vec::new(),
            }),
            members,
            routine: None,
            reads,
        };
        let outputs = self.outputs(&draft, &[early, late]);
        draft.cluster.as_mut()?.outputs = outputs;
        let emitted = self.emit(draft.cluster.as_ref()?)?;
        let fits = emitted.dispatches.iter().all(|d| d.buffers.len() <= self.limits.storage_buffers);
        fits.then_some(draft)
    }

    fn in_order(&self, nodes: &mut Vec<Node>) {
        nodes.sort_by_key(|n| self.place[&n.id()]);
        nodes.dedup_by_key(|n| n.id());
    }

    /// What others need of a draft that replaces the drafts in `instead`.
    fn outputs(&self, draft: &Draft, instead: &[usize]) -> Vec<Node> {
        let reads = |ix: usize, id: usize| self.drafts[ix].as_ref().is_some_and(|d| d.reads.contains(&id));
        let read_elsewhere = |id: usize| {
            let readers = self.readers.get(&id).into_iter().flatten();
            readers.into_iter().any(|&ix| !instead.contains(&ix) && reads(ix, id))
        };
        let needed = |n: &&Node| self.roots.contains(&n.id()) || read_elsewhere(n.id());
        draft.members.iter().filter(needed).cloned().collect()
    }

    fn emit(&self, cluster: &Cluster) -> Option<Emitted> {
        self.numbers.emit(cluster, self.limits)
    }

    /// A map over a matrix product becomes its epilogue. What else the map computes, and the product itself if others need
    /// it (the gradient of an activation does), is stored by the same kernel.
    fn epilogues(&mut self) {
        for ix in 0..self.drafts.len() {
            let Some(Draft { routine: Some((product, None)), .. }) = &self.drafts[ix] else { continue };
            if !matches!(product.op(), Op::Routine(Routine::Matmul)) {
                continue;
            }
            let product = product.clone();
            let readers = self.readers.get(&product.id()).cloned().unwrap_or_default();
            for reader in readers {
                if let Some(draft) = self.with_epilogue(ix, &product, reader) {
                    self.bridge(&draft.members);
                    self.drafts[reader] = None;
                    for member in &draft.members {
                        self.home.insert(member.id(), ix);
                    }
                    for &id in &draft.reads {
                        self.readers.entry(id).or_default().insert(ix);
                    }
                    self.drafts[ix] = Some(draft);
                    break;
                }
            }
        }
    }

    /// The product of draft `ix` with the map of draft `reader`, if they can be one kernel.
    fn with_epilogue(&self, ix: usize, product: &Node, reader: usize) -> Option<Draft> {
        let draft = self.drafts[reader].as_ref().filter(|d| d.reads.contains(&product.id()))?;
        if draft.cluster.as_ref()?.domain != Domain::Map(product.elements()) || self.depends(reader, ix, true) {
            return None;
        }
        let first = &self.drafts[ix].as_ref()?.reads;
        let reads: HashSet<usize> = first.union(&draft.reads).copied().filter(|&id| id != product.id()).collect();
        let members: Vec<Node> = std::iter::once(product).chain(&draft.members).cloned().collect();
        let joint = Draft { cluster: None, members, routine: None, reads };
        let mut outputs = self.outputs(&joint, &[ix, reader]);
        let main = outputs.iter().position(|n| n != product && n.dtype() == DType::F32)?;
        let target = outputs.remove(main);
        let fused = epilogue(product, &target, outputs, &draft.members, &self.numbers, self.limits.half)?;
        let n_buffers = 3 + fused.reads.len() + fused.more.len();
        (n_buffers <= self.limits.storage_buffers)
            .then(|| Draft { routine: Some((product.clone(), Some(fused))), ..joint })
    }

    /// The kernels in execution order.
    fn finish(self) -> (Vec<Work>, Numbers) {
        let mut done: Vec<bool> = self.drafts.iter().map(Option::is_none).collect();
        let mut work = Vec::new();
        while let Some(ix) = (0..done.len()).find(|&ix| !done[ix] && self.feeders(ix).iter().all(|&f| done[f])) {
            done[ix] = true;
            let Some(draft) = &self.drafts[ix] else { continue };
            if let Some((node, fused)) = &draft.routine {
                work.push(Work::Routine(node.clone(), fused.clone()));
                continue;
            }
            let Some(cluster) = &draft.cluster else { continue };
            let mut cluster = cluster.clone();
            cluster.outputs = self.outputs(draft, &[ix]);
            cluster.outputs.retain(|n| n.elements() > 0);
            if cluster.outputs.is_empty() {
                continue;
            }
            let Some(emitted) = self.emit(&cluster) else { panic!("bug: a kernel cannot be emitted: {cluster:?}") };
            work.push(Work::Fused(cluster, emitted));
        }
        assert!(done.iter().all(|d| *d), "bug: kernels that wait for each other");
        (work, self.numbers)
    }
}

/// The domain of a kernel that computes both, if there is one.
fn joint_domain(a: &Cluster, b: &Cluster) -> Option<Domain> {
    match (&a.domain, &b.domain) {
        (Domain::Map(n), Domain::Map(m)) => (n == m).then(|| a.domain.clone()),
        (rows @ Domain::Rows { shape, axes }, Domain::Map(n))
        | (Domain::Map(n), rows @ Domain::Rows { shape, axes }) => {
            (*n == shape.elements() || *n == shape.without(axes).elements()).then(|| rows.clone())
        }
        (x, y) => (x == y).then(|| x.clone()),
    }
}

/// The epilogue of a matrix product that stores `target` and `more`, maps of it among `members`, or `None` if they are more.
fn epilogue(
    product: &Node,
    target: &Node,
    more: Vec<Node>,
    members: &[Node],
    numbers: &Numbers,
    half: bool,
) -> Option<Fused> {
    let padded = |buffer: usize| numbers.padded[buffer];
    let scope = Scope { stored: &numbers.stored, constants: &numbers.constants, padded: &padded, half };
    let mut e = Emitter::new(&scope, Space::new(1, 1, 1, false), Vec::new());
    e.first_word = routine::EPILOGUE_WORD;
    e.members = members.iter().map(Node::id).collect();
    let dims = product.shape().dims();
    let at: Vec<Expr> = ["b", "m", "n"]
        .iter()
        .zip(dims)
        .map(|(name, &d)| if d == 1 { Expr::default() } else { e.space.name(name, d as i64 - 1, false, false) })
        .collect();
    let linear = e.space.linear(&at, dims);
    e.full = Some(linear.clone());
    e.given.insert(product.id(), (at, Value::one("acc".into(), false)));
    let value = |node: &Node, e: &mut Emitter<'_>| {
        let coordinates = e.space.coordinates(&linear, node.shape());
        e.eval(node, &coordinates).ok()
    };
    let result = value(target, &mut e)?;
    let (mut stores, mut bindings) = (String::new(), Vec::new());
    for (ix, node) in more.iter().enumerate() {
        let value = value(node, &mut e)?;
        let (statement, _) = e.store(&format!("y{ix}"), node.dtype(), &linear, &value).ok()?;
        let _ok = writeln!(stores, "    {statement}");
        bindings.push(format!("var<storage, read_write> y{ix}: {}", buffer_type(node.dtype(), false)));
    }
    let reads = e
        .reads
        .iter()
        .enumerate()
        .map(|(ix, &(_, dtype))| format!("var<storage, read> x{ix}: {}", buffer_type(dtype, false)));
    let mut wgsl = String::new();
    for (binding, text) in reads.chain(bindings).enumerate() {
        let _ok = writeln!(wgsl, "@group(0) @binding({}) {text};", binding + 2);
    }
    for snippet in &e.modules {
        wgsl.push_str(&snippet.wgsl);
        wgsl.push('\n');
    }
    let _ok = write!(
        wgsl,
        "fn epilogue(acc: f32, b: u32, m: u32, n: u32) -> f32 {{\n{}{stores}    return {};\n}}",
        e.lines[0],
        result.part(0)
    );
    let epilogue = Epilogue { wgsl, reads: e.reads.len(), writes: more.len(), extra_words: e.used.len() };
    let reads = e.reads.iter().map(|r| r.0).collect();
    Some(Fused { target: target.clone(), more, epilogue, reads, constants: e.used })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::error::Site;
    use crate::graph::{Data, Routine, Storage, topological};
    use crate::shape::Shape;
    use std::sync::Arc;

    #[derive(Debug)]
    struct Held;
    impl Storage for Held {
        fn as_any(&self) -> &dyn std::any::Any {
            self
        }
        fn padded(&self) -> bool {
            true
        }
    }

    fn leaf() -> Node {
        Node::data(Data(Arc::new(Held)), Shape::from([1, 64, 64]), DType::F32, Site::here()).expect("a leaf")
    }

    /// A product by the same matrix, so often: kernels that all read it, none of which merge.
    fn steps(n: usize) -> Vec<Node> {
        let like = leaf();
        let next = |x: Node, _| Node::routine(Routine::Matmul, vec![x, like.clone()], Site::here()).expect("a product");
        topological(&[(0..n).fold(leaf(), next)], false)
    }

    /// How many pairs of drafts are looked at, and how many drafts there are before and after.
    fn counted(order: &[Node]) -> [usize; 3] {
        let (roots, limits) = (&order[order.len() - 1..], Limits::default());
        let scope = |stored: &HashSet<usize>| {
            let buffers = order.iter().filter(|n| n.value().is_some() || stored.contains(&n.id()));
            let stored: NodeMap<usize> = buffers.enumerate().map(|(ix, n)| (n.id(), ix)).collect();
            let padded = vec![true; stored.len()];
            Numbers { stored, constants: NodeMap::default(), padded }
        };
        let mut fusion = Fusion::new(order, roots, &limits, &scope);
        let pairs = fusion.merge_all();
        [pairs, fusion.drafts.len(), fusion.drafts.iter().flatten().count()]
    }

    #[test]
    fn twice_the_steps_are_twice_the_comparisons() {
        let [few, many] = [200, 400].map(|n| counted(&steps(n)));
        assert!(few[2] >= 200 && many[2] >= 400, "{few:?} {many:?}");
        let [per_few, per_many] = [few, many].map(|[pairs, drafts, _]| pairs / drafts);
        assert!(per_many <= NEAR + 2 && per_many <= per_few + NEAR / 4, "{few:?} {many:?}");
    }
}
