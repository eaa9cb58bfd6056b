//! Row programs in every form: short and long rows, those kept in registers and those that are not, on kernels for
//! processors and for graphics processors.

use ridgepoint::check::{Settings, run_blocking};
use ridgepoint::run::Kernels;
use ridgepoint::{DType, Device, Tensor};

/// Every form on every adapter.
fn devices() -> impl Iterator<Item = (Kernels, Device)> {
    let forms = [Kernels::Auto, Kernels::Processor, Kernels::Graphics];
    forms.into_iter().flat_map(|form| crate::devices(form).into_iter().map(move |device| (form, device)))
}

fn rows(device: &Device, n: usize) -> Tensor {
    let data: Vec<f32> = (0..3 * n).map(|i| ((i * 7919 + 13) % 1009) as f32 / 100.0 - 5.0).collect();
    device.tensor(&data, [3, n])
}

/// Around the vector width, the lanes of subgroups and workgroups, and the longest row that is kept.
const LENGTHS: [usize; 18] = [1, 4, 31, 32, 60, 64, 68, 127, 128, 252, 256, 260, 1000, 1020, 1024, 1028, 4096, 5000];

#[test]
fn rows_of_every_length_agree_with_the_reference() {
    for (form, device) in devices() {
        for n in LENGTHS {
            let x = rows(&device, n);
            let (w, b) = (device.full([n], 1.5, DType::F32), device.full([n], -0.5, DType::F32));
            let results = [
                x.softmax(1),
                x.log_softmax(1),
                x.layer_norm(1, Some(&w), Some(&b), 1e-5),
                x.sub(&x.max_keep(1)).square(),
            ];
            for (ix, y) in results.iter().enumerate() {
                let report = device.verify_blocking(&[y]).unwrap();
                assert!(report.passed(), "result {ix} of rows of {n}, {form:?}: {:?}", report.verdicts);
            }
        }
    }
}

#[test]
fn a_nan_in_a_row_shows_in_that_row_alone() {
    for (form, device) in devices() {
        for n in LENGTHS {
            let mut data = vec![1.0f32; 3 * n];
            data[n + n / 2] = f32::NAN;
            let x = device.tensor(&data, [3, n]);
            let y = x.softmax(1).read_blocking::<f32>().unwrap();
            for (row, values) in y.chunks(n).enumerate() {
                assert!(values.iter().all(|v| v.is_nan() == (row == 1)), "row {row} of {n}, {form:?}");
            }
            let (low, high) = (x.min(1), x.max(1));
            for extremum in [low, high] {
                let found = extremum.read_blocking::<f32>().unwrap();
                assert!(found[0] == 1.0 && found[1].is_nan() && found[2] == 1.0, "{found:?} of rows of {n}, {form:?}");
            }
        }
    }
}

/// On processors the subgroups of a workgroup take a row each, if there are enough of them.
#[test]
fn rows_that_share_a_workgroup_agree_with_the_reference() {
    for device in crate::devices(Kernels::Processor) {
        for (n_rows, n) in [(512, 256), (256, 260), (130, 100), (64, 1000), (1024, 68)] {
            let x = device.iota(n_rows * n, DType::F32).mul(0.37).sin().mul(5.0).reshape([n_rows, n]);
            x.eval().unwrap();
            let (y, z) = (x.softmax(1), x.layer_norm(1, None, None, 1e-5));
            let plan = device.plan(&[&y]).unwrap();
            let shared = plan.steps.iter().any(|step| step.kernel.label.contains("teams"));
            let lanes = device.limits().subgroup as usize;
            assert_eq!(shared, lanes >= 4 && n / 4 > lanes && n_rows > 64, "{plan}");
            let report = device.verify_blocking(&[&y, &z]).unwrap();
            assert!(report.passed(), "{n_rows} rows of {n}: {:?}", report.verdicts);
        }
    }
}

/// Kernels that store their results where they have read: rows kept and not, in every form, and maps of whole words.
#[test]
fn results_in_place_agree_with_the_reference() {
    for (form, device) in devices() {
        for (n_rows, n) in [(3, 5), (64, 64), (130, 100), (9, 260)] {
            let of = |shape: [usize; 2], scale: f64| {
                let x = device.iota(shape[0] * shape[1], DType::F32).mul(1.7).sin().mul(scale).reshape(shape);
                x.eval().unwrap();
                x
            };
            let (a, b) = (of([n_rows, 7], 1.0), of([7, n], 1.0));
            let p = a.matmul(&b);
            let results = [
                p.softmax(1),
                p.layer_norm(1, None, None, 1e-5).sin(),
                p.softmax(0).add(1.0),
                p.cast(DType::F16).cast(DType::F32).sub(&p.max_keep(1)),
            ];
            for (ix, y) in results.iter().enumerate() {
                let report = device.verify_blocking(&[y]).unwrap();
                assert!(report.passed(), "result {ix} of {n_rows} rows of {n}, {form:?}: {:?}", report.verdicts);
            }
        }
    }
}

/// A row that fits is loaded once.
#[test]
fn kept_rows_are_loaded_once() {
    let device = crate::devices(Kernels::Graphics).remove(0);
    let x = rows(&device, 1024);
    let plan = device.plan(&[&x.softmax(1)]).unwrap();
    assert_eq!(plan.steps.len(), 1, "{plan}");
    let wgsl = &plan.steps[0].kernel.wgsl;
    assert_eq!(wgsl.matches("= x0[").count(), 1, "{wgsl}");
}

/// What no machine at hand may use by itself is checked all the same.
#[test]
fn kernels_for_graphics_processors_pass_the_table() {
    for device in crate::devices(Kernels::Graphics) {
        crate::check::assert_passed(&run_blocking(&device, &Settings::default(), &mut |_| {}));
    }
}
