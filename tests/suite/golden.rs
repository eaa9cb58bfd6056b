//! Values and proximal operators of other libraries (`assets/golden/penalty.json`, made by `penalty.py` beside it).

use crate::penalties::{ULPS, device, reach, read};
use ridgepoint::penalty::{self, Parameters, Part};
use serde_json::Value;

struct Case {
    penalty: String,
    origin: String,
    step: f64,
    shape: Vec<usize>,
    x: Vec<f64>,
    /// One number per element, one in all, or none.
    value: Vec<f64>,
    /// None where what the library gives is no minimiser.
    prox: Vec<Option<f64>>,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string("assets/golden/penalty.json").expect("the golden file is there");
    let all: Value = serde_json::from_str(&text).expect("the golden file is JSON");
    let text = |v: &Value| v.as_str().expect("a string").to_owned();
    let numbers = |v: &Value| -> Vec<f64> {
        match v {
            Value::Array(list) => list.iter().map(|n| n.as_f64().expect("a number")).collect(),
            Value::Number(n) => vec![n.as_f64().expect("a number")],
            _ => Vec::new(),
        }
    };
    let case = |v: &Value| Case {
        penalty: text(&v["penalty"]),
        origin: text(&v["origin"]),
        step: v["step"].as_f64().expect("a number"),
        shape: numbers(&v["shape"]).into_iter().map(|n| n as usize).collect(),
        x: numbers(&v["x"]),
        value: numbers(&v["value"]),
        prox: v["prox"].as_array().expect("a list").iter().map(Value::as_f64).collect(),
    };
    all["cases"].as_array().expect("a list").iter().map(case).collect()
}

/// What the penalty of a separable case is, as numbers.
fn element(case: &Case) -> Option<Part> {
    let penalty = penalty::parse(&case.penalty).unwrap_or_else(|e| panic!("{e}"));
    let parts = penalty.parts().ok()?;
    parts.elements.filter(|_| parts.groups.is_none())
}

#[test]
fn separable_penalties_agree_with_other_libraries() {
    let device = device();
    let mut compared = 0;
    for case in cases() {
        let Some(Part { of, parameters, .. }) = element(&case) else { continue };
        let n_parameters = of.parameters.len();
        let x: Vec<f32> = case.x.iter().map(|&v| v as f32).collect();
        let penalty = penalty::parse(&case.penalty).expect("parsed above");
        let shrunk = read(&penalty.prox(&device.tensor(&x, case.shape.clone()), case.step));
        let full = |p: &[f64]| -> Parameters {
            let mut all = [0.0; 4];
            all[..p.len()].copy_from_slice(p);
            all
        };
        for (ix, &x) in case.x.iter().enumerate() {
            let told = |what: &str, theirs: f64, ours: f64, (low, high): (f64, f64)| {
                let agree = (low..=high).contains(&theirs) && (low..=high).contains(&ours);
                assert!(agree, "{} {what}({x}): {theirs} of {}, {ours} of ours, [{low}, {high}]", of.name, case.origin);
            };
            let p = &parameters[..n_parameters];
            let at: Vec<f64> = std::iter::once(x).chain(p.iter().copied()).collect();
            let range = reach(&at, ULPS, |a| (of.value)(a[0], &full(&a[1..])));
            told("value", case.value[ix], (of.value)(x, &parameters), range);
            let at: Vec<f64> = [x, case.step].into_iter().chain(p.iter().copied()).collect();
            if let Some(theirs) = case.prox[ix] {
                let range = reach(&at, ULPS, |a| (of.prox)(a[0], a[1], &full(&a[2..])));
                told("prox", theirs, f64::from(shrunk[ix]), range);
                compared += 1;
            }
        }
    }
    assert!(compared > 1500, "{compared} proxes are compared");
}

#[test]
fn other_penalties_agree_with_other_libraries() {
    let device = device();
    let mut compared = 0;
    for case in cases() {
        if element(&case).is_some() {
            continue;
        }
        let penalty = penalty::parse(&case.penalty).unwrap_or_else(|e| panic!("{e}"));
        let x: Vec<f32> = case.x.iter().map(|&v| v as f32).collect();
        let x = device.tensor(&x, case.shape.clone());
        // sums of all elements, each of their roundings relative to the greatest
        let greatest = case.x.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let unit = (ULPS + case.x.len() as f64) * f64::from(f32::EPSILON);
        if let [theirs] = case.value[..] {
            let ours = f64::from(read(&penalty.value(&x))[0]);
            assert!((ours - theirs).abs() <= unit * theirs.abs(), "{}: {theirs}, ours {ours}", case.origin);
        }
        for (ours, theirs) in read(&penalty.prox(&x, case.step)).iter().zip(&case.prox) {
            let theirs = theirs.expect("whole tensors have no gaps");
            let apart = (f64::from(*ours) - theirs).abs();
            assert!(apart <= unit * greatest, "{}: {theirs}, ours {ours}", case.origin);
        }
        compared += 1;
    }
    assert!(compared >= 14, "{compared} cases");
}
