//! Recording into a caller's encoder: no submit, no poll, no map, and nothing that the caller's later submission could
//! find overwritten.
//!
//! The caller submits when it likes, perhaps after other submissions of ours. So until [`Recording::submitted`]:
//!
//! - what the commands read is kept alive (the [`Recording`] holds it), and what they write is used by nothing else:
//!   temporaries stay with the [`Recording`], and no buffer they mention goes back to the pool;
//! - the uniform words are in a buffer of this recording alone, filled while it is created, which orders them before any
//!   later submission;
//! - a tensor they compute can be used in further recordings (the caller orders its encoders) but not read or evaluated:
//!   our submission would come before the caller's.

use super::entry::Entry;
use super::execute::Values;
use super::fault::{Outcome, Scopes, lock};
use super::memory::Held;
use super::upload::storage;
use super::{Inner, count};
use crate::error::{Error, Result};
use crate::graph::{Data, Node};

/// What a caller's encoder refers to; see [`Device::encode`](super::Device::encode).
///
/// Call [`Recording::submitted`] after the encoder was submitted: the buffers go back to the pool in time, and the
/// results can be read. Dropping it instead is safe, whether or not the encoder is submitted: the buffers are freed once
/// nothing refers to them, and the results stay usable in further recordings and as buffers, but cannot be read.
#[derive(Debug)]
#[must_use = "call `submitted` after the encoder was submitted"]
pub struct Recording {
    inputs: Vec<Data>,
    outputs: Vec<Held>,
    temporaries: Vec<Held>,
    dispatches: usize,
}

impl Recording {
    /// Tells that the encoder has been submitted.
    pub fn submitted(self) {
        for buffer in self.inputs.iter().filter_map(storage) {
            buffer.submitted();
        }
        for buffer in self.outputs.iter().chain(&self.temporaries) {
            buffer.submitted();
        }
        for buffer in &self.outputs {
            buffer.set_unready(false);
        }
    }

    /// How many dispatches were recorded.
    #[must_use]
    pub fn dispatches(&self) -> usize {
        self.dispatches
    }
}

impl Inner {
    /// Records what computes `roots`.
    pub fn record(&self, roots: &[Node], encoder: &mut wgpu::CommandEncoder) -> Result<Recording> {
        self.alive()?;
        let roots = super::execute::pending(roots);
        if roots.is_empty() {
            let (inputs, outputs, temporaries) = Default::default();
            return Ok(Recording { inputs, outputs, temporaries, dispatches: 0 });
        }
        let mut state = lock(&self.state);
        let mut run = self.prepare(&mut state, &roots, true)?;
        // everything that can fail is made before the caller's encoder is touched: an error in there would be the caller's
        let scopes = Scopes::push(&self.device);
        let (buffer, mapped) = self.fresh_words(&run.entry, &run.words);
        let uniform = (run.entry.window() > 0).then(|| run.entry.uniform_group(self, &mut state.pipelines, &buffer));
        match (self.seen(scopes.pop("uniform words", buffer.size())), mapped) {
            (Outcome::Failed(error), _) => return Err(error),
            (_, Err(error)) => {
                self.probe()?;
                return Err(error);
            }
            (Outcome::Fine, Ok(())) => {}
            (Outcome::Unknown(checks), Ok(())) => run.checks.extend(checks),
        }
        let scopes = Scopes::push(&self.device);
        {
            let mut pass = encoder
                .begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some("ridgepoint"), timestamp_writes: None });
            run.entry.record(&mut pass, &run.groups, uniform.as_ref());
        }
        match self.seen(scopes.pop("record", 0)) {
            Outcome::Failed(error) => return Err(error),
            Outcome::Fine => {}
            Outcome::Unknown(checks) => run.checks.extend(checks),
        }
        let dispatches = run.groups.len();
        count(&self.counts.dispatches, dispatches);
        let ticket = self.ticket(std::mem::take(&mut run.checks), std::mem::take(&mut run.parents));
        let Values { inputs, roots: values, outputs, temporaries } = run.values(&ticket);
        for buffer in inputs.iter().filter_map(storage) {
            buffer.record();
        }
        for buffer in outputs.iter().chain(&temporaries) {
            buffer.record();
        }
        for buffer in &outputs {
            buffer.set_unready(true);
        }
        for (root, value) in roots.iter().zip(values) {
            root.realise(value);
        }
        Ok(Recording { inputs, outputs, temporaries, dispatches })
    }

    /// A buffer of its own for the words of one recording. It is made also where there are no words: that it cannot be
    /// mapped is how the loss of a host's device shows.
    fn fresh_words(&self, entry: &Entry, words: &[u32]) -> (wgpu::Buffer, Result<()>) {
        let buffer = entry.uniform_buffer(self, wgpu::BufferUsages::UNIFORM, true);
        let mapped = match buffer.get_mapped_range_mut(..) {
            Ok(mut view) => {
                let bytes: &[u8] = bytemuck::cast_slice(words);
                view.slice(..bytes.len()).copy_from_slice(bytes);
                Ok(())
            }
            Err(error) => Err(Error::Validation { label: "uniform words".into(), message: error.to_string() }),
        };
        if mapped.is_ok() {
            buffer.unmap();
        }
        (buffer, mapped)
    }
}
