//! The adjoint of attention: three routines like it. Theirs, and that of an additive mask, go through the matrix of weights.

use super::algebra::Algebra;
use super::grad::{Adjoint, Cotangents, vjp};
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::attention::{Attention, Lengths, Part, UNSEEN};
use crate::graph::{AxisMap, Fill, Func, Node, Routine, View};
use crate::shape::Shape;

/// The rule of [`Routine::Attention`].
pub(super) fn attention(step: &Adjoint, routine: &Attention) -> Result<Cotangents> {
    if routine.part == Part::Forward { forward(step, routine) } else { derivative(step, routine) }
}

/// `ds = p (g v^T - delta)`, where `delta[i] = g[i] . y[i]` less what flows to `lse[i]`.
fn forward(step: &Adjoint, routine: &Attention) -> Result<Cotangents> {
    let (m, y) = (step.algebra, step.node);
    let e = y.source(2).shape()[2];
    let at = y.shape()[2] - 4;
    let (g, out) = (columns(m, step.g, 0, e)?, columns(m, y, 0, e)?);
    let flat = y.shape().without(&[2]);
    let lse = m.reshape(&columns(m, y, at, 1)?, &flat)?;
    let to_lse = m.reshape(&columns(m, step.g, at, 1)?, &flat)?;
    let delta = m.sub(&m.sum(&m.mul(&g, &out)?, &[2])?, &to_lse)?;
    let mut sources: Vec<Node> = y.sources()[..3].to_vec();
    sources.extend([lse, delta, g]);
    sources.extend(y.sources()[3..].iter().cloned());
    if routine.stored {
        let all = Formula::new(m, routine, &sources)?;
        let coefficients = all.coefficients()?;
        return step.each(|ix| match ix {
            0 => all.query(&coefficients),
            1 => all.shared(&coefficients, &all.q),
            2 => all.shared(&all.p, &all.g),
            _ => mask(&all, routine, sources[6].shape()),
        });
    }
    step.each(|ix| {
        let part = match ix {
            0 => Part::Query,
            1 => Part::Key,
            2 => Part::Value,
            _ => return mask(&Formula::new(m, routine, &sources)?, routine, sources[6].shape()),
        };
        Node::routine(Routine::Attention(Attention { part, stored: false, ..*routine }), sources.clone(), m.site)
    })
}

/// Columns `from..from + width` of the last axis.
fn columns(m: Algebra, x: &Node, from: usize, width: usize) -> Result<Node> {
    let last = AxisMap { terms: vec![(2, 1)], offset: from as i64, divisor: 1 };
    let shape = Shape::from([x.shape()[0], x.shape()[1], width]);
    m.view(x, View { axes: vec![AxisMap::same(0), AxisMap::same(1), last], fill: Fill::Zero }, &shape)
}

/// The derivative of a derivative: that of its formula, in the sources as they are, which may depend on each other.
fn derivative(step: &Adjoint, routine: &Attention) -> Result<Cotangents> {
    let m = step.algebra;
    let alone = |x: &Node| {
        let longer = Shape::from([x.shape().dims(), &[1]].concat());
        Node::reshape(&Node::reshape(x, longer, m.site)?, x.shape().clone(), m.site)
    };
    let sources = step.node.sources().iter().map(alone).collect::<Result<Vec<_>>>()?;
    let all = Formula::new(m, routine, &sources)?;
    let result = match routine.part {
        Part::Query | Part::Forward => all.query(&all.coefficients()?)?,
        Part::Key => all.shared(&all.coefficients()?, &all.q)?,
        Part::Value => all.shared(&all.p, &all.g)?,
    };
    let wanted: Vec<Node> = (0..sources.len()).filter(|&ix| step.wants[ix]).map(|ix| sources[ix].clone()).collect();
    let mut found = vjp(&[result], std::slice::from_ref(step.g), &wanted, m.site)?.into_iter();
    Ok(step.wants.iter().map(|&wanted| if wanted { found.next() } else { None }).collect())
}

/// What flows to an additive mask: the derivative by the scores, summed over what the mask is repeated over.
fn mask(all: &Formula, routine: &Attention, shape: &Shape) -> Result<Node> {
    let (m, l) = (all.m, all.l);
    let (masks, every) = (shape[0], routine.mask_every);
    let split = Shape::from([l.b / (masks * every), masks, every, l.m, l.n]);
    let scores = m.reshape(&all.scores_slope()?, &split)?;
    let mut over = vec![0, 2];
    over.extend((1..3).filter(|&axis| shape[axis] == 1).map(|axis| axis + 2));
    m.reshape(&m.sum(&scores, &over)?, shape)
}

/// Attention's derivative as products of matrices.
struct Formula {
    m: Algebra,
    l: Lengths,
    scale: f64,
    q: Node,
    k: Node,
    v: Node,
    delta: Node,
    g: Node,
    /// `[b, m, n]`: weights.
    p: Node,
}

impl Formula {
    fn new(m: Algebra, routine: &Attention, sources: &[Node]) -> Result<Self> {
        let dims = |ix: usize| sources[ix].shape().dims();
        let l = Lengths::of(dims(0), dims(1), dims(2)).expect("bug: shapes that were checked");
        let scale = f64::from(routine.factor());
        let [q, k, v, lse, delta, g] = [0, 1, 2, 3, 4, 5].map(|ix| sources[ix].clone());
        let mut all = Self { m, l, scale, q, k, v, delta, g, p: lse.clone() };
        let mut scores = m.scale(scale, &all.products(&all.q, &all.k)?)?;
        let mut seen = None;
        let mut and = |condition: Node| -> Result<()> {
            seen = Some(match seen.take() {
                Some(before) => m.map2(Func::And, &before, &condition)?,
                None => condition,
            });
            Ok(())
        };
        if routine.causal {
            and(all.causal()?)?;
        }
        if let Some(mask) = sources.get(6) {
            let mask = all.spread_mask(mask, routine.mask_every)?;
            if mask.dtype() == DType::Bool {
                and(mask)?;
            } else {
                let level = m.number(f64::from(UNSEEN), &mask)?;
                and(m.map2(Func::Gt, &mask, &level)?)?;
                scores = m.add(&scores, &mask)?;
            }
        }
        let x = m.sub(&scores, &all.spread(&lse)?)?;
        all.p = match seen {
            None => m.map1(Func::Exp, &x)?,
            Some(seen) => m.masked(&seen, &m.map1(Func::Exp, &m.masked(&seen, &x)?)?)?,
        };
        Ok(all)
    }

    fn heads(&self) -> usize {
        self.l.b / self.l.group
    }

    /// The queries of heads that share keys, as one matrix.
    fn joined(&self, x: &Node) -> Result<Node> {
        self.m.reshape(x, &Shape::from([self.heads(), self.l.group * self.l.m, x.shape()[2]]))
    }

    fn matmul(&self, a: &Node, b: &Node) -> Result<Node> {
        Node::routine(Routine::Matmul, vec![a.clone(), b.clone()], self.m.site)
    }

    /// `[b, m, n]`: the products of rows of queries with rows of keys.
    fn products(&self, of_queries: &Node, of_keys: &Node) -> Result<Node> {
        let turned = self.m.permute(of_keys, &[0, 2, 1])?;
        let all = self.matmul(&self.joined(of_queries)?, &turned)?;
        self.m.reshape(&all, &Shape::from([self.l.b, self.l.m, self.l.n]))
    }

    /// A number per query along the keys.
    fn spread(&self, x: &Node) -> Result<Node> {
        let axes = vec![AxisMap::same(0), AxisMap::same(1)];
        self.m.view(x, View { axes, fill: Fill::Zero }, &Shape::from([self.l.b, self.l.m, self.l.n]))
    }

    fn spread_mask(&self, mask: &Node, every: usize) -> Result<Node> {
        let l = self.l;
        let axis = |own: usize, to: usize| if mask.shape()[own] == 1 { AxisMap::fixed(0) } else { AxisMap::same(to) };
        let masks = mask.shape()[0];
        let wide = Shape::from([l.b / (masks * every), masks, every, l.m, l.n]);
        let view = View { axes: vec![axis(0, 1), axis(1, 3), axis(2, 4)], fill: Fill::Zero };
        self.m.reshape(&self.m.view(mask, view, &wide)?, &Shape::from([l.b, l.m, l.n]))
    }

    /// `j + m <= i + n`.
    fn causal(&self) -> Result<Node> {
        let (m, l) = (self.m, self.l);
        let shape = Shape::from([l.b, l.m, l.n]);
        let position = |length: usize, axis: usize, more: usize| {
            let count = Node::iota(length, DType::U32, m.site)?;
            let all = m.view(&count, View { axes: vec![AxisMap::same(axis)], fill: Fill::Zero }, &shape)?;
            m.map2(Func::Add, &all, &m.literal(more as f64, DType::U32, &shape)?)
        };
        m.map2(Func::Le, &position(l.n, 2, l.m)?, &position(l.m, 1, l.n)?)
    }

    /// `p (g v^T - delta)`.
    fn scores_slope(&self) -> Result<Node> {
        let slope = self.m.sub(&self.products(&self.g, &self.v)?, &self.spread(&self.delta)?)?;
        self.m.mul(&self.p, &slope)
    }

    fn coefficients(&self) -> Result<Node> {
        self.m.scale(self.scale, &self.scores_slope()?)
    }

    fn query(&self, coefficients: &Node) -> Result<Node> {
        let product = self.matmul(&self.joined(coefficients)?, &self.k)?;
        self.m.reshape(&product, self.q.shape())
    }

    /// `weights^T x` over all queries that share keys.
    fn shared(&self, weights: &Node, x: &Node) -> Result<Node> {
        let turned = self.m.permute(&self.joined(weights)?, &[0, 2, 1])?;
        self.matmul(&turned, &self.joined(x)?)
    }
}
