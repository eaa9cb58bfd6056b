//! Linear and convex quadratic programs by a first-order method: products with the matrix are all it needs.
//!
//! `min 1/2 <x, Q x> + <c, x>` over `lower <= x <= upper`, `rows_lower <= A x <= rows_upper` is a saddle-point problem for
//! [`primal_dual`](super::primal_dual): `g` the tilted box of `x`, `h` the indicator of the box of `A x`. As in PDLP
//! (D. Applegate et al., `NeurIPS` 2021; for quadratic programs H. Lu, J. Yang, *A practical and optimal first-order method for
//! large-scale convex quadratic programming*, 2023):
//!
//! - Rows and columns are scaled beforehand, ten times by the roots of their greatest elements (D. Ruiz, *A scaling algorithm to
//!   equilibrate both rows and columns norms in matrices*, 2001), once by the roots of their sums (T. Pock, A. Chambolle,
//!   *Diagonal preconditioning for first order primal-dual algorithms*, ICCV 2011). All that is reported is in the units given.
//! - Steps, averages, restarts and the ratio of the steps are those of the primal-dual method.
//!
//! # Certificate
//! The reduced costs are `r = c + Q x + A^T y`; the part of `r` that a finite bound can bear enters the dual objective, the rest
//! is infeasible. [`Report::optimality`](super::Report::optimality) is the greatest of
//! `||A x - its projection|| / (1 + ||rows||)`, `||infeasible part of r|| / (1 + ||c||)` and
//! `|primal - dual| / (1 + |primal| + |dual|)`; `gap` is `|primal - dual|`.
//!
//! Where there is no solution, iterates run off in a direction that proves it (D. Applegate et al., *Infeasibility detection with
//! primal-dual hybrid gradient for large-scale linear programming*, SIAM J. Optim. 34 (2024)): `y` with `A^T y` borne by the bounds
//! and a positive dual objective without costs, or `x` that stays within rows and bounds, has no curvature and lowers the costs.

use super::drive::{drive, zeros};
use super::primal_dual::{Image, Measured, Place, PrimalDual, Restarted, norm_of};
use super::proximal::{Tilted, length};
use super::smooth::Smooth;
use super::{Options, Solution, admit_start};
use crate::error::{Error, Result, Site};
use crate::linear::Linear;
use crate::tensor::Tensor;

/// Bounds beyond this are none.
const INFINITE: f64 = 1e30;
/// Rounds of scaling by greatest elements.
const RUIZ: usize = 10;
const LANCZOS: usize = 16;

/// A linear or convex quadratic program in `x: [n]`; see [`pdlp`].
#[derive(Clone, Debug)]
pub struct LinearProgram {
    c: Tensor,
    a: Tensor,
    q: Option<Tensor>,
    rows: [Tensor; 2],
    bounds: [Tensor; 2],
}

impl LinearProgram {
    /// `min <c, x>` over `x >= 0` with `c: [n]`; `a: [m, n]` has no effect until its rows are bounded. Infinite bounds are
    /// given as infinities.
    ///
    /// # Errors
    /// Shapes that do not fit.
    #[track_caller]
    pub fn new(c: &Tensor, a: &Tensor) -> Result<LinearProgram> {
        let (cost, matrix) = (c.shape()?, a.shape()?);
        let ([n], [m, columns]) = (cost.dims(), matrix.dims()) else {
            let message = format!("costs {cost} and rows {matrix}");
            return Err(Error::argument("linear_program", message, "c: [n] and a: [m, n]", Site::here()));
        };
        if n != columns {
            let message = format!("costs {cost} and rows {matrix}");
            return Err(Error::argument("linear_program", message, "c: [n] and a: [m, n]", Site::here()));
        }
        let far = |n: usize, value: f32| c.device().tensor(&vec![value; n], [n]);
        Ok(LinearProgram {
            c: c.clone(),
            a: a.clone(),
            q: None,
            rows: [far(*m, f32::MIN), far(*m, f32::MAX)],
            bounds: [far(*n, 0.0), far(*n, f32::MAX)],
        })
    }

    /// `lower <= A x <= upper`, both `[m]`; equal for equations.
    ///
    /// # Errors
    /// Shapes that do not fit.
    #[track_caller]
    pub fn rows(mut self, lower: &Tensor, upper: &Tensor) -> Result<LinearProgram> {
        self.rows = fitting(&self.rows, lower, upper)?;
        Ok(self)
    }

    /// `lower <= x <= upper`, both `[n]`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    #[track_caller]
    pub fn bounds(mut self, lower: &Tensor, upper: &Tensor) -> Result<LinearProgram> {
        self.bounds = fitting(&self.bounds, lower, upper)?;
        Ok(self)
    }

    /// Adds `1/2 <x, Q x>`, `q: [n, n]` symmetric and positive semi-definite.
    ///
    /// # Errors
    /// A shape that does not fit.
    #[track_caller]
    pub fn quadratic(mut self, q: &Tensor) -> Result<LinearProgram> {
        let n = self.c.shape()?[0];
        if q.shape()?.dims() != [n, n] {
            let message = format!("shape {} for {n} variables", q.shape()?);
            return Err(Error::argument("linear_program", message, "q: [n, n]", Site::here()));
        }
        self.q = Some(q.clone());
        Ok(self)
    }
}

#[track_caller]
fn fitting(like: &[Tensor; 2], lower: &Tensor, upper: &Tensor) -> Result<[Tensor; 2]> {
    let want = like[0].shape()?;
    for bound in [lower, upper] {
        if bound.shape()? != want {
            let message = format!("bounds of shape {} for {want}", bound.shape()?);
            return Err(Error::argument("linear_program", message, "one for each", Site::here()));
        }
    }
    // the arithmetic of shaders knows no infinity
    let finite = |x: &Tensor| x.clamp(f64::from(f32::MIN), f64::from(f32::MAX));
    let ends = [lower, upper].map(|x| x.is_nan().select(x, finite(&x.nan_to_num(0.0, f32::MAX, f32::MIN))));
    Ok(ends)
}

/// Which bounds are bounds.
fn bounded(x: &Tensor) -> Tensor {
    x.abs().lt(INFINITE)
}

/// `x` where it is a bound, else 0.
fn finite(x: &Tensor) -> Tensor {
    bounded(x).select(x, 0.0)
}

/// A bound times a positive factor.
fn stretched(x: &Tensor, factor: &Tensor) -> Tensor {
    bounded(x).select(x * factor, x)
}

/// `1/2 <x, Q x>`.
struct Bowl(Tensor);

impl Smooth for Bowl {
    fn value(&self, w: &[Tensor]) -> Tensor {
        (&w[0] * self.0.matmul(&w[0])).sum(..) * 0.5
    }

    fn gradient(&self, w: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![self.0.matmul(&w[0])])
    }
}

/// Factors of rows and columns, evaluated.
fn scales(program: &LinearProgram) -> Result<(Tensor, Tensor)> {
    let (m, n) = (program.a.shape()?[0], program.a.shape()?[1]);
    let device = program.a.device();
    let mut row = device.tensor(&vec![1.0f32; m], [m]);
    let mut column = device.tensor(&vec![1.0f32; n], [n]);
    if m * n > 0 {
        let root = |x: &Tensor| x.gt(0.0).select(x, 1.0).rsqrt();
        for round in 0..=RUIZ {
            let sizes = program.a.abs() * row.unsqueeze(1) * &column;
            let (by_row, mut by_column) = match round {
                RUIZ => (sizes.sum(1), sizes.sum(0)),
                _ => (sizes.max(1), sizes.max(0)),
            };
            if let Some(q) = &program.q {
                let bowl = q.abs() * column.unsqueeze(1) * &column;
                by_column = match round {
                    RUIZ => by_column + bowl.sum(0),
                    _ => by_column.maximum(bowl.max(0)),
                };
            }
            (row, column) = (row * root(&by_row), column * root(&by_column));
            device.eval(&[&row, &column])?;
            (row, column) = (row.leaf()?, column.leaf()?);
        }
    }
    Ok((row, column))
}

/// `a / gain` where the gain is positive beyond the rounding of what is of the given size, else the greatest number.
fn ratio(a: &Tensor, gain: &Tensor, size: &Tensor) -> Tensor {
    let gains = gain.gt(size * 1e-5);
    gains.select(a / gains.select(gain, 1.0), f64::from(f32::MAX))
}

/// The certificate of the module text, in the units given.
fn measure<'a>(program: &'a LinearProgram, row: &'a Tensor, column: &'a Tensor) -> impl Fn(&Place) -> Measured + 'a {
    let [below, above] = &program.rows;
    let [lower, upper] = &program.bounds;
    let unit = |x: &Tensor| length(x) + 1.0;
    let rows = unit(&finite(below).abs().maximum(finite(above).abs()));
    let costs = unit(&program.c);
    move |at| {
        let (x, y) = (&at.x * column, &at.y[0] * row);
        let (ax, aty) = (&at.kx[0] / row, &at.kty / column);
        let qx = program.q.as_ref().map_or_else(|| x.zeros_like(), |q| q.matmul(&x));
        let bowl = (&x * &qx).sum(..) * 0.5;
        let primal = (&program.c * &x).sum(..) + &bowl;
        let outside = &ax - ax.clamp(below, above);
        // what of reduced costs the bounds do not bear, and what the rest contributes to the dual objective
        let borne = |r: &Tensor| {
            let up = bounded(lower).select(r.maximum(0.0), 0.0);
            let down = bounded(upper).select(r.minimum(0.0), 0.0);
            let rest = length(&(r - &up - &down));
            (rest, (up * finite(lower) + down * finite(upper)).sum(..))
        };
        let (unborne, by_bounds) = borne(&(&program.c + &qx + &aty));
        let by_rows = (y.maximum(0.0) * finite(above) + y.minimum(0.0) * finite(below)).sum(..);
        let dual = by_bounds - &by_rows - bowl;
        let gap = (&primal - &dual).abs();
        let relative = &gap / (primal.abs() + dual.abs() + 1.0);
        let infeasible = (length(&outside) / &rows).maximum(unborne / &costs);
        // proofs that there is no solution: a ray of the dual, a ray of the primal
        let (unborne, by_bounds) = borne(&aty);
        let gain = by_bounds - by_rows;
        let leaves = |v: &Tensor, [low, high]: &[Tensor; 2]| {
            length(&(bounded(low).select(v.minimum(0.0), 0.0) + bounded(high).select(v.maximum(0.0), 0.0)))
        };
        let left = leaves(&ax, &program.rows) + leaves(&x, &program.bounds) + length(&qx);
        let proofs = [ratio(&unborne, &gain, &length(&y)), ratio(&left, &-(&program.c * &x).sum(..), &length(&x))];
        Measured { objective: primal, optimality: infeasible.maximum(relative), gap: Some(gap), proofs: Some(proofs) }
    }
}

/// Refuses bounds that cross or are no numbers.
async fn admit_bounds(program: &LinearProgram) -> Result<()> {
    let device = program.c.device();
    let wrong = |[low, high]: &[Tensor; 2]| low.le(high).logical_not().count_nonzero(..);
    let read = device.read::<u32>(&[&wrong(&program.rows), &wrong(&program.bounds)]).await?;
    for (what, count) in [("rows", read[0][0]), ("variables", read[1][0])] {
        if count > 0 {
            return Err(Error::Numeric {
                op: "pdlp".into(),
                message: format!("{count} of the {what} have a lower bound that is not at most the upper one"),
                hint: "nothing can lie between them; look for NaN or exchanged bounds".into(),
            });
        }
    }
    Ok(())
}

/// Solves a program from `x = 0`, `y = 0`; see the source's module text. `dual` has the multipliers of the rows: positive where
/// the upper bound holds the row, negative where the lower one does. f32 reaches relative tolerances down to about `1e-6`.
///
/// A program without a solution ends with [`Status::Infeasible`](super::Status::Infeasible) or
/// [`Status::Unbounded`](super::Status::Unbounded), unless the limit comes first.
///
/// # Errors
/// Bounds that cross, numbers that are not finite, whatever evaluating meets.
pub async fn pdlp(program: &LinearProgram, options: Options<'_>) -> Result<Solution> {
    let device = admit_start("pdlp", std::slice::from_ref(&program.c), &options, Site::here())?;
    admit_bounds(program).await?;
    let (row, column) = scales(program)?;
    let inverse = column.recip();
    let [lower, upper] = &program.bounds;
    let [below, above] = &program.rows;
    let scaled = [
        &program.a * row.unsqueeze(1) * &column,
        &program.c * &column,
        stretched(lower, &inverse),
        stretched(upper, &inverse),
        stretched(below, &row),
        stretched(above, &row),
    ];
    device.eval(&scaled.iter().collect::<Vec<_>>())?;
    let [a, c, lower, upper, below, above] = &scaled.iter().map(Tensor::leaf).collect::<Result<Vec<_>>>()?[..] else {
        unreachable!("bug: six tensors")
    };
    let bowl = match &program.q {
        None => None,
        Some(q) => {
            let q = q * column.unsqueeze(1) * &column;
            q.eval()?;
            Some(Bowl(q.leaf()?))
        }
    };
    let curvature = match &bowl {
        None => 0.0,
        Some(Bowl(q)) => 1.01 * Linear::matrix(q)?.extremes(&device, LANCZOS).await?.1.max(0.0),
    };
    let g = Tilted { c: Some(c.clone()), lower: lower.clone(), upper: upper.clone() };
    let h = Tilted { c: None, lower: below.clone(), upper: above.clone() };
    let images = [Image { map: Linear::matrix(a)?, of: &h }];
    let sizes = device.read::<f32>(&[&length(c), &length(&finite(below).abs().maximum(finite(above).abs()))]).await?;
    let ratio = f64::from(sizes[0][0]) / f64::from(sizes[1][0]);
    let mut problem = PrimalDual {
        device: device.clone(),
        smooth: bowl.as_ref().map(|b| b as &dyn Smooth),
        g: &g,
        images: &images,
        measure: Some(Box::new(measure(program, &row, &column))),
        norm: norm_of(&device, &images).await?,
        curvature,
        ratio: if ratio.is_finite() && ratio > 0.0 { ratio } else { 1.0 },
        restart: Restarted::default(),
    };
    let start = zeros(c)?;
    let inside = start.clamp(lower, upper);
    inside.eval()?;
    let state = problem.begin(&inside.leaf()?, &[zeros(below)?])?;
    let mut solution = drive(&mut problem, &device, &state, options).await?;
    // back to the units given
    for (x, scale) in solution.w.iter_mut().zip([&column]).chain(solution.dual.iter_mut().zip([&row])) {
        let own = &*x * scale;
        own.eval()?;
        *x = own.leaf()?;
    }
    Ok(solution)
}
