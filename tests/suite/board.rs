//! Reductions whose parts meet on the device's board: one dispatch each, the same bits every time, whatever else uses the
//! board in between, and in whatever order a host submits.

use pollster::block_on;
use ridgepoint::run::Kernels;
use ridgepoint::{DType, Device, Result, Tensor, wgpu};

fn every_device() -> impl Iterator<Item = (Kernels, Device)> {
    let forms = [Kernels::Auto, Kernels::Processor, Kernels::Graphics];
    forms.into_iter().flat_map(|form| crate::devices(form).into_iter().map(move |device| (form, device)))
}

/// Long enough for parts in every form.
pub const N: usize = 1 << 17;

/// Halves, so that sums and sums of squares are exact in any order.
pub fn data(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + 13) % 1009 % 21) as f32 / 2.0 - 5.0).collect()
}

/// Reductions of every kind of word on the board, of several shapes; each cut into parts.
pub fn work(x: &Tensor) -> Vec<Tensor> {
    let columns = x.reshape([N / 64, 64]);
    let rows = x.reshape([2, N / 2]);
    let whole = x.mul(100.0).cast(DType::I32);
    vec![
        x.sum(0),
        x.max(0),
        x.argmin(0),
        columns.sum(0),
        columns.argmax(0),
        rows.sum(1),
        rows.min(1),
        whole.sum(0),
        whole.max(0),
        whole.reshape([N / 64, 64]).min(0),
        x.gt(4.9).any(0),
        x.lt(100.0).all(0),
        x.square().sum(0).sqrt(),
    ]
}

fn bits(y: &Tensor) -> Result<Vec<u32>> {
    Ok(match y.dtype()? {
        DType::F32 => y.read_blocking::<f32>()?.into_iter().map(f32::to_bits).collect(),
        DType::I32 => y.read_blocking::<i32>()?.into_iter().map(|v| v as u32).collect(),
        DType::Bool => y.read_blocking::<bool>()?.into_iter().map(u32::from).collect(),
        _ => y.read_blocking::<u32>()?,
    })
}

#[test]
fn plans_share_the_board_and_give_the_same_bits_every_time() -> Result<()> {
    let mut first = Vec::new();
    for (form, device) in every_device() {
        let x = device.tensor(&data(N), [N]);
        for y in work(&x) {
            let plan = device.plan(&[&y])?;
            assert_eq!(plan.steps.len(), 1, "{form:?}:\n{plan}");
        }
        if first.is_empty() {
            let results = work(&x);
            let report = device.verify_blocking(&results.iter().collect::<Vec<_>>())?;
            assert!(report.passed(), "{:?}", report.verdicts);
            first = results.iter().map(bits).collect::<Result<_>>()?;
        }
        for round in 0..4 {
            if round == 2 {
                device.trim();
            }
            let again = work(&x);
            // in one submission, then one by one in another order
            if round % 2 == 0 {
                device.eval(&again.iter().collect::<Vec<_>>())?;
            }
            for (ix, want) in first.iter().enumerate().rev() {
                assert_eq!(&bits(&again[ix])?, want, "result {ix}, round {round}, {form:?} on {}", device.name());
            }
        }
    }
    Ok(())
}

/// Partial results whose patterns could be taken for an empty word, or for another number.
#[test]
fn every_pattern_passes_the_board() -> Result<()> {
    for (form, device) in every_device() {
        for fill in [0.0f32, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MIN_POSITIVE] {
            let found = device.full([N], f64::from(fill), DType::F32).max(0).read_blocking::<f32>()?[0];
            assert!(found == fill || (found.is_nan() && fill.is_nan()), "{found} of {fill}, {form:?}");
        }
        for fill in [0i32, -1, 0xffff, 0x10000, -65_536, i32::MIN, i32::MAX] {
            let x = device.full([N], f64::from(fill), DType::I32);
            assert_eq!(x.max(0).read_blocking::<i32>()?, [fill], "{form:?}");
            assert_eq!(x.sum(0).read_blocking::<i32>()?, [fill.wrapping_mul(N as i32)], "{form:?}");
        }
        let mut payload = vec![1.0f32; N];
        payload[N / 3] = f32::from_bits(0xffff_ffff);
        let x = device.tensor(&payload, [N]);
        assert!(x.sum(0).read_blocking::<f32>()?[0].is_nan(), "{form:?}");
        assert_eq!(x.argmax(0).read_blocking::<u32>()?, [N as u32 / 3], "{form:?}");
    }
    Ok(())
}

/// A thread may walk down several vectors of columns at once, unless something is computed once for each column.
#[test]
fn columns_side_by_side_agree_with_plain_loops() -> Result<()> {
    const SHAPE: [usize; 2] = [2048, 256];
    let values = data(SHAPE[0] * SHAPE[1]);
    let column = |c: usize| values.iter().skip(c).step_by(SHAPE[1]).copied();
    let columns = |f: &dyn Fn(usize) -> f32| (0..SHAPE[1]).map(f).collect::<Vec<_>>();
    for (form, device) in every_device() {
        let x = device.tensor(&values, SHAPE);
        let scale = device.tensor(&columns(&|c| c as f32), [SHAPE[1]]);
        let (sum, top, at) = (x.sum(0), x.max(0), x.argmax(0));
        let (scaled, twice, of_twice) = ((&x * &scale).sum(0), &x * 2.0, (&x * 2.0).sum(0));
        device.eval(&[&sum, &top])?;
        device.eval(&[&twice, &of_twice])?;
        let what = format!("{form:?} on {}", device.name());
        assert_eq!(sum.read_blocking::<f32>()?, columns(&|c| column(c).sum()), "{what}");
        assert_eq!(top.read_blocking::<f32>()?, columns(&|c| column(c).fold(f32::MIN, f32::max)), "{what}");
        let first = columns(&|c| column(c).fold(f32::MIN, f32::max));
        let found = at.read_blocking::<u32>()?;
        assert!((0..SHAPE[1]).all(|c| column(c).position(|v| v == first[c]) == Some(found[c] as usize)), "{what}");
        assert_eq!(scaled.read_blocking::<f32>()?, columns(&|c| column(c).map(|v| v * c as f32).sum()), "{what}");
        assert_eq!(twice.read_blocking::<f32>()?, values.iter().map(|v| v * 2.0).collect::<Vec<_>>(), "{what}");
        assert_eq!(of_twice.read_blocking::<f32>()?, columns(&|c| 2.0 * column(c).sum::<f32>()), "{what}");
    }
    Ok(())
}

/// A host records several encoders, drops one, and submits the others in the opposite order; the board grows in between.
#[test]
fn a_host_submits_in_any_order() -> Result<()> {
    let adapter = crate::host_adapter();
    let (required_features, required_limits) = Device::requirements();
    let descriptor = wgpu::DeviceDescriptor { required_features, required_limits, ..Default::default() };
    let (raw, queue) = block_on(adapter.request_device(&descriptor)).expect("the requirements are portable");
    let guest = Device::adopt(&adapter, raw.clone(), queue.clone())?;
    let x = guest.tensor(&vec![1.0f32; N], [N]);
    let many = guest.tensor(&vec![1.0f32; 4 * N], [N / 64, 256]);
    let record = |y: &Tensor| -> Result<_> {
        let mut encoder = raw.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let recording = guest.encode(&[y], &mut encoder)?;
        Ok((encoder.finish(), recording))
    };
    let (first, second, columns, never) = (x.sum(0), x.mul(2.0).sum(0), many.sum(0), x.mul(3.0).sum(0));
    let (first_commands, first_recording) = record(&first)?;
    let (_, never_recording) = record(&never)?;
    let (second_commands, second_recording) = record(&second)?;
    let (column_commands, column_recording) = record(&columns)?;
    // ours goes before all of the host's
    assert_eq!(x.mul(5.0).sum(0).read_blocking::<f32>()?, [5.0 * N as f32]);
    queue.submit([column_commands]);
    queue.submit([second_commands, first_commands]);
    drop(never_recording);
    for recording in [first_recording, second_recording, column_recording] {
        recording.submitted();
    }
    assert_eq!(first.read_blocking::<f32>()?, [N as f32]);
    assert_eq!(second.read_blocking::<f32>()?, [2.0 * N as f32]);
    assert_eq!(columns.read_blocking::<f32>()?, vec![(N / 64) as f32; 256]);
    assert_eq!(x.mul(7.0).sum(0).read_blocking::<f32>()?, [7.0 * N as f32]);
    Ok(())
}
