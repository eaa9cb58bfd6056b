//! The catalogue of penalties, for the `penalties` command and for programs that list them.

use super::registry::Mirror;
use super::separable::l1;
use super::{Choice, Parameter, Registered, Separable, all, registered, spectral};
use std::fmt;

/// One penalty of the catalogue.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name in specifications.
    pub name: String,
    /// Other names it answers to.
    pub aliases: Vec<String>,
    /// What it is good for.
    pub summary: String,
    /// The value as a formula.
    pub formula: String,
    /// Its numeric parameters.
    pub parameters: Vec<Parameter>,
    /// Whether it takes `groups` and `weights`.
    pub grouped: bool,
    /// What else it takes.
    pub options: Vec<Choice>,
    /// Whether the value is convex.
    pub convex: bool,
    /// Whether it is the indicator of a set, on whole tensors.
    pub set: bool,
    /// Who else has it, under which name; empty if nobody is known to.
    pub elsewhere: String,
    /// Where it was published.
    pub source: String,
    /// Its functions of one number, if it is a sum of those.
    pub separable: Option<&'static Separable>,
    /// Its value of two numbers, if it is one on vectors or on singular values or eigenvalues.
    pub plane: Option<Plane>,
}

/// The value of a penalty on whole tensors where two numbers say all, for pictures.
#[derive(Clone, Copy, Debug)]
pub struct Plane {
    mirror: Mirror,
    diagonal: bool,
}

impl Plane {
    /// Of vectors of any length, and of what asks for singular values or eigenvalues.
    fn of(registered: &'static Registered) -> Option<Plane> {
        let vectors = registered.shapes.iter().filter(|shape| shape.len() == 1);
        let any = vectors.map(|shape| shape[0]).collect::<std::collections::BTreeSet<_>>().len() > 1;
        let diagonal = spectral::REGISTERED.iter().any(|r| r.of.name == registered.of.name);
        (any || diagonal).then_some(Plane { mirror: registered.mirror, diagonal })
    }

    /// The value of `[x, y]`, or of the matrix with this diagonal; of a set how far outside it is.
    #[must_use]
    pub fn value(self, x: f64, y: f64, parameters: &[f64]) -> f64 {
        if self.diagonal {
            (self.mirror)(&[x, 0.0, 0.0, y], &[2, 2], parameters)
        } else {
            (self.mirror)(&[x, y], &[2], parameters)
        }
    }

    /// What the two numbers are.
    #[must_use]
    pub fn axes(self) -> [&'static str; 2] {
        if self.diagonal { ["diagonal of a matrix: first", "second"] } else { ["first coefficient", "second"] }
    }
}

/// Every penalty that [`parse`](super::parse) knows: the separable ones, their versions on groups, those on whole tensors.
#[must_use]
pub fn catalogue() -> Vec<Entry> {
    let groups = all().filter(|of| of.even).map(grouped).chain([sparse_group_lasso()]);
    let singular = all().filter(|of| of.even).map(singular);
    all().map(separable).chain(groups).chain(singular).chain(registered().map(whole)).collect()
}

fn whole(registered: &'static Registered) -> Entry {
    let of = registered.of;
    Entry {
        name: of.name.into(),
        aliases: of.aliases.iter().map(ToString::to_string).collect(),
        summary: of.summary.into(),
        formula: of.formula.into(),
        parameters: of.parameters.to_vec(),
        grouped: false,
        options: registered.options.to_vec(),
        convex: of.convex,
        set: of.set,
        elsewhere: String::new(),
        source: of.source.into(),
        separable: None,
        plane: Plane::of(registered),
    }
}

fn separable(of: &'static Separable) -> Entry {
    Entry {
        name: of.name.into(),
        aliases: of.aliases.iter().map(ToString::to_string).collect(),
        summary: of.summary.into(),
        formula: format!("sum over elements of {}", of.formula),
        parameters: of.parameters.to_vec(),
        grouped: false,
        options: Vec::new(),
        convex: of.convex,
        set: false,
        elsewhere: of.elsewhere.into(),
        source: of.source.into(),
        separable: Some(of),
        plane: None,
    }
}

/// The l1 penalty has another name and another parameter on groups: the group lasso with its lambda.
fn grouped(of: &Separable) -> Entry {
    let lasso = of.name == "l1";
    let short = if lasso { "lasso" } else { of.name };
    let mut parameters = of.parameters.to_vec();
    let others = std::iter::once(of.name).chain(of.aliases.iter().copied()).filter(|n| *n != short);
    let (formula, source) = if lasso {
        parameters[0].name = "lambda";
        let source =
            "M. Yuan, Y. Lin, Model selection and estimation in regression with grouped variables, JRSS B 68 (2006)";
        ("sum over groups of weight lambda ||x_g||".into(), source.into())
    } else {
        let review = "J. Huang, P. Breheny, S. Ma, A selective review of group selection in high-dimensional models, \
                      Statist. Sci. 27 (2012)";
        let formula = format!("sum over groups of weight times the following at x = ||x_g||: {}", of.formula);
        (formula, format!("{}; on groups: {review}", of.source))
    };
    Entry {
        name: format!("group-{short}"),
        aliases: others.map(|n| format!("group-{n}")).collect(),
        summary: "the same on the Euclidean norms of groups: a group is zero or used as a whole".into(),
        formula,
        parameters,
        grouped: true,
        options: Vec::new(),
        convex: of.convex,
        set: false,
        elsewhere: if lasso { "skglm WeightedGroupL2, celer GroupLasso, PyProximal L21".into() } else { String::new() },
        source,
        separable: None,
        plane: None,
    }
}

fn singular(of: &'static Separable) -> Entry {
    let lewis = "A. Lewis, The convex analysis of unitarily invariant matrix functions, J. Convex Anal. 2 (1995)";
    Entry {
        name: format!("singular-{}", of.name),
        aliases: of.aliases.iter().map(|n| format!("singular-{n}")).collect(),
        summary: "the same on the singular values of matrices: low rank, as the penalty on elements is sparse".into(),
        formula: format!("sum over the singular values x of {}", of.formula),
        elsewhere: String::new(),
        source: format!("{}; on singular values: {lewis}", of.source),
        separable: None,
        ..separable(of)
    }
}

fn sparse_group_lasso() -> Entry {
    let (elements, groups) = (separable(&l1::PENALTY), grouped(&l1::PENALTY));
    Entry {
        name: "sparse-group-lasso".into(),
        aliases: Vec::new(),
        summary: "few groups, and few coefficients in each".into(),
        formula: "l1 ||x||_1 + sum over groups of weight lambda ||x_g||".into(),
        parameters: elements.parameters.into_iter().chain(groups.parameters).collect(),
        grouped: true,
        options: Vec::new(),
        convex: true,
        set: false,
        elsewhere: "PyProximal L21_plus_L1".into(),
        source:
            "N. Simon, J. Friedman, T. Hastie, R. Tibshirani, A sparse-group lasso, J. Comput. Graph. Stat. 22 (2013)"
                .into(),
        separable: None,
        plane: None,
    }
}

impl fmt::Display for Entry {
    /// A paragraph.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.aliases.is_empty() {
            write!(f, " ({})", self.aliases.join(", "))?;
        }
        writeln!(f, ": {}", self.summary)?;
        writeln!(f, "  value       {}", self.formula)?;
        for p in &self.parameters {
            writeln!(f, "  {:<11} {} {}, default {}, unit {}", p.name, p.meaning, p.range, p.default, p.unit)?;
        }
        if self.grouped {
            writeln!(f, "  groups      a partition of the coefficients, e.g. 0-3|4-7|8+10")?;
            writeln!(f, "  weights     one (default), root (of the group's size), or a list, e.g. 1|1.5|2")?;
        }
        for o in &self.options {
            writeln!(f, "  {:<11} {}, default {}", o.name, o.meaning, o.default)?;
        }
        writeln!(f, "  convex      {}", if self.convex { "yes" } else { "no" })?;
        if !self.elsewhere.is_empty() {
            writeln!(f, "  elsewhere   {}", self.elsewhere)?;
        }
        write!(f, "  source      {}", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn every_entry_can_be_parsed_under_all_its_names() {
        for entry in catalogue() {
            for name in std::iter::once(&entry.name).chain(&entry.aliases) {
                let groups = if entry.grouped { "(groups=0-1|2)" } else { "" };
                let penalty = parse(&format!("{name}{groups}")).unwrap_or_else(|e| panic!("{e}"));
                assert_eq!(penalty.is_convex(), entry.convex, "{name}");
                assert!(penalty.is_set() || !entry.set, "{name}");
                let spec = penalty.to_string();
                assert_eq!(parse(&spec).unwrap_or_else(|e| panic!("{e}")).to_string(), spec);
                for p in &entry.parameters {
                    assert_eq!(penalty.parameter(p.name), Some(p.default), "{name} {}", p.name);
                }
                assert!(entry.to_string().contains(&entry.formula));
            }
        }
    }
}
