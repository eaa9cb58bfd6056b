//! Stable argsort.

use super::{Noise, device, limits};
use ridgepoint::DType;
use ridgepoint::graph::Routine;
use ridgepoint::kernel::routine::{Source, lower};
use std::cmp::Ordering;

fn compare(dtype: DType, a: u32, b: u32) -> Ordering {
    match dtype {
        DType::F32 => {
            let (x, y) = (f32::from_bits(a), f32::from_bits(b));
            x.partial_cmp(&y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()))
        }
        DType::I32 => (a as i32).cmp(&(b as i32)),
        _ => a.cmp(&b),
    }
}

#[test]
fn every_length_and_dtype_both_ways() {
    let Some(device) = device() else { return };
    let special = [0.0, -0.0, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-40, -1e-40];
    for (name, limits) in limits() {
        for n in [1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 255, 256, 257, 1021, 1024, 4099, 16_384, 70_001] {
            let rows = if n > 1000 { 2 } else { 37 };
            for dtype in [DType::F32, DType::I32, DType::U32] {
                let mut noise = Noise(n as u64);
                // few values, so that there are ties; now and then any pattern
                let x: Vec<u32> = (0..rows * n)
                    .map(|_| match (noise.below(4), dtype) {
                        (0, _) => noise.word(),
                        (1, DType::F32) => special[noise.below(special.len())].to_bits(),
                        (_, DType::F32) => ((noise.float() * 20.0).round()).to_bits(),
                        _ => (noise.below(40) as u32).wrapping_sub(20),
                    })
                    .collect();
                for descending in [false, true] {
                    let source = Source::contiguous(dtype, &[rows, n]);
                    let lowered = lower(&Routine::ArgSort { descending }, &[source], &limits, None).expect("lowers");
                    let got = device.run(&lowered, std::slice::from_ref(&x), rows * n);
                    for (row, (x, got)) in x.chunks(n).zip(got.chunks(n)).enumerate() {
                        let mut want: Vec<u32> = (0..n as u32).collect();
                        want.sort_by(|&i, &j| {
                            let ascending = compare(dtype, x[i as usize], x[j as usize]);
                            if descending { ascending.reverse() } else { ascending }
                        });
                        assert!(got == want, "{name} {dtype} {rows}x{n} descending {descending} row {row}");
                    }
                }
            }
        }
    }
}

/// So many rows that each is a chunk, and so few values that all but one digit are the same.
#[test]
fn whole_rows_are_sorted_by_digits() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        let (rows, n) = (80, 1500);
        let mut noise = Noise(7);
        let x: Vec<u32> = (0..rows * n).map(|_| (noise.below(5) as u32) << 20).collect();
        let source = Source::contiguous(DType::U32, &[rows, n]);
        let lowered = lower(&Routine::ArgSort { descending: false }, &[source], &limits, None).expect("lowers");
        let got = device.run(&lowered, std::slice::from_ref(&x), rows * n);
        for (row, (x, got)) in x.chunks(n).zip(got.chunks(n)).enumerate() {
            let mut want: Vec<u32> = (0..n as u32).collect();
            want.sort_by_key(|&i| x[i as usize]);
            assert!(got == want, "{name} row {row}");
        }
    }
}

/// Long rows take as many dispatches as their keys have digits, however long they are.
#[test]
fn a_million_takes_few_dispatches() {
    for (cpu, most) in [(true, 12), (false, 24)] {
        let limits = ridgepoint::kernel::Limits { cpu, ..ridgepoint::kernel::Limits::default() };
        for n in [1 << 20, 1 << 23] {
            let source = Source::contiguous(DType::F32, &[1, n]);
            let lowered = lower(&Routine::ArgSort { descending: false }, &[source], &limits, None).expect("lowers");
            assert_eq!(lowered.dispatches.len(), most, "{n} elements");
        }
    }
}
