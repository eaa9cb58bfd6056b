//! Timing work on a device: batches far longer than the clock's quantum, by the device's own timestamps where they can be
//! trusted and by the host's clock otherwise.
//!
//! A batch is one submission with a timestamp before and after it. Timestamps are trusted if a batch of twice the work
//! takes about twice as long by them, and if they never claim more than the host's clock, which starts before the
//! submission and ends after it.

use crate::error::{Error, Result};
use crate::run::{Device, Recording};
use std::time::Instant;

/// Records one run of some work.
pub type Record<'a> = &'a dyn Fn(&mut wgpu::CommandEncoder) -> Result<Option<Recording>>;

/// Seconds of one run of the work.
#[derive(Clone, Copy, Debug)]
struct Spent {
    /// From before the submission until the device has done it.
    wall: f64,
    /// Between the timestamps.
    device: Option<f64>,
}

/// See the module.
pub struct Clock {
    device: Device,
    queries: Option<Queries>,
    trusted: bool,
}

struct Queries {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    read: wgpu::Buffer,
    /// Seconds per tick.
    period: f64,
}

impl Clock {
    /// A clock for a device; `trial` is work that takes some milliseconds in `runs` runs.
    pub fn new(device: &Device, trial: Record<'_>, runs: usize) -> Result<Clock> {
        let has = device.wgpu_device().features().contains(wgpu::Features::TIMESTAMP_QUERY);
        let queries = has.then(|| Queries::new(device));
        let mut clock = Clock { device: device.clone(), queries, trusted: false };
        clock.batch(trial, runs)?;
        clock.trusted = clock.queries.is_some() && clock.agrees(trial, runs)?;
        Ok(clock)
    }

    /// Whether timestamps are the clock.
    pub fn on_device(&self) -> bool {
        self.trusted
    }

    fn agrees(&self, trial: Record<'_>, runs: usize) -> Result<bool> {
        let mut good = 0;
        for _ in 0..3 {
            let (one, two) = (self.batch(trial, runs)?, self.batch(trial, 2 * runs)?);
            let (Some(first), Some(second)) = (one.device, two.device) else { return Ok(false) };
            let linear = (0.6..1.7).contains(&(second / first));
            let within = |spent: Spent| spent.device.is_some_and(|d| d > 0.2 * spent.wall && d < 1.05 * spent.wall);
            good += usize::from(linear && within(two));
        }
        Ok(good >= 2)
    }

    /// Seconds of one run, from a batch of `runs`.
    pub fn time(&self, record: Record<'_>, runs: usize) -> Result<f64> {
        let spent = self.batch(record, runs)?;
        Ok(spent.device.filter(|_| self.trusted).unwrap_or(spent.wall))
    }

    fn batch(&self, record: Record<'_>, runs: usize) -> Result<Spent> {
        let device = self.device.wgpu_device();
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("bench") });
        let mut recordings = Vec::with_capacity(runs);
        if let Some(queries) = &self.queries {
            queries.mark(&mut encoder, 0);
        }
        for _ in 0..runs {
            recordings.push(record(&mut encoder)?);
        }
        if let Some(queries) = &self.queries {
            queries.mark(&mut encoder, 1);
            queries.resolve(&mut encoder);
        }
        let commands = encoder.finish();
        let start = Instant::now();
        self.device.wgpu_queue().submit([commands]);
        recordings.into_iter().flatten().for_each(Recording::submitted);
        self.device.wait_blocking()?;
        let wall = start.elapsed().as_secs_f64() / runs as f64;
        let device = self.queries.as_ref().map(|q| q.seconds(&self.device)).transpose()?.flatten();
        Ok(Spent { wall, device: device.map(|d| d / runs as f64) })
    }
}

impl Queries {
    fn new(device: &Device) -> Queries {
        let buffer = |usage| {
            device.wgpu_device().create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size: 16,
                usage,
                mapped_at_creation: false,
            })
        };
        Queries {
            set: device.wgpu_device().create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            }),
            resolved: buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC),
            read: buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST),
            period: f64::from(device.wgpu_queue().get_timestamp_period()) * 1e-9,
        }
    }

    /// Writes a timestamp between what was recorded and what will be.
    fn mark(&self, encoder: &mut wgpu::CommandEncoder, index: u32) {
        let (begin, end) = if index == 0 { (None, Some(0)) } else { (Some(index), None) };
        drop(encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: None,
            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                query_set: &self.set,
                beginning_of_pass_write_index: begin,
                end_of_pass_write_index: end,
            }),
        }));
    }

    fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        encoder.resolve_query_set(&self.set, 0..2, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.read, 0, 16);
    }

    /// Between the two timestamps of the last batch; `None` if they make no sense.
    fn seconds(&self, device: &Device) -> Result<Option<f64>> {
        let bytes = map(device, &self.read)?;
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&bytes);
        let ticks = ticks[1].checked_sub(ticks[0]).filter(|&t| t > 0);
        Ok(ticks.map(|t| t as f64 * self.period))
    }
}

/// The content of a buffer that can be mapped.
pub fn map(device: &Device, buffer: &wgpu::Buffer) -> Result<Vec<u8>> {
    let failed = |message: String| Error::Validation { label: "reading a buffer of the bench".into(), message };
    let (send, receive) = std::sync::mpsc::channel();
    buffer.map_async(wgpu::MapMode::Read, .., move |result| {
        // the receiver is gone only if waiting failed, which has its own error
        let _gone = send.send(result);
    });
    device.wait_blocking()?;
    receive.recv().map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
    let bytes = buffer.get_mapped_range(..).map_err(|e| failed(e.to_string()))?.to_vec();
    buffer.unmap();
    Ok(bytes)
}
