//! Lowering at the greatest sizes: nothing overflows on the host, every grid folds, every word fits.

use ridgepoint::DType;
use ridgepoint::graph::{Routine, Scan, Scatter};
use ridgepoint::kernel::routine::{Source, lower};
use ridgepoint::kernel::{Limits, Lowered};
use ridgepoint::shape::MAX_LEN;

/// Limits of an adapter with large buffers.
fn roomy(cpu: bool) -> Limits {
    Limits { cpu, binding_bytes: 1 << 36, buffer_bytes: 1 << 36, ..Limits::default() }
}

fn check(routine: &Routine, sources: &[Source]) {
    for cpu in [false, true] {
        let limits = roomy(cpu);
        let lowered: Lowered = lower(routine, sources, &limits, None).expect("lowers");
        for step in &lowered.dispatches {
            assert!(step.groups.iter().all(|&g| (1..=limits.groups).contains(&g)), "{}", step.kernel.label);
            // a lane's linear number is at most the number of lanes, folded up by one row
            let lanes = step.groups.iter().map(|&g| u64::from(g)).product::<u64>() * u64::from(limits.invocations);
            assert!(lanes < 1 << 40, "{}", step.kernel.label);
        }
    }
}

#[test]
fn products_of_two_to_the_31_elements() {
    for [batch, m, n, k] in [
        [1, 46_340, 46_340, 4],
        [1, 4, 46_340, 46_340],
        [1, 1, MAX_LEN, 1],
        [1, MAX_LEN, 1, 1],
        [1, 1, 1, MAX_LEN],
        [1, 2, 2, MAX_LEN / 2],
        [MAX_LEN, 1, 1, 1],
        [MAX_LEN / 4, 2, 2, 2],
        [1, 3, 715_827_882, 2],
    ] {
        let shapes = [[batch, m, k], [batch, k, n]];
        check(&Routine::Matmul, &shapes.map(|shape| Source::contiguous(DType::F32, &shape)));
    }
}

#[test]
fn other_routines_over_two_to_the_31_elements() {
    for shape in [[1, MAX_LEN], [MAX_LEN, 1], [46_340, 46_340]] {
        for routine in [Routine::Scan(Scan::Sum), Routine::LinRec, Routine::ArgSort { descending: true }] {
            check(&routine, &[Source::contiguous(DType::F32, &shape), Source::contiguous(DType::F32, &shape)]);
        }
        let index = Source::contiguous(DType::U32, &[shape[0]]);
        let whole = Source::contiguous(DType::F32, &shape);
        check(&Routine::Scatter(Scatter::Add), &[whole.clone(), index.clone(), index, whole]);
    }
}

#[test]
fn what_does_not_fit_is_an_error_with_its_numbers() {
    let limits = Limits::default();
    let source = Source::contiguous(DType::F32, &[1, 40 << 20]);
    let error = lower(&Routine::ArgSort { descending: false }, &[source], &limits, None).expect_err("160 MiB of keys");
    assert!(error.contains("134217728"), "{error}");
}
