//! The device through the wgpu API.

use super::{Api, Limits, Options, instance};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wgpu::BufferUsages as Usage;
use wgpu_hal::{CommandEncoder as _, Device as _, Queue as _};

const WORDS: u64 = 64;
const BYTES: u64 = WORDS * 4;

/// Adds the number of workgroups to each of 64 words.
const ADD: &str = "
    @group(0) @binding(0) var<storage, read_write> x: array<u32>;
    @compute @workgroup_size(64)
    fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>) {
        if id.x < 64u && id.y == 0u && id.z == 0u { x[id.x] += n.x * n.y * n.z; }
    }";

/// Adds the number of workgroups and an immediate.
const ADD_IMMEDIATE: &str = "
    var<immediate> more: u32;
    @group(0) @binding(0) var<storage, read_write> x: array<u32>;
    @compute @workgroup_size(64)
    fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>) {
        if id.x < 64u && id.y == 0u && id.z == 0u { x[id.x] += n.x * n.y * n.z + more; }
    }";

/// The same as [`ADD`] after a long time.
const SLOW: &str = "
    @group(0) @binding(0) var<storage, read_write> x: array<u32>;
    @compute @workgroup_size(64)
    fn slow(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>) {
        var h = id.x;
        for (var i = 0u; i < 2000000u; i++) { h = h * 1664525u + 1013904223u; }
        if h == 77u { h = 1u; }
        if id.x < 64u && id.y == 0u && id.z == 0u { x[id.x] += n.x * n.y * n.z + min(h, 0u); }
    }";

fn adapter(options: &Options) -> wgpu::Adapter {
    let adapters = pollster::block_on(instance(options).enumerate_adapters(wgpu::Backends::all()));
    adapters.into_iter().next().expect("one adapter")
}

fn open_with(options: &Options) -> (wgpu::Device, wgpu::Queue) {
    let adapter = adapter(options);
    let descriptor = wgpu::DeviceDescriptor {
        required_features: adapter.features(),
        required_limits: adapter.limits(),
        ..Default::default()
    };
    pollster::block_on(adapter.request_device(&descriptor)).expect("a device")
}

fn open() -> (wgpu::Device, wgpu::Queue) {
    open_with(&Options::default())
}

fn buffer(device: &wgpu::Device, size: u64, usage: Usage) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
}

fn pipeline(device: &wgpu::Device, source: &str) -> wgpu::ComputePipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: Default::default(),
        cache: None,
    })
}

fn group(device: &wgpu::Device, pipeline: &wgpu::ComputePipeline, buffer: &wgpu::Buffer) -> wgpu::BindGroup {
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
    })
}

/// Records commands and submits them.
fn submit(device: &wgpu::Device, queue: &wgpu::Queue, record: impl FnOnce(&mut wgpu::CommandEncoder)) {
    let mut encoder = device.create_command_encoder(&Default::default());
    record(&mut encoder);
    queue.submit([encoder.finish()]);
}

fn wait(device: &wgpu::Device) {
    device.poll(wgpu::PollType::wait_indefinitely()).expect("the device works");
}

/// The words of a buffer.
fn words(device: &wgpu::Device, queue: &wgpu::Queue, source: &wgpu::Buffer) -> Vec<u32> {
    let copy = buffer(device, source.size(), Usage::MAP_READ | Usage::COPY_DST);
    submit(device, queue, |e| e.copy_buffer_to_buffer(source, 0, &copy, 0, source.size()));
    let (send, receive) = channel();
    copy.slice(..).map_async(wgpu::MapMode::Read, move |r| send.send(r).expect("the receiver waits"));
    wait(device);
    receive.recv().expect("poll calls back").expect("the buffer is mapped");
    let view = copy.slice(..).get_mapped_range().expect("the range is mapped");
    view.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// The error of what is done, on one line.
fn error(device: &wgpu::Device, f: impl FnOnce()) -> String {
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    f();
    let internal = pollster::block_on(internal.pop());
    let error = pollster::block_on(validation.pop()).or(internal).expect("an error");
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn dispatch(e: &mut wgpu::CommandEncoder, pipeline: &wgpu::ComputePipeline, group: &wgpu::BindGroup, n: [u32; 3]) {
    let mut pass = e.begin_compute_pass(&Default::default());
    pass.set_pipeline(pipeline);
    pass.set_bind_group(0, group, &[]);
    pass.dispatch_workgroups(n[0], n[1], n[2]);
}

#[test]
fn it_says_who_it_is() {
    let info = adapter(&Options { threads: Some(3), ..Options::default() }).get_info();
    assert_eq!((info.name.as_str(), info.device_type), ("Ridgepoint CPU", wgpu::DeviceType::Cpu));
    assert!(info.driver.starts_with("ridgepoint ") && info.driver_info.contains("3 threads"), "{info:?}");
    assert_eq!((info.subgroup_min_size, info.subgroup_max_size), (32, 32));
}

#[test]
fn a_plain_device_opens_and_portable_limits_are_portable() {
    let portable = adapter(&Options::default());
    assert!(pollster::block_on(portable.request_device(&Default::default())).is_ok());
    let limits = portable.limits();
    assert_eq!(wgpu::Limits { max_immediate_size: 0, ..limits }, wgpu::Limits::default());
    let large = adapter(&Options { limits: Limits::Large, ..Options::default() }).limits();
    assert!(wgpu::Limits::default().check_limits(&large));
    assert_eq!(large.max_compute_invocations_per_workgroup, 1024);
}

/// wgpu-core's own errors, word for word as on any device.
#[test]
fn mistakes_are_errors() {
    let adapter = adapter(&Options::default());
    let required_limits = wgpu::Limits { max_bind_groups: 99, ..Default::default() };
    let descriptor = wgpu::DeviceDescriptor { required_limits, ..Default::default() };
    let refused = pollster::block_on(adapter.request_device(&descriptor)).expect_err("too large a limit");
    assert!(refused.to_string().contains("'max_bind_groups' value 99 is better than allowed 4"), "{refused}");

    let (d, q) = pollster::block_on(adapter.request_device(&Default::default())).expect("a device");
    let has = |text: &str, f: &dyn Fn()| {
        let message = error(&d, f);
        assert!(message.contains(text), "expected `{text}` in: {message}");
    };
    let add = pipeline(&d, ADD);
    let good = buffer(&d, BYTES, Usage::STORAGE);
    has("the type of `x` is expected to be `u32`", &|| drop(pipeline(&d, "fn f() { let x: u32 = 1.0; }")));
    has("workgroup", &|| drop(pipeline(&d, "@compute @workgroup_size(4096) fn main() {}")));
    has("STORAGE", &|| drop(group(&d, &add, &buffer(&d, BYTES, Usage::COPY_DST))));
    let (a, b) = (buffer(&d, BYTES, Usage::COPY_DST), buffer(&d, BYTES, Usage::COPY_DST));
    has("COPY_SRC", &|| submit(&d, &q, |e| e.copy_buffer_to_buffer(&a, 0, &b, 0, BYTES)));
    has("expects a BindGroup to be set at index 0", &|| {
        submit(&d, &q, |e| {
            let mut pass = e.begin_compute_pass(&Default::default());
            pass.set_pipeline(&add);
            pass.dispatch_workgroups(1, 1, 1);
        });
    });
    has("([70000, 1, 1]) must be less or equal to 65535", &|| {
        submit(&d, &q, |e| dispatch(e, &add, &group(&d, &add, &good), [70000, 1, 1]));
    });
    has("destroyed", &|| {
        let gone = buffer(&d, BYTES, Usage::STORAGE);
        let bound = group(&d, &add, &gone);
        gone.destroy();
        submit(&d, &q, |e| dispatch(e, &add, &bound, [1, 1, 1]));
    });
    has("MAP_READ", &|| good.slice(..).map_async(wgpu::MapMode::Read, |_| ()));
}

#[test]
fn what_it_has_not_got_is_refused() {
    let (d, _) = open();
    let texture = |format, usage| {
        error(&d, || {
            let _refused = d.create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: wgpu::Extent3d { width: 4, height: 4, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage,
                view_formats: &[],
            });
        })
    };
    let refused = texture(wgpu::TextureFormat::Rgba8Unorm, wgpu::TextureUsages::STORAGE_BINDING);
    assert!(refused.contains("not allowed on a texture"), "{refused}");
    let refused = texture(wgpu::TextureFormat::Depth32Float, wgpu::TextureUsages::RENDER_ATTACHMENT);
    assert!(refused.contains("not allowed on a texture"), "{refused}");
    let refused = error(&d, || {
        pipeline(
            &d,
            "@group(0) @binding(0) var t: texture_2d<f32>;
             @group(0) @binding(1) var<storage, read_write> x: array<f32>;
             @compute @workgroup_size(1) fn main() { x[0] = textureLoad(t, vec2(0, 0), 0).x; }",
        );
    });
    assert!(refused.contains("CPU device"), "{refused}");
    let refused = error(&d, || {
        let source = "@vertex fn v() -> @builtin(position) vec4<f32> { return vec4(0.0); }
                      @fragment fn f() {}";
        let source = wgpu::ShaderSource::Wgsl(source.into());
        let module = d.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
        let _refused = d.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: None,
            layout: None,
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("v"),
                compilation_options: Default::default(),
                buffers: &[],
            },
            primitive: Default::default(),
            depth_stencil: None,
            multisample: Default::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("f"),
                compilation_options: Default::default(),
                targets: &[],
            }),
            multiview_mask: None,
            cache: None,
        });
    });
    assert!(!refused.is_empty());
    // samplers and occlusion queries do nothing by themselves
    drop(d.create_sampler(&Default::default()));
    drop(d.create_query_set(&wgpu::QuerySetDescriptor { label: None, ty: wgpu::QueryType::Occlusion, count: 2 }));
}

#[test]
fn copies_clears_and_dispatches_run_in_order() {
    let (d, q) = open();
    let add = pipeline(&d, ADD);
    let x = buffer(&d, BYTES, Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC);
    let y = buffer(&d, BYTES, Usage::COPY_DST | Usage::COPY_SRC);
    let start: Vec<u8> = (0..WORDS as u32).flat_map(u32::to_le_bytes).collect();
    q.write_buffer(&x, 0, &start);
    submit(&d, &q, |e| {
        dispatch(e, &add, &group(&d, &add, &x), [3, 2, 1]);
        e.copy_buffer_to_buffer(&x, 0, &y, 0, BYTES);
        e.clear_buffer(&x, 8, Some(16));
        dispatch(e, &add, &group(&d, &add, &x), [1, 1, 1]);
    });
    let expected = |ix: u32| if (2..6).contains(&ix) { 1 } else { ix + 7 };
    assert_eq!(words(&d, &q, &x), (0..WORDS as u32).map(expected).collect::<Vec<_>>());
    assert_eq!(words(&d, &q, &y), (0..WORDS as u32).map(|ix| ix + 6).collect::<Vec<_>>());
}

#[test]
fn bindings_have_offsets_static_and_dynamic() {
    let (d, q) = open();
    let layout = d.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: None,
        entries: &[wgpu::BindGroupLayoutEntry {
            binding: 0,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only: false },
                has_dynamic_offset: true,
                min_binding_size: None,
            },
            count: None,
        }],
    });
    let module = d.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(ADD.into()),
    });
    let add = d.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: Some(&d.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        })),
        module: &module,
        entry_point: None,
        compilation_options: Default::default(),
        cache: None,
    });
    let x = buffer(&d, 4 * BYTES, Usage::STORAGE | Usage::COPY_SRC);
    let bound = d.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &layout,
        entries: &[wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &x,
                offset: BYTES,
                size: wgpu::BufferSize::new(BYTES / 2),
            }),
        }],
    });
    submit(&d, &q, |e| {
        let mut pass = e.begin_compute_pass(&Default::default());
        pass.set_pipeline(&add);
        pass.set_bind_group(0, &bound, &[BYTES as u32]);
        pass.dispatch_workgroups(5, 1, 1);
    });
    let got = words(&d, &q, &x);
    let expected = |ix: u64| if (128..160).contains(&ix) { 5 } else { 0 };
    assert_eq!(got, (0..4 * WORDS).map(expected).collect::<Vec<_>>());
}

#[test]
fn immediates_and_indirect_dispatch() {
    let (d, q) = open();
    let add = pipeline(&d, ADD_IMMEDIATE);
    let x = buffer(&d, BYTES, Usage::STORAGE | Usage::COPY_SRC);
    let sizes = buffer(&d, 28, Usage::INDIRECT | Usage::COPY_DST);
    let sizes_words = [0, 2, 3, 1, 70_000, 1, 1_u32];
    q.write_buffer(&sizes, 0, &sizes_words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>());
    submit(&d, &q, |e| {
        let mut pass = e.begin_compute_pass(&Default::default());
        pass.set_pipeline(&add);
        pass.set_bind_group(0, &group(&d, &add, &x), &[]);
        pass.set_immediates(0, &100_u32.to_le_bytes());
        // zero workgroups in x: nothing
        pass.dispatch_workgroups_indirect(&sizes, 0);
        pass.dispatch_workgroups_indirect(&sizes, 4);
        // more than the limit: nothing
        pass.dispatch_workgroups_indirect(&sizes, 16);
    });
    assert_eq!(words(&d, &q, &x), vec![106; WORDS as usize]);
}

#[test]
fn timestamps_rise() {
    let (d, q) = open();
    let add = pipeline(&d, SLOW);
    let x = buffer(&d, BYTES, Usage::STORAGE);
    let set = d.create_query_set(&wgpu::QuerySetDescriptor { label: None, ty: wgpu::QueryType::Timestamp, count: 6 });
    let resolved = buffer(&d, 6 * 8, Usage::QUERY_RESOLVE | Usage::COPY_SRC);
    assert_eq!(q.get_timestamp_period().to_bits(), 1.0_f32.to_bits());
    submit(&d, &q, |e| {
        e.write_timestamp(&set, 0);
        {
            let mut pass = e.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: &set,
                    beginning_of_pass_write_index: Some(1),
                    end_of_pass_write_index: Some(3),
                }),
            });
            pass.set_pipeline(&add);
            pass.set_bind_group(0, &group(&d, &add, &x), &[]);
            pass.dispatch_workgroups(1, 1, 1);
            pass.write_timestamp(&set, 2);
        }
        e.write_timestamp(&set, 4);
        e.resolve_query_set(&set, 0..6, &resolved, 0);
    });
    let words = words(&d, &q, &resolved);
    let times: Vec<u64> = words.chunks(2).map(|w| u64::from(w[0]) | u64::from(w[1]) << 32).collect();
    assert!(times[..5].is_sorted() && times[0] > 0, "{times:?}");
    assert!(times[2] - times[1] > 1_000_000, "the kernel took its time: {times:?}");
    assert_eq!(times[5], 0, "never written");
}

/// A submission returns before it is done: who does not wait sees that it is not.
#[test]
fn a_missing_wait_shows() {
    let (d, q) = open();
    let slow = pipeline(&d, SLOW);
    let x = buffer(&d, BYTES, Usage::STORAGE | Usage::COPY_SRC | Usage::MAP_READ);
    let done = Arc::new(AtomicBool::new(false));
    submit(&d, &q, |e| dispatch(e, &slow, &group(&d, &slow, &x), [1, 1, 1]));
    let callback = done.clone();
    q.on_submitted_work_done(move || callback.store(true, Ordering::SeqCst));
    d.poll(wgpu::PollType::Poll).expect("the device works");
    assert!(!done.load(Ordering::SeqCst), "it ran on the caller's thread");
    let short = wgpu::PollType::Wait { submission_index: None, timeout: Some(Duration::from_micros(1)) };
    assert!(matches!(d.poll(short), Err(wgpu::PollError::Timeout)));
    wait(&d);
    assert!(done.load(Ordering::SeqCst));
}

/// Buffers, groups and pipelines may go while the worker still uses them.
#[test]
fn things_may_be_dropped_in_flight() {
    let (d, q) = open();
    let x = buffer(&d, BYTES, Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST);
    {
        let slow = pipeline(&d, SLOW);
        let temporary = buffer(&d, BYTES, Usage::STORAGE | Usage::COPY_SRC);
        submit(&d, &q, |e| {
            dispatch(e, &slow, &group(&d, &slow, &temporary), [1, 1, 1]);
            e.copy_buffer_to_buffer(&temporary, 0, &x, 0, BYTES);
        });
        temporary.destroy();
    }
    assert_eq!(words(&d, &q, &x), vec![1; WORDS as usize]);
    let slow = pipeline(&d, SLOW);
    submit(&d, &q, |e| dispatch(e, &slow, &group(&d, &slow, &x), [1, 1, 1]));
    // and the device itself
    drop((d, q, x));
}

#[test]
fn submissions_of_two_threads_and_two_devices() {
    let (d, q) = open();
    let (d2, q2) = open();
    let add = pipeline(&d, ADD);
    let x = buffer(&d, BYTES, Usage::STORAGE | Usage::COPY_SRC);
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..50 {
                    submit(&d, &q, |e| dispatch(e, &add, &group(&d, &add, &x), [1, 1, 1]));
                }
            });
        }
        s.spawn(|| {
            let add = pipeline(&d2, ADD);
            let y = buffer(&d2, BYTES, Usage::STORAGE | Usage::COPY_SRC);
            for n in 1..20 {
                submit(&d2, &q2, |e| dispatch(e, &add, &group(&d2, &add, &y), [n, 1, 1]));
            }
            assert_eq!(words(&d2, &q2, &y)[7], (1..20).sum::<u32>());
        });
    });
    assert_eq!(words(&d, &q, &x), vec![100; WORDS as usize]);
}

#[test]
fn mapped_at_creation_and_mappable_storage() {
    let (d, q) = open();
    let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::MAP_WRITE;
    let x = d.create_buffer(&wgpu::BufferDescriptor { label: None, size: BYTES, usage, mapped_at_creation: true });
    {
        let mut view = x.slice(..).get_mapped_range_mut().expect("mapped at creation");
        view.copy_from_slice(&[7_u32; WORDS as usize].map(u32::to_le_bytes).concat());
    }
    x.unmap();
    let add = pipeline(&d, ADD);
    submit(&d, &q, |e| dispatch(e, &add, &group(&d, &add, &x), [2, 1, 1]));
    assert_eq!(words(&d, &q, &x), vec![9; WORDS as usize]);
    // empty buffers are buffers
    drop(buffer(&d, 0, Usage::STORAGE));
}

#[test]
fn out_of_memory_is_an_error_and_passes() {
    let (d, _) = open_with(&Options { memory_bytes: Some(4 << 20), ..Options::default() });
    let out_of_memory = |device: &wgpu::Device, bytes| {
        let scope = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let made = buffer(device, bytes, Usage::STORAGE);
        (pollster::block_on(scope.pop()).is_some(), made)
    };
    let (failed, first) = out_of_memory(&d, 2 << 20);
    assert!(!failed);
    assert!(out_of_memory(&d, 2 << 20).0);
    first.destroy();
    drop(first);
    wait(&d);
    assert!(!out_of_memory(&d, 2 << 20).0);
    // what no machine has
    let budget = Arc::new(super::memory::Budget::new(None));
    assert!(super::memory::Buffer::new(1 << 60, &budget).is_none());
    assert!(super::memory::Buffer::new(u64::MAX, &budget).is_none());
    assert!(super::memory::Buffer::new(64, &budget).is_some());
}

/// A fault on the worker loses the device; the program goes on.
#[test]
fn a_fault_loses_the_device() {
    let (d, q) = open();
    let told = Arc::new(Mutex::new(String::new()));
    let tell = told.clone();
    #[expect(clippy::disallowed_methods, reason = "the device is the test's own")]
    d.set_device_lost_callback(move |reason, message| {
        *tell.lock().expect("nobody panics with it") = format!("{reason:?}: {message}");
    });
    let x = buffer(&d, BYTES, Usage::STORAGE | Usage::COPY_DST);
    {
        // SAFETY: hal objects of the same device; what they do is contained, which is the test.
        #[expect(unsafe_code, reason = "a fault cannot be had through the safe API")]
        unsafe {
            let device = d.as_hal::<Api>().expect("ours");
            let queue = q.as_hal::<Api>().expect("ours");
            let fence = device.create_fence().expect("a fence");
            let mut encoder = wgpu_hal::Device::create_command_encoder(
                &*device,
                &wgpu_hal::CommandEncoderDescriptor { label: None, queue: &*queue },
            )
            .expect("an encoder");
            let hal_buffer = x.as_hal::<Api>().expect("ours");
            encoder.clear_buffer(&hal_buffer, 0..2 * BYTES);
            let commands = encoder.end_encoding().expect("commands");
            queue.submit(&[&commands], &[], (&fence, 1)).expect("the queue takes it");
            assert!(matches!(device.wait(&fence, 1, None), Err(wgpu_hal::DeviceError::Lost)));
        }
    }
    submit(&d, &q, |e| e.clear_buffer(&x, 0, None));
    let polled = d.poll(wgpu::PollType::wait_indefinitely());
    assert!(told.lock().expect("nobody panics with it").contains("lost"), "{polled:?}");
    // wgpu says nothing more about a device that is lost; nothing hangs
    drop(buffer(&d, 16, Usage::STORAGE));
    submit(&d, &q, |e| e.clear_buffer(&x, 0, None));
}
