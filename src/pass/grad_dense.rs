//! The adjoints of the dense factorisations, in terms of the same factorisations.
//!
//! Of a factor that has a triangle, the cotangent of the other triangle is ignored: it is 0 by construction. Of a matrix of
//! which one triangle is read, the other gets 0.

use super::algebra::Algebra;
use super::grad::{Adjoint, Cotangents};
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{AxisMap, Dense, Fill, Func, Node, Routine, View};
use crate::shape::Shape;

/// The rule of [`Routine::Dense`].
pub(super) fn dense(step: &Adjoint, kind: Dense) -> Result<Cotangents> {
    let of = Matrices(step.algebra);
    match kind {
        Dense::Cholesky => step.each(|_| of.cholesky(step.node, step.g)),
        Dense::Triangular { upper, unit } => of.substitution(step, upper, unit),
        Dense::Lu => step.each(|_| of.lu(step.node, step.g)),
        Dense::Qr => step.each(|_| of.qr(step.node, step.g)),
        Dense::Eigh => step.each(|_| of.eigh(step.node, step.g)),
        Dense::Svd => step.each(|_| of.svd(step.node, step.g)),
    }
}

/// Which part of a matrix.
#[derive(Clone, Copy)]
enum Part {
    /// Below the diagonal.
    Below,
    /// Above the diagonal.
    Above,
    Diagonal,
}

/// Batches of matrices `[b, m, n]`.
#[derive(Clone, Copy)]
struct Matrices(Algebra);

impl Matrices {
    fn t(self, x: &Node) -> Result<Node> {
        self.0.permute(x, &[0, 2, 1])
    }

    fn mul(self, a: &Node, b: &Node) -> Result<Node> {
        Node::routine(Routine::Matmul, vec![a.clone(), b.clone()], self.0.site)
    }

    fn solve(self, t: &Node, y: &Node, upper: bool, unit: bool) -> Result<Node> {
        Node::routine(Routine::Dense(Dense::Triangular { upper, unit }), vec![t.clone(), y.clone()], self.0.site)
    }

    /// `n` rows from `from` on.
    fn rows(self, x: &Node, from: usize, n: usize) -> Result<Node> {
        let row = AxisMap { terms: vec![(1, 1)], offset: from as i64, divisor: 1 };
        let view = View { axes: vec![AxisMap::same(0), row, AxisMap::same(2)], fill: Fill::Zero };
        self.0.view(x, view, &Shape::from([x.shape()[0], n, x.shape()[2]]))
    }

    /// `x: [b, 1, n]` on every row of `[b, m, n]`, or on every column of `[b, n, m]`.
    fn spread(self, x: &Node, along: usize, m: usize) -> Result<Node> {
        let (b, n) = (x.shape()[0], x.shape()[2]);
        let (place, shape) = if along == 1 { (2, [b, m, n]) } else { (1, [b, n, m]) };
        let axes = vec![AxisMap::same(0), AxisMap::fixed(0), AxisMap::same(place)];
        self.0.view(x, View { axes, fill: Fill::Zero }, &Shape::from(shape))
    }

    /// Where a matrix of this shape has the part.
    fn mask(self, like: &Node, part: Part) -> Result<Node> {
        let m = self.0;
        let place = |axis: usize| {
            let iota = Node::iota(like.shape()[axis], DType::U32, m.site)?;
            m.view(&iota, View { axes: vec![AxisMap::same(axis)], fill: Fill::Zero }, like.shape())
        };
        let func = match part {
            Part::Below => Func::Gt,
            Part::Above => Func::Lt,
            Part::Diagonal => Func::Eq,
        };
        m.map2(func, &place(1)?, &place(2)?)
    }

    /// The parts of a matrix, 0 elsewhere.
    fn keep(self, x: &Node, parts: &[Part]) -> Result<Node> {
        let mut kept = self.0.number(0.0, x)?;
        for &part in parts {
            kept = self.0.select(&self.mask(x, part)?, x, &kept)?;
        }
        Ok(kept)
    }

    /// With `value` on the diagonal.
    fn with_diagonal(self, x: &Node, value: f64) -> Result<Node> {
        self.0.select(&self.mask(x, Part::Diagonal)?, &self.0.number(value, x)?, x)
    }

    /// The gradient with respect to the lower triangle from one with respect to the matrix: mirrored entries meet.
    fn lowered(self, s: &Node) -> Result<Node> {
        let sum = self.0.add(s, &self.t(s)?)?;
        let diagonal =
            self.0.select(&self.mask(s, Part::Diagonal)?, &self.0.scale(0.5, &sum)?, &self.0.number(0.0, s)?)?;
        self.0.select(&self.mask(s, Part::Below)?, &sum, &diagonal)
    }

    /// Murray 2016: `l^-T Φ(l^T g) l^-1`.
    fn cholesky(self, l: &Node, g: &Node) -> Result<Node> {
        let g = self.keep(g, &[Part::Below, Part::Diagonal])?;
        let inner = self.mul(&self.t(l)?, &g)?;
        let half = self.0.scale(0.5, &inner)?;
        let phi = self.0.select(&self.mask(&inner, Part::Diagonal)?, &half, &self.keep(&inner, &[Part::Below])?)?;
        let upper = self.t(l)?;
        let left = self.solve(&upper, &phi, true, false)?;
        self.lowered(&self.solve(&upper, &self.t(&left)?, true, false)?)
    }

    /// `t x = y`: `ȳ = t^-T g`, `t̄ = -ȳ x^T` in the triangle that is read.
    fn substitution(self, step: &Adjoint, upper: bool, unit: bool) -> Result<Cotangents> {
        let t = step.node.source(0);
        let found = self.solve(&self.t(t)?, step.g, !upper, unit)?;
        step.each(|ix| {
            if ix == 1 {
                return Ok(found.clone());
            }
            let full = self.0.neg(&self.mul(&found, &self.t(step.node)?)?)?;
            let side = if upper { Part::Above } else { Part::Below };
            let parts = [side, Part::Diagonal];
            self.keep(&full, if unit { &parts[..1] } else { &parts })
        })
    }

    /// `a[p] = l u`: `ā[p] = l^-T (below(l^T l̄) + upper(ū u^T)) u^-T`.
    fn lu(self, f: &Node, g: &Node) -> Result<Node> {
        let (m, n) = (self.0, f.shape()[2]);
        let (both, g) = (self.rows(f, 0, n)?, self.rows(g, 0, n)?);
        let l = self.with_diagonal(&self.keep(&both, &[Part::Below])?, 1.0)?;
        let u = self.keep(&both, &[Part::Above, Part::Diagonal])?;
        let low = self.mul(&self.t(&l)?, &self.keep(&g, &[Part::Below])?)?;
        let up = self.mul(&self.keep(&g, &[Part::Above, Part::Diagonal])?, &self.t(&u)?)?;
        let inner = m.select(&self.mask(&low, Part::Below)?, &low, &up)?;
        let left = self.solve(&self.t(&both)?, &inner, true, true)?;
        let permuted = self.t(&self.solve(&both, &self.t(&left)?, true, false)?)?;
        let order = m.reshape(&self.rows(f, n, 1)?, &Shape::from([f.shape()[0], n]))?;
        let order = m.map1(Func::Cast(DType::U32), &order)?;
        let back = Node::routine(Routine::ArgSort { descending: false }, vec![order], m.site)?;
        let axes = vec![AxisMap::same(0), AxisMap::same(1)];
        let index = m.view(&back, View { axes, fill: Fill::Zero }, permuted.shape())?;
        Node::gather(&permuted, 1, &index, m.site)
    }

    /// Walter, Lehmann 2010: `(q̄ + q c) r^-T`, `c` the lower triangle of `r r̄^T - q̄^T q`, mirrored.
    fn qr(self, f: &Node, g: &Node) -> Result<Node> {
        let (m, n) = (f.shape()[1] - f.shape()[2], f.shape()[2]);
        let (q, r) = (self.rows(f, 0, m)?, self.rows(f, m, n)?);
        let (gq, gr) = (self.rows(g, 0, m)?, self.keep(&self.rows(g, m, n)?, &[Part::Above, Part::Diagonal])?);
        let inner = self.0.sub(&self.mul(&r, &self.t(&gr)?)?, &self.mul(&self.t(&gq)?, &q)?)?;
        let mirrored = self.0.select(&self.mask(&inner, Part::Above)?, &self.t(&inner)?, &inner)?;
        let right = self.0.add(&gq, &self.mul(&q, &mirrored)?)?;
        self.t(&self.solve(&r, &self.t(&right)?, true, false)?)
    }

    /// `1 / (y_j - y_i)` off the diagonal where the two differ, else 0; `y = x^2` if `squares`.
    fn gaps(self, x: &Node, squares: bool) -> Result<Node> {
        let (m, n) = (self.0, x.shape()[2]);
        let (ahead, behind) = (self.spread(x, 1, n)?, self.spread(x, 2, n)?);
        let mut gap = m.sub(&ahead, &behind)?;
        if squares {
            gap = m.mul(&gap, &m.add(&ahead, &behind)?)?;
        }
        self.inverse(&self.with_diagonal(&gap, 0.0)?)
    }

    /// `1 / x`, 0 where `x` is 0.
    fn inverse(self, x: &Node) -> Result<Node> {
        let m = self.0;
        let (zero, one) = (m.number(0.0, x)?, m.number(1.0, x)?);
        let none = m.map2(Func::Eq, x, &zero)?;
        m.select(&none, &zero, &m.div(&one, &m.select(&none, &one, x)?)?)
    }

    /// Giles 2008: `v (diag(w̄) + f ∘ (v^T v̄)) v^T` with `f_ij = 1 / (w_j - w_i)`.
    fn eigh(self, f: &Node, g: &Node) -> Result<Node> {
        let (m, n) = (self.0, f.shape()[2]);
        let (w, v) = (self.rows(f, 0, 1)?, self.rows(f, 1, n)?);
        let (gw, gv) = (self.rows(g, 0, 1)?, self.rows(g, 1, n)?);
        let turns = m.mul(&self.gaps(&w, false)?, &self.mul(&self.t(&v)?, &gv)?)?;
        let inner = m.select(&self.mask(&turns, Part::Diagonal)?, &self.spread(&gw, 1, n)?, &turns)?;
        self.lowered(&self.mul(&self.mul(&v, &inner)?, &self.t(&v)?)?)
    }

    /// Giles 2008, with `f_ij = 1 / (s_j^2 - s_i^2)`:
    /// `u (f ∘ (u^T ū - ū^T u) s + s f ∘ (v^T v̄ - v̄^T v) + diag(s̄)) v^T + (1 - u u^T) ū s^-1 v^T`.
    fn svd(self, f: &Node, g: &Node) -> Result<Node> {
        let (alg, n) = (self.0, f.shape()[2]);
        let m = f.shape()[1] - 1 - n;
        let (u, s, vt) = (self.rows(f, 0, m)?, self.rows(f, m, 1)?, self.rows(f, m + 1, n)?);
        let (gu, gs, gvt) = (self.rows(g, 0, m)?, self.rows(g, m, 1)?, self.rows(g, m + 1, n)?);
        let f = self.gaps(&s, true)?;
        let twist = |product: &Node| -> Result<Node> { alg.mul(&f, &alg.sub(product, &self.t(product)?)?) };
        let along = self.mul(&self.t(&u)?, &gu)?;
        let left = alg.mul(&twist(&along)?, &self.spread(&s, 1, n)?)?;
        let right = alg.mul(&self.spread(&s, 2, n)?, &twist(&self.mul(&vt, &self.t(&gvt)?)?)?)?;
        let turns = alg.add(&left, &right)?;
        let inner = alg.select(&self.mask(&turns, Part::Diagonal)?, &self.spread(&gs, 1, n)?, &turns)?;
        let mut outer = self.mul(&u, &inner)?;
        if m > n {
            let rest = alg.sub(&gu, &self.mul(&u, &along)?)?;
            outer = alg.add(&outer, &alg.mul(&rest, &self.spread(&self.inverse(&s)?, 1, m)?)?)?;
        }
        self.mul(&outer, &vt)
    }
}
