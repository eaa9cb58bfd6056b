//! The inner solvers in f32 on the host, for tests of the outer loop that need no device: the same formulas with none of
//! the engine in between, and f32 rounding where the device rounds.

use super::Model;
use super::design::Design;
use super::loss::{Loss, Slope};
use super::regularizer::{Piece, Regularizer};
use super::solve::{Burst, Inner, Newton, Point};
use crate::error::Result;

pub struct Mirror<'a> {
    pub design: &'a Design,
    pub loss: &'a Loss,
    pub regularizer: &'a Regularizer,
}

fn narrow(v: &[f64]) -> Vec<f64> {
    v.iter().map(|&x| f64::from(x as f32)).collect()
}

impl Mirror<'_> {
    /// `loss'' d` in the coordinates of the solver, from the probabilities at the point.
    fn curvature(&self, at: &Point, d: &[f64], d0: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let k = self.loss.k;
        let rows = |u: &[f64], b: &[f64]| {
            let mut eta = narrow(&self.design.times(u, k));
            eta.chunks_exact_mut(k).for_each(|row| row.iter_mut().zip(b).for_each(|(e, b)| *e += b));
            eta
        };
        let mut v = rows(d, d0);
        let eta = rows(&self.regularizer.scaled(&at.b), &at.intercept);
        for (v, eta) in v.chunks_exact_mut(k).zip(eta.chunks_exact(k)) {
            match self.loss.model {
                Model::Linear => {}
                Model::Logistic => v[0] *= 1.0 / (2.0 + eta[0].exp() + (-eta[0]).exp()),
                Model::Softmax { .. } => {
                    let top = eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = eta.iter().map(|e| (e - top).exp()).sum();
                    let q: Vec<f64> = eta.iter().map(|e| (e - top).exp() / sum).collect();
                    let mean: f64 = q.iter().zip(&*v).map(|(q, v)| q * v).sum();
                    v.iter_mut().zip(&q).for_each(|(v, q)| *v = q * (*v - mean));
                }
            }
        }
        let mut by_intercept = vec![0.0; k];
        if self.loss.free_intercept {
            v.chunks_exact(k).for_each(|row| by_intercept.iter_mut().zip(row).for_each(|(s, v)| *s += v));
            by_intercept.iter_mut().for_each(|s| *s /= self.design.n as f64);
        }
        (narrow(&self.design.mean_product(&v, k)), by_intercept)
    }
}

impl Inner for Mirror<'_> {
    async fn burst(&mut self, from: &Point, slope: &Slope, t: f64, budget: usize) -> Result<Burst> {
        let rough = |at: &Point| {
            let rounded = Point { b: narrow(&at.b), intercept: narrow(&at.intercept) };
            let s = self.loss.slope(self.design, &self.regularizer.scaled(&rounded.b), &rounded.intercept);
            (narrow(&s.gradient), narrow(&s.intercept))
        };
        let start = rough(from);
        let correction: Vec<f64> = slope.gradient.iter().zip(&start.0).map(|(a, b)| a - b).collect();
        let (mut x, mut z, mut theta) = (from.clone(), from.clone(), 1.0f64);
        for _ in 0..budget {
            let (mut g, g0) = rough(&z);
            g.iter_mut().zip(&correction).for_each(|(g, c)| *g += c);
            let b = narrow(&self.regularizer.step(&z.b, &g, t));
            let intercept = z.intercept.iter().zip(&g0).map(|(b, g)| b - t * g).collect();
            let next = Point { b, intercept };
            let scaled = |p: &Point| [self.regularizer.scaled(&p.b), p.intercept.clone()].concat();
            let (n, xs, zs) = (scaled(&next), scaled(&x), scaled(&z));
            if n.iter().zip(&xs).zip(&zs).map(|((n, x), z)| (z - n) * (n - x)).sum::<f64>() > 0.0 {
                theta = 1.0;
            }
            let after = (1.0 + (1.0 + 4.0 * theta * theta).sqrt()) / 2.0;
            let m = (theta - 1.0) / after;
            let ahead = |n: &[f64], x: &[f64]| n.iter().zip(x).map(|(n, x)| n + m * (n - x)).collect::<Vec<_>>();
            z = Point { b: ahead(&next.b, &x.b), intercept: ahead(&next.intercept, &x.intercept) };
            (x, theta) = (next, after);
        }
        Ok(Burst { point: x, iterations: budget })
    }

    async fn newton(
        &mut self,
        at: &Point,
        slope: &Slope,
        piece: &Piece,
        damping: f64,
        budget: usize,
    ) -> Result<Newton> {
        let (pk, k) = (at.b.len(), self.loss.k);
        let free = |ix: usize| if ix < pk { piece.free[ix] } else { self.loss.free_intercept };
        let mut r: Vec<f64> = (0..pk + k)
            .map(|ix| match ix {
                _ if !free(ix) => 0.0,
                _ if ix < pk => -slope.gradient[ix] - piece.gradient[ix],
                _ => -slope.intercept[ix - pk],
            })
            .collect();
        let apply = |d: &[f64]| {
            let (h, h0) = self.curvature(at, &d[..pk], &d[pk..]);
            let mut out = [h, h0].concat();
            for ix in 0..pk {
                out[ix] += (piece.diagonal[ix] + damping) * d[ix];
            }
            if let Some(grouped) = &self.regularizer.grouped {
                for (members, sign) in grouped.members.iter().zip(&piece.sign) {
                    let all = || members.iter().flat_map(|&j| j * k..(j + 1) * k);
                    let along: f64 = all().map(|ix| piece.direction[ix] * d[ix]).sum();
                    all().for_each(|ix| out[ix] += sign * along * piece.direction[ix]);
                }
            }
            (0..pk + k).filter(|&ix| !free(ix)).for_each(|ix| out[ix] = 0.0);
            narrow(&out)
        };
        let precondition = |r: &[f64]| -> Vec<f64> {
            r.iter()
                .enumerate()
                .map(|(ix, r)| if ix < pk { r / (1.0 + piece.diagonal[ix].max(0.0)) } else { *r })
                .collect()
        };
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut d = vec![0.0; pk + k];
        let mut z = precondition(&r);
        let (mut p, mut rz) = (z.clone(), dot(&r, &z));
        let (first, mut iterations, mut indefinite) = (rz, 0, false);
        while iterations < budget && rz > 1e-10 * first && rz > 0.0 {
            let h = apply(&p);
            let along = dot(&p, &h);
            if along <= 0.0 {
                indefinite = along < 0.0;
                break;
            }
            let a = rz / along;
            (0..pk + k).for_each(|ix| {
                d[ix] += a * p[ix];
                r[ix] -= a * h[ix];
            });
            z = precondition(&r);
            let next = dot(&r, &z);
            (0..pk + k).for_each(|ix| p[ix] = z[ix] + next / rz * p[ix]);
            rz = next;
            iterations += 1;
        }
        Ok(Newton { step: d[..pk].to_vec(), intercept: d[pk..].to_vec(), iterations, indefinite })
    }
}
