//! The numbers that bindings begin with and are expected to end with.

use super::layout::Layout;
use super::spec::{Number, Source};
use super::{Case, npy};
use crate::check::input::Random;
use naga::ScalarKind;
use std::path::Path;

/// What a source says.
pub(super) enum Content {
    Numbers(Vec<Number>),
    /// To be written, so many elements of the array at the end.
    Output(usize),
    /// The buffer of another variable.
    Alias(String),
}

/// The content that a source describes, for a variable of this layout.
pub(super) fn content(case: &Case, source: &Source, layout: &Layout) -> Result<Content, String> {
    let Source { range, random, fill, npy, output, alias, .. } = source;
    let data = source.data();
    let ways = [
        data.is_some(),
        range.is_some(),
        random.is_some(),
        fill.is_some(),
        npy.is_some(),
        output.is_some(),
        alias.is_some(),
    ];
    if ways.iter().filter(|&&given| given).count() != 1 {
        return Err("exactly one of data, range, random, fill, npy, output and alias says what it holds".into());
    }
    if let &Some(elements) = output {
        return Ok(Content::Output(if layout.is_open() { elements } else { 0 }));
    }
    if let Some(other) = alias {
        return Ok(Content::Alias(other.clone()));
    }
    numbers(case, source, data, layout).map(Content::Numbers)
}

/// The numbers in a NumPy file beside the test.
pub(super) fn npy(case: &Case, file: &Path) -> Result<Vec<Number>, String> {
    let path = case.beside(file);
    let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    npy::read(&bytes).map_err(|e| format!("{}: {e}", path.display()))
}

fn numbers(case: &Case, source: &Source, data: Option<Vec<Number>>, layout: &Layout) -> Result<Vec<Number>, String> {
    let Source { range, random, fill, npy: file, .. } = source;
    let count = |count: Option<usize>| match (count, layout.is_open()) {
        (Some(elements), true) => Ok(layout.numbers(elements)),
        (None, false) => Ok(layout.numbers(0)),
        (None, true) => Err("`count` says how many elements its array has"),
        (Some(_), false) => Err("its size is fixed: `count` has no meaning"),
    };
    let numbers = if let Some(data) = data {
        data
    } else if let Some(range) = range {
        let number = |ix: usize| match (range.start, range.step) {
            (Number::Int(start), Number::Int(step)) => Number::Int(start + step * ix as i128),
            (start, step) => Number::Float(start.float() + step.float() * ix as f64),
        };
        (0..count(range.count)?).map(number).collect()
    } else if let Some(random) = random {
        let mut generator = Random::new(random.seed, "shader test");
        let (low, high) = (random.min.float(), random.max.float());
        let mut number = |ix: usize| {
            let x = generator.uniform(low, high);
            if layout.scalar(ix).kind == ScalarKind::Float { Number::Float(x) } else { Number::Int(x.floor() as i128) }
        };
        (0..count(random.count)?).map(&mut number).collect()
    } else if let Some(fill) = fill {
        vec![fill.value; count(fill.count)?]
    } else if let Some(file) = file {
        npy(case, file)?
    } else {
        Vec::new()
    };
    Ok(numbers)
}
