//! Directional derivatives by finite differences in f64: the check of derivatives that uses no derivative.

use super::array::Array;
use super::eval::{Evaluator, Fetch};
use crate::error::Result;
use crate::graph::{Func, Node, Op, topological};
use std::sync::Arc;

/// The derivative of every element of a node along one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Slope {
    /// One per element of the node.
    pub values: Vec<f64>,
    /// How far two refinements of the difference quotient are apart: an estimate of the error of `values`.
    pub spread: Vec<f64>,
}

/// `d/dt root(leaf_1 + t direction_1, leaf_2 + t direction_2, …)` at `t = 0`, evaluated on the reference without rounding.
///
/// Central differences with steps `h`, `h/2`, `h/4` and two rounds of Richardson extrapolation (error of order `h^6`);
/// [`Slope::spread`] is the difference of the last two estimates plus the rounding of the quotient. `leaves` are nodes of
/// the graph, usually but not necessarily leaves; whatever depends on them follows,
/// but for what lies behind [`Func::Detach`], which keeps its value.
///
/// # Errors
/// Those of [`Evaluator::eval`].
pub fn directional(root: &Node, leaves: &[(Node, Vec<f64>)], fetch: Fetch) -> Result<Slope> {
    let base: Vec<Array> = {
        let nodes: Vec<Node> = leaves.iter().map(|(n, _)| n.clone()).collect();
        Evaluator::new(fetch).real().eval(&nodes)?.iter().map(|a| a.as_ref().clone()).collect()
    };
    let still: Vec<Node> = topological(std::slice::from_ref(root), false)
        .into_iter()
        .filter(|n| *n.op() == Op::Map(Func::Detach))
        .collect();
    let values = Evaluator::new(fetch).real().eval(&still)?;
    let detached: Vec<(Node, Arc<Array>)> = still.into_iter().zip(values).collect();
    let at = |t: f64| -> Result<Vec<f64>> {
        let mut evaluator = Evaluator::new(fetch).real();
        for (node, array) in &detached {
            evaluator.set(node, array.as_ref().clone())?;
        }
        for ((node, direction), array) in leaves.iter().zip(&base) {
            let mut moved = array.clone();
            moved.values.iter_mut().zip(direction).for_each(|(v, d)| *v += t * d);
            evaluator.set(node, moved)?;
        }
        Ok(evaluator.eval(std::slice::from_ref(root))?[0].values.clone())
    };
    let mut quotients = Vec::new();
    let mut rounding = vec![0.0f64; root.elements()];
    for halvings in 0..3 {
        let h = STEP / f64::from(1 << halvings);
        let (ahead, behind) = (at(h)?, at(-h)?);
        for (r, (a, b)) in rounding.iter_mut().zip(ahead.iter().zip(&behind)) {
            *r = r.max((a.abs() + b.abs()) * ROUNDING / h);
        }
        quotients.push(ahead.iter().zip(&behind).map(|(a, b)| (a - b) / (2.0 * h)).collect::<Vec<f64>>());
    }
    let refine = |coarse: &[f64], fine: &[f64], order: f64| -> Vec<f64> {
        coarse.iter().zip(fine).map(|(c, f)| f + (f - c) / (order - 1.0)).collect()
    };
    let coarse = refine(&quotients[0], &quotients[1], 4.0);
    let fine = refine(&quotients[1], &quotients[2], 4.0);
    let values = refine(&coarse, &fine, 16.0);
    let spread = (0..values.len()).map(|i| (values[i] - fine[i]).abs() + rounding[i]).collect();
    Ok(Slope { values, spread })
}

/// The coarsest step: the extrapolated truncation error, of order `h^6`, is then near the rounding error, of order
/// `2^-52 / h`, for functions whose values and derivatives are of order one.
const STEP: f64 = 1.0 / 256.0;

/// The relative rounding of one evaluation in f64; graphs of a hundred operations stay below it.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Site;
    use crate::graph::{Func, Reduce};
    use crate::reference::Host;

    #[test]
    fn slopes_of_known_functions() {
        let x = Host::node(Array::of(&[0.3f32, 1.0, 2.5], [3]));
        let direction = vec![1.0, -2.0, 0.5];
        for (func, derivative) in [
            (Func::Exp, (|x: f64| x.exp()) as fn(f64) -> f64),
            (Func::Sin, |x| x.cos()),
            (Func::Log, |x| 1.0 / x),
            (Func::Tanh, |x| 1.0 / x.cosh().powi(2)),
        ] {
            let y = Node::map(func.clone(), vec![x.clone()], Site::here()).unwrap();
            let slope = directional(&y, &[(x.clone(), direction.clone())], &Host::fetch).unwrap();
            for (i, &at) in [0.3f32, 1.0, 2.5].iter().enumerate() {
                let want = derivative(f64::from(at)) * direction[i];
                assert!((slope.values[i] - want).abs() <= 1e-9 * want.abs().max(1.0), "{func:?} {i}: {slope:?} {want}");
                assert!((slope.values[i] - want).abs() <= slope.spread[i]);
            }
        }
        let sum = Node::reduce(Reduce::Sum, &x, &[0], Site::here()).unwrap();
        let slope = directional(&sum, &[(x, direction)], &Host::fetch).unwrap();
        assert!((slope.values[0] + 0.5).abs() < 1e-10);
    }
}
