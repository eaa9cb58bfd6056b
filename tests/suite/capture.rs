//! Captured programs, prewarming, and what a step of a loop may cost the host, by count.

use pollster::block_on;
use ridgepoint::capture::Program;
use ridgepoint::run::{Adapter, Kernels, MemoryStats, Options, Stats};
use ridgepoint::{DType, Device, Error, Tensor, wgpu};

fn ramp(n: usize) -> Vec<f32> {
    (0..n).map(|i| i as f32).collect()
}

/// Several dispatches, all of it exact: whole numbers below 2^24.
fn summed(x: &Tensor, scale: &Tensor) -> Tensor {
    (x * scale).cumsum(0) * 2.0
}

fn summed_values(x: &[f32], scale: f32) -> Vec<f32> {
    let sums = x.iter().scan(0.0, |sum, v| {
        *sum += v * scale;
        Some(*sum * 2.0)
    });
    sums.collect()
}

struct Captured {
    device: Device,
    x: Tensor,
    step: Program,
}

fn captured(device: &Device) -> Captured {
    let (x, scale) = (device.tensor(&ramp(300), [300]), device.scalar(2.0));
    let y = summed(&x, &scale);
    let step = device.capture().input("x", &x).input("scale", &scale).output("y", &y).build().unwrap();
    Captured { device: device.clone(), x, step }
}

#[test]
fn replays_compute_what_the_tensors_would_with_new_inputs() {
    for device in crate::devices(Kernels::Auto) {
        let Captured { x, mut step, .. } = captured(&device);
        step.run().unwrap();
        assert_eq!(step.read_blocking::<f32>("y").unwrap(), summed_values(&ramp(300), 2.0));
        for turn in 0..3 {
            let data: Vec<f32> = ramp(300).iter().map(|v| v - turn as f32 * 7.0).collect();
            step.write(0, &data).unwrap();
            step.set("scale", f64::from(turn) + 3.0).unwrap();
            step.run().unwrap();
            assert_eq!(step.read_blocking::<f32>(0).unwrap(), summed_values(&data, turn as f32 + 3.0));
        }
        assert_eq!(x.read_blocking::<f32>().unwrap(), ramp(300), "the tensor stays as it is");
        let other = device.tensor(&ramp(300), [300]) + 1.0;
        other.eval().unwrap();
        step.bind("x", &other).unwrap();
        step.run().unwrap();
        let data: Vec<f32> = ramp(300).iter().map(|v| v + 1.0).collect();
        assert_eq!(block_on(step.read::<f32>("y")).unwrap(), summed_values(&data, 5.0));
        assert_eq!(step.turns(), 5);
    }
}

/// What `steps` add to the counts of a device.
fn cost(device: &Device, steps: u64, mut step: impl FnMut(u64)) -> (Stats, Stats, MemoryStats, MemoryStats) {
    let (stats, memory) = (device.stats(), device.memory());
    for ix in 0..steps {
        step(ix);
    }
    (stats, device.stats(), memory, device.memory())
}

#[test]
fn a_replay_makes_and_looks_up_nothing_and_uploads_words_only_when_they_change() {
    let Captured { device, mut step, .. } = captured(&Device::cpu().unwrap());
    step.write("x", &ramp(300)).unwrap();
    step.run().unwrap();
    let data = ramp(300);
    let (before, after, memory, now) = cost(&device, 10, |ix| {
        step.set("scale", (ix / 2) as f64).unwrap();
        step.write("x", &data).unwrap();
        step.run().unwrap();
    });
    assert_eq!(memory, now, "no buffer");
    let each = (after.dispatches - before.dispatches) / 10;
    assert!(each >= 2, "{each} dispatches");
    let want =
        Stats { submits: before.submits + 10, dispatches: after.dispatches, uploads: before.uploads + 5, ..before };
    assert_eq!(after, want, "five numbers: five uploads; nothing else");
}

#[test]
fn a_step_of_tensors_settles_to_one_submission_and_one_upload() {
    let device = Device::cpu().unwrap();
    let mut x = device.tensor(&ramp(300), [300]);
    let mut step = |scale: f64| {
        let next = summed(&x, &device.scalar(scale));
        next.eval().unwrap();
        x = next.leaf().unwrap();
    };
    (0..4).for_each(|_| step(1.0));
    let (before, after, memory, now) = cost(&device, 10, |ix| step((ix % 3) as f64));
    assert_eq!(now.allocations, memory.allocations);
    let want = Stats {
        submits: before.submits + 10,
        dispatches: after.dispatches,
        // the third 1.0 in a row changes nothing
        uploads: before.uploads + 10,
        plan_hits: before.plan_hits + 10,
        ..before
    };
    assert!(after.dispatches >= before.dispatches + 20);
    assert_eq!(after, want);
}

/// `w - x mean(w) rate`, and its mean.
fn moved(w: &Tensor, x: &Tensor, rate: &Tensor) -> (Tensor, Tensor) {
    let top = w.max(0);
    (w - x * &top * rate, top)
}

#[test]
fn state_goes_from_replay_to_replay() {
    for device in crate::devices(Kernels::Auto) {
        let (start, data) = (ramp(70), vec![1.0f32; 70]);
        let (w, x, rate) = (device.tensor(&start, [70]), device.tensor(&data, [70]), device.scalar(1.0));
        let (next, top) = moved(&w, &x, &rate);
        let mut step = device
            .capture()
            .state("w", &w, &next)
            .input("x", &x)
            .input("rate", &rate)
            .output("top", &top)
            .threads(2)
            .build()
            .unwrap();
        let advance = |w: &mut Vec<f32>| {
            let top = w.iter().copied().fold(f32::MIN, f32::max);
            w.iter_mut().for_each(|v| *v -= top);
            top
        };
        let mut known = start.clone();
        for _ in 0..5 {
            step.run().unwrap();
            let top = advance(&mut known);
            assert_eq!(step.read_blocking::<f32>("w").unwrap(), known);
            assert_eq!(step.read_blocking::<f32>("top").unwrap(), [top]);
        }
        assert_eq!(w.read_blocking::<f32>().unwrap(), start, "its first value stays");
        step.write("w", &start).unwrap();
        step.run().unwrap();
        known = start;
        advance(&mut known);
        assert_eq!(step.read_blocking::<f32>("w").unwrap(), known, "state can be set");
    }
}

#[test]
fn a_guest_records_replays_and_submits_itself() {
    let adapter = crate::host_adapter();
    let (features, limits) = Device::requirements();
    let descriptor =
        wgpu::DeviceDescriptor { required_features: features, required_limits: limits, ..Default::default() };
    let (host, queue) = block_on(adapter.request_device(&descriptor)).unwrap();
    let guest = Device::adopt(&adapter, host.clone(), queue.clone()).unwrap();
    let (w, x, rate) = (guest.tensor(&[5.0f32, 9.0], [2]), guest.tensor(&[1.0f32, 1.0], [2]), guest.scalar(1.0));
    let (next, top) = moved(&w, &x, &rate);
    let mut step =
        guest.capture().state("w", &w, &next).input("x", &x).input("rate", &rate).output("top", &top).build().unwrap();
    let encoder = || host.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let mut two = encoder();
    step.encode(&mut two).unwrap();
    step.encode(&mut two).unwrap();
    let refused = [
        step.write("x", &[1.0f32, 2.0]).unwrap_err(),
        step.run().unwrap_err(),
        step.read_blocking::<f32>("w").unwrap_err(),
    ];
    assert!(refused.iter().all(|e| e.to_string().contains("not known to be submitted")), "{refused:?}");
    step.set("rate", 2.0).unwrap();
    assert!(step.encode(&mut two).is_err(), "its words would reach the replays recorded before");
    step.set("rate", 1.0).unwrap();
    assert_eq!(guest.stats().submits, 0);
    queue.submit([two.finish()]);
    step.submitted();
    // (5, 9) - 9 = (-4, 0); - 0 = (-4, 0)
    assert_eq!(step.read_blocking::<f32>("w").unwrap(), [-4.0, 0.0]);
    assert_eq!(step.read_blocking::<f32>("top").unwrap(), [0.0]);
    // dropped before its encoder is submitted: nobody gets its buffers
    let mut last = encoder();
    step.write("w", &[3.0f32, 1.0]).unwrap();
    step.encode(&mut last).unwrap();
    let result = step.buffer("w").unwrap();
    drop(step);
    let noise: Vec<Tensor> = (0..8).map(|i| guest.tensor(&[i as f32; 2], [2]) * 3.0).collect();
    guest.eval(&noise.iter().collect::<Vec<_>>()).unwrap();
    queue.submit([last.finish()]);
    let kept = guest.import(&result.buffer, result.offset, [2], DType::F32).unwrap();
    assert_eq!(kept.read_blocking::<f32>().unwrap(), [0.0, -2.0]);
}

#[test]
fn what_cannot_be_captured_says_why() {
    let device = Device::cpu().unwrap();
    let (x, y) = (device.tensor(&ramp(4), [4]), device.tensor(&ramp(4), [4]));
    let (twice, rate) = (&x * 2.0, device.scalar(3.0));
    let message = |result: ridgepoint::Result<Program>| match result {
        Err(error @ Error::Argument { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let start = || device.capture();
    assert!(message(start().input("x", &x).build()).contains("no output"));
    assert!(message(start().input("x", &x).input("x", &y).output("y", &twice).build()).contains("two are called `x`"));
    assert!(
        message(start().input("y", &y).output("twice", &twice).build()).contains("no output depends on the input `y`")
    );
    assert!(message(start().input("rate", &rate).output("twice", &twice).build()).contains("no output depends"));
    assert!(message(start().input("z", &(&x + 1.0)).output("twice", &twice).build()).contains("neither data nor"));
    assert!(message(start().state("x", &x, &twice.sum(0)).build()).contains("`x` is f32[4] before"));
    let foreign = Device::cpu().unwrap().tensor(&ramp(4), [4]);
    assert!(message(start().input("x", &foreign).output("twice", &twice).build()).contains("device"));
    let mut step = start().input("x", &x).output("twice", &twice).build().unwrap();
    assert!(step.read_blocking::<f32>("twice").unwrap_err().to_string().contains("not run yet"));
    assert!(step.write("x", &ramp(3)).unwrap_err().to_string().contains("3 elements"));
    assert!(step.write("x", &[1i32; 4]).unwrap_err().to_string().contains("i32"));
    assert!(step.write("w", &ramp(4)).unwrap_err().to_string().contains("there are: x"));
    assert!(step.set("x", 1.0).unwrap_err().to_string().contains("is data"));
    assert!(step.bind("x", &twice).unwrap_err().to_string().contains("not been computed"));
    step.run().unwrap();
    assert!(step.read_blocking::<i32>("twice").unwrap_err().to_string().contains("f32"));
}

#[test]
fn empty_tensors_and_outputs_that_are_inputs_are_captured_too() {
    let device = Device::cpu().unwrap();
    let (none, x) = (device.tensor::<f32>(&[], [0, 3]), device.tensor(&ramp(6), [2, 3]));
    let (empty, sums, shape) = (&none * 2.0, none.sum(0), x.reshape([6]));
    let mut step = device
        .capture()
        .input("none", &none)
        .input("x", &x)
        .output("empty", &empty)
        .output("sums", &sums)
        .output("x", &x)
        .output("again", &shape)
        .build()
        .unwrap();
    step.write("x", &[7.0f32; 6]).unwrap();
    step.write::<f32>("none", &[]).unwrap();
    step.run().unwrap();
    assert!(step.read_blocking::<f32>("empty").unwrap().is_empty());
    assert_eq!(step.read_blocking::<f32>("sums").unwrap(), [0.0; 3]);
    assert_eq!(step.read_blocking::<f32>("x").unwrap(), [7.0; 6]);
    assert_eq!(step.read_blocking::<f32>("again").unwrap(), [7.0; 6]);
}

#[test]
fn prewarming_makes_plan_and_pipelines_and_submits_nothing() {
    for threads in [1, 3] {
        let device = Device::cpu().unwrap();
        let work = |scale: f64| {
            let x = device.tensor(&vec![0.5f32; 64 * 64], [64, 64]);
            let product = x.matmul(&x);
            [product.softmax(1), (&x * scale).cumsum(0), x.sum(1)]
        };
        let cold = work(1.0);
        device.prewarm(&cold.iter().collect::<Vec<_>>(), threads).unwrap();
        let warm = device.stats();
        assert!(warm.pipelines >= 3 && warm.submits == 0 && warm.plan_misses == 1, "{warm:?}");
        device.prewarm(&cold.iter().collect::<Vec<_>>(), threads).unwrap();
        assert_eq!(device.stats(), warm, "all there");
        let results = work(2.0);
        device.eval(&results.iter().collect::<Vec<_>>()).unwrap();
        let now = device.stats();
        assert_eq!((now.pipelines, now.plan_misses, now.plan_hits), (warm.pipelines, 1, 1));
        assert!(device.verify_blocking(&results.iter().collect::<Vec<_>>()).unwrap().passed());
    }
}

#[test]
fn a_driver_is_given_back_what_it_compiled_and_nothing_else() {
    for device in crate::devices(Kernels::Auto) {
        let open = |compiled: Option<Vec<u8>>| {
            let adapter = Adapter::Named(device.info().to_string());
            Device::open_blocking(Options { adapter, compiled, ..Options::default() }).unwrap()
        };
        assert_eq!(device.compiled(), None, "nobody asked");
        let first = open(Some(Vec::new()));
        let compute = |device: &Device| (device.tensor(&ramp(9), [9]) * 2.0).read_blocking::<f32>().unwrap();
        let want = compute(&first);
        let Some(bytes) = first.compiled() else { continue };
        let second = open(Some(bytes.clone()));
        assert_eq!((compute(&second), second.info().note.clone()), (want.clone(), None));
        let mut damaged = bytes;
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        let third = open(Some(damaged));
        assert!(third.info().note.as_ref().is_some_and(|n| n.contains("damaged")));
        assert_eq!(compute(&third), want);
    }
}

#[test]
fn sums_in_parts_are_replayed() {
    for device in crate::devices(Kernels::Auto) {
        let n = 1 << 18;
        let (x, scale) = (device.tensor(&vec![1.0f32; n], [n]), device.scalar(1.0));
        let sum = (&x * &scale).sum_all();
        let mut step = device.capture().input("x", &x).input("scale", &scale).output("sum", &sum).build().unwrap();
        for turn in 1..4 {
            step.set("scale", f64::from(turn)).unwrap();
            step.run().unwrap();
            assert_eq!(step.read_blocking::<f32>("sum").unwrap(), [(n * turn as usize) as f32]);
        }
    }
}
