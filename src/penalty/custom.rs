//! Functions and penalties brought along as WGSL text: they fuse, differentiate and are checked like the built-in ones.
//!
//! A [`Module`] is WGSL with one or more functions; every global name in it starts with the module's name. It is parsed
//! and validated at once, so a mistake is an error with line and column before anything runs. Each function gets its f64
//! *mirror*, written from the formula: the reference needs it to decide who is right.
//!
//! # A function with its derivative
//! ```no_run
//! # async fn example(device: &ridgepoint::Device) -> ridgepoint::Result<()> {
//! use ridgepoint::penalty::custom::Module;
//! let module = Module::new(
//!     "bump",
//!     "fn bump(x: f32) -> f32 { return x / (1.0 + x * x); }
//!      fn bump_slope(x: f32) -> f32 { let q = 1.0 + x * x; return (1.0 - x * x) / (q * q); }",
//! )?;
//! let slope = module.function("bump_slope", |a| (1.0 - a[0] * a[0]) / (1.0 + a[0] * a[0]).powi(2))?;
//! let bump = module.function("bump", |a| a[0] / (1.0 + a[0] * a[0]))?.derivative(0, &slope)?;
//! let x = device.tensor(&[0.5f32, -2.0], [2]);
//! let y = bump.call(&[&x])?; // a tensor like any other
//! # Ok(()) }
//! ```
//!
//! # A penalty
//! ```
//! use ridgepoint::penalty::custom::Module;
//! // the pinball penalty: slope tau above 0, tau - 1 below
//! let module = Module::new(
//!     "pinball",
//!     "fn pinball_value(x: f32, p: vec4<f32>) -> f32 { return select(p.x - 1.0, p.x, x > 0.0) * x; }
//!      fn pinball_grad(x: f32, p: vec4<f32>) -> f32 {
//!          if (x == 0.0) { return 0.0; }
//!          return select(p.x - 1.0, p.x, x > 0.0);
//!      }
//!      fn pinball_prox(x: f32, step: f32, p: vec4<f32>) -> f32 {
//!          if (x > step * p.x) { return x - step * p.x; }
//!          if (x < step * (p.x - 1.0)) { return x - step * (p.x - 1.0); }
//!          return 0.0;
//!      }",
//! )?;
//! let pinball = module
//!     .penalty(
//!         |x, p| x * if x > 0.0 { p[0] } else { p[0] - 1.0 },
//!         |x, p| if x == 0.0 { 0.0 } else if x > 0.0 { p[0] } else { p[0] - 1.0 },
//!         |x, step, p| x - x.clamp(step * (p[0] - 1.0), step * p[0]),
//!     )?
//!     .parameter("tau", 0.3)
//!     .convex()
//!     .build()?;
//! assert_eq!(pinball.to_string(), "pinball(tau=0.3)");
//!
//! let error = Module::new("typo", "fn typo(x: f32) -> f32 {\n    return y;\n}").unwrap_err();
//! assert!(error.to_string().contains("line 2, column 12"));
//! # Ok::<(), ridgepoint::Error>(())
//! ```

use super::profile::{Functions, Parameters};
use super::term::{Profile, Term};
use super::terms::Inner;
use super::{Penalty, Scalar};
use crate::error::{Error, Result, Site};
use crate::graph::{Arg, Derivative, Func, Mirror, Node, Snippet};
use crate::kernel::library;
use crate::tensor::Tensor;
use std::collections::HashMap;
use std::sync::Arc;

/// Rounding assumed of a user's function; see [`Function::rounding`].
const ULPS: f64 = 16.0;

/// WGSL text that was parsed and validated; see the module. It may call the functions of `shaders/lib`.
#[derive(Clone, Debug)]
pub struct Module {
    name: String,
    wgsl: String,
    signatures: HashMap<String, Option<Vec<Arg>>>,
}

impl Module {
    /// Parses and validates declarations.
    ///
    /// # Errors
    /// [`Error::Shader`] with line and column where the text does not compile, and where it declares a name that does not
    /// start with `name`, an entry point or a binding.
    #[track_caller]
    pub fn new(name: &str, wgsl: &str) -> Result<Module> {
        let mut letters = name.chars();
        let starts = letters.next().is_some_and(|c| c.is_ascii_lowercase());
        if !starts || letters.any(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')) {
            return Err(Error::argument(
                "custom",
                format!("the module name {name:?}"),
                "a letter, then letters, digits and underscores, all lower case",
                Site::here(),
            ));
        }
        let refuse = |message: String| Error::Shader { label: name.into(), message };
        // the caller's lines come first, so a place in the linked text is a place in theirs
        let linked = library::link(wgsl);
        let place = |location: Option<naga::SourceLocation>| match location {
            Some(at) => format!("line {}, column {}: ", at.line_number, at.line_position),
            None => String::new(),
        };
        let module = naga::front::wgsl::parse_str(&linked).map_err(|e| {
            let labels: Vec<&str> = e.labels().map(|(_, text)| text).filter(|t| !t.is_empty()).collect();
            let detail = if labels.is_empty() { String::new() } else { format!(" ({})", labels.join("; ")) };
            refuse(format!("{}{}{detail}", place(e.location(&linked)), e.message()))
        })?;
        let own = module_names(wgsl);
        if let Some((stray, line)) = own.iter().find(|(n, _)| !n.starts_with(name)) {
            return Err(refuse(format!(
                "line {line}: the name {stray:?} does not start with {name:?}; modules share one name space, rename it"
            )));
        }
        if !(module.entry_points.is_empty() && module.global_variables.is_empty() && module.overrides.is_empty()) {
            return Err(refuse(
                "entry points, global variables or overrides; give plain functions and constants".into(),
            ));
        }
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::default())
            .validate(&module)
            .map_err(|e| {
                // the last span is the innermost
                let at = e.spans().last().map(|(span, _)| span.location(&linked));
                refuse(format!("{}{}", place(at), cause(e.as_inner())))
            })?;
        let signatures = module.functions.iter().filter_map(|(_, f)| {
            let name = f.name.clone()?;
            own.iter().any(|(n, _)| *n == name).then(|| (name, signature(&module, f)))
        });
        Ok(Module { name: name.into(), wgsl: wgsl.into(), signatures: signatures.collect() })
    }

    /// A function of the text that takes one to four `f32` and gives `f32`, with its f64 mirror.
    ///
    /// # Errors
    /// No such function, or other arguments.
    pub fn function(&self, entry: &str, mirror: impl Fn(&[f64]) -> f64 + Send + Sync + 'static) -> Result<Function> {
        let args = self.entry(entry, |args| (1..=4).contains(&args.len()) && !args.contains(&Arg::Vec4), "f32, …")?;
        let n = args.len();
        Ok(Function(Arc::new(self.snippet(entry, args, Arc::new(mirror), vec![Derivative::Missing; n]))))
    }

    /// A penalty from the functions `<name>_value(x: f32, p: vec4<f32>)`, `<name>_grad(x: f32, p: vec4<f32>)` and
    /// `<name>_prox(x: f32, step: f32, p: vec4<f32>)` of the text, with their f64 mirrors.
    ///
    /// # Errors
    /// A function is missing or has other arguments.
    pub fn penalty(
        &self,
        value: impl Fn(f64, &Parameters) -> f64 + Send + Sync + 'static,
        grad: impl Fn(f64, &Parameters) -> f64 + Send + Sync + 'static,
        prox: impl Fn(f64, f64, &Parameters) -> f64 + Send + Sync + 'static,
    ) -> Result<Custom> {
        let (x, xs) = ([Arg::Scalar, Arg::Vec4], [Arg::Scalar, Arg::Scalar, Arg::Vec4]);
        for (suffix, takes, text) in [
            ("value", &x[..], "x: f32, p: vec4<f32>"),
            ("grad", &x[..], "x: f32, p: vec4<f32>"),
            ("prox", &xs[..], "x: f32, step: f32, p: vec4<f32>"),
        ] {
            self.entry(&format!("{}_{suffix}", self.name), |args| args == takes, text)?;
        }
        let p = |a: &[f64], at: usize| [a[at], a[at + 1], a[at + 2], a[at + 3]];
        let value: Mirror = Arc::new(move |a: &[f64]| value(a[0], &p(a, 1)));
        let grad: Mirror = Arc::new(move |a: &[f64]| grad(a[0], &p(a, 1)));
        let prox: Mirror = Arc::new(move |a: &[f64]| prox(a[0], a[1], &p(a, 2)));
        Ok(Custom {
            module: self.clone(),
            mirrors: [value, grad, prox],
            parameters: Vec::new(),
            convex: false,
            even: false,
            ulps: ULPS,
        })
    }

    fn entry(&self, entry: &str, fits: impl Fn(&[Arg]) -> bool, takes: &str) -> Result<Vec<Arg>> {
        let refuse = |message: String| Error::Shader { label: self.name.clone(), message };
        match self.signatures.get(entry) {
            None => Err(refuse(format!("there is no function {entry:?}"))),
            Some(Some(args)) if fits(args) => Ok(args.clone()),
            Some(_) => Err(refuse(format!("{entry:?} must be declared as ({takes}) -> f32"))),
        }
    }

    fn snippet(&self, entry: &str, args: Vec<Arg>, mirror: Mirror, derivatives: Vec<Derivative>) -> Snippet {
        Snippet {
            module: self.name.clone(),
            wgsl: self.wgsl.clone(),
            entry: entry.into(),
            args,
            mirror,
            derivatives,
            ulps: ULPS,
        }
    }
}

/// The innermost reason of a validation error: naga's outer ones only say where.
fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(inner) = at {
        text = format!("{text}: {inner}");
        at = inner.source();
    }
    text
}

/// What a function takes, if it is `f32` and `vec4<f32>` and it gives `f32`.
fn signature(module: &naga::Module, function: &naga::Function) -> Option<Vec<Arg>> {
    let arg = |ty| match module.types[ty].inner {
        naga::TypeInner::Scalar(naga::Scalar::F32) => Some(Arg::Scalar),
        naga::TypeInner::Vector { size: naga::VectorSize::Quad, scalar: naga::Scalar::F32 } => Some(Arg::Vec4),
        _ => None,
    };
    let gives = function.result.as_ref().and_then(|r| arg(r.ty));
    (gives == Some(Arg::Scalar)).then(|| function.arguments.iter().map(|a| arg(a.ty)).collect())?
}

/// The names a text that parses declares at its top level, with their lines.
fn module_names(wgsl: &str) -> Vec<(String, usize)> {
    let mut names = Vec::new();
    let (mut depth, mut after, mut comment) = (0i32, None::<&str>, 0);
    for (ix, line) in wgsl.lines().enumerate() {
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let word = rest.len() - rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len();
            let step = if comment == 0 && rest.starts_with("//") {
                break;
            } else if rest.starts_with("/*") {
                comment += 1;
                2
            } else if rest.starts_with("*/") {
                comment -= 1;
                2
            } else if comment > 0 || word == 0 {
                if comment == 0 {
                    depth += i32::from("{(".contains(c)) - i32::from("})".contains(c));
                }
                c.len_utf8()
            } else {
                let text = &rest[..word];
                if depth == 0 && after.take().is_some() {
                    names.push((text.to_string(), ix + 1));
                }
                if ["fn", "const", "struct", "alias"].contains(&text) && depth == 0 {
                    after = Some(text);
                }
                word
            };
            rest = &rest[step..];
        }
    }
    names
}

/// A user's scalar function; cheap to clone.
#[derive(Clone, Debug)]
pub struct Function(Arc<Snippet>);

impl Function {
    fn changed(&self, change: impl FnOnce(&mut Snippet)) -> Function {
        let old = &*self.0;
        let mut snippet = Snippet {
            module: old.module.clone(),
            wgsl: old.wgsl.clone(),
            entry: old.entry.clone(),
            args: old.args.clone(),
            mirror: old.mirror.clone(),
            derivatives: old.derivatives.clone(),
            ulps: old.ulps,
        };
        change(&mut snippet);
        Function(Arc::new(snippet))
    }

    /// The same function with its derivative by argument `arg`: another function of the same arguments.
    ///
    /// # Errors
    /// No such argument, or another number of arguments.
    #[track_caller]
    pub fn derivative(&self, arg: usize, by: &Function) -> Result<Function> {
        if arg >= self.0.arity() || by.0.args != self.0.args {
            return Err(Error::argument(
                "derivative",
                format!("{} by argument {arg} of {}", by.0.entry, self.0.entry),
                format!("{} has {} arguments, and its derivatives take the same", self.0.entry, self.0.arity()),
                Site::here(),
            ));
        }
        Ok(self.changed(|s| s.derivatives[arg] = Derivative::By(by.0.clone())))
    }

    /// The same function, constant (as far as differentiation is concerned) in argument `arg`.
    #[must_use]
    pub fn constant_in(&self, arg: usize) -> Function {
        self.changed(|s| {
            if let Some(slot) = s.derivatives.get_mut(arg) {
                *slot = Derivative::Zero;
            }
        })
    }

    /// The rounding of the WGSL, which the verification allows for (default: 16): it is exact at arguments moved by at
    /// most this many units in the last place each, to the same relative accuracy of the result.
    #[must_use]
    pub fn rounding(&self, ulps: f64) -> Function {
        self.changed(|s| s.ulps = ulps)
    }

    /// The function of every element of tensors of one shape (single numbers are repeated).
    ///
    /// # Errors
    /// Another number of tensors, or shapes that differ.
    #[track_caller]
    pub fn call(&self, args: &[&Tensor]) -> Result<Tensor> {
        let site = Site::here();
        let Some(first) = args.first() else {
            let hint = format!("it takes {}", self.0.arity());
            return Err(Error::argument(self.0.entry.clone(), "no arguments", hint, site));
        };
        let build = super::lift::Build { site };
        let nodes = Tensor::nodes(&self.0.entry, args, site)?;
        let nodes = nodes.iter().map(|n| build.float(n)).collect::<Result<Vec<_>>>()?;
        let shape = nodes.iter().max_by_key(|n| n.shape().rank()).map(|n| n.shape().clone()).unwrap_or_default();
        let nodes = nodes.iter().map(|n| build.broadcast(n, &shape)).collect::<Result<Vec<Node>>>()?;
        Tensor::new(first.device(), Node::map(Func::Call(self.0.clone()), nodes, site)).check()
    }
}

/// A user's penalty in the making; see [`Module::penalty`].
#[derive(Clone)]
pub struct Custom {
    module: Module,
    mirrors: [Mirror; 3],
    parameters: Vec<(String, f64)>,
    convex: bool,
    even: bool,
    ulps: f64,
}

impl Custom {
    /// Declares the next of at most four parameters and its value ([`Penalty::with`] changes it).
    #[must_use]
    pub fn parameter(mut self, name: &str, value: f64) -> Custom {
        self.parameters.push((name.into(), value));
        self
    }

    /// States that the value is convex.
    #[must_use]
    pub fn convex(mut self) -> Custom {
        self.convex = true;
        self
    }

    /// States that `value(-x) = value(x)`, so that it can act on the norms of groups.
    #[must_use]
    pub fn even(mut self) -> Custom {
        self.even = true;
        self
    }

    /// As [`Function::rounding`].
    #[must_use]
    pub fn rounding(mut self, ulps: f64) -> Custom {
        self.ulps = ulps;
        self
    }

    /// The penalty on elements; [`Penalty::grouped`] lifts it to groups.
    ///
    /// # Errors
    /// More than four parameters, or one that is not finite.
    #[track_caller]
    pub fn build(self) -> Result<Penalty> {
        let site = Site::here();
        if self.parameters.len() > 4 {
            let message = format!("{} parameters", self.parameters.len());
            return Err(Error::argument(self.module.name, message, "a penalty has at most four", site));
        }
        let [value, grad, prox] = self.mirrors;
        let profile = Profile {
            functions: Functions::custom(&self.module.name, &self.module.wgsl, value, grad, prox, self.ulps),
            name: self.module.name,
            parameters: self.parameters.iter().map(|(name, _)| vec![name.clone()]).collect(),
            convex: self.convex,
            even: self.even,
            homogeneous: false,
            description: None,
        };
        let parameters = self.parameters.iter().map(|(_, value)| Scalar::Number(*value)).collect();
        let term = Term { profile: Arc::new(profile), parameters, weight: None };
        if let Some((_, message)) = term.refuse() {
            return Err(Error::argument(term.profile.name.clone(), message, term.hint(), site));
        }
        Ok(Penalty::terms(Inner::elements(term)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, wgsl: &str) -> String {
        Module::new(name, wgsl).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_found_before_anything_runs() {
        assert!(refused("a", "fn a(x: f32) -> f32 {\n  return x +;\n}").contains("line 2, column 13"));
        assert!(refused("a", "fn a(x: f32) -> f32 {\n  return 1u;\n}").contains("line 2, column"));
        assert!(refused("a", "fn a() {}\nfn b() {}").contains("line 2: the name \"b\""));
        assert!(refused("A", "").contains("lower case"));
        assert!(refused("a", "@compute @workgroup_size(1) fn a_main() {}").contains("entry points"));
        assert!(refused("a", "var<private> a_x: f32;").contains("global variables"));
    }

    #[test]
    fn names_are_found_at_the_top_level_only() {
        let names = module_names(
            "/* fn z() */ fn a(x: f32) -> f32 { if (x < 1.0) { return 1.0; } return x; } // fn y\nconst c = 3;",
        );
        assert_eq!(names, [("a".to_string(), 1), ("c".to_string(), 2)]);
    }

    #[test]
    fn signatures_are_checked() {
        let module =
            Module::new("a", "fn a(x: vec4<f32>) -> f32 { return x.x; } fn a_value(x: f32) -> f32 { return x; }");
        let module = module.expect("valid");
        assert!(module.function("a", |_| 0.0).unwrap_err().to_string().contains("(f32, …) -> f32"));
        assert!(module.function("b", |_| 0.0).unwrap_err().to_string().contains("no function \"b\""));
        let error = module.penalty(|_, _| 0.0, |_, _| 0.0, |_, _, _| 0.0).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("x: f32, p: vec4<f32>"));
        assert!(module.function("a_value", |a| a[0]).is_ok());
    }
}
