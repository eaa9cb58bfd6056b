//! A plan: dispatches over whole-buffer slots. It holds no data and no device object, prints as text, and serves every
//! graph of the same structure.

use super::fuse::{self, Fused, Numbers, Work};
use super::key::Walk;
use super::simplify;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Func, Node, NodeMap, Op, Routine};
use crate::kernel::frame::{Buffer, Cluster};
use crate::kernel::routine::{self, Source};
use crate::kernel::{Access, Kernel, Limits, Operand};
use crate::shape::Shape;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// What a slot is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Data `ix` of [`Bindings::data`](super::Bindings).
    Input(usize),
    /// The value of root `ix`.
    Output(usize),
    /// Lives within the plan.
    Temporary,
    /// The device's board: zero whenever no dispatch uses it, shared by all plans (`shaders/lib/board.wgsl`).
    Board,
}

/// A whole buffer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slot {
    /// What it is for.
    pub role: Role,
    /// The size the kernels rely on, a multiple of 16 but for inputs.
    pub bytes: u64,
}

/// One dispatch.
#[derive(Clone, Debug)]
pub struct Step {
    /// What runs.
    pub kernel: Arc<Kernel>,
    /// Slot of each binding of group 0.
    pub slots: Vec<usize>,
    /// First word of its uniform words in [`Plan::words`] (aligned to the device's uniform alignment).
    pub first_word: usize,
    /// Number of its uniform words, a multiple of 4; 0: no uniform is bound.
    pub n_words: usize,
    /// Workgroups.
    pub groups: [u32; 3],
}

/// A word of the uniform template that a constant of the graph fills at each run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patch {
    /// Index in [`Plan::words`].
    pub word: usize,
    /// Index in [`Bindings::constants`](super::Bindings).
    pub constant: usize,
    /// How the number is encoded in the word.
    pub dtype: DType,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// All buffers.
    pub slots: Vec<Slot>,
    /// In order; every step sees the writes of those before it.
    pub steps: Vec<Step>,
    /// The uniform words of all steps, to be patched.
    pub words: Vec<u32>,
    /// The patches.
    pub patches: Vec<Patch>,
}

impl Plan {
    /// Bytes that the steps read and write, each binding counted once, or twice if it is read and written: the floor that
    /// bandwidth sets.
    #[must_use]
    pub fn bytes_moved(&self) -> u64 {
        let times = |access: &Access| if *access == Access::ReadWrite { 2 } else { 1 };
        let uses = self.steps.iter().flat_map(|s| s.kernel.access.iter().zip(&s.slots));
        uses.map(|(access, &slot)| times(access) * self.slots[slot].bytes).sum()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ix, slot) in self.slots.iter().enumerate() {
            writeln!(f, "slot {ix}: {:?}, {} bytes", slot.role, slot.bytes)?;
        }
        for (ix, step) in self.steps.iter().enumerate() {
            let of = |write: bool| {
                let uses = step.kernel.access.iter().zip(&step.slots);
                uses.filter(|(a, _)| (**a != Access::Read) == write).map(|(_, s)| s.to_string()).collect::<Vec<_>>()
            };
            let (reads, writes) = (of(false).join(" "), of(true).join(" "));
            writeln!(f, "step {ix}: {} [{reads}] -> [{writes}] groups {:?}", step.kernel.label, step.groups)?;
        }
        Ok(())
    }
}

/// See [`super::lower`].
pub fn lower(roots: &[Node], limits: &Limits) -> Result<Plan> {
    let walk = Walk::of(roots);
    let simple = apart(simplify::simplify(roots)?)?;
    let order = crate::graph::topological(&simple, true);
    let padded: Vec<bool> = walk.data.iter().map(|d| d.0.padded()).collect();
    let numbering = |stored: &HashSet<usize>| number(&order, stored, &walk, &padded);
    let (mut work, numbers) = fuse::fuse(&order, &simple, limits, &numbering);
    let mut builder = Builder {
        plan: Plan::default(),
        value_of: numbers.stored.clone(),
        slot_of: Vec::new(),
        last_use: Vec::new(),
        heir: NodeMap::default(),
        limits,
        free: Vec::new(),
    };
    builder.values(&order, &simple, walk.data.len())?;
    builder.lifetimes(&work);
    builder.inherit(&order, &mut work, &numbers);
    for (ix, work) in work.iter().enumerate() {
        builder.step(ix, work)?;
    }
    Ok(builder.plan)
}

/// Every root gets a buffer of its own: where two became one computation, or one nothing but an input, it is copied.
fn apart(mut roots: Vec<Node>) -> Result<Vec<Node>> {
    for ix in 0..roots.len() {
        let root = &roots[ix];
        if root.value().is_some() || roots[..ix].contains(root) {
            roots[ix] = Node::map(Func::Detach, vec![root.clone()], root.site())?;
        }
    }
    Ok(roots)
}

/// Inputs first, then every stored node.
fn number(order: &[Node], stored: &HashSet<usize>, walk: &Walk, padded: &[bool]) -> Numbers {
    let mut value_of = NodeMap::default();
    let mut padded = padded.to_vec();
    for node in order {
        if let Some(value) = node.value() {
            let ix = walk.data.iter().position(|d| d == value).expect("bug: data that the walk did not meet");
            value_of.insert(node.id(), ix);
        } else if stored.contains(&node.id()) {
            value_of.insert(node.id(), padded.len());
            padded.push(true);
        }
    }
    Numbers { stored: value_of, constants: walk.constant.clone(), padded }
}

struct Builder<'a> {
    plan: Plan,
    /// Value number of each stored node.
    value_of: NodeMap<usize>,
    /// Slot of each value, once it has one.
    slot_of: Vec<Option<usize>>,
    /// The last work that uses each value.
    last_use: Vec<usize>,
    /// The value that takes the place of one in the kernel that uses it last.
    heir: NodeMap<usize>,
    limits: &'a Limits,
    /// Temporary slots that nobody needs any more.
    free: Vec<usize>,
}

fn padded_bytes(shape: &Shape, dtype: DType) -> u64 {
    (shape.elements() as u64 * dtype.bytes()).next_multiple_of(16).max(16)
}

impl Builder<'_> {
    /// Gives inputs and roots their slots and checks the size of everything.
    fn values(&mut self, order: &[Node], roots: &[Node], n_inputs: usize) -> Result<()> {
        let n = self.value_of.values().max().map_or(0, |m| m + 1).max(n_inputs);
        self.slot_of = vec![None; n];
        self.last_use = vec![usize::MAX; n];
        for ix in 0..n_inputs {
            self.plan.slots.push(Slot { role: Role::Input(ix), bytes: 0 });
            self.slot_of[ix] = Some(ix);
        }
        for node in order {
            let Some(&value) = self.value_of.get(&node.id()) else { continue };
            let bytes = padded_bytes(node.shape(), node.dtype());
            let limit = self.limits.binding_bytes.min(self.limits.buffer_bytes);
            if bytes > limit {
                return Err(Error::Limit {
                    what: format!("{node:?} made at {}, in bytes,", node.site()),
                    value: bytes,
                    limit,
                    hint: "split the tensor, use a narrower dtype, or open the device with the adapter's own limits"
                        .into(),
                });
            }
            if value < n_inputs {
                let own = node.elements() as u64 * node.dtype().bytes();
                self.plan.slots[value].bytes = self.plan.slots[value].bytes.max(own);
            }
        }
        for (ix, root) in roots.iter().enumerate() {
            let value = self.value_of[&root.id()];
            if self.slot_of[value].is_none() {
                self.plan.slots.push(Slot { role: Role::Output(ix), bytes: padded_bytes(root.shape(), root.dtype()) });
                self.slot_of[value] = Some(self.plan.slots.len() - 1);
            }
        }
        Ok(())
    }

    fn uses(&self, work: &Work) -> Vec<usize> {
        match work {
            Work::Fused(_, emitted) => {
                let all = emitted.dispatches.iter().flat_map(|d| &d.buffers);
                all.filter_map(|b| if let Buffer::Value(v) = b { Some(*v) } else { None }).collect()
            }
            Work::Routine(node, fused) => {
                let operands = node.sources().iter().map(|s| self.operand(node, s).0);
                operands.chain(fused.iter().flat_map(|f| f.reads.iter().copied())).collect()
            }
        }
    }

    fn lifetimes(&mut self, work: &[Work]) {
        for (ix, work) in work.iter().enumerate() {
            for value in self.uses(work) {
                self.last_use[value] = ix;
            }
        }
    }

    /// A temporary that dies in a kernel which reads each of its elements where it stores an output's, and there alone, gives
    /// its slot to that output. From the last kernel to the first, for an output of the plan takes all its forebears in.
    fn inherit(&mut self, order: &[Node], work: &mut [Work], numbers: &Numbers) {
        let nodes: NodeMap<&Node> = order.iter().filter_map(|n| Some((*self.value_of.get(&n.id())?, n))).collect();
        for (ix, work) in work.iter_mut().enumerate().rev() {
            let Work::Fused(cluster, emitted) = work else { continue };
            let [dispatch] = &emitted.dispatches[..] else { continue };
            let (mut shared, mut pairs) = (Vec::new(), Vec::new());
            for &value in &dispatch.in_place {
                if self.last_use[value] != ix || self.slot_of[value].is_some() {
                    continue;
                }
                let node = nodes[&value];
                let fits = |o: usize, output: &Node| {
                    (output.elements(), output.dtype()) == (node.elements(), node.dtype())
                        && dispatch.buffers.contains(&Buffer::Output(o))
                        && shared.iter().all(|s: &(usize, usize)| s.1 != o)
                };
                if let Some((o, output)) = cluster.outputs.iter().enumerate().find(|(o, n)| fits(*o, n)) {
                    shared.push((value, o));
                    pairs.push((value, self.value_of[&output.id()]));
                }
            }
            if shared.is_empty() {
                continue;
            }
            let joint = Cluster { shared, ..cluster.clone() };
            let Some(emission) = numbers.emit(&joint, self.limits) else { continue };
            for (value, heir) in pairs {
                self.slot_of[value] = self.slot_of[heir];
                self.heir.insert(value, heir);
            }
            *work = Work::Fused(joint, emission);
        }
    }

    fn temporary(&mut self, bytes: u64) -> usize {
        let fit = (0..self.free.len())
            .filter(|&f| self.plan.slots[self.free[f]].bytes >= bytes)
            .min_by_key(|&f| self.plan.slots[self.free[f]].bytes)
            .filter(|&f| self.plan.slots[self.free[f]].bytes <= bytes.saturating_mul(4));
        if let Some(fit) = fit {
            return self.free.swap_remove(fit);
        }
        self.plan.slots.push(Slot { role: Role::Temporary, bytes });
        self.plan.slots.len() - 1
    }

    /// The slot of the board, grown to `bytes`.
    fn board(&mut self, bytes: u64) -> usize {
        let found = self.plan.slots.iter().position(|s| s.role == Role::Board);
        let slot = found.unwrap_or_else(|| {
            self.plan.slots.push(Slot { role: Role::Board, bytes });
            self.plan.slots.len() - 1
        });
        self.plan.slots[slot].bytes = self.plan.slots[slot].bytes.max(bytes);
        slot
    }

    fn result(&mut self, node: &Node) -> usize {
        let value = self.value_of[&node.id()];
        if let Some(slot) = self.slot_of[value] {
            return slot;
        }
        let slot = self.temporary(padded_bytes(node.shape(), node.dtype()));
        // and it is that of all who come after it
        let mut next = Some(value);
        while let Some(value) = next {
            self.slot_of[value] = Some(slot);
            next = self.heir.get(&value).copied();
        }
        slot
    }

    fn slot(&self, value: usize) -> usize {
        self.slot_of[value].unwrap_or_else(|| panic!("bug: value {value} is used before it is made:\n{}", self.plan))
    }

    fn step(&mut self, ix: usize, work: &Work) -> Result<()> {
        let scratch = match work {
            Work::Fused(cluster, emitted) => {
                let outputs: Vec<usize> = cluster.outputs.iter().map(|n| self.result(n)).collect();
                let board = (emitted.board > 0).then(|| self.board(emitted.board));
                for dispatch in &emitted.dispatches {
                    let slot = |b: &Buffer| match b {
                        Buffer::Value(v) => self.slot(*v),
                        Buffer::Output(o) => outputs[*o],
                        Buffer::Board => board.expect("bug: a board without bytes"),
                    };
                    let slots = dispatch.buffers.iter().map(slot).collect();
                    let groups = self.fold(dispatch.groups, &dispatch.kernel)?;
                    let first = crate::kernel::emit::RESERVED_WORDS;
                    self.push(&dispatch.kernel, slots, &dispatch.words, (first, &dispatch.constants), groups);
                }
                Vec::new()
            }
            Work::Routine(node, fused) => self.routine(node, fused.as_ref())?,
        };
        self.free.extend(scratch);
        for value in 0..self.last_use.len() {
            if self.last_use[value] == ix
                && !self.heir.contains_key(&value)
                && let Some(slot) = self.slot_of[value]
                && self.plan.slots[slot].role == Role::Temporary
            {
                self.free.push(slot);
            }
        }
        Ok(())
    }

    fn fold(&self, groups: u64, kernel: &Kernel) -> Result<[u32; 3]> {
        self.limits.fold(groups).ok_or_else(|| Error::Limit {
            what: format!("the number of workgroups of {}", kernel.label),
            value: groups,
            limit: u64::from(self.limits.groups).pow(2),
            hint: "split the tensor".into(),
        })
    }

    fn push(
        &mut self,
        kernel: &Arc<Kernel>,
        slots: Vec<usize>,
        words: &[u32],
        (first, constants): (usize, &[(usize, DType)]),
        groups: [u32; 3],
    ) {
        let align = (self.limits.uniform_alignment / 4).max(4) as usize;
        let first_word = self.plan.words.len().next_multiple_of(align);
        let n_words = words.len().next_multiple_of(4);
        self.plan.words.resize(first_word, 0);
        self.plan.words.extend_from_slice(words);
        self.plan.words.resize(first_word + n_words, 0);
        for (ix, &(constant, dtype)) in constants.iter().enumerate() {
            self.plan.patches.push(Patch { word: first_word + first + ix, constant, dtype });
        }
        self.plan.steps.push(Step { kernel: kernel.clone(), slots, first_word, n_words, groups });
    }

    /// The value and layout of a routine's operand.
    fn operand(&self, node: &Node, source: &Node) -> (usize, Source) {
        let contiguous = |n: &Node| n.shape().strides().iter().map(|&s| s as i64).collect::<Vec<_>>();
        let (base, strides, offset) = match node.op() {
            Op::Routine(Routine::Matmul) => {
                fuse::strided_base(source).unwrap_or_else(|| (source, contiguous(source), 0))
            }
            _ => (fuse::contiguous_base(source), contiguous(source), 0),
        };
        let layout = Source { dtype: source.dtype(), shape: source.shape().dims().to_vec(), strides, offset };
        (self.value_of[&base.id()], layout)
    }

    /// The steps of a routine; gives back its scratch slots.
    fn routine(&mut self, node: &Node, fused: Option<&Fused>) -> Result<Vec<usize>> {
        let Op::Routine(kind) = node.op() else { panic!("bug: {node:?} is not a routine") };
        if node.elements() == 0 {
            return Ok(Vec::new());
        }
        let (values, sources): (Vec<usize>, Vec<Source>) = node.sources().iter().map(|s| self.operand(node, s)).unzip();
        let lowered = routine::lower(kind, &sources, self.limits, fused.map(|f| &f.epilogue)).map_err(|message| {
            Error::argument(crate::graph::op_name(node.op()), message, "split the operands", node.site())
        })?;
        let result = self.result(fused.map_or(node, |f| &f.target));
        let more: Vec<usize> = fused.iter().flat_map(|f| &f.more).map(|n| self.result(n)).collect();
        let scratch: Vec<usize> =
            lowered.scratch.iter().map(|&b| self.temporary(b.next_multiple_of(16).max(16))).collect();
        for dispatch in &lowered.dispatches {
            let mut slots = Vec::with_capacity(dispatch.buffers.len());
            for buffer in &dispatch.buffers {
                match buffer {
                    Operand::Source(s) if *s < values.len() => {
                        let value = values[*s];
                        if self.slot_of[value].is_none() && sources[*s].shape.contains(&0) {
                            self.slot_of[value] = Some(self.temporary(16));
                        }
                        slots.push(self.slot(value));
                    }
                    Operand::Source(s) => {
                        let extra = fused.map_or(&[][..], |f| &f.reads[..]);
                        let ix = *s - values.len();
                        slots.push(if ix < extra.len() { self.slot(extra[ix]) } else { more[ix - extra.len()] });
                    }
                    Operand::Result => slots.push(result),
                    Operand::Scratch(s) => slots.push(scratch[*s]),
                }
            }
            let with_epilogue = dispatch.buffers.contains(&Operand::Result);
            let constants = fused.filter(|_| with_epilogue).map_or(&[][..], |f| &f.constants[..]);
            let first = routine::EPILOGUE_WORD;
            self.push(&dispatch.kernel, slots, &dispatch.words, (first, constants), dispatch.groups);
        }
        Ok(scratch)
    }
}
