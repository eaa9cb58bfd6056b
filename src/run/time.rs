//! Where the time goes: each dispatch of a graph timed on the device.

use super::Inner;
use super::execute::Run;
use super::fault::{Outcome, Scopes, lock};
use super::read::{Reading, Staged};
use crate::error::Result;
use crate::graph::Node;
use std::sync::Arc;

/// The time of one dispatch.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// The kernel's label.
    pub label: String,
    /// Nanoseconds.
    pub ns: f64,
    /// Workgroups.
    pub groups: [u32; 3],
    /// Measured by the device; otherwise by the host's clock around a submission of its own, which counts the submission.
    pub on_device: bool,
}

/// Dispatches per query set (WebGPU allows 4096 queries in one).
const CHUNK: usize = 2048;

impl Inner {
    /// Computes `roots`, timing every dispatch.
    pub fn profile(self: &Arc<Self>, roots: &[Node]) -> Result<Vec<Probe>> {
        self.alive()?;
        let roots = super::execute::pending(roots);
        if roots.is_empty() {
            return Ok(Vec::new());
        }
        let mut state = lock(&self.state);
        let run = self.prepare(&mut state, &roots, false)?;
        if self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            let mut probes = Vec::new();
            let scopes = Scopes::push(&self.device);
            let steps: Vec<usize> = (0..run.groups.len()).collect();
            let made = steps.chunks(CHUNK).map(|chunk| self.profile_chunk(&run, chunk)).collect::<Result<Vec<_>>>();
            let outcome = self.seen(scopes.pop("profile", 0));
            probes.extend(made?);
            self.conclude(&mut state, roots, Some(run), outcome, &mut [])?;
            return Ok(probes);
        }
        self.profile_by_clock(&mut state, roots, run)
    }

    /// One pass for each dispatch, with a timestamp on either side.
    fn profile_chunk(self: &Arc<Self>, run: &Run, steps: &[usize]) -> Result<Probe> {
        let n = 2 * steps.len() as u32;
        let queries = self.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("ridgepoint profile"),
            ty: wgpu::QueryType::Timestamp,
            count: n,
        });
        let bytes = u64::from(n) * 8;
        let resolved = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("ridgepoint profile"),
            size: bytes,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let staged = Staged::new(self, bytes, self.fine.clone())?;
        let uniform = run.entry.upload_words(self, &run.words);
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for (&step, at) in steps.iter().zip(0..) {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: &queries,
                    beginning_of_pass_write_index: Some(2 * at),
                    end_of_pass_write_index: Some(2 * at + 1),
                }),
            });
            run.entry.dispatch(&mut pass, step, &run.groups[step], uniform, false);
        }
        encoder.resolve_query_set(&queries, 0..n, &resolved, 0);
        staged.copy_from(&mut encoder, &resolved);
        let index = self.queue.submit([encoder.finish()]);
        super::count(&self.counts.submits, 1);
        super::count(&self.counts.dispatches, steps.len());
        let labels = steps.iter().map(|&s| label(run, s)).collect();
        let period = f64::from(self.queue.get_timestamp_period());
        Ok(Probe::Device { labels, reading: staged.read(self, Some(index)), period })
    }

    #[cfg(target_arch = "wasm32")]
    fn profile_by_clock(
        self: &Arc<Self>,
        _state: &mut super::entry::State,
        _roots: Vec<Node>,
        _run: Run,
    ) -> Result<Vec<Probe>> {
        Err(crate::error::Error::Limit {
            what: "the number of timestamp queries needed".into(),
            value: 2,
            limit: 0,
            hint: "this browser offers no timestamp-query".into(),
        })
    }

    /// A submission for each dispatch, waited for.
    #[cfg(not(target_arch = "wasm32"))]
    fn profile_by_clock(
        self: &Arc<Self>,
        state: &mut super::entry::State,
        roots: Vec<Node>,
        run: Run,
    ) -> Result<Vec<Probe>> {
        let scopes = Scopes::push(&self.device);
        let uniform = run.entry.upload_words(self, &run.words);
        self.queue.submit([]);
        self.poll(wgpu::PollType::wait_indefinitely());
        let mut probes = Vec::new();
        for step in 0..run.groups.len() {
            let start = std::time::Instant::now();
            let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                run.entry.dispatch(&mut pass, step, &run.groups[step], uniform, false);
            }
            self.queue.submit([encoder.finish()]);
            self.poll(wgpu::PollType::wait_indefinitely());
            let (label, groups) = label(&run, step);
            let ns = start.elapsed().as_nanos() as f64;
            probes.push(Probe::Clock(Timing { label, ns, groups, on_device: false }));
            super::count(&self.counts.submits, 1);
            super::count(&self.counts.dispatches, 1);
        }
        let outcome: Outcome = self.seen(scopes.pop("profile", 0));
        self.conclude(state, roots, Some(run), outcome, &mut [])?;
        Ok(probes)
    }
}

fn label(run: &Run, step: usize) -> (String, [u32; 3]) {
    let step = &run.entry.plan.steps[step];
    (step.kernel.label.clone(), step.groups)
}

/// Times on their way to the host.
pub(super) enum Probe {
    Device {
        labels: Vec<(String, [u32; 3])>,
        reading: Reading,
        period: f64,
    },
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "browsers give no clock to block on"))]
    Clock(Timing),
}

impl Probe {
    pub async fn timings(self) -> Result<Vec<Timing>> {
        match self {
            Probe::Clock(timing) => Ok(vec![timing]),
            Probe::Device { labels, reading, period } => {
                let bytes = reading.await?;
                let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&bytes);
                let ns = |ix: usize| ticks[2 * ix + 1].saturating_sub(ticks[2 * ix]) as f64 * period;
                Ok(labels
                    .into_iter()
                    .enumerate()
                    .map(|(ix, (label, groups))| Timing { label, ns: ns(ix), groups, on_device: true })
                    .collect())
            }
        }
    }
}

impl super::Device {
    /// Computes `roots` and gives the time of each dispatch.
    pub(crate) async fn profile_nodes(&self, roots: &[Node]) -> Result<Vec<Timing>> {
        let mut timings = Vec::new();
        for probe in self.inner.profile(roots)? {
            timings.extend(probe.timings().await?);
        }
        Ok(timings)
    }
}
