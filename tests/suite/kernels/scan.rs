//! Scans and linear recurrences.

use super::bare::Bare;
use super::{Noise, device, limits};
use ridgepoint::DType;
use ridgepoint::graph::{Routine, Scan};
use ridgepoint::kernel::Limits;
use ridgepoint::kernel::routine::{Source, lower};

/// Around the ends of a chunk and of a chunk of chunks.
const LENGTHS: [usize; 18] =
    [1, 2, 3, 15, 16, 17, 64, 65, 255, 256, 257, 520, 521, 8200, 65_535, 65_536, 65_537, 70_001];

fn run(device: &Bare, limits: &Limits, routine: &Routine, dtype: DType, shape: [usize; 2], x: &[&[u32]]) -> Vec<u32> {
    let sources = vec![Source::contiguous(dtype, &shape); x.len()];
    let lowered = lower(routine, &sources, limits, None).expect("lowers");
    device.run(&lowered, &x.iter().map(|x| x.to_vec()).collect::<Vec<_>>(), shape[0] * shape[1])
}

fn rows_of(n: usize) -> usize {
    if n > 1000 { 2 } else { 70 }
}

fn greatest(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

#[test]
fn float_scans_match_plain_loops() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        for n in LENGTHS {
            let rows = rows_of(n);
            let mut noise = Noise(n as u64);
            for kind in [Scan::Sum, Scan::Prod, Scan::Max, Scan::Min] {
                // products stay near 1
                let shift = if kind == Scan::Prod { |x: f32| 1.0 + x / 4096.0 } else { |x: f32| x };
                let x: Vec<f32> = (0..rows * n).map(|_| shift(noise.float())).collect();
                let words: Vec<u32> = x.iter().map(|x| x.to_bits()).collect();
                let got = run(&device, &limits, &Routine::Scan(kind), DType::F32, [rows, n], &[&words]);
                for row in 0..rows {
                    let (mut sum, mut size) = (f64::NAN, 0.0);
                    for i in 0..n {
                        let v = f64::from(x[row * n + i]);
                        size += v.abs();
                        sum = match kind {
                            _ if i == 0 => v,
                            Scan::Sum => sum + v,
                            Scan::Prod => sum * v,
                            Scan::Max => greatest(sum, v),
                            Scan::Min => -greatest(-sum, -v),
                        };
                        // the contract of reference/tol.rs: at most min(i, 4096) roundings of an ulp each
                        let depth = i.min(4096) as f64 * f64::from(f32::EPSILON);
                        let bound = match kind {
                            Scan::Sum => size * depth,
                            Scan::Prod => 2.0 * sum.abs() * depth,
                            Scan::Max | Scan::Min => 0.0,
                        };
                        let value = f64::from(f32::from_bits(got[row * n + i]));
                        assert!(
                            (value - sum).abs() <= bound,
                            "{name} {kind:?} {rows}x{n} at {row}, {i}: {value} not {sum}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn integer_scans_wrap() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        for n in LENGTHS {
            let rows = rows_of(n);
            let mut noise = Noise(n as u64);
            let x: Vec<u32> = (0..rows * n).map(|_| noise.word()).collect();
            for (kind, dtype) in [
                (Scan::Sum, DType::U32),
                (Scan::Sum, DType::I32),
                (Scan::Prod, DType::I32),
                (Scan::Max, DType::U32),
                (Scan::Max, DType::I32),
                (Scan::Min, DType::U32),
                (Scan::Min, DType::I32),
            ] {
                let join = |a: u32, b: u32| match (kind, dtype) {
                    (Scan::Sum, _) => a.wrapping_add(b),
                    (Scan::Prod, _) => a.wrapping_mul(b),
                    (Scan::Max, DType::U32) => a.max(b),
                    (Scan::Min, DType::U32) => a.min(b),
                    (Scan::Max, _) => (a as i32).max(b as i32) as u32,
                    (Scan::Min, _) => (a as i32).min(b as i32) as u32,
                };
                let want: Vec<u32> = x
                    .chunks(n)
                    .flat_map(|row| {
                        row.iter().scan(None, |sum: &mut Option<u32>, &v| {
                            *sum = Some(sum.map_or(v, |s| join(s, v)));
                            *sum
                        })
                    })
                    .collect();
                let got = run(&device, &limits, &Routine::Scan(kind), dtype, [rows, n], &[&x]);
                assert!(got == want, "{name} {kind:?} {dtype} {rows}x{n}");
            }
        }
    }
}

#[test]
fn nan_and_infinity_pass_through_extrema() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        for (kind, low) in [(Scan::Max, f32::NEG_INFINITY), (Scan::Min, f32::INFINITY)] {
            for n in [5, 300, 66_000] {
                let mut x = vec![low; n];
                x[n / 2] = f32::NAN;
                let words: Vec<u32> = x.iter().map(|x| x.to_bits()).collect();
                let got = run(&device, &limits, &Routine::Scan(kind), DType::F32, [1, n], &[&words]);
                for (i, &word) in got.iter().enumerate() {
                    let v = f32::from_bits(word);
                    assert!(if i < n / 2 { v == low } else { v.is_nan() }, "{name} {kind:?} {n} at {i}: {v}");
                }
            }
        }
    }
}

fn recurrence(device: &Bare, limits: &Limits, [rows, n]: [usize; 2], a: &[f32], b: &[f32]) -> Vec<f32> {
    let [a, b] = [a, b].map(|x| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
    let got = run(device, limits, &Routine::LinRec, DType::F32, [rows, n], &[&a, &b]);
    got.into_iter().map(f32::from_bits).collect()
}

#[test]
fn recurrences_match_plain_loops() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        for n in LENGTHS {
            let rows = rows_of(n);
            let mut noise = Noise(n as u64);
            let a: Vec<f32> = (0..rows * n).map(|_| noise.float() * 1.25).collect();
            let b: Vec<f32> = (0..rows * n).map(|_| noise.float()).collect();
            let got = recurrence(&device, &limits, [rows, n], &a, &b);
            for row in 0..rows {
                let (mut y, mut size) = (0.0, 0.0);
                for i in 0..n {
                    let (p, q) = (f64::from(a[row * n + i]), f64::from(b[row * n + i]));
                    y = p * y + q;
                    size = p.abs() * size + q.abs();
                    // two roundings a step, at most, of the recurrence of absolute values
                    let bound = 2.0 * (i + 1).min(4096) as f64 * f64::from(f32::EPSILON) * size;
                    let value = f64::from(got[row * n + i]);
                    assert!((value - y).abs() <= bound, "{name} {rows}x{n} at {row}, {i}: {value} not {y}");
                }
            }
        }
    }
}

/// The product of the coefficients of a chunk overflows; the recurrence does not.
#[test]
fn a_recurrence_at_rest_stays_at_rest() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        let n = 3000;
        let mut b = vec![0.0; n];
        b[n - 2] = 3.0;
        let got = recurrence(&device, &limits, [1, n], &vec![2.0; n], &b);
        let want: Vec<f32> = (0..n).map(|i| [0.0, 3.0, 6.0][(i + 3).saturating_sub(n)]).collect();
        assert_eq!(got, want, "{name}");
    }
}
