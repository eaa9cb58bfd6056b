//! The queue: a thread that executes what is submitted, in order, and signals fences.
#![expect(unsafe_code, reason = "wgpu-hal's traits are unsafe by nature; no operation here is")]

use super::adapter::Surface;
use super::command::{Command, CommandBuffer};
use super::device::Shared;
use super::{Absent, Api, UNSUPPORTED};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use wgpu_hal as hal;

/// How far the worker got, as one fence or one queue sees it.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// The highest value reached.
    value: hal::FenceValue,
    /// It will not get further: the device is lost.
    lost: bool,
}

/// A value that the worker raises and others wait for.
#[derive(Debug, Default)]
struct Signal {
    progress: Mutex<Progress>,
    changed: Condvar,
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        // the progress is whole at every moment
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn raise(&self, value: hal::FenceValue) {
        let mut progress = self.lock();
        progress.value = progress.value.max(value);
        self.changed.notify_all();
    }

    fn lose(&self) {
        self.lock().lost = true;
        self.changed.notify_all();
    }

    /// The value reached.
    fn value(&self) -> Result<hal::FenceValue, hal::DeviceError> {
        let progress = self.lock();
        if progress.lost { Err(hal::DeviceError::Lost) } else { Ok(progress.value) }
    }

    /// Waits for a value; false when the time was up first.
    fn wait(&self, value: hal::FenceValue, timeout: Option<Duration>) -> Result<bool, hal::DeviceError> {
        let waits = |progress: &mut Progress| progress.value < value && !progress.lost;
        let mut progress = self.lock();
        if waits(&mut progress) {
            progress = match timeout {
                None => self.changed.wait_while(progress, waits).unwrap_or_else(PoisonError::into_inner),
                Some(timeout) => {
                    self.changed.wait_timeout_while(progress, timeout, waits).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        if progress.value >= value {
            Ok(true)
        } else if progress.lost {
            Err(hal::DeviceError::Lost)
        } else {
            Ok(false)
        }
    }
}

/// A fence.
#[derive(Debug, Default)]
pub struct Fence(Arc<Signal>);

impl Fence {
    pub(super) fn value(&self) -> Result<hal::FenceValue, hal::DeviceError> {
        self.0.value()
    }

    pub(super) fn wait(&self, value: hal::FenceValue, timeout: Option<Duration>) -> Result<bool, hal::DeviceError> {
        self.0.wait(value, timeout)
    }
}

/// One submission.
struct Job {
    buffers: Vec<CommandBuffer>,
    fence: Arc<Signal>,
    value: hal::FenceValue,
    /// Its number on this queue.
    number: u64,
}

/// What executes submissions.
struct Worker {
    shared: Arc<Shared>,
    /// Timestamps count from here.
    start: Option<Instant>,
    /// Submissions done.
    done: Arc<Signal>,
}

impl Worker {
    /// Executes a submission, unless the device is lost. A panic (a bug of ours) loses the device, as a fault of a driver would.
    fn run(&self, job: &Job) {
        let all = || job.buffers.iter().flat_map(CommandBuffer::commands).for_each(|command| self.execute(command));
        if self.done.lock().lost || catch_unwind(AssertUnwindSafe(all)).is_err() {
            self.done.lose();
            job.fence.lose();
        } else {
            job.fence.raise(job.value);
            self.done.raise(job.number);
        }
    }

    fn execute(&self, command: &Command) {
        match command {
            Command::Clear { buffer, offset, bytes } => buffer.clear(*offset, *bytes),
            Command::Copy { from, to, regions } => {
                for region in regions {
                    to.copy_from(from, region.src_offset, region.dst_offset, region.size.get());
                }
            }
            Command::Dispatch { call, groups } => self.shared.dispatch(call, *groups),
            Command::DispatchIndirect { call, buffer, offset } => self.shared.dispatch(call, buffer.read(*offset)),
            Command::Timestamp { set, ix } => set.put(*ix, self.nanoseconds()),
            Command::ResetQueries { set, range } => range.clone().for_each(|ix| set.put(ix, 0)),
            Command::ResolveQueries { set, range, buffer, offset, stride } => {
                for (n, ix) in (0..).zip(range.clone()) {
                    buffer.write(offset + n * stride, &[set.get(ix)]);
                }
            }
        }
    }

    /// Wall clock since the device was opened; never zero, which stands for a query that was not written.
    fn nanoseconds(&self) -> u64 {
        self.start.map_or(1, |start| start.elapsed().as_nanos() as u64 + 1)
    }
}

fn work(worker: &Worker, jobs: &Receiver<Job>) {
    for job in jobs {
        worker.run(&job);
    }
}

/// How jobs reach the worker.
enum Way {
    /// A thread of its own, until the sender is dropped.
    Thread(Sender<Job>, JoinHandle<()>),
    /// Where no thread can be started (browsers): at once, on the caller's.
    Here(Worker),
}

/// The queue.
pub struct Queue {
    way: Option<Way>,
    /// Submissions made; their order on the way is the order of these numbers.
    submitted: Mutex<u64>,
    done: Arc<Signal>,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("submitted", &self.submitted).field("done", &self.done).finish_non_exhaustive()
    }
}

impl Queue {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let done = Arc::<Signal>::default();
        let start = cfg!(not(target_family = "wasm")).then(Instant::now);
        let worker = || Worker { shared: shared.clone(), start, done: done.clone() };
        let (sender, receiver) = channel();
        let theirs = worker();
        let thread = std::thread::Builder::new().name("ridgepoint-cpu".into()).spawn(move || work(&theirs, &receiver));
        let way = match thread {
            Ok(thread) => Way::Thread(sender, thread),
            Err(_) => Way::Here(worker()),
        };
        Self { way: Some(way), submitted: Mutex::new(0), done }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let Some(Way::Thread(sender, thread)) = self.way.take() {
            drop(sender);
            // a worker catches the panics of its jobs, so that it has none of its own to pass on
            let _ended = thread.join();
        }
    }
}

impl hal::Queue for Queue {
    type A = Api;

    unsafe fn submit(
        &self,
        buffers: &[&CommandBuffer],
        _: &[&Absent],
        (fence, value): (&Fence, hal::FenceValue),
    ) -> Result<(), hal::DeviceError> {
        self.done.value()?;
        let mut submitted = self.submitted.lock().unwrap_or_else(PoisonError::into_inner);
        *submitted += 1;
        let buffers = buffers.iter().map(|&buffer| buffer.clone()).collect();
        let job = Job { buffers, fence: fence.0.clone(), value, number: *submitted };
        match &self.way {
            Some(Way::Thread(sender, _)) => sender.send(job).map_err(|_| hal::DeviceError::Lost),
            Some(Way::Here(worker)) => {
                worker.run(&job);
                Ok(())
            }
            None => Err(hal::DeviceError::Lost),
        }
    }

    unsafe fn present(&self, _: &Surface, _: Absent) -> Result<(), hal::SurfaceError> {
        Err(hal::SurfaceError::Other(UNSUPPORTED))
    }

    unsafe fn wait_for_idle(&self) -> Result<(), hal::DeviceError> {
        let submitted = *self.submitted.lock().unwrap_or_else(PoisonError::into_inner);
        self.done.wait(submitted, None).map(|_| ())
    }

    unsafe fn get_timestamp_period(&self) -> f32 {
        1.0
    }
}
