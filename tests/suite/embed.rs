//! Embedding in a wgpu application: the test plays the host. It owns the device, the queue and the encoder, and checks that
//! the engine behaves as a guest: no submit, no poll, no handlers, balanced error scopes, buffers in and out without copies.

use pollster::block_on;
use ridgepoint::run::Options;
use ridgepoint::{DType, Device, Error, Tensor, wgpu};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wgpu::BufferUsages as Usage;

struct Host {
    adapter: wgpu::Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// Errors that reached the host's own handler.
    uncaptured: Arc<AtomicUsize>,
}

impl Host {
    /// A host that asks for exactly what the engine requires.
    fn new() -> Self {
        let (features, limits) = Device::requirements();
        Self::with(features, limits)
    }

    fn with(required_features: wgpu::Features, required_limits: wgpu::Limits) -> Self {
        let adapter = crate::host_adapter();
        let descriptor = wgpu::DeviceDescriptor { required_features, required_limits, ..Default::default() };
        let (device, queue) = block_on(adapter.request_device(&descriptor)).expect("the requirements are portable");
        let uncaptured = Arc::new(AtomicUsize::new(0));
        let seen = uncaptured.clone();
        #[expect(clippy::disallowed_methods, reason = "the test is the host")]
        device.on_uncaptured_error(Arc::new(move |_| {
            seen.fetch_add(1, Ordering::Relaxed);
        }));
        Self { adapter, device, queue, uncaptured }
    }

    fn guest(&self) -> Device {
        Device::adopt(&self.adapter, self.device.clone(), self.queue.clone()).expect("the requirements are met")
    }

    fn encoder(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    fn submit(&self, encoder: wgpu::CommandEncoder) {
        self.queue.submit([encoder.finish()]);
    }

    fn buffer(&self, data: &[f32], usage: Usage) -> wgpu::Buffer {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("host"),
            size: (data.len() as u64 * 4).max(4),
            usage: usage | Usage::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, &bytes(data));
        buffer
    }

    /// The host's own read-back.
    fn read(&self, slice: wgpu::BufferSlice<'_>) -> Vec<f32> {
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: slice.size(),
            usage: Usage::MAP_READ | Usage::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.encoder();
        encoder.copy_buffer_to_buffer(slice.buffer(), slice.offset(), &staging, 0, slice.size());
        self.submit(encoder);
        staging.map_async(wgpu::MapMode::Read, .., |mapped| mapped.expect("mapped"));
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("polled");
        let view = staging.get_mapped_range(..).expect("mapped");
        view.chunks_exact(4).map(|c| f32::from_ne_bytes([c[0], c[1], c[2], c[3]])).collect()
    }

    /// The queue's submission counter after an empty submission of the host's own. (wgpu shows it in `Debug` alone.)
    fn submission(&self) -> u64 {
        let text = format!("{:?}", self.queue.submit([]));
        text.chars().filter(char::is_ascii_digit).collect::<String>().parse().expect("a number")
    }
}

fn bytes(data: &[f32]) -> Vec<u8> {
    data.iter().flat_map(|x| x.to_ne_bytes()).collect()
}

fn ramp(n: usize) -> Vec<f32> {
    (0..n).map(|i| i as f32).collect()
}

/// Exact in f32: small whole numbers.
fn work(x: &Tensor, scale: f64) -> Tensor {
    (x * scale + 1.0).sum(0)
}

fn worked(x: &[f32], scale: f32) -> f32 {
    x.iter().map(|x| x * scale + 1.0).sum()
}

/// Needs more than one dispatch, so a temporary.
fn centred(x: &Tensor) -> Tensor {
    x - x.sum(0)
}

#[test]
fn encoding_neither_submits_nor_polls() {
    let host = Host::new();
    let guest = host.guest();
    assert!(guest.is_guest());
    let before = host.submission();
    let mut encoder = host.encoder();
    let x = guest.tensor(&ramp(300), [300]);
    let y = work(&x, 2.0);
    let recording = guest.encode(&[&y], &mut encoder).expect("records");
    assert!(recording.dispatches() > 0);
    assert_eq!(host.submission(), before + 1, "submitted");
    assert_eq!(guest.stats().submits, 0);
    // a callback of the host's that only a poll or a submission would run
    let ran = Arc::new(AtomicUsize::new(0));
    let flag = ran.clone();
    let mapped = host.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 16,
        usage: Usage::MAP_READ | Usage::COPY_DST,
        mapped_at_creation: false,
    });
    mapped.map_async(wgpu::MapMode::Read, .., move |_| {
        flag.fetch_add(1, Ordering::Relaxed);
    });
    drop(guest.encode(&[&work(&x, 3.0)], &mut encoder).expect("records"));
    guest.trim();
    assert_eq!(ran.load(Ordering::Relaxed), 0, "polled");
    // not readable while the encoder is not known to be submitted
    let early = y.read_blocking::<f32>().expect_err("not submitted");
    assert!(early.to_string().contains("Recording::submitted"), "{early}");
    assert!((&y + 1.0).eval().is_err(), "our submission would come before the host's");
    host.submit(encoder);
    recording.submitted();
    assert_eq!(y.read_blocking::<f32>().expect("reads"), [worked(&ramp(300), 2.0)]);
    assert_eq!(host.uncaptured.load(Ordering::Relaxed), 0);
}

#[test]
fn an_encoder_that_is_dropped_leaves_the_host_as_it_was() {
    let host = Host::new();
    let guest = host.guest();
    let x = guest.tensor(&ramp(100), [100]);
    {
        let mut encoder = host.encoder();
        let y = work(&x, 3.0);
        drop(guest.encode(&[&y], &mut encoder).expect("records"));
        assert!(y.read_blocking::<f32>().is_err(), "never computed: never readable");
    }
    let z = work(&x, 4.0);
    assert_eq!(z.read_blocking::<f32>().expect("reads"), [worked(&ramp(100), 4.0)]);
    assert_eq!(host.uncaptured.load(Ordering::Relaxed), 0);
}

#[test]
fn buffers_come_in_and_go_out_without_a_copy() {
    let host = Host::new();
    let guest = host.guest();
    let data = ramp(64 + 100);
    let buffer = host.buffer(&data, Usage::STORAGE);
    let x = guest.import(&buffer, 256, [10, 10], DType::F32).expect("imports");
    let y = &x * 2.0;
    let mut encoder = host.encoder();
    let recording = guest.encode(&[&y], &mut encoder).expect("records");
    let slice = y.buffer().expect("recorded");
    assert_eq!(slice.bytes, 400);
    host.submit(encoder);
    recording.submitted();
    let want: Vec<f32> = data[64..].iter().map(|x| x * 2.0).collect();
    assert_eq!(host.read(slice.slice()), want);
    // the import is a view: what the host writes later is what later work sees
    host.queue.write_buffer(&buffer, 256, &bytes(&[7.0; 100]));
    assert_eq!((&x + 1.0).read_blocking::<f32>().expect("reads"), vec![8.0; 100]);
    assert_eq!(host.read(slice.slice()), want, "results are the tensor's own");
    // reading an import itself needs a copy out of it
    let error = x.read_blocking::<f32>().expect_err("no COPY_SRC");
    assert!(error.to_string().contains("COPY_SRC"), "{error}");
    // the very buffer of a result goes back in
    let again = guest.import(&slice.buffer, slice.offset, [100], DType::F32).expect("imports");
    assert_eq!((&again - 1.0).read_blocking::<f32>().expect("reads")[99], want[99] - 1.0);
    assert_eq!(host.uncaptured.load(Ordering::Relaxed), 0);
}

#[test]
fn bad_imports_name_the_remedy() {
    let host = Host::new();
    let guest = host.guest();
    let good = host.buffer(&ramp(100), Usage::STORAGE);
    let plain = host.buffer(&ramp(100), Usage::COPY_SRC);
    let fails = |buffer, offset, n: usize, dtype, word: &str| {
        let error = guest.import(buffer, offset, [n], dtype).expect_err(word).to_string();
        assert!(error.contains(word) && error.contains("embed.rs"), "{error}");
    };
    fails(&plain, 0, 4, DType::F32, "STORAGE");
    fails(&good, 4, 4, DType::F32, "alignment, 256");
    fails(&good, 0, 101, DType::F32, "404 bytes");
    fails(&good, 256, 37, DType::F32, "404 bytes".replace("404", "148").as_str());
    fails(&good, u64::MAX - 255, 1, DType::F32, "offset");
    assert!(guest.import(&good, 256, [36], DType::F32).is_ok());
    assert!(guest.import(&good, 0, [199], DType::F16).is_ok(), "398 bytes round up to 400");
    fails(&good, 0, 201, DType::F16, "404 bytes");
    let (other, _queue) = block_on(host.adapter.request_device(&wgpu::DeviceDescriptor::default())).expect("a device");
    let foreign = other.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 400,
        usage: Usage::STORAGE,
        mapped_at_creation: false,
    });
    assert!(guest.import(&foreign, 0, [4], DType::F32).is_err(), "a buffer of another device");
    good.destroy();
    assert!(guest.import(&good, 0, [4], DType::F32).is_err(), "a destroyed buffer");
    assert_eq!(host.uncaptured.load(Ordering::Relaxed), 0, "our errors stay with us");
}

/// The host's encoder is submitted after other submissions of ours, and after everything it reads was dropped.
#[test]
fn a_late_submission_finds_its_buffers_untouched() {
    let host = Host::new();
    let guest = host.guest();
    for keep in [true, false] {
        let mut encoder = host.encoder();
        let n = 4096;
        let x = guest.tensor(&ramp(n), [n]);
        let (y, z) = (&x * 2.0, centred(&x));
        let recording = guest.encode(&[&y, &z], &mut encoder).expect("records");
        let slice = y.buffer().expect("recorded");
        let other = z.buffer().expect("recorded");
        drop((x, y, z));
        let recording = keep.then_some(recording);
        // our own work, in buffers of the same size; it would overwrite anything that had gone back to the pool
        for round in 1..4 {
            let noise = guest.tensor(&vec![-1.0f32; n], [n]);
            let off = centred(&(&noise * f64::from(round)));
            assert_eq!(off.read_blocking::<f32>().expect("reads"), vec![(round * (n as i32 - 1)) as f32; n]);
        }
        host.submit(encoder);
        assert_eq!(host.read(slice.slice()), ramp(n).iter().map(|x| x * 2.0).collect::<Vec<_>>(), "keep: {keep}");
        let sum = (n * (n - 1) / 2) as f32;
        assert_eq!(host.read(other.slice()), ramp(n).iter().map(|x| x - sum).collect::<Vec<_>>());
        if let Some(recording) = recording {
            recording.submitted();
        }
    }
    assert_eq!(host.uncaptured.load(Ordering::Relaxed), 0);
}

/// A buffer that was handed out is the host's for as long as it likes, whatever becomes of the tensor.
#[test]
fn an_exported_buffer_is_never_recycled() {
    let host = Host::new();
    let guest = host.guest();
    let x = guest.tensor(&ramp(500), [500]);
    let y = &x * 3.0;
    y.eval().expect("runs");
    let (theirs, uploaded) = (y.buffer().expect("computed"), x.buffer().expect("a leaf"));
    drop((x, y));
    for value in 0..4 {
        let noise = guest.tensor(&[-1.0f32; 500], [500]);
        (&noise * f64::from(value)).eval().expect("runs");
    }
    assert_eq!(host.read(theirs.slice()), ramp(500).iter().map(|x| x * 3.0).collect::<Vec<_>>());
    assert_eq!(host.read(uploaded.slice()), ramp(500));
}

/// Two recordings of one structure in one encoder, or in two that are submitted the other way round, keep their own numbers.
#[test]
fn recordings_keep_their_own_constants() {
    let host = Host::new();
    let guest = host.guest();
    let x = guest.tensor(&ramp(50), [50]);
    let results: Vec<Tensor> = (0..6).map(|i| work(&x, f64::from(i))).collect();
    let (mut first, mut second) = (host.encoder(), host.encoder());
    let recordings: Vec<_> = results
        .iter()
        .enumerate()
        .map(|(i, y)| guest.encode(&[y], if i % 2 == 0 { &mut first } else { &mut second }).expect("records"))
        .collect();
    assert_eq!(work(&x, 9.0).read_blocking::<f32>().expect("reads"), [worked(&ramp(50), 9.0)]);
    host.submit(second);
    host.submit(first);
    recordings.into_iter().for_each(ridgepoint::run::Recording::submitted);
    for (i, y) in results.iter().enumerate() {
        assert_eq!(y.read_blocking::<f32>().expect("reads"), [worked(&ramp(50), i as f32)]);
    }
}

/// A render loop: every frame records, submits and hands its buffer on; nothing grows.
#[test]
fn a_render_loop_settles() {
    let host = Host::new();
    let guest = host.guest();
    let mut state = guest.tensor(&vec![1.0f32; 1000], [1000]);
    let mut settled = None;
    for frame in 0..12 {
        let next = &state * 0.5 + f64::from(frame);
        let mut encoder = host.encoder();
        let recording = guest.encode(&[&next], &mut encoder).expect("records");
        host.submit(encoder);
        recording.submitted();
        host.device.poll(wgpu::PollType::Poll).expect("the host polls");
        state = next.leaf().expect("recorded");
        drop(next);
        if frame == 4 {
            settled = Some((guest.memory().allocations, guest.memory().live, guest.stats().pipelines));
        }
    }
    let now = (guest.memory().allocations, guest.memory().live, guest.stats().pipelines);
    assert_eq!(Some(now), settled);
    assert_eq!(guest.stats().submits, 0);
    let want = (0..12).fold(1.0f32, |s, f| s * 0.5 + f as f32);
    assert_eq!(state.read_blocking::<f32>().expect("reads"), vec![want; 1000]);
}

#[test]
fn the_hosts_error_scopes_and_handlers_are_left_alone() {
    let host = Host::new();
    let guest = host.guest();
    let x = guest.tensor(&ramp(10), [10]);
    let good = host.buffer(&ramp(10), Usage::STORAGE);
    let imported = guest.import(&good, 0, [10], DType::F32).expect("imports");
    good.destroy();
    let scope = host.device.push_error_scope(wgpu::ErrorFilter::Validation);
    let mut encoder = host.encoder();
    assert!(guest.encode(&[&(&imported + &x)], &mut encoder).is_err(), "a destroyed input");
    host.submit(encoder);
    assert!(block_on(scope.pop()).is_none(), "an error of ours reached the host's scope");
    assert_eq!(host.uncaptured.load(Ordering::Relaxed), 0);
    // the host's handler still hears of the host's own mistakes
    let _wrong = host.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 16,
        usage: Usage::MAP_READ | Usage::MAP_WRITE | Usage::STORAGE,
        mapped_at_creation: false,
    });
    assert_eq!(host.uncaptured.load(Ordering::Relaxed), 1);
}

#[test]
fn a_host_device_that_is_too_small_is_refused_with_the_remedy() {
    let (features, mut limits) = Device::requirements();
    limits.max_storage_buffers_per_shader_stage = 4;
    let host = Host::with(features, limits);
    let error = Device::adopt(&host.adapter, host.device, host.queue).expect_err("4 storage buffers");
    assert!(matches!(error, Error::Limit { value: 8, limit: 4, .. }), "{error:?}");
    assert!(error.to_string().contains("requirements"), "{error}");
}

#[test]
fn a_host_device_that_goes_away_gives_errors_not_panics() {
    let host = Host::new();
    let guest = host.guest();
    let lost = Arc::new(AtomicUsize::new(0));
    let seen = lost.clone();
    #[expect(clippy::disallowed_methods, reason = "the test is the host")]
    host.device.set_device_lost_callback(move |_, _| {
        seen.fetch_add(1, Ordering::Relaxed);
    });
    let x = guest.tensor(&ramp(10), [10]);
    let y = work(&x, 2.0);
    y.eval().expect("runs");
    host.device.destroy();
    let mut encoder = host.encoder();
    assert!(matches!(guest.encode(&[&work(&x, 3.0)], &mut encoder), Err(Error::DeviceLost { .. })));
    assert!(matches!(y.read_blocking::<f32>(), Err(Error::DeviceLost { .. })));
    assert!(matches!(guest.tensor(&[1.0f32], [1]).check(), Err(Error::DeviceLost { .. })));
    host.device.poll(wgpu::PollType::wait_indefinitely()).expect("the host polls");
    assert_eq!(lost.load(Ordering::Relaxed), 1, "the host's own callback was kept");
    let rebuilt = Host::new();
    let guest = rebuilt.guest();
    assert_eq!(work(&guest.tensor(&ramp(10), [10]), 2.0).read_blocking::<f32>().expect("reads"), [100.0]);
}

#[test]
fn two_devices_do_not_mix() {
    let (a, b) = (Host::new(), Host::new());
    let (a, b) = (a.guest(), b.guest());
    let (x, y) = (a.tensor(&ramp(3), [3]), b.tensor(&ramp(3), [3]));
    assert!(a.same(x.device()) && !a.same(&b));
    let error = (&x + &y).check().expect_err("two devices").to_string();
    assert!(error.contains("two devices") && error.contains("embed.rs"), "{error}");
    assert!(a.eval(&[&y]).is_err());
    assert_eq!((&x + 1.0).read_blocking::<f32>().expect("reads"), [1.0, 2.0, 3.0]);
}

#[test]
fn extra_usages_reach_the_results() {
    let host = Host::new();
    let options = Options { usages: Usage::VERTEX, ..Options::default() };
    let guest = Device::adopt_with(&host.adapter, host.device.clone(), host.queue.clone(), &options).expect("adopts");
    let y = guest.tensor(&ramp(4), [4]) * 2.0;
    y.eval().expect("runs");
    assert!(y.buffer().expect("computed").buffer.usage().contains(Usage::VERTEX | Usage::STORAGE));
}
