use super::*;

/// The elements that each result of a reduction over `axes` is made of.
fn groups(v: &[f64], shape: &[usize], axes: &[usize]) -> Vec<Vec<f64>> {
    let rest: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).map(|a| shape[a]).collect();
    let mut groups = vec![Vec::new(); rest.iter().product()];
    for ix in indices(shape) {
        let kept: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).map(|a| ix[a]).collect();
        groups[at(&rest, &kept)].push(v[at(shape, &ix)]);
    }
    groups
}

#[track_caller]
fn reduced(
    shape: &[usize],
    axes: &[usize],
    plain: impl Fn(&Tensor) -> Tensor,
    keep: impl Fn(&Tensor) -> Tensor,
    f: impl Fn(&[f64]) -> f64,
) {
    let (x, v) = noise(7, shape);
    let want: Vec<f64> = groups(&v, shape, axes).iter().map(|g| f(g)).collect();
    let (mut gone, mut kept) = (Vec::new(), Vec::new());
    for (a, &n) in shape.iter().enumerate() {
        kept.push(if axes.contains(&a) { 1 } else { n });
        if !axes.contains(&a) {
            gone.push(n);
        }
    }
    check_here(&plain(&x), &gone, &want);
    check_here(&keep(&x), &kept, &want);
}

/// Like [`check`]; the nodes carry the lines of the closures above.
#[track_caller]
fn check_here(t: &Tensor, shape: &[usize], want: &[f64]) {
    check(t, shape, want);
}

fn sum(g: &[f64]) -> f64 {
    g.iter().sum()
}
fn mean(g: &[f64]) -> f64 {
    sum(g) / g.len() as f64
}
fn var(g: &[f64], correction: f64) -> f64 {
    g.iter().map(|x| (x - mean(g)).powi(2)).sum::<f64>() / (g.len() as f64 - correction)
}
fn power(g: &[f64], p: f64) -> f64 {
    g.iter().map(|x| x.abs().powf(p)).sum::<f64>().powf(1.0 / p)
}
fn first(g: &[f64], better: impl Fn(f64, f64) -> bool) -> f64 {
    (1..g.len()).fold(0, |best, i| if better(g[i], g[best]) { i } else { best }) as f64
}

#[test]
fn reductions_over_every_set_of_axes() {
    for axes in [vec![], vec![0], vec![1], vec![2], vec![0, 2], vec![1, 2], vec![0, 1, 2]] {
        let (s, a) = ([2, 3, 4], &axes[..]);
        reduced(&s, a, |x| x.sum(a), |x| x.sum_keep(a), sum);
        reduced(&s, a, |x| x.prod(a), |x| x.prod_keep(a), |g| g.iter().product());
        reduced(&s, a, |x| x.max(a), |x| x.max_keep(a), |g| g.iter().copied().fold(f64::MIN, f64::max));
        reduced(&s, a, |x| x.min(a), |x| x.min_keep(a), |g| g.iter().copied().fold(f64::MAX, f64::min));
        reduced(&s, a, |x| x.mean(a), |x| x.mean_keep(a), mean);
        reduced(&s, a, |x| x.var(0, a), |x| x.var_keep(0, a), |g| var(g, 0.0));
        reduced(&s, a, |x| x.std(0, a), |x| x.std_keep(0, a), |g| var(g, 0.0).sqrt());
        reduced(&s, a, |x| x.norm(2.0, a), |x| x.norm_keep(2.0, a), |g| power(g, 2.0));
        reduced(&s, a, |x| x.norm(1.0, a), |x| x.norm_keep(1.0, a), |g| power(g, 1.0));
        reduced(
            &s,
            a,
            |x| x.norm(3.5, a),
            |x| x.norm_keep(0.5, a).mul(0.0).add(&x.norm_keep(3.5, a)),
            |g| power(g, 3.5),
        );
        reduced(&s, a, |x| x.logsumexp(a), |x| x.logsumexp_keep(a), |g| g.iter().map(|x| x.exp()).sum::<f64>().ln());
        reduced(&s, a, |x| x.gt(1.5).any(a), |x| x.gt(1.5).any_keep(a), |g| f64::from(g.iter().any(|&x| x > 1.5)));
        reduced(&s, a, |x| x.gt(-1.5).all(a), |x| x.gt(-1.5).all_keep(a), |g| f64::from(g.iter().all(|&x| x > -1.5)));
        let count = |g: &[f64]| g.iter().filter(|&&x| x > 0.0).count() as f64;
        reduced(&s, a, |x| x.gt(0.0).count_nonzero(a), |x| x.relu().count_nonzero_keep(a), count);
        reduced(&s, a, |x| x.argmax(a), |x| x.argmax_keep(a), |g| first(g, |x, y| x > y));
        reduced(&s, a, |x| x.argmin(a), |x| x.argmin_keep(a), |g| first(g, |x, y| x < y));
    }
    reduced(&[5, 2], &[0], |x| x.var(1, 0), |x| x.var_keep(1, 0..1), |g| var(g, 1.0));
}

#[test]
fn sets_of_axes_have_several_spellings() {
    let (x, v) = noise(8, [2, 3, 4]);
    let all: f64 = v.iter().sum();
    for t in [x.sum(..), x.sum(0..3), x.sum([2, 0, 1]), x.sum(vec![0, 1, 2]), x.sum_all(), x.sum(0..)] {
        check(&t, &[], &[all]);
    }
    assert_eq!(dims(&x.sum(1..)), [2]);
    check(&x.mean_all(), &[], &[all / 24.0]);
    check(&x.sum(3..), &[2, 3, 4], &v);
}

#[test]
fn nothing_has_its_own_sum() {
    let none = host::<f32>(&[], [0, 2]);
    check(&none.sum(0), &[2], &[0.0, 0.0]);
    check(&none.prod(0), &[2], &[1.0, 1.0]);
    check(&none.max(0), &[2], &[f64::NEG_INFINITY; 2]);
    check(&none.cast(DType::I32).min(0), &[2], &[f64::from(i32::MAX); 2]);
    check(&none.norm(2.0, 0), &[2], &[0.0, 0.0]);
    check(&none.logsumexp(0), &[2], &[f64::NEG_INFINITY; 2]);
    check(&none.any(0), &[2], &[0.0, 0.0]);
    check(&none.all(0), &[2], &[1.0, 1.0]);
    check(&none.count_nonzero(..), &[], &[0.0]);
    check(&none.sum(1), &[0], &[]);
    check(&none.mean(1), &[0], &[]);
    check(&none.cumsum(0), &[0, 2], &[]);
}

#[test]
fn norms_of_every_order() {
    let x = host(&[3.0f32, 0.0, -4.0], [3]);
    check(&x.norm(0.0, ..), &[], &[2.0]);
    check(&x.norm(f64::INFINITY, ..), &[], &[4.0]);
    check(&x.norm(f64::NEG_INFINITY, ..), &[], &[0.0]);
    check(&host(&[3.0f32, -4.0], [2]).norm(-1.0, ..), &[], &[1.0 / (1.0 / 3.0 + 0.25)]);
    assert!(error(&x.norm(f64::NAN, ..)).starts_with("norm: p is NaN"));
}

#[test]
fn large_arguments_neither_overflow_nor_cancel() {
    let x = host(&[1000.0f32, 1000.0, -f32::INFINITY], [3]);
    let lse = bounded(&x.logsumexp(..));
    assert!((lse.values[0] - (1000.0 + 2f64.ln())).abs() <= 1e-9 && lse.error(0) < 1e-2, "{lse:?}");
    let ends = host(&[f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY, 0.0], [2, 2]);
    check(&ends.logsumexp(1), &[2], &[f64::NEG_INFINITY, f64::INFINITY]);
    // A large mean: the textbook formula would lose all digits in f32.
    let far = bounded(&host(&[10_000.0f32, 10_001.0, 10_002.0], [3]).var(0, ..));
    assert!((far.values[0] - 2.0 / 3.0).abs() <= 1e-9 && far.error(0) < 0.1, "{far:?}");
}

#[test]
fn scans_run_along_any_axis() {
    let shape = [2, 3, 4];
    let (x, v) = noise(9, shape);
    for axis in 0..3 {
        let scan = |f: fn(f64, f64) -> f64| -> Vec<f64> {
            let mut y = v.clone();
            for ix in indices(&shape).into_iter().filter(|ix| ix[axis] > 0) {
                let mut before = ix.clone();
                before[axis] -= 1;
                y[at(&shape, &ix)] = f(y[at(&shape, &before)], v[at(&shape, &ix)]);
            }
            y
        };
        check(&x.cumsum(axis), &shape, &scan(|a, b| a + b));
        check(&x.cumprod(axis), &shape, &scan(|a, b| a * b));
        check(&x.cummax(axis), &shape, &scan(f64::max));
        check(&x.cummin(axis), &shape, &scan(f64::min));
        let decay = host(&[0.5f32], [1]);
        check(&decay.linear_recurrence(&x, axis), &shape, &scan(|a, b| 0.5 * a + b));
    }
    check(&host(&[1u32, 2, 3], [3]).cumsum(0), &[3], &[1.0, 3.0, 6.0]);
    assert!(error(&x.linear_recurrence(&host(&[1.0f32; 5], [5]), 0)).contains("do not broadcast"));
}

#[test]
fn gradients_are_finite_at_zero() {
    let zero = host(&[0.0f32; 3], [3]);
    for loss in [zero.norm(2.0, ..), zero.norm(3.0, ..), zero.std(0, ..), zero.normalize(2.0, .., 1e-12).sum(..)] {
        let gradient = loss.grad(&[&zero]).unwrap();
        assert!(bounded(&gradient[0]).values.iter().all(|g| g.is_finite()), "{:?}", bounded(&gradient[0]).values);
    }
}
