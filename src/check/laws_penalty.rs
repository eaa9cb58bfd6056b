//! Laws of the penalties on whole tensors, judged in f64 on the host by their mirrors: functions written from the formulas,
//! which share nothing with the tensor expressions they judge.
//!
//! The results of a device are within `delta` of the exact ones: [`ROUNDING`](crate::penalty::ROUNDING) of the greatest
//! coefficient where the proximal operator takes a fixed number of operations; the backward error of the decomposition where
//! it takes one; where it iterates, what a certificate finds for this very result, and that may not be more than what the
//! method leaves after so many iterations and what roundings add. What a law may be missed by follows from `delta` and the
//! slopes of what it compares.

use super::case::ANY;
use super::input::{Domain, Random};
use super::laws::{Draw, Law, Sides};
use crate::dtype::DType;
use crate::penalty::{self, Computed, Problem, Registered, distance};
use crate::tensor::Tensor;

const STEP: f64 = 0.7;
/// Strong enough that penalties of the default strength change something.
const WEIGHT: f64 = 4.0;
/// Few values, so that there are ties, and zeros among them.
const TIED: Domain =
    Domain::Real(DType::F32, &[(0.0, 0.0), (0.5, 0.5), (-0.5, -0.5), (1.0, 1.0), (-1.0, -1.0), (2.0, 2.0)]);

/// What a device found for one input of one shape.
struct Trial {
    shape: &'static [usize],
    w: Vec<f64>,
    other: Vec<f64>,
    found: Vec<f64>,
    found_other: Vec<f64>,
    found_twice: Vec<f64>,
    found_weightless: Vec<f64>,
    dual: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
    value_found: f64,
    /// Of each result how far it is from the exact one, and how far it may be; of those that iterate.
    certified: Vec<(f64, f64)>,
}

/// Tensors per trial.
const READ: usize = 10;

fn tensors(registered: &Registered, d: &mut Draw<'_>, shape: &[usize], domain: Domain) -> Vec<Tensor> {
    let (w, other) = (d.leaf(domain, shape), d.leaf(ANY, shape));
    let penalty = registered.penalty();
    let strong = penalty.clone().weight(WEIGHT);
    let found = strong.prox(&w, STEP);
    // by the proximal operator of the conjugate
    let moreau = match registered.of.convex {
        true => strong.clone().conjugate().prox(&w.div(STEP), 1.0 / STEP).mul(STEP),
        false => w.sub(&found),
    };
    // only sets are projected on twice, and only they have no weight
    let (twice, weightless) = match registered.of.set {
        true => (strong.prox(&found, STEP), w.clone()),
        false => (found.clone(), penalty.weight(0.0).prox(&w, STEP)),
    };
    vec![
        found.clone(),
        strong.prox(&other, STEP),
        twice,
        weightless,
        strong.gradient(&w),
        strong.value(&w),
        strong.value(&found),
        moreau,
        w,
        other,
    ]
}

fn trial(shape: &'static [usize], read: &[Vec<f64>]) -> Trial {
    let all = |ix: usize| read[ix].clone();
    Trial {
        shape,
        found: all(0),
        found_other: all(1),
        found_twice: all(2),
        found_weightless: all(3),
        gradient: all(4),
        value: read[5][0],
        value_found: read[6][0],
        dual: all(7),
        w: all(8),
        other: all(9),
        certified: Vec::new(),
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(x, y)| x - y).collect()
}

fn l1(a: &[f64]) -> f64 {
    a.iter().map(|x| x.abs()).sum()
}

fn greatest(a: &[f64]) -> f64 {
    a.iter().fold(0.0, |m, x| m.max(x.abs()))
}

/// A penalty as its mirror has it.
#[derive(Clone, Copy)]
struct Judge {
    of: &'static Registered,
}

type Verdict = Result<(), String>;

fn demand(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(what()) }
}

impl Judge {
    fn parameters(self) -> Vec<f64> {
        self.of.of.parameters.iter().map(|p| p.default).collect()
    }

    fn value(self, t: &Trial, x: &[f64]) -> f64 {
        let factor = if self.of.of.set { 1.0 } else { WEIGHT };
        factor * (self.of.mirror)(x, t.shape, &self.parameters())
    }

    /// The error of the device's results.
    fn delta(self, t: &Trial) -> f64 {
        let rounding = penalty::ROUNDING * greatest(&t.w).max(greatest(&t.found)).max(greatest(&t.other)).max(1.0);
        match self.of.prox {
            Computed::Directly => rounding,
            Computed::Backward(relative) => {
                let [w, other, found] = [&t.w, &t.other, &t.found].map(|x| dot(x, x).sqrt());
                rounding.max(relative(t.shape) * w.max(other).max(found))
            }
            Computed::Certified(_) => rounding + t.certified.iter().map(|(error, _)| *error).fold(0.0, f64::max),
        }
    }

    /// See [`Trial::certified`].
    fn certified(self, t: &Trial) -> Vec<(f64, f64)> {
        let Computed::Certified(certify) = self.of.prox else { return Vec::new() };
        let (parameters, iterations) = (self.parameters(), self.of.iterations());
        let results = [(&t.w, &t.found), (&t.other, &t.found_other), (&t.found, &t.found_twice)];
        let each = results.into_iter().take(if self.of.of.set { 3 } else { 2 }).map(|(w, found)| {
            let problem = Problem { w, shape: t.shape, parameters: &parameters, step: STEP * WEIGHT, iterations };
            let known = certify(&problem);
            (distance(found, &known.point) + known.within, known.left + known.rounding + 2.0 * known.within)
        });
        each.collect()
    }

    /// Iterations come as near as they must.
    fn solved(t: &Trial) -> Verdict {
        for &(error, allowed) in &t.certified {
            demand(error <= allowed, || {
                format!("the error is {error:e}, that of the method and roundings {allowed:e}")
            })?;
        }
        Ok(())
    }

    /// Points to compare with: near `x` and far, in directions that keep one structure or another.
    fn rivals(t: &Trial, x: &[f64], random: &mut Random) -> Vec<Vec<f64>> {
        let n = x.len();
        let blend = |a: &[f64], b: &[f64], s: f64| a.iter().zip(b).map(|(x, y)| x + s * (y - x)).collect::<Vec<_>>();
        let mut all = vec![t.w.clone(), vec![0.0; n], x.iter().map(|v| 2.0 * v).collect(), t.other.clone()];
        for s in [0.5, 0.1, 0.01, -0.01] {
            let ends = [vec![0.0; n], t.w.clone(), t.other.clone(), vec![1.0; n]];
            all.extend(ends.iter().map(|end| blend(x, end, s)));
        }
        for round in 0..240 {
            let size = [1.0, 0.1, 0.01][round % 3];
            let mut z = x.to_vec();
            let (i, j) = (random.below(n), random.below(n));
            match round / 3 % 5 {
                0 => z[i] += size * random.uniform(-1.0, 1.0),
                1 => {
                    let by = size * random.uniform(-1.0, 1.0);
                    z[i] += by;
                    z[j] -= by;
                }
                2 => z[i.min(j)..=i.max(j)].iter_mut().for_each(|v| *v += size * 0.5),
                3 => z.iter_mut().for_each(|v| *v += size * random.uniform(-1.0, 1.0)),
                _ => z[i] = 0.0,
            }
            all.push(z);
        }
        all
    }

    /// The objective of the proximal operator is nowhere less than at the result.
    fn minimum(self, t: &Trial, random: &mut Random) -> Verdict {
        let objective = |u: &[f64]| {
            let d = minus(u, &t.w);
            dot(&d, &d) / (2.0 * STEP) + self.value(t, u)
        };
        let here = objective(&t.found);
        // the slope of the quadratic there is matched by one of the penalty
        let slack = self.delta(t) * 2.0 * l1(&minus(&t.w, &t.found)) / STEP + 1e-9 * (1.0 + here.abs());
        for z in Judge::rivals(t, &t.found, random) {
            let there = objective(&z);
            demand(here <= there + slack, || format!("the objective is {here}, at a rival {there} (slack {slack:e})"))?;
        }
        Ok(())
    }

    /// `(w - u) / step` is a subgradient at `u`: `f(z) >= f(u) + <(w - u) / step, z - u>`.
    fn inclusion(self, t: &Trial, random: &mut Random) -> Verdict {
        let g: Vec<f64> = minus(&t.w, &t.found).iter().map(|v| v / STEP).collect();
        self.supports(t, &t.found, &g, self.delta(t) / STEP, random)
    }

    /// `g` is a subgradient at `x`, up to `error` in each element.
    fn supports(self, t: &Trial, x: &[f64], g: &[f64], error: f64, random: &mut Random) -> Verdict {
        let here = self.value(t, x);
        for z in Judge::rivals(t, x, random) {
            let d = minus(&z, x);
            let (there, below) = (self.value(t, &z), here + dot(g, &d));
            let slack = error * l1(&d) + penalty::ROUNDING * here.abs() + 1e-9 * (1.0 + below.abs());
            demand(there >= below - slack, || {
                format!("the value at a rival is {there}, the supporting plane {below} (slack {slack:e})")
            })?;
        }
        Ok(())
    }

    /// `||P x - P y||^2 <= <P x - P y, x - y>`.
    fn firm(self, t: &Trial) -> Verdict {
        let (moved, apart) = (minus(&t.found, &t.found_other), minus(&t.w, &t.other));
        let (left, right) = (dot(&moved, &moved), dot(&moved, &apart));
        let slack = self.delta(t) * 2.0 * (l1(&apart) + 2.0 * l1(&moved));
        demand(left <= right + slack, || format!("{left} > {right} + {slack:e}"))
    }

    /// The envelope `e(w) = min_u f(u) + ||u - w||^2 / 2s` has the gradient `(w - u) / s`, which is `1/s`-Lipschitz.
    fn envelope(self, t: &Trial) -> Verdict {
        let at = |w: &[f64], u: &[f64]| {
            let d = minus(u, w);
            dot(&d, &d) / (2.0 * STEP) + if self.of.of.set { 0.0 } else { self.value(t, u) }
        };
        let (here, there) = (at(&t.w, &t.found), at(&t.other, &t.found_other));
        let g: Vec<f64> = minus(&t.w, &t.found).iter().map(|v| v / STEP).collect();
        let d = minus(&t.other, &t.w);
        let (plane, bowl) = (here + dot(&g, &d), here + dot(&g, &d) + dot(&d, &d) / (2.0 * STEP));
        let offs = l1(&minus(&t.w, &t.found)) + l1(&minus(&t.other, &t.found_other)) + l1(&d);
        let slack = self.delta(t) * 2.0 * offs / STEP + 1e-9;
        demand(there >= plane - slack && there <= bowl + slack, || format!("{there} is not within {plane} and {bowl}"))
    }

    /// The result belongs to the set, a second projection leaves it, and nothing of the set is nearer.
    fn projection(self, t: &Trial) -> Verdict {
        let delta = self.delta(t);
        let room = delta * (t.w.len() as f64).sqrt() * 4.0;
        let outside = self.value(t, &t.found);
        demand(outside <= room, || format!("the projection is outside by {outside:e}"))?;
        demand(t.value_found == 0.0, || format!("the value at the projection is {}", t.value_found))?;
        let moved = greatest(&minus(&t.found, &t.found_twice));
        demand(moved <= 2.0 * delta, || format!("a second projection moves by {moved:e}"))?;
        let other_outside = self.value(t, &t.found_other);
        demand(other_outside <= room, || format!("the other projection is outside by {other_outside:e}"))?;
        let off = minus(&t.w, &t.found);
        let to_other = minus(&t.found_other, &t.found);
        let slack = 2.0 * delta * (l1(&off) + l1(&to_other));
        if self.of.of.convex {
            let cosine = dot(&off, &to_other);
            return demand(cosine <= slack, || format!("<w - u, z - u> = {cosine} > {slack:e}"));
        }
        let to = minus(&t.w, &t.found_other);
        let (own, others) = (dot(&off, &off), dot(&to, &to));
        demand(own <= others + 2.0 * slack, || format!("distance {own}, of another member {others}"))
    }

    /// The device's value is the mirror's.
    fn mirrored(self, t: &Trial) -> Verdict {
        let want = self.value(t, &t.w);
        if self.of.of.set {
            // in between the rounding decides
            let (in_, out) = (want <= 0.0, want > 1e-3 * greatest(&t.w).max(1.0));
            return demand(!(in_ && t.value != 0.0 || out && t.value == 0.0), || format!("{} at {want}", t.value));
        }
        let slack = penalty::ROUNDING * (want.abs() + WEIGHT * greatest(&t.w));
        demand((t.value - want).abs() <= slack, || format!("{} is not {want}", t.value))
    }

    /// Moreau's decomposition: a point is its proximal point and that of the conjugate.
    fn decomposition(self, t: &Trial) -> Verdict {
        let both: Vec<f64> = t.found.iter().zip(&t.dual).map(|(u, v)| u + v).collect();
        let off = greatest(&minus(&t.w, &both));
        demand(off <= 2.0 * self.delta(t), || format!("the two parts miss the whole by {off:e}"))
    }

    /// No strength, no change.
    fn weightless(self, t: &Trial) -> Verdict {
        let moved = greatest(&minus(&t.w, &t.found_weightless));
        demand(moved <= self.delta(t), || format!("the proximal operator of weight 0 moves by {moved:e}"))
    }
}

type Condition = (&'static str, fn(Judge, &Trial, &mut Random) -> Verdict);

/// What must hold of one penalty.
fn conditions(of: &Registered) -> Vec<Condition> {
    let mut all: Vec<Condition> = vec![
        ("has another value than its formula", |j, t, _| j.mirrored(t)),
        ("is not solved by its iterations", |_, t, _| Judge::solved(t)),
    ];
    if of.of.set {
        all.push(("is not projected on", |j, t, _| j.projection(t)));
    } else {
        all.push(("has a lower objective than at the prox", |j, t, r| j.minimum(t, r)));
        all.push(("of weight 0 changes something", |j, t, _| j.weightless(t)));
    }
    if of.of.convex && !of.of.set {
        all.push(("has not (w - prox) / step as a subgradient", |j, t, r| j.inclusion(t, r)));
        all.push(("has not its gradient as a subgradient", |j, t, r| {
            j.supports(t, &t.w, &t.gradient, penalty::ROUNDING * greatest(&t.gradient), r)
        }));
    }
    if of.of.convex {
        all.push(("is not firmly non-expansive", |j, t, _| j.firm(t)));
        all.push(("has no smooth envelope", |j, t, _| j.envelope(t)));
        all.push(("is not split by its conjugate", |j, t, _| j.decomposition(t)));
    }
    all
}

/// The shapes and domains of a penalty's trials.
fn runs(of: &'static Registered) -> Vec<(&'static [usize], Domain)> {
    let all = of.shapes.iter().flat_map(|&shape| [(shape, ANY), (shape, TIED)]);
    match of.prox {
        Computed::Directly | Computed::Backward(_) => all.collect(),
        // hundreds of steps each
        Computed::Certified(_) => all.rev().take(2).collect(),
    }
}

/// The law of one penalty: all conditions, at all shapes.
fn of(registered: &'static Registered) -> Law {
    let judge = Judge { of: registered };
    let name = format!("law: {} is what it says", registered.of.name);
    let seed = name.clone();
    Law::new(name, move |d| {
        let read = runs(registered).into_iter().flat_map(|(shape, domain)| tensors(registered, d, shape, domain));
        let read = read.collect();
        let seed = seed.clone();
        Sides::Host(
            read,
            Box::new(move |read| {
                let mut random = Random::new(0, &seed);
                for ((shape, _), read) in runs(registered).into_iter().zip(read.chunks(READ)) {
                    let mut trial = trial(shape, read);
                    trial.certified = judge.certified(&trial);
                    for (wrong, holds) in conditions(registered) {
                        let verdict = holds(judge, &trial, &mut random);
                        verdict.map_err(|what| format!("it {wrong} at shape {shape:?}: {what}"))?;
                    }
                }
                Ok(())
            }),
        )
    })
}

/// All.
pub(super) fn all() -> impl Iterator<Item = Law> {
    penalty::checked().map(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::penalty::{Description, Functional, Penalty};
    use crate::run::Device;
    use std::sync::Arc;

    /// `lambda ||x||_1` with a proximal operator, a gradient or a value that is a little off.
    #[derive(Debug)]
    struct Off {
        prox: f64,
        gradient: f64,
        value: f64,
    }

    static OFF: Description = Description {
        name: "off",
        aliases: &[],
        summary: "l1 with an error",
        formula: "||x||_1 / 10",
        parameters: &[],
        convex: true,
        set: false,
        source: "a test",
    };

    impl Functional for Off {
        fn description(&self) -> &'static Description {
            &OFF
        }
        fn value(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
            w.abs().sum_all().mul(0.1 * self.value)
        }
        fn gradient(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
            w.sign().mul(0.1 * self.gradient)
        }
        fn prox(&self, w: &Tensor, step: &Tensor, _: &[Tensor]) -> Tensor {
            w.sign().mul(w.abs().sub(step.mul(0.1 * self.prox)).relu())
        }
    }

    macro_rules! off {
        ($prox:expr, $gradient:expr, $value:expr) => {{
            static REGISTERED: Registered = Registered {
                of: &OFF,
                options: &[],
                build: |_| Ok(Arc::new(Off { prox: $prox, gradient: $gradient, value: $value })),
                mirror: |x, _, _| 0.1 * x.iter().map(|v| v.abs()).sum::<f64>(),
                shapes: &[&[6]],
                prox: Computed::Directly,
            };
            &REGISTERED
        }};
    }

    /// A penalty that iterates, made wrong.
    #[derive(Debug)]
    struct Wrong {
        of: Penalty,
        description: &'static Description,
        /// The result is so much nearer to the coefficients.
        short: f64,
    }

    impl Functional for Wrong {
        fn description(&self) -> &'static Description {
            self.description
        }
        fn value(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
            self.of.value(w)
        }
        fn gradient(&self, w: &Tensor, _: &[Tensor]) -> Tensor {
            self.of.gradient(w)
        }
        fn prox(&self, w: &Tensor, step: &Tensor, _: &[Tensor]) -> Tensor {
            let u = self.of.prox(w, step);
            u.add(w.sub(&u).mul(self.short))
        }
    }

    /// With so few iterations, or so much short of the result.
    macro_rules! wrong {
        ($name:literal, $iterations:literal, $short:literal) => {{
            static REGISTERED: std::sync::LazyLock<Registered> = std::sync::LazyLock::new(|| {
                let of = penalty::checked().find(|r| r.of.name == $name).expect("registered");
                Registered {
                    options: of.options,
                    build: |_| {
                        let spec = match $iterations {
                            0 => $name.to_string(),
                            n => format!("{}(iterations={n})", $name),
                        };
                        let of = penalty::parse(&spec).expect("a penalty");
                        let description = penalty::checked().find(|r| r.of.name == $name).expect("registered").of;
                        Ok(Arc::new(Wrong { of, description, short: $short }))
                    },
                    ..*of
                }
            });
            said(&REGISTERED)
        }};
    }

    #[test]
    fn iterations_that_are_cut_short_or_off_are_noticed() {
        for (name, said) in [
            ("tv-nd", wrong!("tv-nd", 12, 0.0)),
            ("graph-tv", wrong!("graph-tv", 6, 0.0)),
            ("laplacian", wrong!("laplacian", 2, 0.0)),
            ("laplacian", wrong!("laplacian", 0, 0.001)),
            ("polyhedron", wrong!("polyhedron", 2, 0.0)),
            ("birkhoff", wrong!("birkhoff", 1, 0.0)),
            ("transport", wrong!("transport", 1, 0.0)),
            ("doubly-non-negative", wrong!("doubly-non-negative", 3, 0.0)),
            ("exponential-cone", wrong!("exponential-cone", 0, 0.001)),
            ("group-envelope", wrong!("group-envelope", 0, 0.01)),
        ] {
            assert!(said.as_ref().is_some_and(|text| text.contains("iterations")), "{name}: {said:?}");
        }
    }

    fn said(registered: &'static Registered) -> Option<String> {
        let device = pollster::block_on(Device::open(Default::default())).expect("the CPU device at least");
        pollster::block_on(of(registered).judge(&device, 0)).error
    }

    #[test]
    fn what_is_right_passes_and_small_errors_are_noticed() {
        assert_eq!(said(off!(1.0, 1.0, 1.0)), None);
        assert!(said(off!(1.01, 1.0, 1.0)).expect("noticed").contains("subgradient"));
        assert!(said(off!(0.5, 1.0, 1.0)).expect("noticed").contains("at the prox"));
        assert!(said(off!(1.0, 1.01, 1.0)).expect("noticed").contains("its gradient"));
        assert!(said(off!(1.0, 1.0, 1.001)).expect("noticed").contains("formula"));
    }
}
