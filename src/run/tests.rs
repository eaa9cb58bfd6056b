//! The executor with hand-made plans on whatever adapter the machine has: what it records, keeps, recycles and refuses.

use super::*;
use crate::graph::{Func, Op};
use crate::kernel::{Access, Kernel};
use crate::pass::{Key, Patch, Plan, Role, Slot, Step};
use crate::tensor::Tensor;
use std::sync::atomic::AtomicUsize;

/// `y[i] = x[i] * p.scale + p.shift`, one lane each.
const AFFINE: &str = "
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
struct Params { n: u32, scale: f32, shift: f32, unused: u32 }
@group(1) @binding(0) var<uniform> p: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if id.x < p.n { y[id.x] = x[id.x] * p.scale + p.shift; }
}";

fn device() -> Device {
    Device::open_blocking(Options::default()).expect("the CPU device at least")
}

fn affine() -> Arc<Kernel> {
    Arc::new(Kernel {
        label: "affine/f32".into(),
        wgsl: AFFINE.into(),
        overrides: Vec::new(),
        access: vec![Access::Read, Access::Write],
    })
}

/// A plan for a graph with one input and one constant: `steps` affine steps in a row, the last with the constant as scale.
fn chain(n: usize, steps: usize) -> Plan {
    let kernel = affine();
    let bytes = memory::grains(n as u64 * 4);
    let mut plan = Plan::default();
    plan.slots.push(Slot { role: Role::Input(0), bytes: n as u64 * 4 });
    plan.slots.push(Slot { role: Role::Output(0), bytes });
    plan.slots.push(Slot { role: Role::Temporary, bytes });
    plan.slots.push(Slot { role: Role::Temporary, bytes });
    for ix in 0..steps {
        let from = if ix == 0 { 0 } else { 2 + (ix - 1) % 2 };
        let to = if ix + 1 == steps { 1 } else { 2 + ix % 2 };
        let first_word = ix * 64;
        plan.words.resize(first_word + 64, 0);
        plan.words[first_word] = n as u32;
        plan.words[first_word + 1] = 1f32.to_bits();
        plan.words[first_word + 2] = 1f32.to_bits();
        plan.steps.push(Step {
            kernel: kernel.clone(),
            slots: vec![from, to],
            first_word,
            n_words: 4,
            groups: [(n as u32).div_ceil(64), 1, 1],
        });
    }
    plan.patches.push(Patch { word: (steps - 1) * 64 + 1, constant: 0, dtype: DType::F32 });
    plan
}

/// `x * scale` as a graph; the seeded plan computes `(x + steps - 1) * scale + 1`.
fn scaled(device: &Device, x: &Tensor, scale: f64) -> Tensor {
    let factor = device.full(x.shape().expect("a good tensor"), scale, DType::F32);
    x.then(|node| Node::map(Func::Mul, vec![node.clone(), factor.node()?.clone()], Site::here()))
}

fn seed(device: &Device, y: &Tensor, plan: Plan) {
    let (key, _) = Key::of(std::slice::from_ref(y.node().expect("a good tensor")));
    let mut state = lock(&device.inner.state);
    state.seed(&device.inner, key, plan).expect("the plan compiles");
}

fn ramp(n: usize) -> Vec<f32> {
    (0..n).map(|i| i as f32).collect()
}

fn expected(x: &[f32], steps: usize, scale: f32) -> Vec<f32> {
    x.iter().map(|x| (x + (steps - 1) as f32) * scale + 1.0).collect()
}

#[test]
fn a_chain_is_one_submission_and_constants_travel_as_data() {
    let device = device();
    for n in [1, 63, 64, 65, 1000] {
        let data = ramp(n);
        let x = device.tensor(&data, [n]);
        seed(&device, &scaled(&device, &x, 0.0), chain(n, 5));
        let before = device.stats();
        for scale in [2.0, -3.5] {
            let y = scaled(&device, &x, scale).read_blocking::<f32>().expect("runs");
            assert_eq!(y, expected(&data, 5, scale as f32));
        }
        let after = device.stats();
        assert_eq!(after.submits - before.submits, 2);
        assert_eq!(after.dispatches - before.dispatches, 10);
        assert_eq!(after.pipelines, before.pipelines);
        assert_eq!(after.plan_hits - before.plan_hits, 2);
    }
    assert_eq!(device.stats().pipelines, 1, "equal kernels share a pipeline");
}

#[test]
fn a_loop_settles_to_no_allocation_and_no_bind_group() {
    let device = device();
    let n = 1000;
    let mut x = device.tensor(&ramp(n), [n]);
    seed(&device, &scaled(&device, &x, 0.0), chain(n, 40));
    let mut step = |scale: f64| {
        let y = scaled(&device, &x, scale);
        y.eval().expect("runs");
        x = y.leaf().expect("computed");
    };
    for _ in 0..4 {
        step(0.5);
    }
    let (stats, memory) = (device.stats(), device.memory());
    for i in 0..20 {
        step(0.5 + 0.01 * f64::from(i));
    }
    let now = device.stats();
    assert_eq!(now.submits - stats.submits, 20, "one submission a step");
    assert_eq!(now.bind_groups, stats.bind_groups);
    assert_eq!(now.pipelines, stats.pipelines);
    assert_eq!(now.plan_misses, stats.plan_misses);
    assert_eq!(device.memory().allocations, memory.allocations);
    assert_eq!(device.memory().live, memory.live);
}

#[test]
fn realised_roots_and_reshapes_of_them_cost_nothing() {
    let device = device();
    let x = device.tensor(&ramp(6), [6]);
    let z = x.then(|node| Node::reshape(node, Shape::from([2, 3]), Site::here()));
    z.eval().expect("runs");
    x.eval().expect("runs");
    assert_eq!(device.stats().submits, 0);
    assert_eq!(z.read_blocking::<f32>().expect("reads"), ramp(6));
    assert_eq!(device.stats().submits, 1);
    assert!(matches!(z.node().expect("good").op(), Op::Reshape));
}

#[test]
fn dropped_buffers_are_recycled_and_trimmed() {
    let device = device();
    let x = device.tensor(&ramp(1024), [1024]);
    assert_eq!(device.memory().live, 4096);
    drop(x);
    assert_eq!((device.memory().live, device.memory().pooled), (0, 4096));
    let y = device.tensor(&[7f32; 1024], [1024]);
    assert_eq!(device.memory().allocations, 1);
    assert_eq!(y.read_blocking::<f32>().expect("reads"), vec![7f32; 1024], "old contents are overwritten");
    drop(y);
    device.trim();
    assert_eq!(device.memory(), MemoryStats { live: 0, pooled: 0, peak: 4096, allocations: 1 });
    device.set_pool_bytes(10_000);
    let many: Vec<_> = (0..5).map(|_| device.tensor(&[0f32; 1024], [1024])).collect();
    drop(many);
    assert_eq!(device.memory().pooled, 8192, "the bound holds");
}

#[test]
fn odd_sizes_and_all_dtypes_round_trip_through_new_and_recycled_buffers() {
    let device = device();
    for round in 0..2 {
        let halves: Vec<half::f16> = (0..7).map(|i| half::f16::from_f32(i as f32)).collect();
        let t = device.tensor(&halves, [7]);
        assert_eq!(t.read_blocking::<half::f16>().expect("reads"), halves, "round {round}");
        let one = [half::bf16::from_f32(2.0)];
        assert_eq!(device.tensor(&one, [1]).read_blocking::<half::bf16>().expect("reads"), one);
        let flags = [true, false, true];
        assert_eq!(device.tensor(&flags, [3]).read_blocking::<bool>().expect("reads"), flags);
        assert_eq!(device.tensor(&[-1i32], ()).item_blocking::<i32>().expect("reads"), -1);
        let none: [u32; 0] = [];
        assert_eq!(device.tensor(&none, [0, 3]).read_blocking::<u32>().expect("reads"), none);
    }
}

#[test]
fn bad_requests_are_typed_errors_with_the_callers_line() {
    let device = device();
    let wrong = device.tensor(&[1f32, 2.0], [3]).check().expect_err("2 elements for 3");
    assert!(wrong.to_string().contains("tests.rs"), "{wrong}");
    let x = device.tensor(&[1f32, 2.0], [2]);
    assert!(matches!(x.read_blocking::<i32>(), Err(Error::Argument { .. })));
    assert!(matches!(x.item_blocking::<f32>(), Err(Error::Argument { .. })));
    let y = scaled(&device, &x, 1.0);
    assert!(matches!(y.buffer(), Err(Error::Argument { .. })));
}

#[test]
fn a_kernel_that_does_not_compile_names_line_and_column() {
    let device = device();
    let x = device.tensor(&ramp(4), [4]);
    let y = scaled(&device, &x, 1.0);
    let mut plan = chain(4, 1);
    plan.steps[0].kernel = Arc::new(Kernel { wgsl: AFFINE.replace("p.shift", "p.shitf"), ..(*affine()).clone() });
    let (key, _) = Key::of(std::slice::from_ref(y.node().expect("good")));
    let error = lock(&device.inner.state).seed(&device.inner, key, plan).expect_err("no such member");
    let Error::Shader { label, message } = &error else { panic!("{error:?}") };
    assert_eq!(label, "affine/f32");
    assert!(message.contains("line 8, column"), "{message}");
    // bindings that do not fit the shader
    let mut plan = chain(4, 1);
    plan.steps[0].kernel = Arc::new(Kernel { access: vec![Access::Read, Access::Read], ..(*affine()).clone() });
    let (key, _) = Key::of(std::slice::from_ref(y.node().expect("good")));
    let error = lock(&device.inner.state).seed(&device.inner, key, plan).expect_err("binding 1 is written");
    assert!(matches!(error, Error::Shader { .. }), "{error:?}");
    assert!(device.check().is_ok());
}

#[test]
fn limits_are_checked_on_both_sides() {
    let device = device();
    let limits = device.limits().clone();
    let x = device.tensor(&ramp(4), [4]);
    let key = || Key::of(std::slice::from_ref(scaled(&device, &x, 1.0).node().expect("good"))).0;
    let seed = |plan: Plan| lock(&device.inner.state).seed(&device.inner, key(), plan);
    let mut plan = chain(4, 1);
    plan.steps[0].groups = [limits.groups, 1, 1];
    assert!(seed(plan.clone()).is_ok());
    plan.steps[0].groups = [1, limits.groups + 1, 1];
    assert!(matches!(seed(plan), Err(Error::Limit { .. })));
    let mut plan = chain(4, 1);
    plan.steps[0].slots = vec![1, 1];
    assert!(matches!(seed(plan), Err(Error::Validation { .. })), "read and written at once");
    let mut checks = Vec::new();
    let over = device.inner.allocate(limits.binding_bytes + 1, &mut checks, || "x".into());
    assert!(matches!(over, Err(Error::Limit { limit, .. }) if limit == limits.binding_bytes));
}

#[test]
fn a_destroyed_input_poisons_what_was_computed_from_it() {
    let device = device();
    let buffer = host_buffer(&device.inner.device, 64);
    let x = device.import(&buffer, 0, [16], DType::F32).expect("imports");
    let y = scaled(&device, &x, 2.0);
    seed(&device, &y, chain(16, 1));
    y.eval().expect("runs while the buffer lives");
    let kept = scaled(&device, &x, 2.0);
    kept.eval().expect("runs while the buffer lives");
    drop(y);
    let z = scaled(&device, &x, 3.0);
    let unbound = scaled(&device, &x, 4.0);
    buffer.destroy();
    // y's old buffer is there, and the bind group of it with the import: the submission fails
    let error = z.eval().expect_err("the buffer is gone");
    assert!(matches!(error, Error::Validation { .. }), "{error:?}");
    let Err(Error::Poisoned(cause)) = z.read_blocking::<f32>() else { panic!("stale bytes") };
    assert!(cause.to_string().contains("destroyed"), "{cause}");
    let on_top = scaled(&device, &z, 1.0);
    assert!(matches!(on_top.eval(), Err(Error::Poisoned(_))), "what reads it is refused");
    assert!(pollster::block_on(z.read::<f32>()).is_err());
    // here binding fails, before anything is submitted (the plan was forgotten with the failure)
    seed(&device, &unbound, chain(16, 1));
    for _ in 0..2 {
        let error = unbound.read_blocking::<f32>().expect_err("the buffer is gone");
        assert!(matches!(error, Error::Validation { .. }), "{error:?}");
    }
    assert_eq!(kept.read_blocking::<f32>().expect("earlier results stay"), vec![1f32; 16]);
    assert!(device.import(&buffer, 0, [16], DType::F32).is_err(), "a destroyed buffer is refused");
}

#[test]
fn bind_groups_do_not_outlive_the_buffers_they_bind() {
    let device = device();
    let groups = || lock(&device.inner.pool.groups).len();
    let buffer = host_buffer(&device.inner.device, 64);
    let x = device.import(&buffer, 0, [16], DType::F32).expect("imports");
    let y = scaled(&device, &x, 2.0);
    seed(&device, &y, chain(16, 1));
    y.eval().expect("runs");
    assert_eq!(groups(), 1);
    drop((x, y));
    assert_eq!(groups(), 0, "the host's buffer is let go with the import");
    let x = device.tensor(&ramp(16), [16]);
    let y = scaled(&device, &x, 2.0);
    seed(&device, &y, chain(16, 1));
    y.eval().expect("runs");
    drop((x, y));
    assert_eq!(groups(), 1, "kept for the next tensors in these buffers");
    device.set_pool_bytes(0);
    assert_eq!(groups(), 0);
}

fn host_buffer(device: &wgpu::Device, bytes: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("host"),
        size: bytes,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: false,
    })
}

#[test]
fn a_lost_device_gives_errors_and_another_one_works() {
    for settled in [true, false] {
        let first = device();
        let x = first.tensor(&ramp(16), [16]);
        let y = scaled(&first, &x, 2.0);
        seed(&first, &y, chain(16, 1));
        if settled {
            y.eval().expect("runs");
        }
        first.inner.device.destroy();
        assert!(matches!(y.read_blocking::<f32>(), Err(Error::DeviceLost { .. })), "settled: {settled}");
        assert!(matches!(pollster::block_on(y.read::<f32>()), Err(Error::DeviceLost { .. })));
        assert!(matches!(first.tensor(&[1f32], [1]).check(), Err(Error::DeviceLost { .. })));
        assert!(matches!(scaled(&first, &x, 3.0).eval(), Err(Error::DeviceLost { .. })));
        assert!(first.check().is_err());
        let second = device();
        assert_eq!(second.tensor(&ramp(16), [16]).read_blocking::<f32>().expect("reads"), ramp(16));
    }
}

#[test]
fn reads_wake_their_futures_and_several_share_a_submission() {
    let device = device();
    let n = 512;
    let x = device.tensor(&ramp(n), [n]);
    let y = scaled(&device, &x, 2.0);
    seed(&device, &y, chain(n, 3));
    let before = device.stats().submits;
    let values = pollster::block_on(y.read::<f32>()).expect("reads");
    assert_eq!(values, expected(&ramp(n), 3, 2.0));
    let both = device.read_blocking::<f32>(&[&x, &y]).expect("reads");
    assert_eq!(both, [ramp(n), values]);
    assert_eq!(device.stats().submits - before, 2);
    let reading = y.read_bytes();
    drop(reading);
    assert_eq!(y.read_bytes_blocking().expect("reads").len(), n * 4);
}

#[test]
fn profiles_time_every_dispatch() {
    let device = device();
    let x = device.tensor(&ramp(1 << 16), [1 << 16]);
    let y = scaled(&device, &x, 2.0);
    seed(&device, &y, chain(1 << 16, 4));
    let timings = device.profile_blocking(&[&y]).expect("runs");
    assert_eq!(timings.len(), 4);
    assert!(timings.iter().all(|t| t.label == "affine/f32" && t.ns > 0.0), "{timings:?}");
    assert_eq!(y.read_blocking::<f32>().expect("reads"), expected(&ramp(1 << 16), 4, 2.0));
    assert!(device.profile_blocking(&[&y]).expect("runs").is_empty());
}

#[test]
fn threads_share_a_device() {
    let device = device();
    let x = device.tensor(&ramp(256), [256]);
    seed(&device, &scaled(&device, &x, 0.0), chain(256, 3));
    let right = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (device, x, right) = (&device, &x, &right);
            scope.spawn(move || {
                for i in 0..20 {
                    let scale = f64::from(thread * 100 + i);
                    let y = scaled(device, x, scale).read_blocking::<f32>().expect("runs");
                    right.fetch_add(usize::from(y == expected(&ramp(256), 3, scale as f32)), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(right.into_inner(), 80);
}

#[test]
fn without_an_adapter_of_the_name_the_error_lists_what_there_is() {
    let options = Options { adapter: Adapter::Named("no such adapter".into()), ..Options::default() };
    let Err(Error::NoAdapter { requested, found, .. }) = Device::open_blocking(options) else { panic!("found one") };
    assert_eq!(requested, "no such adapter");
    assert!(!found.is_empty());
    let portable = Device::open_blocking(Options { portable_limits: true, ..Options::default() }).expect("opens");
    let limits = portable.limits();
    assert_eq!((limits.storage_buffers, limits.invocations, limits.workgroup_bytes), (8, 256, 16 << 10));
    assert_eq!(limits.groups, 65_535);
}
