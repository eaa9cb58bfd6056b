//! Factorisations of batches of matrices by one workgroup each, and substitution.
//!
//! The kernels work in the buffer of the result, so the size of a matrix is limited by nothing but patience: its `n` steps
//! follow each other, each with a few barriers. Many small matrices at once are what they are for. Drivers that guard
//! against endless loops stop an invocation after 65,535 turns of all its loops together, without a word, and those of
//! displays stop dispatches that take seconds: large matrices take several dispatches of some steps each.

use super::{Source, Steps, flag, jacobi, kernel, word};
use crate::graph::Dense;
use crate::kernel::{Access, Kernel, Operand};
use std::ops::Range;

/// The most turns of loops in one invocation, on processors: their drivers stop it at 65,535.
const TURNS: usize = 50_000;

/// On graphics processors: a tenth of a second or so.
const MORE_TURNS: usize = 1_000_000;

pub(super) fn lower(steps: &mut Steps<'_>, kind: Dense, sources: &[Source]) -> Result<(), String> {
    let [b, m, n] = sources[0].shape[..] else { panic!("bug: {} of shape {:?}", kind.name(), sources[0].shape) };
    let lanes = lanes(n);
    let overrides = vec![("WG", lanes as f64)];
    match kind {
        Dense::Cholesky | Dense::Lu => {
            let pass = in_place(kernel(kind.name(), format!("{}/f32", kind.name()), &[], overrides, (1, 1)), 1);
            let copied = 2 * n * n.div_ceil(lanes);
            let cost = |k: usize| (n - k) * (n - k).div_ceil(lanes) + 3 * n.div_ceil(lanes) + 20;
            for columns in steps.stretches(kind.name(), n, copied, cost)? {
                let words = [n, b, columns.start, columns.end].map(word).to_vec();
                steps.dispatch(pass.clone(), vec![Operand::Source(0), Operand::Result], words, b as u64)?;
            }
            Ok(())
        }
        Dense::Triangular { upper, unit } => {
            let k = sources[1].shape[2];
            let columns = k.next_power_of_two().min(16).min(lanes);
            let tiles = k.div_ceil(columns);
            let more = vec![("COLUMNS", columns as f64), ("UPPER", flag(upper)), ("UNIT", flag(unit))];
            let overrides = [overrides, more].concat();
            let pass = in_place(kernel("triangular", "triangular/f32".into(), &[], overrides, (2, 1)), 1);
            let rows = lanes / columns;
            for done in steps.stretches(kind.name(), n, n + 2 * n.div_ceil(rows), |j| (n - j).div_ceil(rows) + 4)? {
                let words = [n, k, tiles, b * tiles, done.start, done.end].map(word).to_vec();
                let buffers = vec![Operand::Source(0), Operand::Source(1), Operand::Result];
                steps.dispatch(pass.clone(), buffers, words, (b * tiles) as u64)?;
            }
            Ok(())
        }
        Dense::Qr => qr(steps, [b, m, n], Operand::Source(0), Operand::Result),
        Dense::Eigh => jacobi::eigh(steps, b, n),
        Dense::Svd => jacobi::svd(steps, [b, m, n]),
    }
}

/// Invocations for work on the rows of a matrix with `n` columns.
pub(super) fn lanes(n: usize) -> usize {
    (2 * n).next_power_of_two().clamp(16, 256)
}

/// The same with its last `n` buffers read as well as written.
pub(super) fn in_place(mut kernel: Kernel, n: usize) -> Kernel {
    let start = kernel.access.len() - n;
    kernel.access[start..].fill(Access::ReadWrite);
    kernel
}

impl Steps<'_> {
    /// `0..n` in stretches of so many turns as one invocation may take, `own` of them beside the steps.
    pub(super) fn stretches(
        &self,
        name: &str,
        n: usize,
        own: usize,
        cost: impl Fn(usize) -> usize,
    ) -> Result<Vec<Range<usize>>, String> {
        let limit = if self.limits.cpu { TURNS } else { MORE_TURNS };
        let (mut all, mut start, mut turns) = (Vec::new(), 0, own);
        for step in 0..n {
            let next = own.saturating_add(cost(step));
            if next > limit {
                return Err(format!(
                    "a step of {name} takes {next} turns of one invocation's loops, the limit is {limit}"
                ));
            }
            turns += next - own;
            // dispatches of a graphics processor are no longer: its kernels run on software adapters too
            if turns > TURNS && step > start {
                all.push(start..step);
                (start, turns) = (step, next);
            }
        }
        all.push(start..n);
        Ok(all)
    }
}

/// `a: [b, m, n]` to `[b, m + n, n]`, see [`Dense::Qr`].
pub(super) fn qr(steps: &mut Steps<'_>, [b, m, n]: [usize; 3], a: Operand, to: Operand) -> Result<(), String> {
    let scratch = steps.scratch((b * (m + 1) * n) as u64)?;
    // Where a barrier is dear, few invocations are better for little work.
    let few = steps.limits.cpu && !steps.limits.lockstep && m * n <= 4096;
    let lanes = (m * n).next_power_of_two().clamp(16, if few { 32 } else { 256 });
    let columns = n.next_power_of_two().min(lanes).min(64);
    let teams = lanes / columns;
    let overrides = vec![("WG", lanes as f64), ("COLUMNS", columns as f64)];
    let pass = in_place(kernel("qr", "qr/f32".into(), &[], overrides, (1, 2)), 2);
    let rows = |k: usize| (m - k).div_ceil(lanes);
    let reflected = |k: usize| (n - k).div_ceil(columns) * (2 * (m - k).div_ceil(teams) + teams + 2);
    let whole = 2 * n * rows(0);
    let mut parts = vec![(0, steps.stretches("qr", 1, 0, |_| whole)?)];
    parts.push((1, steps.stretches("qr", n, 0, |k| reflected(k) + 2 * rows(k) + 20)?));
    parts.push((2, steps.stretches("qr", n, 0, |k| reflected(k) + 2)?.into_iter().rev().collect()));
    parts.push((3, steps.stretches("qr", n, 0, |_| 2 * rows(0) + 4)?));
    for (part, ranges) in parts {
        for range in ranges {
            let words = [m, n, b, part, range.start, range.end].map(word).to_vec();
            steps.dispatch(pass.clone(), vec![a, scratch, to], words, b as u64)?;
        }
    }
    Ok(())
}
