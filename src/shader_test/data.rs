//! The numbers that bindings begin with and are expected to end with.

use super::layout::Layout;
use super::spec::{Number, Source};
use super::{Case, npy};
use crate::check::input::Random;
use naga::ScalarKind;

/// The numbers of a source, or `None` for an output, with the number of elements of the array at the end.
pub(super) fn numbers(case: &Case, source: &Source, layout: &Layout) -> Result<(Option<Vec<Number>>, usize), String> {
    let Source { range, random, fill, npy, output, .. } = source;
    let data = source.data();
    let ways = [data.is_some(), range.is_some(), random.is_some(), fill.is_some(), npy.is_some(), output.is_some()];
    if ways.iter().filter(|&&given| given).count() != 1 {
        return Err("exactly one of data, range, random, fill, npy and output says what it holds".into());
    }
    if let &Some(elements) = output {
        return Ok((None, if layout.is_open() { elements } else { 0 }));
    }
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
    } else if let Some(file) = npy {
        let path = case.beside(file);
        let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        npy::read(&bytes).map_err(|e| format!("{}: {e}", path.display()))?
    } else {
        Vec::new()
    };
    let elements = layout.elements(numbers.len())?;
    Ok((Some(numbers), elements))
}
