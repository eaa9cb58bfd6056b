//! The adjoints of the algorithms that walk rows: both fits are means over segments, up to constants.

use super::algebra::Algebra;
use super::grad::{Adjoint, Cotangents};
use super::grad_routine::{Neighbour, reversed, shifted};
use crate::error::{Error, Result};
use crate::graph::{Fill, Func, Node, Reduce, Routine};

/// Each element's mean of `g` over the segment of equal neighbours of `y` it belongs to.
pub(super) fn segment_means(step: &Adjoint) -> Result<Node> {
    let (m, y) = (step.algebra, step.node);
    let ones = m.number(1.0, y)?;
    let total = |of: &Node| segment_totals(m, y, of);
    m.div(&total(step.g)?, &total(&ones)?)
}

/// The total over the segment, at each of its elements: a running sum that restarts with every segment, then its last
/// value carried back.
fn segment_totals(m: Algebra, y: &Node, of: &Node) -> Result<Node> {
    let before = joined(m, y, Neighbour::Before)?;
    let after = joined(m, y, Neighbour::After)?;
    let running = Node::routine(Routine::LinRec, vec![before, of.clone()], m.site)?;
    let last = m.map2(Func::Eq, &after, &m.number(0.0, y)?)?;
    let ends = m.masked(&last, &running)?;
    let back = vec![reversed(m, &after)?, reversed(m, &ends)?];
    reversed(m, &Node::routine(Routine::LinRec, back, m.site)?)
}

/// 1 where an element equals its neighbour, else 0; 0 at the end that has none.
fn joined(m: Algebra, y: &Node, neighbour: Neighbour) -> Result<Node> {
    let equal = m.map2(Func::Eq, y, &shifted(m, y, neighbour, Fill::Zero)?)?;
    let inside = shifted(m, &m.number(1.0, y)?, neighbour, Fill::Zero)?;
    m.masked(&equal, &inside)
}

/// `u = mean of x - lambda (sign(u - left) + sign(u - right)) / length` on each segment.
pub(super) fn taut_string(step: &Adjoint) -> Result<Cotangents> {
    let (m, y) = (step.algebra, step.node);
    let means = segment_means(step)?;
    step.each(|ix| {
        if ix == 0 {
            return Ok(means.clone());
        }
        let side = |neighbour: Neighbour| {
            let other = shifted(m, y, neighbour, Fill::Zero)?;
            let inside = shifted(m, &m.number(1.0, y)?, neighbour, Fill::Zero)?;
            m.mul(&inside, &m.map1(Func::Sign, &m.map2(Func::Sub, y, &other)?)?)
        };
        let sides = m.map2(Func::Add, &side(Neighbour::Before)?, &side(Neighbour::After)?)?;
        let each = m.map1(Func::Neg, &m.mul(&means, &sides)?)?;
        Node::reduce(Reduce::Sum, &each, &[1], m.site)
    })
}

/// Sums of parts above thresholds serve to find a root, at which the projections take the derivative of the condition.
pub(super) fn excess(step: &Adjoint) -> Result<Cotangents> {
    Err(Error::argument("excess", "it has no derivative", "detach its arguments", step.node.site()))
}
