//! What the host waits for: submissions, round trips, uploads and read-backs, pipelines. By the host's clock.

use super::super::clock;
use super::super::probe::{HEAD, buffer, pipeline};
use super::compute;
use crate::error::Result;
use crate::run::Device;
use std::time::Instant;

/// Bytes of an upload and of a read-back.
pub const BYTES: u64 = 16 << 20;

/// Something timed by the host: each call gives one sample, in seconds.
pub struct Latency {
    /// The name in reports.
    pub name: &'static str,
    /// Bytes moved, where it is a rate.
    pub bytes: Option<f64>,
    /// See the type.
    pub sample: Box<dyn FnMut() -> Result<f64>>,
}

fn seconds(f: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    f()?;
    Ok(start.elapsed().as_secs_f64())
}

/// All of them.
pub fn all(device: &Device) -> Result<Vec<Latency>> {
    Ok(vec![
        submit(device)?,
        round_trip(device)?,
        upload(device),
        read_back(device),
        create(device, false),
        create(device, true),
    ])
}

fn encoder(device: &Device) -> wgpu::CommandEncoder {
    device.wgpu_device().create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("bench") })
}

/// A submission of one dispatch, among many that are not waited for one by one.
fn submit(device: &Device) -> Result<Latency> {
    const TOGETHER: u32 = 32;
    let (probe, device) = (compute::dispatches(device, 1)?, device.clone());
    let sample = move || {
        let total = seconds(|| {
            for _ in 0..TOGETHER {
                let mut encoder = encoder(&device);
                probe.record(&mut encoder);
                device.wgpu_queue().submit([encoder.finish()]);
            }
            device.wait_blocking()
        })?;
        Ok(total / f64::from(TOGETHER))
    };
    Ok(Latency { name: "submit", bytes: None, sample: Box::new(sample) })
}

fn readable(device: &Device, bytes: u64) -> wgpu::Buffer {
    device.wgpu_device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("bench"),
        size: bytes,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// One dispatch, and its word on the host.
fn round_trip(device: &Device) -> Result<Latency> {
    let (probe, read, device) = (compute::dispatches(device, 1)?, readable(device, 4), device.clone());
    let sample = move || {
        seconds(|| {
            let mut encoder = encoder(&device);
            probe.record(&mut encoder);
            encoder.copy_buffer_to_buffer(probe.result(), 0, &read, 0, 4);
            device.wgpu_queue().submit([encoder.finish()]);
            clock::map(&device, &read).map(drop)
        })
    };
    Ok(Latency { name: "round trip", bytes: None, sample: Box::new(sample) })
}

fn upload(device: &Device) -> Latency {
    let (target, device, data) = (buffer(device, BYTES), device.clone(), vec![1_u8; BYTES as usize]);
    let sample = move || {
        seconds(|| {
            device.wgpu_queue().write_buffer(&target, 0, &data);
            device.wgpu_queue().submit([]);
            device.wait_blocking()
        })
    };
    Latency { name: "upload", bytes: Some(BYTES as f64), sample: Box::new(sample) }
}

fn read_back(device: &Device) -> Latency {
    let (source, read, device) = (buffer(device, BYTES), readable(device, BYTES), device.clone());
    let sample = move || {
        seconds(|| {
            let mut encoder = encoder(&device);
            encoder.copy_buffer_to_buffer(&source, 0, &read, 0, BYTES);
            device.wgpu_queue().submit([encoder.finish()]);
            clock::map(&device, &read).map(drop)
        })
    };
    Latency { name: "read back", bytes: Some(BYTES as f64), sample: Box::new(sample) }
}

/// A pipeline from WGSL that the driver has not seen, or from the same text again.
fn create(device: &Device, again: bool) -> Latency {
    // a driver may keep what it compiled in earlier runs of the program
    let unseen = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    let (device, mut number) = (device.clone(), unseen);
    let text = |number: u32| {
        format!(
            "@group(0) @binding(0) var<storage, read_write> y: array<vec4<f32>>;\n\
             @compute @workgroup_size(64)\nfn main{HEAD}    let i = g * 64u + lane;\n    var v = y[i];\n\
             \x20   for (var j = 0u; j < 16u; j += 1u) {{ v = fma(v, v, vec4<f32>({}.5)); }}\n    y[i] = v;\n}}\n",
            number % 100_000_000
        )
    };
    let sample = move || {
        if !again {
            number = number.wrapping_add(1);
        }
        let text = text(number);
        seconds(|| {
            drop(pipeline(&device, "bench", &text));
            Ok(())
        })
    };
    Latency { name: if again { "pipeline again" } else { "pipeline" }, bytes: None, sample: Box::new(sample) }
}
