//! Penalties on matrices against numbers by hand and from papers.

use crate::penalties::{device, read};
use ridgepoint::ops::Key;
use ridgepoint::penalty::matrix::{
    anchor, confidence, decorrelation, envelope, jacobian, orthogonal, sparsity, spectral,
};
use ridgepoint::{Result, Tensor};

/// 32 units in the last place: products and sums of fewer than ten terms.
const NEAR: f32 = 32.0 * f32::EPSILON;

fn near(what: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}");
    let size = want.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
    for (g, w) in got.iter().zip(want) {
        assert!((g - w).abs() <= NEAR * size, "{what}: {got:?}, not {want:?}");
    }
}

/// `U diag(s) V^T` with a turned basis on each side, of singular values 3, 2 and 0.5, `[4, 3]`.
fn known(d: &ridgepoint::Device) -> Tensor {
    let (c, s) = (0.6f32, 0.8f32);
    let u = d.tensor(&[c, -s, 0.0, s, c, 0.0, 0.0, 0.0, c, 0.0, 0.0, s], [4, 3]);
    let v = d.tensor(&[1.0, 0.0, 0.0, 0.0, c, -s, 0.0, s, c], [3, 3]);
    u.mul(d.tensor(&[3.0f32, 2.0, 0.5], [3])).matmul(&v.t())
}

#[test]
fn power_iteration_finds_the_two_greatest_singular_values() -> Result<()> {
    let d = device();
    let w = known(&d);
    let starts = [spectral::start(&w, Key::new(1)), spectral::start(&w, Key::new(2))];
    let found = spectral::gap(&w, [&starts[0], &starts[1]], 25);
    near("norm", &read(&found.first.norm), &[3.0]);
    near("second", &read(&found.second.norm), &[2.0]);
    near("gap", &read(&found.gap), &[1.0]);
    // the gradient of the greatest singular value is the product of its vectors
    let slope = read(&found.first.norm.grad(&[&w])?[0]);
    let outer: Vec<f32> = [0.6f32, 0.8, 0.0, 0.0].iter().flat_map(|u| [*u, 0.0, 0.0]).collect();
    near("gradient", &slope, &outer);
    // carried on, one turn keeps what was found
    near("carried", &read(&spectral::norm(&w, &found.first.right, 1).norm), &[3.0]);
    Ok(())
}

#[test]
fn power_iteration_of_nothing_is_nothing() {
    let d = device();
    let w = d.zeros([3, 2]);
    let found = spectral::norm(&w, &spectral::start(&w, Key::new(1)), 3);
    assert_eq!(read(&found.norm), [0.0]);
    assert_eq!(read(&found.right), [0.0, 0.0]);
    assert!(spectral::norm(&w, &d.zeros([3]), 3).norm.check().unwrap_err().to_string().contains("a vector [2]"));
    assert!(spectral::norm(&w, &d.zeros([2]), 0).norm.check().unwrap_err().to_string().contains("at least one turn"));
}

#[test]
fn orthonormal_columns_cost_nothing() {
    let d = device();
    let w = d.tensor(&[0.6f32, -0.8, 0.8, 0.6, 0.0, 0.0], [3, 2]);
    for cost in [orthogonal::soft(&w), orthogonal::mutual_coherence(&w)] {
        assert!(read(&cost)[0] <= NEAR);
    }
    // W W^T is a projection on two of three dimensions: I less it has norm 1
    near("double", &read(&orthogonal::double_soft(&w)), &[1.0]);
    let twice = w.mul(2.0);
    near("soft", &read(&orthogonal::soft(&twice)), &[18.0]);
    near("coherence", &read(&orthogonal::mutual_coherence(&twice)), &[3.0]);
    let start = d.tensor(&[1.0f32, 0.5], [2]);
    near("isometry", &read(&orthogonal::isometry(&twice, &start, 4).norm), &[3.0]);
    // a convolution's weights: output channels against all else
    near("convolution", &read(&orthogonal::soft(&twice.reshape([3, 2, 1, 1]))), &[18.0]);
    assert!(orthogonal::soft(&d.zeros([3])).check().unwrap_err().to_string().contains("shape [3]"));
}

#[test]
fn the_jacobian_of_a_linear_map_is_its_matrix() -> Result<()> {
    let d = device();
    let w = d.tensor(&[1.0f32, -2.0, 0.5, 3.0, 0.0, 1.5], [3, 2]);
    let x = d.tensor(&[0.3f32, -0.1, 0.7, 1.0, 2.0, -1.0], [2, 3]);
    let y = x.matmul(&w);
    // the unit vectors for both rows
    let units = d.eye(2, 2).reshape([2, 1, 2]).broadcast_to([2, 2, 2]);
    let exact = 1.0 + 4.0 + 0.25 + 9.0 + 2.25;
    near("exact", &read(&jacobian::along(&y, &x, &units)), &[exact]);
    near("slope", &read(&jacobian::along(&y, &x, &units).grad(&[&w])?[0]), &[2.0, -4.0, 1.0, 6.0, 0.0, 3.0]);
    // one output: any direction is the only one
    let single = x.matmul(&w.slice(1, ..1));
    near("single", &read(&jacobian::frobenius(&single, &x, 2, Key::new(3))), &[1.25]);
    // c ||v^T J||^2 lies between c times the eigenvalues of J J^T, 1.23 and 15.27: a deviation of 9.9 of each of 48
    let sampled = read(&jacobian::frobenius(&y, &x, 24, Key::new(3)))[0];
    assert!((sampled - exact).abs() < 4.0 * 9.9 / 48f32.sqrt(), "{sampled}");
    Ok(())
}

#[test]
fn anchors_pull_by_importance() {
    let d = device();
    let (w, at) = (d.tensor(&[1.0f32, 2.0, -1.0], [3]), d.tensor(&[0.0f32, 2.5, -1.0], [3]));
    let f = d.tensor(&[2.0f32, 4.0, 0.0], [3]);
    near("near", &read(&anchor::near(&at, 2.0).value(&w)), &[1.25]);
    let elastic = anchor::elastic(&at, &f, 0.5);
    near("value", &read(&elastic.value(&w)), &[0.75]);
    near("gradient", &read(&elastic.gradient(&w)), &[1.0, -1.0, 0.0]);
    near("prox", &read(&elastic.prox(&w, 1.0)), &[0.5, 2.0 + 1.0 / 3.0, -1.0]);
    assert_eq!(read(&elastic.optimality(&w, &elastic.gradient(&w).neg())), [0.0]);
    assert!(elastic.value(&d.zeros([2])).check().unwrap_err().to_string().contains("the anchor has shape [3]"));
    assert!(anchor::near(&at, -1.0).check().is_err());
    near("fisher", &read(&anchor::fisher(&d.tensor(&[1.0f32, 2.0, 3.0, 0.0], [2, 2]))), &[5.0, 2.0]);
    let carried = anchor::carried(&d.tensor(&[4.0f32], [1]), &d.tensor(&[2.0f32], [1]), 0.75);
    near("carried", &read(&carried), &[4.0]);
}

#[test]
fn features_are_decorrelated() {
    let d = device();
    let h = d.tensor(&[1.0f32, 2.0, -1.0, -2.0, 1.0, -2.0, -1.0, 2.0], [4, 2]);
    near("covariance", &read(&decorrelation::covariance(&h)), &[1.0, 0.0, 0.0, 4.0]);
    assert_eq!(read(&decorrelation::decov(&h)), [0.0]);
    let same = d.tensor(&[1.0f32, 2.0, -1.0, -2.0], [2, 2]);
    near("decov", &read(&decorrelation::decov(&same)), &[4.0]);
    near("angles", &read(&decorrelation::feature_orthogonality(&same)), &[2.0]);
    // equal views of uncorrelated features; variances 1 and 4 against the 1e-5 added to them
    let cost = read(&decorrelation::barlow(&h, &h, 0.1))[0];
    assert!((0.0..2e-10).contains(&cost), "{cost}");
    // opposite views: (1 + 1)^2 for each feature
    assert!((read(&decorrelation::barlow(&h, &h.neg(), 0.1))[0] - 8.0).abs() < 1e-3);
    assert!(decorrelation::barlow(&h, &same, 0.1).check().is_err());
    assert!(decorrelation::decov(&d.zeros([0, 3])).check().is_err());
}

#[test]
fn flops_are_cheapest_when_columns_are_used_evenly() -> Result<()> {
    let d = device();
    // one token of value 2 in all four documents, or in one of them
    let all = d.tensor(&[2.0f32, 0.0, 2.0, 0.0, 2.0, 0.0, 2.0, 0.0], [4, 2]);
    let once = d.tensor(&[2.0f32, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [4, 2]);
    near("all", &read(&sparsity::flops(&all)), &[4.0]);
    near("once", &read(&sparsity::flops(&once)), &[0.25]);
    near("weighted", &read(&sparsity::weighted_flops(&all, &d.tensor(&[0.5f32, 9.0], [2]))), &[2.0]);
    assert_eq!(read(&sparsity::flops(&all.zeros_like()).grad(&[&all])?[0]), [0.0; 8]);
    let idf = sparsity::idf(&d.tensor(&[1000.0f32, 1.0], [2]), 1000.0);
    near("idf", &read(&idf), &[0.000_499_6, 6.503_29]);
    near("price", &read(&sparsity::idf_price(&idf)), &[10.0, 0.500_038_4]);
    assert!(sparsity::weighted_flops(&all, &d.zeros([3])).check().unwrap_err().to_string().contains("one price"));
    Ok(())
}

#[test]
fn entropy_is_greatest_of_even_odds() -> Result<()> {
    let d = device();
    let even = d.zeros([2, 4]);
    near("even", &read(&confidence::entropy(&even)), &[4f32.ln(); 2]);
    near("mean", &read(&confidence::confidence(&even)), &[-(4f32.ln())]);
    let z = d.tensor(&[2.0f32.ln(), 0.0, 0.0], [1, 3]);
    // p = 1/2, 1/4, 1/4: H = 3/2 log 2, and -p (log p + H)
    near("odds", &read(&confidence::uncertainty(&z)), &[1.5 * 2f32.ln()]);
    let slope = read(&confidence::uncertainty(&z).grad(&[&z])?[0]);
    near("slope", &slope, &[-0.25 * 2f32.ln(), 0.125 * 2f32.ln(), 0.125 * 2f32.ln()]);
    // certain to the last bit, and finite
    let sure = d.tensor(&[500.0f32, -500.0, 0.0], [1, 3]);
    assert_eq!(read(&confidence::entropy(&sure)), [0.0]);
    Ok(())
}

#[test]
fn the_envelope_keeps_the_longest_rows() {
    let d = device();
    let w = d.tensor(&[3.0f32, 4.0, 6.0, 8.0, 0.3, 0.4, 0.0, 0.0], [4, 2]);
    for (k, value) in [(1, 120.125), (2, 65.125), (4, 62.625), (9, 62.625)] {
        near("value", &read(&envelope::group_envelope(k, 1.0).value(&w)), &[value]);
    }
    let one = envelope::group_envelope(1, 1.0);
    near("prox", &read(&one.prox(&w, 1.0)), &[0.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
    // as many rows as are not zero: ridge
    let ridge: Vec<f32> = read(&w).iter().map(|v| v / 3.0).collect();
    near("ridge", &read(&envelope::group_envelope(3, 2.0).prox(&w, 1.0)), &ridge);
    assert_eq!(read(&envelope::group_envelope(2, 0.0).prox(&w, 1.0)), read(&w));
    // equal rows share: u = 1/2 each, x = 1/2 / (1/2 + 1) v
    let ties = d.tensor(&[3.0f32, 0.0, 0.0, 3.0], [2, 2]);
    near("ties", &read(&one.prox(&ties, 1.0)), &[1.0, 0.0, 0.0, 1.0]);
    assert_eq!(read(&one.prox(&d.zeros([3, 2]), 1.0)), [0.0; 6]);
    assert!(envelope::group_envelope(0, 1.0).check().unwrap_err().to_string().contains("k = 0"));
    assert!(one.value(&d.scalar(1.0)).check().is_err());
}
