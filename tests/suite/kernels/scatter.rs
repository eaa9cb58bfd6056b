//! Deterministic scatter.

use super::bare::Bare;
use super::{Noise, device, limits};
use ridgepoint::DType;
use ridgepoint::graph::{Routine, Scatter};
use ridgepoint::kernel::Limits;
use ridgepoint::kernel::routine::{Source, lower};

fn order_of(index: &[u32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..index.len() as u32).collect();
    order.sort_by_key(|&j| index[j as usize]);
    order
}

fn run(device: &Bare, limits: &Limits, kind: Scatter, dtype: DType, n: usize, words: &[Vec<u32>; 3]) -> Vec<u32> {
    let [base, index, source] = words;
    let (inner, m) = (base.len() / n, index.len());
    let layouts = [(dtype, vec![n, inner]), (DType::U32, vec![m]), (DType::U32, vec![m]), (dtype, vec![m, inner])];
    let layouts = layouts.map(|(dtype, shape)| Source::contiguous(dtype, &shape));
    let lowered = lower(&Routine::Scatter(kind), &layouts, limits, None).expect("lowers");
    let sources = [base.clone(), index.clone(), order_of(index), source.clone()];
    device.run(&lowered, &sources, base.len())
}

const SHAPES: [[usize; 3]; 11] = [
    [1, 1, 1],
    [3, 1, 0],
    [5, 2, 17],
    [64, 3, 63],
    [65, 5, 257],
    [7, 1, 1000],
    [300, 7, 4],
    [2, 33, 500],
    [1021, 3, 2000],
    [3, 2, 9000],
    [50, 1, 70_001],
];

#[test]
fn whatever_is_joined_comes_in_order_of_the_sources() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        for [n, inner, m] in SHAPES {
            let mut noise = Noise(m as u64);
            // a quarter of the indices is out of range
            let index: Vec<u32> = (0..m).map(|_| noise.below(n + n.div_ceil(3)) as u32).collect();
            let base: Vec<u32> = (0..n * inner).map(|_| noise.word()).collect();
            let source: Vec<u32> = (0..m * inner).map(|_| noise.word()).collect();
            for (kind, dtype) in [
                (Scatter::Add, DType::U32),
                (Scatter::Add, DType::I32),
                (Scatter::Max, DType::U32),
                (Scatter::Max, DType::I32),
                (Scatter::Min, DType::U32),
                (Scatter::Min, DType::I32),
                (Scatter::Replace, DType::U32),
                (Scatter::Replace, DType::F32),
            ] {
                let mut want = base.clone();
                for (j, &i) in index.iter().enumerate().filter(|(_, i)| (**i as usize) < n) {
                    for c in 0..inner {
                        let (y, x) = (&mut want[i as usize * inner + c], source[j * inner + c]);
                        *y = match (kind, dtype) {
                            (Scatter::Add, _) => y.wrapping_add(x),
                            (Scatter::Max, DType::U32) => x.max(*y),
                            (Scatter::Min, DType::U32) => x.min(*y),
                            (Scatter::Max, _) => (x as i32).max(*y as i32) as u32,
                            (Scatter::Min, _) => (x as i32).min(*y as i32) as u32,
                            (Scatter::Replace, _) => x,
                        };
                    }
                }
                let got = run(&device, &limits, kind, dtype, n, &[base.clone(), index.clone(), source.clone()]);
                assert!(got == want, "{name} {kind:?} {dtype} {n}x{inner} from {m}");
            }
        }
    }
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn float_sums_keep_their_chains_short() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        for [n, inner, m] in [[65, 5, 257], [2, 3, 500], [3, 2, 150_000], [1, 1, 1 << 20]] {
            let mut noise = Noise(m as u64);
            let index: Vec<u32> = (0..m).map(|_| noise.below(n + 1) as u32).collect();
            let base: Vec<f32> = (0..n * inner).map(|_| noise.float()).collect();
            // of one sign: errors do not cancel
            let source: Vec<f32> = (0..m * inner).map(|_| noise.float().abs() + 0.1).collect();
            let (mut want, mut count) = (base.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), vec![0; n]);
            let mut size: Vec<f64> = want.iter().map(|x| x.abs()).collect();
            for (j, &i) in index.iter().enumerate().filter(|(_, i)| (**i as usize) < n) {
                count[i as usize] += 1;
                for c in 0..inner {
                    let x = f64::from(source[j * inner + c]);
                    want[i as usize * inner + c] += x;
                    size[i as usize * inner + c] += x.abs();
                }
            }
            let got = run(&device, &limits, Scatter::Add, DType::F32, n, &[bits(&base), index, bits(&source)]);
            for (ix, word) in got.into_iter().enumerate() {
                // the contract of reference/tol.rs for sums: at most 2048 roundings of an ulp each
                let bound = f64::from(count[ix / inner].min(2048)) * f64::from(f32::EPSILON) * size[ix];
                let value = f64::from(f32::from_bits(word));
                assert!(
                    (value - want[ix]).abs() <= bound,
                    "{name} {n}x{inner} from {m} at {ix}: {value} not {}",
                    want[ix]
                );
            }
        }
    }
}

#[test]
fn extrema_of_floats_keep_nan() {
    let Some(device) = device() else { return };
    let base = [1.0, f32::NAN, f32::NEG_INFINITY, 5.0];
    let index = vec![0, 1, 2, 3, 3];
    let source = [f32::NAN, 2.0, f32::NEG_INFINITY, 7.0, 6.0];
    for (name, limits) in limits() {
        let got = run(&device, &limits, Scatter::Max, DType::F32, 4, &[bits(&base), index.clone(), bits(&source)]);
        let got: Vec<f32> = got.into_iter().map(f32::from_bits).collect();
        assert!(got[0].is_nan() && got[1].is_nan() && got[2..] == [f32::NEG_INFINITY, 7.0], "{name}: {got:?}");
    }
}
