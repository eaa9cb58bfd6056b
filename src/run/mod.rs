//! The device: the only place that names wgpu, beside the embedded CPU device, what takes a host's own objects, and what
//! runs shaders as they are written (`shader_test`, `bench`).
//!
//! A [`Device`] is opened ([`Device::open`]) or adopted from a host application ([`Device::adopt`]). Plans come from
//! [`crate::pass`]; here they meet pipelines (`pipeline`), buffers (`memory`), bind groups (`bind`), and become commands
//! in one encoder and one submission (`execute`), or commands in the caller's encoder (`record`). Reading back is
//! asynchronous (`read`). Every call of wgpu that can fail runs inside error scopes (`fault`).
//!
//! # After a device is lost, or memory ran out
//! The process lives. Every use of a lost device gives [`Error::DeviceLost`]; open another one and upload again from host
//! data. After [`Error::OutOfMemory`] the device is intact: drop tensors or call [`Device::trim`], then evaluate the same
//! tensor again; nothing was submitted, so it is not poisoned.

mod bind;
mod compiled;
mod dissect;
mod entry;
mod execute;
mod fault;
mod memory;
mod open;
mod pipeline;
mod read;
mod record;
mod replay;
#[cfg(test)]
mod tests;
mod time;
mod tuned;
mod upload;

pub use memory::MemoryStats;
pub use open::{Adapter, AdapterSummary, Kernels, Options};
pub use read::Reading;
pub use record::Recording;
pub(crate) use replay::{Port, Replay};
pub use time::Timing;
pub use tuned::Tuned;
pub use upload::Slice;

use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::{Data, Node};
use crate::kernel::{Limits, Tune};
use crate::shape::Shape;
use entry::State;
use fault::{Outcome, Scopes, Ticket, lock};
use memory::Pool;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// A device to compute on; cheap to clone.
#[derive(Clone)]
pub struct Device {
    inner: Arc<Inner>,
}

/// What all handles of one device share.
struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    summary: AdapterSummary,
    /// Given by a host: no submit, poll or handler unless asked.
    guest: bool,
    /// Usages beyond storage and copies that our buffers get.
    usages: wgpu::BufferUsages,
    /// Why the device is lost, once that is known.
    lost: Arc<OnceLock<String>>,
    pool: Arc<Pool>,
    state: Mutex<State>,
    counts: Counts,
    /// What the driver has compiled, where that is kept.
    cache: Option<wgpu::PipelineCache>,
    /// The outcome of whatever cannot fail any more.
    fine: Arc<Ticket>,
}

/// What a device has done so far; for tests and reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Submissions to the queue.
    pub submits: u64,
    /// Dispatches, submitted or recorded.
    pub dispatches: u64,
    /// Pipelines created.
    pub pipelines: u64,
    /// Bind groups created.
    pub bind_groups: u64,
    /// Uploads of uniform words.
    pub uploads: u64,
    /// Graphs that met a plan of their structure.
    pub plan_hits: u64,
    /// Graphs that had to be planned.
    pub plan_misses: u64,
}

#[derive(Default)]
struct Counts {
    submits: AtomicU64,
    dispatches: AtomicU64,
    pipelines: AtomicU64,
    bind_groups: AtomicU64,
    uploads: AtomicU64,
    plan_hits: AtomicU64,
    plan_misses: AtomicU64,
}

fn count(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

impl Device {
    /// The adapter's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.summary.name
    }

    /// Whether both are handles to one device.
    #[must_use]
    pub fn same(&self, other: &Device) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Adapter, backend, driver, and the limits and features in force.
    #[must_use]
    pub fn info(&self) -> &AdapterSummary {
        &self.inner.summary
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.summary.limits
    }

    /// Whether it was adopted from a host application.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.inner.guest
    }

    /// The wgpu device below, for programs that add their own passes.
    #[must_use]
    pub fn wgpu_device(&self) -> &wgpu::Device {
        &self.inner.device
    }

    /// The wgpu queue below.
    #[must_use]
    pub fn wgpu_queue(&self) -> &wgpu::Queue {
        &self.inner.queue
    }

    /// Memory taken by tensors and by the pool.
    #[must_use]
    pub fn memory(&self) -> MemoryStats {
        self.inner.pool.stats()
    }

    /// Frees the buffers kept for reuse, with all bind groups. On an adopted device the memory returns to the driver when
    /// the host next polls or submits.
    pub fn trim(&self) {
        lock(&self.inner.state).board = None;
        self.inner.pool.trim();
        self.inner.tend();
    }

    /// Another handle to the same wgpu device, with other choices between kernels; plans, pipelines and memory are its own,
    /// and tensors of the one are not tensors of the other.
    #[must_use]
    pub fn tuned(&self, tune: Tune) -> Device {
        let of = &self.inner;
        let mut summary = of.summary.clone();
        summary.limits.tuned = Some(tune);
        let pool = Pool::new(of.pool.limit(), summary.limits.buffer_bytes);
        let inner = Inner {
            device: of.device.clone(),
            queue: of.queue.clone(),
            summary,
            guest: of.guest,
            usages: of.usages,
            lost: of.lost.clone(),
            pool,
            state: Mutex::default(),
            counts: Counts::default(),
            cache: of.cache.clone(),
            fine: of.fine.clone(),
        };
        Device { inner: Arc::new(inner) }
    }

    /// Sets how many bytes of free buffers are kept for reuse.
    pub fn set_pool_bytes(&self, bytes: u64) {
        self.inner.pool.set_limit(bytes);
    }

    /// What the device has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counts = &self.inner.counts;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            submits: get(&counts.submits),
            dispatches: get(&counts.dispatches),
            pipelines: get(&counts.pipelines),
            bind_groups: get(&counts.bind_groups),
            uploads: get(&counts.uploads),
            plan_hits: get(&counts.plan_hits),
            plan_misses: get(&counts.plan_misses),
        }
    }

    /// Waits until everything submitted so far has been executed. This is an explicit request to poll, also on an adopted
    /// device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn wait_blocking(&self) -> Result<()> {
        self.inner.poll(wgpu::PollType::wait_indefinitely());
        self.inner.alive()
    }

    /// An error if the device is known to be lost.
    pub fn check(&self) -> Result<()> {
        self.inner.tend();
        self.inner.alive()
    }
}

/// What the layers above start work with.
impl Device {
    /// Computes nodes, in one submission; those that have their values already are skipped.
    pub(crate) fn realise(&self, roots: &[Node]) -> Result<()> {
        self.inner.flush(roots, &[]).map(drop)
    }

    /// Computes nodes and starts reading them back, in one submission.
    pub(crate) fn start_reading(&self, nodes: &[Node]) -> Result<Vec<Reading>> {
        self.inner.flush(nodes, nodes)
    }

    /// Plans what it has planned before once more, on a new board; pipelines stay.
    #[cfg(test)]
    pub(crate) fn forget_plans(&self) {
        lock(&self.inner.state).forget_plans();
    }

    /// Makes the plan and the pipelines of nodes; see [`Device::prewarm`].
    pub(crate) fn warm(&self, roots: &[Node], threads: usize) -> Result<()> {
        self.inner.warm(&execute::pending(roots), threads)
    }

    /// Records what computes nodes.
    pub(crate) fn record(&self, roots: &[Node], encoder: &mut wgpu::CommandEncoder) -> Result<Recording> {
        self.inner.record(roots, encoder)
    }

    /// Uploads the bytes of elements; `what` names them in messages.
    pub(crate) fn upload(&self, bytes: &[u8], what: impl Fn() -> String) -> Result<Data> {
        self.inner.upload(bytes, what)
    }

    /// Elements in a caller's buffer.
    pub(crate) fn wrap(
        &self,
        buffer: &wgpu::Buffer,
        offset: u64,
        shape: &Shape,
        dtype: DType,
        site: Site,
    ) -> Result<Data> {
        self.inner.import(buffer, offset, shape, dtype, site)
    }

    /// The buffer of a node that has its value.
    pub(crate) fn expose(&self, node: &Node) -> Result<Slice> {
        self.inner.export(node)
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({}{})", if self.inner.guest { "guest on " } else { "" }, self.name())
    }
}

impl Inner {
    fn new(
        device: wgpu::Device,
        queue: wgpu::Queue,
        info: &wgpu::AdapterInfo,
        guest: bool,
        options: &Options,
        lost: Arc<OnceLock<String>>,
    ) -> Self {
        let mut summary = AdapterSummary::new(info, &device.limits(), device.features());
        match options.kernels {
            Kernels::Auto => summary.limits.tuned = tuned::shipped(&summary),
            Kernels::Processor => (summary.limits.cpu, summary.limits.lockstep) = (true, false),
            Kernels::Graphics => (summary.limits.cpu, summary.limits.lockstep) = (false, false),
        }
        summary.limits.tuned = options.tune.or(summary.limits.tuned);
        summary.limits.half = options.half;
        let (cache, said) = compiled::cache(&device, &summary, options.compiled.as_deref());
        if let Some(said) = said {
            summary.tell(said);
        }
        let pool = Pool::new(options.pool_bytes, summary.limits.buffer_bytes);
        Self {
            device,
            queue,
            summary,
            guest,
            usages: options.usages,
            lost,
            pool,
            state: Mutex::default(),
            counts: Counts::default(),
            cache,
            fine: Ticket::done(Ok(())),
        }
    }

    /// The error of a lost device.
    fn alive(&self) -> Result<()> {
        match self.lost.get() {
            Some(reason) => Err(Error::DeviceLost { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Lets wgpu notice what happened since: finished work, a lost device. Never on an adopted device.
    fn tend(&self) {
        #[cfg(not(target_arch = "wasm32"))]
        if !self.guest {
            self.poll(wgpu::PollType::Poll);
        }
    }

    /// Polls. wgpu panics where the driver reports the device lost during the wait; that is an error here like any other.
    #[cfg(not(target_arch = "wasm32"))]
    fn poll(&self, poll: wgpu::PollType) {
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.device.poll(poll)));
        if polled.is_err() {
            // the first reason stays
            let _known = self.lost.set("the driver failed while waiting for it".into());
        }
    }

    /// Finds out whether the device is lost, without a callback and without polling: a buffer mapped at its creation
    /// cannot be had from a lost device.
    fn probe(&self) -> Result<()> {
        self.alive()?;
        let scopes = Scopes::push(&self.device);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("ridgepoint probe"),
            size: memory::GRAIN,
            usage: wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: true,
        });
        let mapped = buffer.get_mapped_range_mut(..).is_ok();
        let outcome = scopes.pop("probe", memory::GRAIN);
        if !mapped && matches!(outcome, Outcome::Fine) {
            let _known = self.lost.set("it was destroyed, or its driver failed".into());
        }
        self.alive()
    }

    /// An outcome, with failures that come of a lost device named as such.
    fn seen(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Failed(error) => Outcome::Failed(self.blame(error)),
            other => match self.alive() {
                Ok(()) => other,
                Err(lost) => Outcome::Failed(lost),
            },
        }
    }

    /// The error, or the loss of the device behind it.
    fn blame(&self, error: Error) -> Error {
        self.tend();
        match (self.probe(), error) {
            (Err(lost @ Error::DeviceLost { .. }), _) => lost,
            (_, error) => error,
        }
    }

    /// Forgets what a failure may have spoilt.
    fn forget(&self, state: &mut State) {
        state.clear();
        self.pool.trim();
        lock(&self.pool.groups).clear();
    }
}
