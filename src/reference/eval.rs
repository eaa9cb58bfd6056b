//! Evaluation of a graph on the host.

use super::array::Array;
use super::ball::Ball;
use super::{bound, integer, map, movement, reduce, routine};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Data, Func, Node, NodeMap, Op, topological};
use std::sync::Arc;

/// How elements of leaves are obtained.
pub type Fetch<'a> = &'a dyn Fn(&Data) -> Result<Array>;

/// Evaluates graphs in f64 with error bounds. Roots are remembered, so graphs that share them can be asked for one after
/// the other; what lies between is freed after its last use.
pub struct Evaluator<'a> {
    fetch: Fetch<'a>,
    stop: bool,
    real: bool,
    known: NodeMap<(Node, Arc<Array>)>,
}

impl<'a> Evaluator<'a> {
    /// Starts at the leaves, whose elements `fetch` gives: nodes that an executor has computed are computed again.
    #[must_use]
    pub fn new(fetch: Fetch<'a>) -> Self {
        Self { fetch, stop: false, real: false, known: NodeMap::default() }
    }

    /// Takes the elements of nodes that an executor has computed as they are, without error, and starts there.
    #[must_use]
    pub fn from_realised(mut self) -> Self {
        self.stop = true;
        self
    }

    /// Leaves out the errors, and all that is not the real-valued function: no rounding to narrow floats or of constants,
    /// no overflow of `f32`. For finite differences.
    #[must_use]
    pub fn real(mut self) -> Self {
        self.real = true;
        self
    }

    /// Sets the elements of a node, whatever its op.
    pub fn set(&mut self, node: &Node, array: Array) -> Result<()> {
        if &array.shape != node.shape() {
            return Err(Error::argument(
                "reference",
                format!("elements of shape {} for a node of shape {}", array.shape, node.shape()),
                "the shapes must agree",
                node.site(),
            ));
        }
        self.known.insert(node.id(), (node.clone(), Arc::new(array)));
        Ok(())
    }

    /// The elements of `roots`.
    pub fn eval(&mut self, roots: &[Node]) -> Result<Vec<Arc<Array>>> {
        let order = self.order(roots);
        let mut uses = NodeMap::<usize>::default();
        for node in &order {
            for source in self.sources(node) {
                *uses.entry(source.id()).or_default() += 1;
            }
        }
        for root in roots {
            *uses.entry(root.id()).or_default() += 1;
        }
        let mut live = NodeMap::<Arc<Array>>::default();
        for node in &order {
            let array = match self.known.get(&node.id()) {
                Some((_, array)) => array.clone(),
                None => {
                    let sources: Vec<Arc<Array>> = self.sources(node).iter().map(|s| live[&s.id()].clone()).collect();
                    Arc::new(self.node(node, &sources)?)
                }
            };
            live.insert(node.id(), array);
            for source in self.sources(node) {
                let left = uses.get_mut(&source.id()).expect("bug: a source that was not counted");
                *left -= 1;
                if *left == 0 {
                    live.remove(&source.id());
                }
            }
        }
        for root in roots {
            self.known.insert(root.id(), (root.clone(), live[&root.id()].clone()));
        }
        Ok(roots.iter().map(|r| live[&r.id()].clone()).collect())
    }

    /// Whether the elements come from somewhere else than the sources.
    fn is_leaf(&self, node: &Node) -> bool {
        self.known.contains_key(&node.id()) || (self.stop && node.value().is_some())
    }

    fn sources<'n>(&self, node: &'n Node) -> &'n [Node] {
        if self.is_leaf(node) { &[] } else { node.sources() }
    }

    /// Sources before users, without what lies behind nodes whose elements are known.
    fn order(&self, roots: &[Node]) -> Vec<Node> {
        let all = topological(roots, self.stop);
        if self.known.is_empty() {
            return all;
        }
        let mut needed = NodeMap::<()>::default();
        needed.extend(roots.iter().map(|r| (r.id(), ())));
        for node in all.iter().rev() {
            if needed.contains_key(&node.id()) {
                needed.extend(self.sources(node).iter().map(|s| (s.id(), ())));
            }
        }
        all.into_iter().filter(|n| needed.contains_key(&n.id())).collect()
    }

    fn node(&self, node: &Node, sources: &[Arc<Array>]) -> Result<Array> {
        if let Some(data) = node.value().filter(|_| self.stop) {
            return self.leaf(node, data);
        }
        let of = |ix: usize| sources[ix].as_ref();
        let mut array = match node.op() {
            Op::Data(data) => self.leaf(node, data)?,
            Op::Const { value, .. } => self.constant(*value, node.dtype()),
            Op::Iota => {
                let n = node.elements();
                Array::exact(node.shape().clone(), node.dtype(), (0..n).map(|i| i as f64).collect())
            }
            Op::Map(func) => self.map(func, node, sources),
            Op::Reshape => Array { shape: node.shape().clone(), ..of(0).clone() },
            Op::View(view) => movement::view(of(0), view, node.shape()),
            Op::Gather { axis } => movement::gather(of(0), *axis, of(1)),
            Op::Reduce { kind, axes } => reduce::reduce(*kind, axes, of(0)),
            Op::Routine(routine) => routine::run(routine, &sources.iter().map(Arc::as_ref).collect::<Vec<_>>()),
        };
        if self.real {
            array.errors = Vec::new();
        }
        if &array.shape != node.shape() || array.dtype != node.dtype() {
            panic!("bug: the reference gave {}{} for {node:?}", array.dtype, array.shape);
        }
        Ok(array)
    }

    fn leaf(&self, node: &Node, data: &Data) -> Result<Array> {
        let array = (self.fetch)(data)?;
        if array.dtype != node.dtype() || array.len() != node.elements() {
            return Err(Error::argument(
                "reference",
                format!("a leaf of {}{} where the graph has {node:?}", array.dtype, array.shape),
                "the storage must hold what the node says",
                node.site(),
            ));
        }
        Ok(Array { shape: node.shape().clone(), ..array })
    }

    /// A constant reaches the device rounded to its dtype.
    fn constant(&self, value: f64, dtype: DType) -> Array {
        let ball = match dtype {
            _ if self.real => Ball::exact(value),
            DType::F32 => nearest(value, f64::from(value as f32)),
            DType::F16 => nearest(value, crate::dtype::to_f16(value).to_f64()),
            DType::BF16 => nearest(value, crate::dtype::to_bf16(value).to_f64()),
            DType::I32 | DType::U32 => Ball::exact(integer::from_bits(dtype, integer::bits(value))),
            DType::Bool => Ball::exact(map::truth(value != 0.0)),
        };
        Array::collect(crate::shape::Shape::scalar(), dtype, [ball])
    }

    fn map(&self, func: &Func, node: &Node, sources: &[Arc<Array>]) -> Array {
        let kinds: Vec<DType> = sources.iter().map(|s| s.dtype).collect();
        let n = node.elements();
        if self.real {
            let mut x = vec![0.0; sources.len()];
            let values = (0..n).map(|i| {
                sources.iter().zip(&mut x).for_each(|(s, x)| *x = s.values[i]);
                map::value(func, &kinds, &x)
            });
            return Array::exact(node.shape().clone(), node.dtype(), values.collect());
        }
        let mut args = vec![Ball::exact(0.0); sources.len()];
        let balls = (0..n).map(|i| {
            sources.iter().zip(&mut args).for_each(|(s, a)| *a = s.ball(i));
            bound::apply(func, &kinds, &args)
        });
        Array::collect(node.shape().clone(), node.dtype(), balls.collect::<Vec<_>>())
    }
}

/// The formula's constant and what the device has instead; beyond the range of the dtype that is infinity.
fn nearest(value: f64, held: f64) -> Ball {
    if held.is_finite() { Ball { value, error: (value - held).abs() } } else { Ball::exact(held) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Site;
    use crate::graph::Reduce;
    use crate::reference::Host;

    #[test]
    fn long_chains_are_evaluated_without_recursion_and_freed() {
        let mut node = Host::node(Array::of(&[1.0f32; 4], [4]));
        for _ in 0..50_000 {
            node = Node::map(Func::Neg, vec![node], Site::here()).unwrap();
        }
        let out = Evaluator::new(&Host::fetch).eval(&[node]).unwrap();
        assert_eq!(out[0].values, [1.0; 4]);
        assert!(out[0].errors.is_empty());
    }

    #[test]
    fn set_nodes_replace_what_lies_behind_them() {
        let x = Host::node(Array::of(&[1.0f32, 2.0, 3.0], [3]));
        let y = Node::map(Func::Exp, vec![x.clone()], Site::here()).unwrap();
        let sum = Node::reduce(Reduce::Sum, &y, &[0], Site::here()).unwrap();
        let mut evaluator = Evaluator::new(&Host::fetch);
        evaluator.set(&y, Array::of(&[1.0f32, 1.0, 1.0], [3])).unwrap();
        assert_eq!(evaluator.eval(&[sum]).unwrap()[0].values, [3.0]);
        assert!(evaluator.set(&y, Array::of(&[1.0f32], [1])).is_err());
    }

    #[test]
    fn constants_carry_the_rounding_of_their_dtype() {
        let c = Node::constant(0.1, true, DType::F32, Site::here()).unwrap();
        let out = Evaluator::new(&Host::fetch).eval(std::slice::from_ref(&c)).unwrap();
        assert_eq!(out[0].values, [0.1]);
        assert!(out[0].error(0) > 0.0 && out[0].error(0) < 1e-8);
        let real = Evaluator::new(&Host::fetch).real().eval(&[c]).unwrap();
        assert_eq!(real[0].error(0), 0.0);
    }
}
