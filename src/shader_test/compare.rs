//! What came out against what should have.

use super::layout::Value;
use super::spec::Expect;
use std::fmt::Write as _;

/// Differences that are shown.
const SHOWN: usize = 8;

/// Whether two values are the same within what a test allows.
fn agrees(got: Value, want: Value, expect: &Expect, within: Option<f64>) -> bool {
    if got.bits == want.bits {
        return true;
    }
    let (x, y) = (got.float(), want.float());
    if got.is_float() && x.is_nan() && y.is_nan() {
        return true;
    }
    if let Some(bound) = within {
        return x == y || bound == f64::INFINITY || (x - y).abs() <= bound;
    }
    if expect.ulp.is_none() && expect.abs.is_none() && expect.rel.is_none() {
        // exact: but zero has two signs
        return got.is_float() && x == y;
    }
    if !x.is_finite() || !y.is_finite() {
        return x == y;
    }
    let near = expect.abs.unwrap_or(0.0) + expect.rel.unwrap_or(0.0) * y.abs();
    (x - y).abs() <= near || expect.ulp.is_some_and(|ulp| got.ulps(want) <= ulp)
}

/// The differences between a binding's values and what is expected of them, as a message. `within`: what each may differ by.
pub(super) fn compare(
    name: &str,
    got: &[Value],
    want: &[Value],
    expect: &Expect,
    within: Option<&[f64]>,
) -> Result<(), String> {
    let first = expect.first.unwrap_or(got.len()).min(got.len());
    let (mut got, mut want) = (got[..first].to_vec(), want[..want.len().min(first)].to_vec());
    if expect.unordered {
        for values in [&mut got, &mut want] {
            values.sort_by(|a, b| if a.is_float() { a.float().total_cmp(&b.float()) } else { a.int().cmp(&b.int()) });
        }
    }
    if got.len() != want.len() {
        return Err(format!(
            "`{name}` has {} numbers, {} are expected (`first` compares fewer)",
            got.len(),
            want.len()
        ));
    }
    if within.is_some_and(|bounds| expect.unordered || bounds.len() < got.len()) {
        return Err(format!("`{name}`: `within` has a bound for each number, in their order"));
    }
    let bound = |ix: usize| within.map(|bounds| bounds[ix]);
    let wrong: Vec<usize> = (0..got.len()).filter(|&ix| !agrees(got[ix], want[ix], expect, bound(ix))).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let mut text = format!("`{name}`: {} of {} numbers are not as expected", wrong.len(), got.len());
    for &ix in wrong.iter().take(SHOWN) {
        let (got, want) = (got[ix], want[ix]);
        let off = got.float() - want.float();
        let ulps = got.ulps(want);
        // writing to a string cannot fail
        let _ = write!(text, "\n  [{ix}] is {got}, expected {want} (off by {off:.3e}, {ulps} ulp)");
    }
    if wrong.len() > SHOWN {
        let _ = write!(text, "\n  and {} more", wrong.len() - SHOWN);
    }
    Err(text)
}

/// Whether every value is one of a set.
pub(super) fn one_of(name: &str, got: &[Value], legal: &[Value], expect: &Expect) -> Result<(), String> {
    let first = expect.first.unwrap_or(got.len()).min(got.len());
    match got[..first].iter().position(|&got| !legal.iter().any(|&legal| agrees(got, legal, expect, None))) {
        None => Ok(()),
        Some(ix) => {
            let legal: Vec<String> = legal.iter().map(ToString::to_string).collect();
            Err(format!("`{name}`: [{ix}] is {}, expected one of {}", got[ix], legal.join(", ")))
        }
    }
}
