//! Hand-written algorithms against plain loops, through the whole engine.

use ridgepoint::kernel::Tune;
use ridgepoint::ops::{Attention, Conv};
use ridgepoint::run::Kernels;
use ridgepoint::{DType, Device, Result, Tensor};

fn device() -> Result<Device> {
    Device::open_blocking(Default::default())
}

/// Awkward but reproducible numbers.
fn numbers(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

#[test]
fn products_of_all_small_sizes_are_verified() -> Result<()> {
    let device = device()?;
    for (m, k, n) in
        [(1, 1, 1), (1, 7, 5), (5, 7, 1), (3, 0, 4), (17, 33, 65), (64, 64, 64), (65, 129, 31), (2, 300, 3)]
    {
        let a = device.tensor(&numbers(m * k, 1), [m, k]);
        let b = device.tensor(&numbers(k * n, 2), [k, n]);
        let c = a.matmul(&b);
        let transposed = b.t().matmul(&a.t());
        let report = device.verify_blocking(&[&c, &transposed])?;
        assert!(report.passed(), "{m}x{k}x{n}: {report}");
    }
    Ok(())
}

/// Large enough for lines to be walked side by side; one whose lines are not, and one of three axes.
#[test]
fn large_transposes_move_every_number() -> Result<()> {
    for device in families() {
        for (shape, axes) in [([1, 512, 256], [0, 2, 1]), ([1, 510, 260], [0, 2, 1]), ([4, 64, 512], [2, 1, 0])] {
            let x = numbers(shape.iter().product(), 5);
            let y = device.tensor(&x, shape).permute(axes) * 2.0;
            let got = y.read_blocking::<f32>()?;
            let to = axes.map(|a| shape[a]);
            for (ix, value) in got.iter().enumerate() {
                let at = [ix / (to[1] * to[2]), ix / to[2] % to[1], ix % to[2]];
                let mut from = [0; 3];
                axes.iter().zip(at).for_each(|(&axis, place)| from[axis] = place);
                let want = 2.0 * x[(from[0] * shape[1] + from[1]) * shape[2] + from[2]];
                assert!(*value == want, "{shape:?} by {axes:?}, element {ix}: {value} not {want}");
            }
        }
    }
    Ok(())
}

/// Rows and columns of all lengths around the runs that a lane takes, and k around the stretches it is cut into.
#[test]
fn products_with_a_vector_are_verified() -> Result<()> {
    for device in families() {
        for (k, n) in [(1, 16), (130, 20), (127, 64), (128, 72), (1000, 48), (4100, 16), (140_000, 8)] {
            let (a, b) = (device.tensor(&numbers(k, 1), [1, k]), device.tensor(&numbers(k * n, 2), [k, n]));
            let row = a.matmul(&b) + 0.5;
            let column = b.t().matmul(&a.t());
            let report = device.verify_blocking(&[&row, &column])?;
            assert!(report.passed(), "{k} by {n}: {report}");
        }
    }
    Ok(())
}

#[test]
fn a_dense_layer_is_one_dispatch() -> Result<()> {
    let device = device()?;
    let (x, w, b) = (
        device.tensor(&numbers(96 * 40, 3), [96, 40]),
        device.tensor(&numbers(40 * 24, 4), [40, 24]),
        device.tensor(&numbers(24, 5), [24]),
    );
    let y = (x.matmul(&w) + &b).tanh();
    let before = device.stats().dispatches;
    y.eval()?;
    assert_eq!(device.stats().dispatches - before, 1);
    let report = device.verify_blocking(&[&y])?;
    assert!(report.passed(), "{report}");
    Ok(())
}

#[test]
fn scans_over_sizes_around_the_chunk() -> Result<()> {
    let device = device()?;
    for n in [1, 2, 255, 256, 257, 1000, 65_536, 65_537] {
        let rows = if n > 1000 { 1 } else { 3 };
        let x = device.tensor(&numbers(rows * n, 6), [rows, n]);
        let all = [x.cumsum(1), (&x * 0.01 + 1.0).cumprod(1), x.cummax(1), x.cummin(1)];
        let report = device.verify_blocking(&all.iter().collect::<Vec<_>>())?;
        assert!(report.passed(), "{rows}x{n}: {report}");
        let recurrence = (&x * 0.5).linear_recurrence(&x, 1);
        let report = device.verify_blocking(&[&recurrence])?;
        assert!(report.passed(), "recurrence {rows}x{n}: {report}");
    }
    Ok(())
}

#[test]
fn sorting_is_stable_and_puts_nan_last() -> Result<()> {
    let device = device()?;
    for n in [1, 2, 15, 16, 17, 33, 255, 256, 257, 5000] {
        let mut x: Vec<f32> = numbers(2 * n, 7).iter().map(|v| (v * 8.0).round()).collect();
        x[n / 2] = f32::NAN;
        x[0] = -0.0;
        for descending in [false, true] {
            let got = device.tensor(&x, [2, n]).argsort(1, descending).read_blocking::<u32>()?;
            for row in 0..2 {
                let key = |i: &u32| {
                    let v = x[row * n + *i as usize];
                    let v = if v.is_nan() { f64::INFINITY } else { f64::from(v) };
                    if descending { -v } else { v }
                };
                let mut want: Vec<u32> = (0..n as u32).collect();
                want.sort_by(|a, b| key(a).partial_cmp(&key(b)).expect("no NaN is left"));
                assert_eq!(got[row * n..][..n], want, "n {n}, row {row}, descending {descending}");
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_of_gathers_add_what_meets() -> Result<()> {
    let device = device()?;
    let table = device.tensor(&numbers(50 * 6, 8), [50, 6]);
    let picks: Vec<u32> = (0..200).map(|i| (i * i * 7 + 3) % 50).collect();
    let index = device.tensor(&picks, [200]);
    let rows = table.index_select(0, &index);
    let loss = rows.square().sum_all();
    let gradient = loss.grad(&[&table])?.remove(0);
    assert_eq!(gradient.dtype()?, DType::F32);
    let report = device.verify_blocking(&[&rows, &gradient])?;
    assert!(report.passed(), "{report}");
    Ok(())
}

/// The gradient of an activation needs what goes into it: the product's kernel stores that too.
#[test]
fn layers_with_activations_and_their_gradients_agree_in_few_kernels() {
    for form in [Kernels::Auto, Kernels::Processor, Kernels::Graphics] {
        for device in crate::devices(form) {
            for (batch, inputs, hidden) in [(5, 3, 7), (33, 20, 18), (64, 48, 64), (1, 40, 12), (16, 2000, 10)] {
                let filled = |shape: &[usize], scale: f64| {
                    let n = shape.iter().product();
                    device.iota(n, DType::F32).mul(2.3).sin().mul(scale).reshape(shape)
                };
                let (x, w) = (filled(&[batch, inputs], 1.0), filled(&[inputs, hidden], 0.7));
                let (b, v) = (filled(&[hidden], 0.1), filled(&[hidden, 4], 1.0));
                device.eval(&[&x, &w, &b, &v]).unwrap();
                for activation in [Tensor::relu, Tensor::tanh, Tensor::silu] {
                    let out = activation(&(x.matmul(&w) + &b)).matmul(&v);
                    let loss = out.square().sum_all();
                    let grads = loss.grad(&[&w, &b]).unwrap();
                    let report = device.verify_blocking(&[&loss, &grads[0], &grads[1]]).unwrap();
                    let what = format!("{batch}x{inputs}x{hidden}, {form:?} on {}", device.name());
                    assert!(report.passed(), "{what}: {:?}", report.verdicts);
                }
            }
        }
    }
}

#[test]
fn batches_whose_windows_are_many_are_convolved_in_pieces() -> Result<()> {
    // the windows of an image take 36 MB: three images are laid out at a time, then the fourth
    let device = device()?;
    let (images, channels, side) = (4, 4, 500);
    let x = device.tensor(&numbers(images * channels * side * side, 5), [images, channels, side, side]);
    let weight = device.tensor(&numbers(4 * channels * 9, 6), [4, channels, 3, 3]);
    let convolve = |x: &Tensor| x.conv2d(&weight, None, Conv { padding: [1, 1], ..Conv::default() });
    let together = convolve(&x);
    let before = device.stats().dispatches;
    let together = together.read_blocking::<f32>()?;
    let pieces = device.stats().dispatches - before;
    for k in 0..images {
        let before = device.stats().dispatches;
        let alone = convolve(&x.slice(0, k..k + 1)).read_blocking::<f32>()?;
        assert!(pieces > device.stats().dispatches - before, "{pieces} dispatches for all");
        assert_eq!(together[k * alone.len()..][..alone.len()], alone, "image {k}");
    }
    Ok(())
}

/// Every adapter, with the kernels of both device families.
fn families() -> impl Iterator<Item = Device> {
    [Kernels::Processor, Kernels::Graphics].into_iter().flat_map(crate::devices)
}

/// The same, attention always by its own kernels.
fn one_kernel() -> impl Iterator<Item = Device> {
    families().map(|device| {
        let tune = Tune { attention_products: false, ..device.limits().tune() };
        device.tuned(tune)
    })
}

#[test]
fn attention_is_what_its_formula_says() -> Result<()> {
    for device in families().chain(one_kernel()) {
        for (heads, shared, m, n, d, e) in [(4, 2, 33, 65, 20, 36), (2, 2, 64, 64, 64, 64), (1, 1, 3, 5, 3, 2)] {
            let q = device.tensor(&numbers(heads * m * d, 1), [heads, m, d]);
            let k = device.tensor(&numbers(shared * n * d, 2), [shared, n, d]);
            let v = device.tensor(&numbers(shared * n * e, 3), [shared, n, e]);
            let y = q.attention(&k, &v, &Attention::default());
            let repeat = |x: &Tensor, len| {
                let wide = x.reshape([shared, 1, n, len]).broadcast_to([shared, heads / shared, n, len]);
                wide.reshape([heads, n, len])
            };
            let scores = q.matmul(&repeat(&k, d).permute([0, 2, 1])) * (d as f64).sqrt().recip();
            let want = scores.softmax(2).matmul(&repeat(&v, e)).read_blocking::<f32>()?;
            for (got, want) in y.read_blocking::<f32>()?.iter().zip(want) {
                assert!((got - want).abs() < 1e-5, "{heads} heads of {m}x{n}: {got} not {want}");
            }
            let grads = y.square().sum_all().grad(&[&q, &k, &v])?;
            let report = device.verify_blocking(&[&y, &grads[0], &grads[1], &grads[2]])?;
            assert!(report.passed(), "{heads} heads of {m}x{n}: {report}");
        }
    }
    Ok(())
}

#[test]
fn queries_that_see_nothing_give_zero_and_no_gradient() -> Result<()> {
    for device in families().chain(one_kernel()) {
        let [q, k, v] = [1, 2, 3].map(|seed| device.tensor(&numbers(2 * 40 * 8, seed), [2, 40, 8]));
        // causal with more queries than keys: the first queries come before every key
        let few = [k.slice(1, ..30), v.slice(1, ..30)];
        let seen: Vec<bool> = (0..40).map(|i| i % 3 != 0).collect();
        let hidden: Vec<f32> = seen.iter().map(|&s| if s { 0.0 } else { f32::NEG_INFINITY }).collect();
        let mask = |tensor: Tensor| Attention { mask: Some(tensor), ..Attention::default() };
        let none = |i: usize| !seen[i];
        let all: [(Tensor, &dyn Fn(usize) -> bool); 3] = [
            (q.attention(&few[0], &few[1], &Attention { causal: true, ..Attention::default() }), &|i| i < 10),
            (q.attention(&k, &v, &mask(device.tensor(&seen, [40, 1]))), &none),
            (q.attention(&k, &v, &mask(device.tensor(&hidden, [40, 1]))), &none),
        ];
        for (y, nothing) in all {
            let gradient = y.square().sum_all().grad(&[&q])?.remove(0).read_blocking::<f32>()?;
            for (ix, (y, slope)) in y.read_blocking::<f32>()?.into_iter().zip(gradient).enumerate() {
                let row = ix / 8 % 40;
                assert!((y == 0.0) == nothing(row) && y.is_finite(), "{y} in row {row}");
                assert!(if nothing(row) { slope == 0.0 } else { slope.is_finite() }, "slope {slope} in row {row}");
            }
        }
    }
    Ok(())
}

/// So many keys that dispatches go on with what others have left.
#[test]
fn attention_over_many_keys() -> Result<()> {
    for device in one_kernel() {
        let (n, d) = (6500, 256);
        let q = device.tensor(&numbers(d, 1), [1, d]);
        let (k, v) = (device.tensor(&numbers(d * n, 2), [n, d]), device.tensor(&numbers(d * n, 3), [n, d]));
        let y = q.attention(&k, &v, &Attention::default());
        let before = device.stats().dispatches;
        y.eval()?;
        assert!(device.stats().dispatches - before > 2, "one dispatch for all, and the copy of the result");
        let gradient = y.sum_all().grad(&[&q])?.remove(0);
        let report = device.verify_blocking(&[&y, &gradient])?;
        assert!(report.passed(), "{report}");
    }
    Ok(())
}
