//! Matrix products.

use super::bare::Bare;
use super::{Noise, device, limits};
use half::{bf16, f16};
use ridgepoint::DType;
use ridgepoint::graph::Routine;
use ridgepoint::kernel::routine::{EPILOGUE_WORD, Epilogue, Source, lower};
use ridgepoint::kernel::{Limits, Lowered};

/// An operand: its layout, its words, its values as f64.
struct Filled {
    source: Source,
    words: Vec<u32>,
    values: Vec<f64>,
}

impl Filled {
    fn new(source: Source, noise: &mut Noise) -> Self {
        let reach = |axis: usize| (source.shape[axis].max(1) - 1) * source.strides[axis] as usize;
        let n = source.offset as usize + (0..3).map(reach).sum::<usize>() + 1;
        let floats: Vec<f32> = (0..n).map(|_| noise.float()).collect();
        let pairs = |bits: Vec<u16>| {
            bits.chunks(2).map(|p| u32::from(p[0]) | u32::from(*p.get(1).unwrap_or(&0)) << 16).collect::<Vec<_>>()
        };
        let (words, values) = match source.dtype {
            DType::F16 => {
                let h: Vec<_> = floats.iter().map(|&x| f16::from_f32(x)).collect();
                (pairs(h.iter().map(|x| x.to_bits()).collect()), h.iter().map(|x| x.to_f64()).collect())
            }
            DType::BF16 => {
                let h: Vec<_> = floats.iter().map(|&x| bf16::from_f32(x)).collect();
                (pairs(h.iter().map(|x| x.to_bits()).collect()), h.iter().map(|x| x.to_f64()).collect())
            }
            _ => (floats.iter().map(|x| x.to_bits()).collect(), floats.iter().map(|&x| f64::from(x)).collect()),
        };
        Self { source, words, values }
    }

    fn at(&self, index: [usize; 3]) -> f64 {
        let steps = (0..3).map(|axis| index[axis] * self.source.strides[axis] as usize).sum::<usize>();
        self.values[self.source.offset as usize + steps]
    }
}

fn check(name: &str, device: &Bare, limits: &Limits, a: Source, b: Source) -> Lowered {
    let mut noise = Noise(7);
    let case = format!("{name}: {a:?} x {b:?}");
    let [a, b] = [a, b].map(|s| Filled::new(s, &mut noise));
    let ([batch, m, k], n) = ([0, 1, 2].map(|i| a.source.shape[i]), b.source.shape[2]);
    let lowered = lower(&Routine::Matmul, &[a.source.clone(), b.source.clone()], limits, None).expect("lowers");
    let kernels: Vec<_> = lowered.dispatches.iter().map(|d| d.kernel.label.clone()).collect();
    let got = device.run(&lowered, &[a.words.clone(), b.words.clone()], batch * m * n);
    for (ix, word) in got.into_iter().enumerate() {
        let [i, r, c] = [ix / (m * n), ix / n % m, ix % n];
        let terms = (0..k).map(|q| a.at([i, r, q]) * b.at([i, q, c]));
        let (want, size) = terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + f64::abs(t)));
        // the contract of reference/tol.rs: at most min(k, 2048) roundings of an ulp each
        let bound = size * k.min(2048) as f64 * f64::from(f32::EPSILON);
        let error = (f64::from(f32::from_bits(word)) - want).abs();
        assert!(error <= bound, "{case} by {kernels:?} at {i}, {r}, {c}: {} not {want}", f32::from_bits(word));
    }
    lowered
}

/// A row-major `[batch, rows, cols]`.
fn rows(dtype: DType, shape: [usize; 3]) -> Source {
    Source::contiguous(dtype, &shape)
}

/// The same shape, columns first.
fn columns(dtype: DType, [b, r, c]: [usize; 3]) -> Source {
    let strides = vec![(r * c) as i64, 1, r as i64];
    Source { dtype, shape: vec![b, r, c], strides, offset: 0 }
}

const LADDER: [usize; 13] = [1, 2, 3, 4, 7, 15, 16, 17, 33, 63, 64, 65, 129];

#[test]
fn every_size_of_a_ladder_on_each_axis() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        for n in LADDER {
            for [m, n, k] in [[n, 5, 9], [6, n, 4], [3, 8, n], [n, n + 1, 12], [1, n, 21], [n, 1, 20], [1, 1, n]] {
                check(name, &device, &limits, rows(DType::F32, [1, m, k]), rows(DType::F32, [1, k, n]));
            }
        }
    }
}

#[test]
fn transposed_broadcast_and_offset_operands() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        for [batch, m, n, k] in [[3, 17, 20, 8], [2, 64, 68, 36], [2, 1, 9, 33], [4, 33, 1, 12], [5, 2, 3, 4]] {
            let a = [rows, columns].map(|layout| layout(DType::F32, [batch, m, k]));
            let b = [rows, columns].map(|layout| layout(DType::F32, [batch, k, n]));
            let strided =
                |s: &Source| Source { strides: s.strides.iter().map(|x| x * 3).collect(), offset: 5, ..s.clone() };
            let spread = |s: &Source| Source { strides: vec![0, s.strides[1], s.strides[2]], offset: 4, ..s.clone() };
            let ones = |s: &Source| Source { strides: vec![s.strides[0], 0, s.strides[2]], ..s.clone() };
            for x in &a {
                for y in &b {
                    check(name, &device, &limits, x.clone(), y.clone());
                    check(name, &device, &limits, x.clone(), spread(y));
                    check(name, &device, &limits, spread(x), y.clone());
                    check(name, &device, &limits, strided(x), y.clone());
                    check(name, &device, &limits, ones(x), strided(y));
                }
            }
        }
    }
}

#[test]
fn storage_floats_are_widened() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        for [m, n, k] in [[17, 13, 11], [32, 36, 20], [1, 16, 64], [1, 5, 7], [16, 1, 64], [130, 132, 9]] {
            for (x, y) in [(DType::F16, DType::F16), (DType::BF16, DType::F32), (DType::F32, DType::BF16)] {
                check(name, &device, &limits, rows(x, [1, m, k]), rows(y, [1, k, n]));
                check(name, &device, &limits, columns(x, [1, m, k]), columns(y, [1, k, n]));
            }
        }
    }
}

#[test]
fn large_and_long_products_in_every_layout() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        for [batch, m, n, k] in
            [[1, 150, 260, 31], [1, 128, 256, 24], [1, 9, 10, 5000], [1, 68, 72, 4200], [3, 130, 129, 10]]
        {
            for x in [rows, columns].map(|layout| layout(DType::F32, [batch, m, k])) {
                for y in [rows, columns].map(|layout| layout(DType::F32, [batch, k, n])) {
                    check(name, &device, &limits, x.clone(), y);
                }
            }
        }
        check(name, &device, &limits, rows(DType::F32, [1, 1, 300_001]), rows(DType::F32, [1, 300_001, 1]));
        check(name, &device, &limits, rows(DType::F32, [1, 1, 6 << 20]), rows(DType::F32, [1, 6 << 20, 1]));
        check(name, &device, &limits, rows(DType::F32, [1, 2, 1 << 20]), columns(DType::F32, [1, 1 << 20, 2]));
    }
}

#[test]
fn no_terms_give_zeros() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        for [m, n] in [[3, 5], [1, 7], [7, 1], [64, 64]] {
            check(name, &device, &limits, rows(DType::F32, [2, m, 0]), rows(DType::F32, [2, 0, n]));
        }
    }
}

/// `0.5 * acc + bias[col] + 1000 * batch + row`, the factor as a word.
#[test]
fn an_epilogue_sees_the_place_and_reads_its_buffers_and_words() {
    let Some(device) = device() else { return };
    let text = "@group(0) @binding(2) var<storage, read> bias: array<f32>;\n\
                fn epilogue(acc: f32, batch: u32, row: u32, col: u32) -> f32 {\n    \
                return bitcast<f32>(param(5u)) * acc + bias[col] + f32(batch * 1000u + row);\n}";
    let epilogue = Epilogue { wgsl: text.into(), reads: 1, writes: 0, extra_words: 6 };
    for (name, limits) in limits() {
        for [batch, m, n, k] in
            [[1, 20, 24, 8], [3, 5, 7, 4], [2, 6, 1, 8], [2, 1, 6, 8], [1, 8, 8, 3000], [2, 33, 66, 5]]
        {
            for broadcast in [false, true] {
                let mut noise = Noise(3);
                let a = Filled::new(rows(DType::F32, [batch, m, k]), &mut noise);
                let mut layout = rows(DType::F32, [batch, k, n]);
                if broadcast {
                    layout.strides[0] = 0;
                }
                let b = Filled::new(layout, &mut noise);
                let sources = [a.source.clone(), b.source.clone()];
                let mut lowered = lower(&Routine::Matmul, &sources, &limits, Some(&epilogue)).expect("lowers");
                let last = lowered.dispatches.last_mut().expect("has steps");
                last.words[EPILOGUE_WORD + 5] = 0.5f32.to_bits();
                let bias: Vec<f32> = (0..n).map(|_| noise.float()).collect();
                let words = bias.iter().map(|x| x.to_bits()).collect();
                let got = device.run(&lowered, &[a.words.clone(), b.words.clone(), words], batch * m * n);
                for (ix, word) in got.into_iter().enumerate() {
                    let [i, r, c] = [ix / (m * n), ix / n % m, ix % n];
                    let terms = (0..k).map(|q| a.at([i, r, q]) * b.at([i, q, c]));
                    let (want, size) = terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + f64::abs(t)));
                    let want = 0.5 * want + f64::from(bias[c]) + (i * 1000 + r) as f64;
                    // the sum, and three roundings of numbers below 1000 * batch + m + ...
                    let bound = (size * (k as f64 + 1.0) + 3.0 * (want.abs() + size + 1.0)) * f64::from(f32::EPSILON);
                    let error = (f64::from(f32::from_bits(word)) - want).abs();
                    assert!(error <= bound, "{name} {sources:?} at {i} {r} {c}: {} not {want}", f32::from_bits(word));
                }
            }
        }
    }
}

#[test]
fn layouts_that_cannot_merge_keep_their_batches() {
    let Some(device) = device() else { return };
    for (name, limits) in limits() {
        // planes of a with a gap between them: rows of neighbouring batches are not equidistant
        let mut a = rows(DType::F32, [3, 4, 8]);
        a.strides[0] = 40;
        let mut b = rows(DType::F32, [3, 8, 6]);
        b.strides[0] = 0;
        check(name, &device, &limits, a, b);
    }
}
