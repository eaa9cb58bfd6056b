//! The structure of a graph as a key: two graphs with one key run by one plan.
//!
//! Left out of the key are the values of constants (unless they are fixed) and the identity of data; both are collected
//! beside it, in the order in which the plan numbers them. Two leaves over one storage are one input.

use crate::dtype::DType;
use crate::graph::{Data, Func, Node, NodeMap, Op, Snippet, topological};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a plan is fed with.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// Storage of each input.
    pub data: Vec<Data>,
    /// Value of each constant that is not fixed.
    pub constants: Vec<f64>,
}

/// The structure of a graph.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Key {
    words: Vec<u64>,
    snippets: Vec<Arc<Snippet>>,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mixed = self.words.iter().fold(0u64, |h, &w| (h.rotate_left(5) ^ w).wrapping_mul(0x517C_C1B7_2722_0A95));
        state.write_u64(mixed);
    }
}

/// The numbering of the inputs and constants of a graph; `pass::lower` and [`Key::of`] share it.
pub(super) struct Walk {
    pub order: Vec<Node>,
    pub data: Vec<Data>,
    pub input: NodeMap<usize>,
    pub constant: NodeMap<usize>,
    pub constants: Vec<f64>,
}

impl Walk {
    pub fn of(roots: &[Node]) -> Self {
        let order = topological(roots, true);
        let (mut data, mut by_storage) = (Vec::new(), NodeMap::<usize>::default());
        let (mut input, mut constant, mut constants) = (NodeMap::default(), NodeMap::default(), Vec::new());
        for node in &order {
            if let Some(value) = node.value() {
                let ix = *by_storage.entry(value.id()).or_insert_with(|| {
                    data.push(value.clone());
                    data.len() - 1
                });
                input.insert(node.id(), ix);
            } else if let Op::Const { value, fixed: false } = node.op() {
                constant.insert(node.id(), constants.len());
                constants.push(*value);
            }
        }
        Self { order, data, input, constant, constants }
    }
}

/// The place of each constant of a graph in [`Bindings::constants`], by node.
#[must_use]
pub fn constants(roots: &[Node]) -> NodeMap<usize> {
    Walk::of(roots).constant
}

impl Key {
    /// The key of a graph, and what its plan is to be fed with.
    #[must_use]
    pub fn of(roots: &[Node]) -> (Key, Bindings) {
        let walk = Walk::of(roots);
        let mut key = Key { words: Vec::with_capacity(walk.order.len() * 8), snippets: Vec::new() };
        let mut number = NodeMap::<u64>::default();
        for (n, node) in walk.order.iter().enumerate() {
            number.insert(node.id(), n as u64);
            key.node(node, &walk, &number);
        }
        key.words.extend(roots.iter().map(|r| number[&r.id()]));
        (key, Bindings { data: walk.data, constants: walk.constants })
    }

    fn node(&mut self, node: &Node, walk: &Walk, number: &NodeMap<u64>) {
        let words = &mut self.words;
        words.push((node.dtype() as u64) << 32 | node.shape().rank() as u64);
        words.extend(node.shape().iter().map(|&d| d as u64));
        if let Some(&ix) = walk.input.get(&node.id()) {
            let padded = walk.data[ix].0.padded();
            words.extend([1 << 32 | u64::from(padded), ix as u64]);
            return;
        }
        match node.op() {
            Op::Data(_) => {}
            Op::Const { value, fixed: true } => words.extend([2 << 32, value.to_bits()]),
            Op::Const { fixed: false, .. } => words.push(3 << 32),
            Op::Iota => words.push(4 << 32),
            Op::Map(func) => match func {
                Func::Call(snippet) => {
                    words.extend([5 << 32, self.snippets.len() as u64]);
                    self.snippets.push(snippet.clone());
                }
                Func::Cast(to) => words.push(6 << 32 | dtype_word(*to)),
                Func::Philox(word) => words.push(7 << 32 | u64::from(*word)),
                plain => words.push(8 << 32 | discriminant(plain)),
            },
            Op::Reshape => words.push(9 << 32),
            Op::View(view) => {
                words.push(10 << 32 | view.fill as u64);
                for axis in &view.axes {
                    words.extend([axis.terms.len() as u64, axis.offset as u64, axis.divisor as u64]);
                    words.extend(axis.terms.iter().flat_map(|&(o, c)| [o as u64, c as u64]));
                }
            }
            Op::Gather { axis } => words.push(11 << 32 | *axis as u64),
            Op::Reduce { kind, axes } => {
                words.push(12 << 32 | *kind as u64);
                words.push(axes.iter().fold(0, |m, &a| m | 1 << a));
            }
            Op::Routine(routine) => words.push(13 << 32 | discriminant(routine)),
        }
        words.extend(node.sources().iter().map(|s| number[&s.id()]));
    }
}

fn dtype_word(dtype: DType) -> u64 {
    dtype as u64
}

/// A small number for a value whose `Hash` covers all it is (fieldless variants and flat fields).
fn discriminant(value: &impl Hash) -> u64 {
    let mut state = std::hash::DefaultHasher::new();
    value.hash(&mut state);
    state.finish() & 0xFFFF_FFFF
}
