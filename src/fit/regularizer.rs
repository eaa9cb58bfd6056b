//! The penalty in f64, on the host: exact proximal steps (so zeros are zeros), the smooth piece a point lies on, and the
//! distance to optimality. Coefficients here are those the penalty acts on; `scale` leads to the solver's coordinates.

use super::design::Design;
use crate::error::{Error, Result};
use crate::penalty::{GroupWeights, Groups, Parameters, Part, Parts, Penalty, Separable};
use crate::run::Device;

/// A scalar profile with its parameters and weight.
#[derive(Clone, Copy, Debug)]
struct Profile(Part);

impl Profile {
    fn of(&self) -> &'static Separable {
        self.0.of
    }
    fn parameters(&self) -> &Parameters {
        &self.0.parameters
    }
    fn value(&self, x: f64) -> f64 {
        self.0.weight * (self.of().value)(x, self.parameters())
    }
    fn grad(&self, x: f64) -> f64 {
        self.0.weight * (self.of().grad)(x, self.parameters())
    }
    fn curvature(&self, x: f64) -> f64 {
        self.0.weight * (self.of().curvature)(x, self.parameters())
    }
    fn prox(&self, x: f64, step: f64) -> f64 {
        (self.of().prox)(x, self.0.weight * step, self.parameters())
    }
    /// Whether `x` is a kink: a coefficient there stays there under small changes of everything else.
    fn pinned(&self, x: f64) -> bool {
        let [low, high] = (self.of().subdifferential)(x, self.parameters());
        self.0.weight > 0.0 && low < high
    }
    fn distance(&self, x: f64, g: f64) -> f64 {
        match self.0.weight {
            0.0 => g.abs(),
            w => w * self.of().distance(x, g / w, self.parameters()),
        }
    }
    fn kinks(&self) -> Vec<f64> {
        (self.of().kinks)(self.parameters())
    }
    /// Positions of the parameters that say how strong the penalty is.
    fn strengths(&self) -> impl Iterator<Item = usize> + use<> {
        self.of().strengths()
    }
    fn multiplied(mut self, m: f64) -> Profile {
        self.strengths().for_each(|ix| self.0.parameters[ix] *= m);
        self
    }
    /// As a penalty on a device.
    fn built(&self) -> Result<Penalty> {
        let mut penalty = Penalty::named(self.of().name)?.weight(self.0.weight);
        for (parameter, value) in self.of().parameters.iter().zip(self.parameters()) {
            penalty = penalty.with(parameter.name, *value);
        }
        penalty.check()
    }
}

/// A profile on the norms of groups of rows.
#[derive(Clone, Debug)]
pub struct Grouped {
    profile: Profile,
    groups: Groups,
    /// Rows of each group.
    pub members: Vec<Vec<usize>>,
    weights: Vec<f64>,
}

/// A penalty on coefficients `[p, k]`: on elements, on groups of rows, or both.
#[derive(Clone, Debug)]
pub struct Regularizer {
    k: usize,
    /// `scale[j]` for row `j`: `u = scale * b`.
    scale: Vec<f64>,
    element: Option<Profile>,
    /// What acts on groups.
    pub grouped: Option<Grouped>,
}

/// A penalty in the coordinates that suit the device: `w = ratio * b`, `u = scale * w`.
pub struct Placed {
    /// One per row.
    pub scale: Vec<f64>,
    /// One per row.
    pub ratio: Vec<f64>,
    /// On `w`.
    pub penalty: Penalty,
}

/// The smooth piece of the penalty a point lies on, in the solver's coordinates, to second order:
/// `gradient` and `diag(diagonal) + sum_g factor_g d_g d_g^T` with `d_g` the elements of `direction` in group `g`.
#[derive(Clone, Debug)]
pub struct Piece {
    /// 1 for coefficients that may move, 0 for those pinned at a kink.
    pub free: Vec<bool>,
    /// First derivative; 0 where pinned.
    pub gradient: Vec<f64>,
    /// Second derivative on the diagonal.
    pub diagonal: Vec<f64>,
    /// `sqrt|factor_g| * d_g`; empty without groups.
    pub direction: Vec<f64>,
    /// The sign of each group's factor.
    pub sign: Vec<f64>,
}

impl Regularizer {
    /// Takes the scales of the columns, after those of a group have been given one (all columns, where the penalty on groups
    /// is not homogeneous: then it cannot be carried over to other units).
    pub fn new(design: &mut Design, k: usize, parts: Parts) -> Result<Regularizer> {
        let mut regularizer = Regularizer { k, scale: Vec::new(), element: parts.elements.map(Profile), grouped: None };
        if let Some((part, groups)) = parts.groups {
            if groups.n_members() != design.p {
                return Err(Error::input(
                    "groups",
                    format!("they cover {} coefficients, the data has {} features", groups.n_members(), design.p),
                    format!("the groups must be a partition of 0 to {}", design.p - 1),
                ));
            }
            let members = groups.members().to_vec();
            if part.of.homogeneous {
                members.iter().for_each(|group| design.join(group));
            } else {
                design.join(&(0..design.p).collect::<Vec<_>>());
            }
            let weights = groups.weights().unwrap_or_else(|| vec![1.0; members.len()]);
            regularizer.grouped = Some(Grouped { profile: Profile(part), groups, members, weights });
        }
        regularizer.scale = design.scale.clone();
        Ok(regularizer)
    }

    /// The same with all strengths multiplied by `m`.
    #[must_use]
    pub fn multiplied(&self, m: f64) -> Regularizer {
        let mut stronger = self.clone();
        stronger.element = self.element.map(|e| e.multiplied(m));
        if let Some(grouped) = &mut stronger.grouped {
            grouped.profile = grouped.profile.multiplied(m);
        }
        stronger
    }

    /// The name and the value of the strength that names a point of a path.
    #[must_use]
    pub fn strength(&self) -> Option<(&'static str, f64)> {
        let of = |profile: &Profile, grouped: bool| {
            let ix = profile.strengths().find(|&ix| profile.parameters()[ix] > 0.0)?;
            let name = profile.of().parameters[ix].name;
            // the lasso on groups calls its strength lambda
            Some((if grouped && name == "l1" { "lambda" } else { name }, profile.parameters()[ix]))
        };
        let grouped = self.grouped.as_ref().and_then(|g| of(&g.profile, true));
        grouped.or_else(|| self.element.as_ref().and_then(|e| of(e, false)))
    }

    /// The penalty for a device.
    pub fn placed(&self, device: &Device) -> Result<Placed> {
        let rows = self.scale.len();
        let element = self.element.as_ref().map(Profile::built).transpose()?;
        let Some(grouped) = &self.grouped else {
            let penalty = element.unwrap_or_else(Penalty::none);
            return Ok(Placed { scale: self.scale.clone(), ratio: vec![1.0; rows], penalty });
        };
        if !grouped.profile.of().homogeneous {
            let penalty = grouped.profile.built()?.grouped(&grouped.groups).check()?;
            return Ok(Placed { scale: self.scale.clone(), ratio: vec![1.0; rows], penalty });
        }
        // P(b) = P(u) / scale for homogeneous penalties
        let weights = grouped.members.iter().zip(&grouped.weights).map(|(m, w)| w / self.scale[m[0]]).collect();
        let groups = grouped.groups.weighted(GroupWeights::Each(weights))?;
        let mut penalty = grouped.profile.built()?.grouped(&groups);
        if let Some(element) = self.element {
            let inverse: Vec<f32> = self.scale.iter().map(|s| (element.0.weight / s) as f32).collect();
            let unweighted = Profile(Part { weight: 1.0, ..element.0 }).built()?;
            penalty = unweighted.weight(device.tensor(&inverse, [rows, 1])).and_groups(penalty);
        }
        Ok(Placed { scale: vec![1.0; rows], ratio: self.scale.clone(), penalty: penalty.check()? })
    }

    fn of(&self, ix: usize) -> f64 {
        self.scale[ix / self.k]
    }

    /// The coefficients in the solver's coordinates.
    #[must_use]
    pub fn scaled(&self, b: &[f64]) -> Vec<f64> {
        b.iter().enumerate().map(|(ix, v)| v * self.of(ix)).collect()
    }

    /// The elements of group `g`.
    fn elements<'a>(&'a self, group: &'a [usize]) -> impl Iterator<Item = usize> + Clone + 'a {
        group.iter().flat_map(|&j| j * self.k..(j + 1) * self.k)
    }

    fn norm(&self, group: &[usize], b: &[f64]) -> f64 {
        self.elements(group).map(|ix| b[ix] * b[ix]).sum::<f64>().sqrt()
    }

    /// The value at `b`.
    #[must_use]
    pub fn value(&self, b: &[f64]) -> f64 {
        let elements: f64 = self.element.map_or(0.0, |e| b.iter().map(|&v| e.value(v)).sum());
        let groups: f64 = self
            .grouped
            .as_ref()
            .map_or(0.0, |g| g.members.iter().zip(&g.weights).map(|(m, w)| w * g.profile.value(self.norm(m, b))).sum());
        elements + groups
    }

    /// The proximal step from `b` against the gradient `g` (by `u`) with step `t` in the solver's coordinates.
    #[must_use]
    pub fn step(&self, b: &[f64], g: &[f64], t: f64) -> Vec<f64> {
        let mut v: Vec<f64> = b.iter().zip(g).enumerate().map(|(ix, (b, g))| b - t * g / self.of(ix)).collect();
        if let Some(e) = self.element {
            for (ix, v) in v.iter_mut().enumerate() {
                *v = e.prox(*v, t / self.of(ix).powi(2));
            }
        }
        if let Some(grouped) = &self.grouped {
            for (group, w) in grouped.members.iter().zip(&grouped.weights) {
                let norm = self.norm(group, &v);
                if norm > 0.0 {
                    let shrink = grouped.profile.prox(norm, w * t / self.scale[group[0]].powi(2)) / norm;
                    self.elements(group).for_each(|ix| v[ix] *= shrink);
                }
            }
        }
        v
    }

    /// The distance of `-g` (by `u`) from the subdifferential at `b`, in the solver's coordinates: the greatest over
    /// elements, or over groups where the penalty acts on groups.
    #[must_use]
    pub fn distance(&self, b: &[f64], g: &[f64]) -> f64 {
        let by_element = |ix: usize, extra: f64| {
            let slope = g[ix] * self.of(ix) + extra;
            self.element.map_or(slope.abs(), |e| e.distance(b[ix], slope)) / self.of(ix)
        };
        let Some(grouped) = &self.grouped else {
            return (0..b.len()).map(|ix| by_element(ix, 0.0)).fold(0.0, f64::max);
        };
        let mut worst = 0.0f64;
        for (group, w) in grouped.members.iter().zip(&grouped.weights) {
            let norm = self.norm(group, b);
            let pull = if norm > 0.0 { w * grouped.profile.grad(norm) / norm } else { 0.0 };
            let rest = self.elements(group).map(|ix| by_element(ix, pull * b[ix]).powi(2)).sum::<f64>().sqrt();
            let scale = self.scale[group[0]];
            let free = norm > 0.0 || *w == 0.0;
            worst = worst.max(if free { rest } else { grouped.profile.distance(0.0, rest * scale / w) * w / scale });
        }
        worst
    }

    /// The smooth piece that `b` lies on; `convex` takes negative second derivatives for 0, as if the concave part were the
    /// tangent line that lies above it.
    #[must_use]
    pub fn piece(&self, b: &[f64], convex: bool) -> Piece {
        let n = b.len();
        let bend = |curvature: f64| if convex { curvature.max(0.0) } else { curvature };
        let mut piece = Piece {
            free: vec![true; n],
            gradient: vec![0.0; n],
            diagonal: vec![0.0; n],
            direction: Vec::new(),
            sign: Vec::new(),
        };
        if let Some(e) = self.element {
            for (ix, &v) in b.iter().enumerate() {
                piece.free[ix] = !e.pinned(v);
                piece.gradient[ix] = e.grad(v) / self.of(ix);
                piece.diagonal[ix] = bend(e.curvature(v)) / self.of(ix).powi(2);
            }
        }
        if let Some(grouped) = &self.grouped {
            piece.direction = vec![0.0; n];
            for (group, w) in grouped.members.iter().zip(&grouped.weights) {
                let norm = self.norm(group, b);
                let scale = self.scale[group[0]];
                if norm == 0.0 {
                    piece.sign.push(0.0);
                    let pinned = *w > 0.0 && grouped.profile.pinned(0.0);
                    let at_zero = w * bend(grouped.profile.curvature(0.0)) / scale.powi(2);
                    for ix in self.elements(group) {
                        piece.free[ix] &= !pinned;
                        piece.diagonal[ix] += at_zero;
                    }
                    continue;
                }
                let pull = w * grouped.profile.grad(norm) / norm;
                let factor = w * bend(grouped.profile.curvature(norm)) - pull;
                piece.sign.push(factor.signum());
                for ix in self.elements(group) {
                    piece.gradient[ix] += pull * b[ix] / scale;
                    piece.diagonal[ix] += pull / scale.powi(2);
                    piece.direction[ix] = factor.abs().sqrt() * (b[ix] / norm) / scale;
                }
            }
        }
        for ix in (0..n).filter(|&ix| !piece.free[ix]) {
            piece.gradient[ix] = 0.0;
            piece.diagonal[ix] = 0.0;
            if let Some(d) = piece.direction.get_mut(ix) {
                *d = 0.0;
            }
        }
        piece
    }

    /// `b` moved by `step` (in the solver's coordinates) on its piece: a coefficient that would cross a kink stops there.
    #[must_use]
    pub fn moved(&self, b: &[f64], piece: &Piece, step: &[f64], fraction: f64) -> Vec<f64> {
        let kinks = self.element.map_or_else(Vec::new, |e| e.kinks());
        let to = |(ix, &from): (usize, &f64)| {
            if !piece.free[ix] {
                return from;
            }
            let to = from + fraction * step[ix] / self.of(ix);
            let crossed = kinks.iter().copied().filter(|k| (from - k) * (to - k) < 0.0);
            crossed.min_by(|a, b| (a - from).abs().total_cmp(&(b - from).abs())).unwrap_or(to)
        };
        b.iter().enumerate().map(to).collect()
    }
}
