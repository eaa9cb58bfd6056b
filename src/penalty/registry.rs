//! The penalties on whole tensors that specifications and the catalogue know, and what their checks need.

use super::certificate::{Certified, Problem};
use super::functional::{Description, Functional, Whole};
use super::{Penalty, calculus, difference, matrix, set, sorted, spectral};
use std::sync::Arc;

/// What a specification says in words of its own: an option of a penalty on whole tensors.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Choice {
    /// The key.
    pub name: &'static str,
    /// What it is if not given.
    pub default: &'static str,
    /// What it does, and how it is written.
    pub meaning: &'static str,
}

/// The options of a specification, each given or its default.
pub(crate) struct Options<'a>(pub Vec<(&'static str, &'a str)>);

/// What is wrong with an option: its key, the message, the remedy.
pub(crate) struct Unfit {
    pub key: &'static str,
    pub message: String,
    pub hint: String,
}

impl Options<'_> {
    /// The text of an option.
    pub fn text(&self, key: &'static str) -> &str {
        let found = self.0.iter().find(|(k, _)| *k == key);
        found.map_or_else(|| panic!("bug: the option {key} is not declared"), |(_, text)| *text)
    }

    /// Whole numbers, written `0|1|2`.
    pub fn numbers(&self, key: &'static str) -> Result<Vec<usize>, Unfit> {
        let text = self.text(key);
        let each = text.split('|').map(|t| t.trim().parse::<usize>());
        each.collect::<Result<_, _>>().map_err(|_| Unfit {
            key,
            message: format!("{text:?} is no list of whole numbers"),
            hint: "write them like 0|1|2".into(),
        })
    }

    /// One whole number.
    pub fn number(&self, key: &'static str) -> Result<usize, Unfit> {
        match self.numbers(key)?[..] {
            [one] => Ok(one),
            _ => {
                let message = format!("{:?} is no whole number", self.text(key));
                Err(Unfit { key, message, hint: "one number".into() })
            }
        }
    }

    /// One of several words.
    pub fn word(&self, key: &'static str, words: &[&str]) -> Result<usize, Unfit> {
        let text = self.text(key);
        words.iter().position(|w| *w == text).ok_or_else(|| Unfit {
            key,
            message: format!("{key} = {text:?}"),
            hint: format!("one of {}", words.join(", ")),
        })
    }
}

/// The value in f64 of coefficients of a shape with given parameters, on the host, written from the formula; of a set how
/// far outside the coefficients are, in their unit.
pub(crate) type Mirror = fn(&[f64], &[usize], &[f64]) -> f64;

/// A penalty on whole tensors that is known by name.
pub(crate) struct Registered {
    pub of: &'static Description,
    pub options: &'static [Choice],
    pub build: fn(&Options<'_>) -> Result<Arc<dyn Functional>, Unfit>,
    /// Its value for the default options.
    pub mirror: Mirror,
    /// The shapes it is checked at.
    pub shapes: &'static [&'static [usize]],
    /// How the proximal operator is checked.
    pub prox: Computed,
}

impl Registered {
    /// With all defaults.
    pub fn penalty(&self) -> Penalty {
        match self.defaults() {
            Ok(of) => Penalty::whole(Whole::new(of)),
            Err(unfit) => Penalty::refused(self.of.name, unfit.message, unfit.hint),
        }
    }

    fn defaults(&self) -> Result<Arc<dyn Functional>, Unfit> {
        (self.build)(&Options(self.options.iter().map(|o| (o.name, o.default)).collect()))
    }

    /// How many iterations a proximal step takes where nothing else is said; 0 if it does not say.
    pub fn iterations(&self) -> usize {
        let own = self.options.iter().find(|o| o.name == "iterations");
        own.map_or(0, |o| o.default.parse().expect("bug: the default of iterations is a number"))
    }
}

/// How a proximal operator comes about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Computed {
    /// In a fixed number of operations: the reference bounds its error.
    Directly,
    /// By a decomposition of a matrix of that shape: the result is that of a matrix nearby, by this in the norm of Frobenius,
    /// relative to that of the coefficients. A set that is not convex may have a far other nearest point for it.
    Backward(fn(&[usize]) -> f64),
    /// By iterations or selections, at which the bounds of the reference grow: only laws are checked, by a certificate.
    Certified(fn(&Problem<'_>) -> Certified),
}

/// All, by topic.
pub(crate) fn registered() -> impl Iterator<Item = &'static Registered> {
    let all = [sorted::REGISTERED, difference::REGISTERED, spectral::REGISTERED, set::REGISTERED, matrix::REGISTERED];
    all.into_iter().flatten().copied()
}

/// What the check tries: the catalogue's, and examples of rules that make new ones.
pub(crate) fn checked() -> impl Iterator<Item = &'static Registered> {
    registered().chain(calculus::EXAMPLES.iter().copied())
}

/// The one of this name or alias.
pub(super) fn find(name: &str) -> Option<&'static Registered> {
    registered().find(|r| r.of.name == name || r.of.aliases.contains(&name))
}
