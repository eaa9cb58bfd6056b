use super::*;
use crate::graph::Scatter;

#[test]
fn gather_and_selection() {
    let (x, v) = noise(10, [3, 4]);
    let index = host(&[2u32, 0, 1, 1, 0, 2, 2, 9], [2, 4]);
    let mut want: Vec<f64> = [2, 0, 1, 1, 0, 2, 2].iter().enumerate().map(|(i, &row)| v[row * 4 + i % 4]).collect();
    want.push(f64::NAN);
    check(&x.gather(0, &index), &[2, 4], &want);
    let rows = host(&[2i32, 2, 0], [3]);
    check(&x.index_select(0, &rows), &[3, 4], &[&v[8..], &v[8..], &v[..4]].concat());
    let grid = host(&[3u32, 0], [1, 2]);
    let columns: Vec<f64> = (0..3).flat_map(|r| [v[r * 4 + 3], v[r * 4]]).collect();
    check(&x.index_select(1, &grid), &[3, 1, 2], &columns);
    check(&x.index_select(0, &host(&[1u32], ())), &[4], &v[4..8]);
    check(&x.index_select(0, &host::<u32>(&[], [0])), &[0, 4], &[]);
}

#[test]
fn scatter_joins_in_order() {
    let base = host(&[10.0f32, 20.0, 30.0, 40.0, 50.0, 60.0], [3, 2]);
    let index = host(&[2u32, 0, 2, 2, 7, 1], [3, 2]);
    let source = host(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [3, 2]);
    check(&base.scatter(0, &index, &source, Scatter::Add), &[3, 2], &[10.0, 22.0, 30.0, 46.0, 54.0, 64.0]);
    check(&base.scatter(0, &index, &source, Scatter::Replace), &[3, 2], &[10.0, 2.0, 30.0, 6.0, 3.0, 4.0]);
    check(&base.scatter(0, &index, &source, Scatter::Min), &[3, 2], &[10.0, 2.0, 30.0, 6.0, 1.0, 4.0]);
    let flipped = host(&[1i32, -1, 0, 0, 1, 1], [3, 2]);
    check(&base.scatter(1, &flipped, &source, Scatter::Max), &[3, 2], &[10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
    check(&base.scatter(1, &flipped, &source, Scatter::Add), &[3, 2], &[10.0, 21.0, 37.0, 40.0, 50.0, 71.0]);
    let rows = host(&[2u32, 2, 5], [3]);
    check(&base.index_scatter(0, &rows, &source, Scatter::Add), &[3, 2], &[10.0, 20.0, 30.0, 40.0, 54.0, 66.0]);
    let columns = host(&[1u32, 1, 0], [3]);
    let wide = host(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], [3, 3]);
    let want = [13.0, 23.0, 36.0, 49.0, 59.0, 75.0];
    check(&base.index_scatter(1, &columns, &wide, Scatter::Add), &[3, 2], &want);
    let flags = host(&[false, true, false], [3]);
    let put = flags.index_scatter(0, &host(&[0u32], [1]), &host(&[true], [1]), Scatter::Replace);
    check(&put, &[3], &[1.0, 1.0, 0.0]);
    assert_eq!(put.dtype().unwrap(), crate::DType::Bool);
    let nothing = base.index_scatter(0, &host::<u32>(&[], [0]), &host::<f32>(&[], [0, 2]), Scatter::Add);
    check(&nothing, &[3, 2], &values(&base));
    assert!(error(&base.scatter(0, &index, &wide, Scatter::Add)).starts_with("scatter: index [3, 2]"));
    assert!(error(&base.scatter(0, &source, &source, Scatter::Add)).contains("index of dtype f32"));
    assert!(error(&base.index_scatter(0, &rows, &wide, Scatter::Add)).starts_with("index_scatter"));
    assert!(error(&base.scatter(0, &index, &index, Scatter::Add)).contains("a u32 source into a f32 base"));
}

#[test]
fn sorting_is_stable_and_puts_nan_at_the_end() {
    let x = host(&[2.0f32, f32::NAN, 1.0, 2.0, -1.0, 0.0], [2, 3]);
    let (sorted, order) = x.sort(1, false);
    check(&order, &[2, 3], &[2.0, 0.0, 1.0, 1.0, 2.0, 0.0]);
    check(&sorted, &[2, 3], &[1.0, 2.0, f64::NAN, -1.0, 0.0, 2.0]);
    check(&x.sort(0, true).0, &[2, 3], &[2.0, f64::NAN, 1.0, 2.0, -1.0, 0.0]);
    let (top, places) = x.top_k(2, 1, true);
    check(&top, &[2, 2], &[f64::NAN, 2.0, 2.0, 0.0]);
    check(&places, &[2, 2], &[1.0, 0.0, 0.0, 2.0]);
    check(&x.top_k(1, 1, false).0, &[2, 1], &[1.0, -1.0]);
    check(&host(&[true, false, true], [3]).argsort(0, false), &[3], &[1.0, 0.0, 2.0]);
    check(&host::<f32>(&[], [0]).sort(0, false).0, &[0], &[]);
    check(&host(&[3i32, 1, 3, 3, 2, 1], [2, 3]).unique_count(), &[], &[3.0]);
    check(&host(&[3i32], [1]).unique_count(), &[], &[1.0]);
    check(&host::<i32>(&[], [0]).unique_count(), &[], &[0.0]);
}

#[test]
fn compaction_by_mask() {
    let x = host(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
    let mask = x.rem(2.0).eq(0.0);
    check(&x.masked_select(&mask, 3), &[3], &[2.0, 4.0, 6.0]);
    check(&x.masked_select(&mask, 2), &[2], &[2.0, 4.0]);
    check(&x.masked_select(&mask, 8), &[8], &[2.0, 4.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    check(&mask.nonzero_sized(3), &[3, 2], &[0.0, 1.0, 1.0, 0.0, 1.0, 2.0]);
    let max = f64::from(u32::MAX);
    check(&host(&[0i32, 7], [2]).nonzero_sized(3), &[3, 1], &[1.0, max, max]);
    check(&host(&[1.0f32], ()).nonzero_sized(1), &[1, 0], &[]);
    check(&host::<f32>(&[], [0, 2]).nonzero_sized(1), &[1, 2], &[max, max]);
    assert!(error(&x.masked_select(&x, 1)).starts_with("masked_select: shape [2, 3] with a mask f32[2, 3]"));
}
