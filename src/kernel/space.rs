//! Index arithmetic of generated kernels: linear forms over loop variables, with division and remainder kept symbolic.
//!
//! Every tensor in a fused kernel is addressed by following views from the kernel's linear loop variables down to a
//! buffer. A reshape takes a linear index apart by division and puts it together again; the algebra undoes such pairs
//! (`n * (e / n) + e % n = e`), so that what is contiguous is seen to be contiguous, and only what remains is written as
//! WGSL. All arithmetic is `u32` modulo 2^32: intermediate values may wrap, the ranges of divided terms may not.

use std::collections::BTreeMap;

/// A variable of an index expression.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Var {
    /// The thread's position in the rows or elements (divided by the vector width where it is vectorised).
    Row,
    /// The loop variable of a reduction (divided by the vector width where it is vectorised).
    Col,
    /// The component `0..4` of a vectorised variable.
    Comp,
    /// Entry of [`Space`]: a value with a name in the shader.
    Named(usize),
}

/// `sum of coefficient * variable + constant`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Expr {
    /// Coefficients are not 0.
    pub terms: BTreeMap<Var, i64>,
    /// The constant.
    pub constant: i64,
}

impl Expr {
    /// A constant.
    #[must_use]
    pub fn constant(value: i64) -> Self {
        Self { terms: BTreeMap::new(), constant: value }
    }

    /// A variable.
    #[must_use]
    pub fn var(var: Var) -> Self {
        Self { terms: BTreeMap::from([(var, 1)]), constant: 0 }
    }

    /// `self + factor * other`.
    #[must_use]
    pub fn plus(&self, other: &Expr, factor: i64) -> Self {
        let mut sum = self.clone();
        sum.constant += factor * other.constant;
        for (&var, &c) in &other.terms {
            let entry = sum.terms.entry(var).or_insert(0);
            *entry += factor * c;
            if *entry == 0 {
                sum.terms.remove(&var);
            }
        }
        sum
    }

    /// `factor * self`.
    #[must_use]
    pub fn times(&self, factor: i64) -> Self {
        Expr::default().plus(self, factor)
    }

    /// The constant's value, if it is one.
    #[must_use]
    pub fn as_constant(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// The coefficient of a variable.
    #[must_use]
    pub fn coefficient(&self, var: Var) -> i64 {
        self.terms.get(&var).copied().unwrap_or(0)
    }

    fn split(&self, keep: impl Fn(Var, i64) -> bool) -> (Expr, Expr) {
        let (mut a, mut b) = (Expr::default(), Expr::default());
        for (&var, &c) in &self.terms {
            if keep(var, c) {
                a.terms.insert(var, c)
            } else {
                b.terms.insert(var, c)
            };
        }
        (a, b)
    }
}

/// What a named variable is.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    high: i64,
    in_loop: bool,
    by_component: bool,
    /// `Some((expression, divisor, is_remainder))` for the two halves of a division.
    division: Option<(Expr, i64, bool)>,
}

/// The variables of one kernel, and the shader lines that define the named ones.
#[derive(Clone, Debug, Default)]
pub struct Space {
    /// The number of values of [`Var::Row`].
    pub rows: i64,
    /// The number of values of [`Var::Col`].
    pub cols: i64,
    /// The vector width (1 or 4).
    pub width: i64,
    /// Whether [`Var::Comp`] belongs to [`Var::Col`] (else to [`Var::Row`]).
    pub comp_in_col: bool,
    named: Vec<Named>,
    divisions: BTreeMap<String, (usize, usize)>,
}

impl Space {
    /// A space of `rows x cols` loop values with vectors of `width` along the columns or the rows.
    #[must_use]
    pub fn new(rows: usize, cols: usize, width: i64, comp_in_col: bool) -> Self {
        Self { rows: rows as i64, cols: cols as i64, width, comp_in_col, ..Self::default() }
    }

    /// Whether the value of an expression changes within the reduction loop.
    #[must_use]
    pub fn in_loop(&self, expr: &Expr) -> bool {
        expr.terms.keys().any(|v| match v {
            Var::Row => false,
            Var::Col => true,
            Var::Comp => self.comp_in_col,
            Var::Named(ix) => self.named[*ix].in_loop,
        })
    }

    /// Whether the value of an expression differs between the components of a vector.
    #[must_use]
    pub fn by_component(&self, expr: &Expr) -> bool {
        expr.terms.keys().any(|v| match v {
            Var::Comp => true,
            Var::Named(ix) => self.named[*ix].by_component,
            _ => false,
        })
    }

    /// Makes a variable for a value the shader computes, in `0..=high`; with `by_component` it is `name_0 … name_3`.
    pub fn name(&mut self, name: &str, high: i64, in_loop: bool, by_component: bool) -> Expr {
        self.named.push(Named { name: name.to_owned(), high, in_loop, by_component, division: None });
        Expr::var(Var::Named(self.named.len() - 1))
    }

    fn high_of(&self, var: Var) -> i64 {
        match var {
            Var::Row => self.rows - 1,
            Var::Col => self.cols - 1,
            Var::Comp => self.width - 1,
            Var::Named(ix) => self.named[ix].high,
        }
    }

    /// The least and the greatest value.
    #[must_use]
    pub fn range(&self, expr: &Expr) -> (i64, i64) {
        expr.terms.iter().fold((expr.constant, expr.constant), |(lo, hi), (&var, &c)| {
            let far = c * self.high_of(var).max(0);
            if c > 0 { (lo, hi + far) } else { (lo + far, hi) }
        })
    }

    /// `expr` with recombined divisions.
    #[must_use]
    pub fn simplify(&self, expr: &Expr) -> Expr {
        let mut expr = expr.clone();
        'again: loop {
            for (&var, &c) in &expr.terms {
                let Var::Named(ix) = var else { continue };
                let Some((inner, n, true)) = &self.named[ix].division else { continue };
                let quotient =
                    self.named.iter().position(|v| matches!(&v.division, Some((e, m, false)) if e == inner && m == n));
                let Some(q) = quotient else { continue };
                if expr.coefficient(Var::Named(q)) == c * n {
                    let without = expr.plus(&Expr::var(var), -c).plus(&Expr::var(Var::Named(q)), -c * n);
                    expr = without.plus(inner, c);
                    continue 'again;
                }
            }
            return expr;
        }
    }

    /// Quotient and remainder by `n`, for an expression that is not negative.
    pub fn divide(&mut self, expr: &Expr, n: i64) -> (Expr, Expr) {
        let expr = self.simplify(expr);
        if n == 1 {
            return (expr, Expr::default());
        }
        // whole multiples of n leave
        let (multiple, mut rest) = expr.split(|_, c| c % n == 0);
        let mut quotient = Expr::constant(expr.constant.div_euclid(n));
        rest.constant = expr.constant.rem_euclid(n);
        for (&var, &c) in &multiple.terms {
            quotient.terms.insert(var, c / n);
        }
        let (lo, hi) = self.range(&rest);
        if lo >= 0 && hi < n {
            return (quotient, rest);
        }
        if lo < 0 {
            // the parts taken out keep the whole non-negative, but not the rest: divide it whole
            quotient = Expr::default();
            rest = expr;
        }
        // a component below the granularity of everything else does not reach the quotient
        let comp = rest.coefficient(Var::Comp);
        if comp == 1 && self.width > 1 && n % self.width == 0 {
            let base = rest.plus(&Expr::var(Var::Comp), -1);
            if base.constant % self.width == 0 && base.terms.values().all(|c| c % self.width == 0) {
                let (q, r) = self.divide(&base, n);
                return (quotient.plus(&q, 1), r.plus(&Expr::var(Var::Comp), 1));
            }
        }
        // a common factor cancels
        let g = rest.terms.values().fold(gcd(n, rest.constant), |g, &c| gcd(g, c));
        if g > 1 {
            let reduced =
                Expr { terms: rest.terms.iter().map(|(&v, &c)| (v, c / g)).collect(), constant: rest.constant / g };
            let (q, r) = self.divide(&reduced, n / g);
            return (quotient.plus(&q, 1), r.times(g));
        }
        let (q, r) = self.named_division(&rest, n);
        (quotient.plus(&q, 1), r)
    }

    fn named_division(&mut self, rest: &Expr, n: i64) -> (Expr, Expr) {
        let key = format!("{rest:?}/{n}");
        let (q, r) = if let Some(&known) = self.divisions.get(&key) {
            known
        } else {
            let (_, hi) = self.range(rest);
            let (in_loop, by_component) = (self.in_loop(rest), self.by_component(rest));
            let base = self.named.len();
            for (ix, high) in [(base, hi / n), (base + 1, (n - 1).min(hi))] {
                let division = Some((rest.clone(), n, ix != base));
                self.named.push(Named { name: String::new(), high, in_loop, by_component, division });
            }
            self.divisions.insert(key, (base, base + 1));
            (base, base + 1)
        };
        (Expr::var(Var::Named(q)), Expr::var(Var::Named(r)))
    }

    /// Takes a linear index apart into row-major coordinates.
    pub fn coordinates(&mut self, linear: &Expr, dims: &[usize]) -> Vec<Expr> {
        let mut coordinates = vec![Expr::default(); dims.len()];
        let mut left = self.simplify(linear);
        let first = dims.iter().position(|&d| d > 1);
        for axis in (0..dims.len()).rev() {
            if dims[axis] <= 1 {
                continue;
            }
            if Some(axis) == first {
                coordinates[axis] = left.clone();
                break;
            }
            let (q, r) = self.divide(&left, dims[axis] as i64);
            coordinates[axis] = r;
            left = q;
        }
        coordinates
    }

    /// The linear index of row-major coordinates.
    #[must_use]
    pub fn linear(&self, coordinates: &[Expr], dims: &[usize]) -> Expr {
        let mut stride = 1i64;
        let mut sum = Expr::default();
        for (c, &d) in coordinates.iter().zip(dims).rev() {
            if d != 1 {
                sum = sum.plus(c, stride);
            }
            stride *= d as i64;
        }
        self.simplify(&sum)
    }

    /// The WGSL text of an expression for one component, a `u32`.
    #[must_use]
    pub fn text(&self, expr: &Expr, component: usize) -> String {
        let mut out = String::new();
        let mut constant = expr.constant;
        for (&var, &c) in &expr.terms {
            if var == Var::Comp {
                constant += c * component as i64;
                continue;
            }
            let name = self.var_text(var, component);
            let term = if c.abs() == 1 { name } else { format!("{name} * {}u", c.unsigned_abs()) };
            if c < 0 {
                out = if out.is_empty() { format!("0u - {term}") } else { format!("{out} - {term}") };
            } else {
                out = if out.is_empty() { term } else { format!("{out} + {term}") };
            }
        }
        match (out.is_empty(), constant) {
            (true, c) => format!("{}u", c.rem_euclid(1 << 32)),
            (false, 0) => out,
            (false, c) if c > 0 => format!("{out} + {c}u"),
            (false, c) => format!("{out} - {}u", -c),
        }
    }

    fn var_text(&self, var: Var, component: usize) -> String {
        match var {
            Var::Row => "r".into(),
            Var::Col => "k".into(),
            Var::Comp => format!("{component}u"),
            Var::Named(ix) => {
                let named = &self.named[ix];
                match &named.division {
                    Some((inner, n, is_remainder)) => {
                        let op = if *is_remainder { '%' } else { '/' };
                        format!("(({}) {op} {n}u)", self.text(inner, component))
                    }
                    None if named.by_component => format!("{}_{component}", named.name),
                    None => named.name.clone(),
                }
            }
        }
    }

    /// Whether an expression is `base + component` with a base that is a multiple of the width: one vector load.
    #[must_use]
    pub fn is_vector(&self, expr: &Expr) -> bool {
        self.width > 1
            && expr.coefficient(Var::Comp) == 1
            && expr.constant % self.width == 0
            && expr
                .terms
                .iter()
                .all(|(&v, &c)| v == Var::Comp || (c % self.width == 0 && !self.by_component(&Expr::var(v))))
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(rows: i64) -> Space {
        Space::new(rows as usize, 1, 1, false)
    }

    #[test]
    fn a_reshape_there_and_back_is_seen_through() {
        let mut s = space(60);
        let i = Expr::var(Var::Row);
        let c = s.coordinates(&i, &[3, 4, 5]);
        assert_eq!(s.linear(&c, &[3, 4, 5]), i);
        let d = s.coordinates(&s.linear(&c, &[3, 4, 5]), &[6, 10]);
        assert_eq!(s.linear(&d, &[6, 10]), i);
    }

    #[test]
    fn broadcast_of_the_last_axis_is_a_vector_load() {
        let mut s = Space::new(25, 1, 4, false);
        let i = Expr::var(Var::Row).times(4).plus(&Expr::var(Var::Comp), 1);
        let c = s.coordinates(&i, &[5, 20]);
        assert!(s.is_vector(&c[1]), "{c:?}");
        assert!(!s.by_component(&c[0]));
        assert_eq!(s.linear(&c, &[5, 20]), i);
    }

    #[test]
    fn text_evaluates_to_the_coordinates() {
        let mut s = space(24);
        let i = Expr::var(Var::Row);
        let c = s.coordinates(&i, &[2, 3, 4]);
        let t = s.coordinates(&s.linear(&[c[2].clone(), c[0].clone(), c[1].clone()], &[4, 2, 3]), &[8, 3]);
        assert_eq!(s.text(&c[2], 0), "(r % 4u)".replace("(r", "((r)"));
        assert!(s.text(&t[0], 0).contains('r'));
    }
}
