//! What a device would execute, for those who want to see or repeat it.

use super::entry::word;
use super::fault::lock;
use super::memory::Buffer;
use super::{Device, Inner};
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Data, Node};
use crate::pass::{Key, Plan};
use crate::shape::Shape;

/// A plan with everything that goes into it.
pub(crate) struct Dissected {
    pub plan: Plan,
    /// The uniform words of all steps.
    pub words: Vec<u32>,
    /// The words of each input, as they are bound.
    pub inputs: Vec<Node>,
}

impl Device {
    /// The plan by which a node that has no value yet would be computed now.
    pub(crate) fn dissect(&self, node: &Node) -> Result<Dissected> {
        self.inner.dissect(node)
    }
}

impl Inner {
    fn dissect(&self, node: &Node) -> Result<Dissected> {
        let roots = std::slice::from_ref(node);
        let (key, bindings) = Key::of(roots);
        let plan = self.entry(&mut lock(&self.state), key, roots)?.plan.clone();
        let mut words = plan.words.clone();
        for patch in &plan.patches {
            words[patch.word] = word(bindings.constants[patch.constant], patch.dtype);
        }
        let input = |data: &Data| {
            let n_words = self.usable(data, false, node.site()).map(Buffer::bound_bytes)? / 4;
            Node::data(data.clone(), Shape::from([n_words as usize]), DType::U32, node.site())
        };
        let inputs = bindings.data.iter().map(input).collect::<Result<_>>()?;
        Ok(Dissected { plan, words, inputs })
    }
}
