//! Execution: one uniform buffer, one compute pass, one submission.
//!
//! A step of a loop of constant structure finds its plan, writes its uniform words if they have changed, draws its buffers
//! from the pool, finds the bind groups of those buffers, and records.

use super::entry::{Entry, State, word};
use super::fault::{Check, Outcome, Scopes, Ticket, lock};
use super::memory::{Buffer, Held};
use super::read::{Reading, Staged};
use super::upload::storage;
use super::{Inner, count};
use crate::error::Result;
use crate::graph::{Data, Node, NodeMap, Op};
use crate::pass::{Bindings, Key, Role};
use std::sync::Arc;

/// Submissions in flight before an own device waits for the oldest: without reading, a loop would fill memory with
/// commands faster than they are executed.
#[cfg(not(target_arch = "wasm32"))]
const FLIGHTS: usize = 64;

/// An execution ready to be recorded.
pub(super) struct Run {
    pub entry: Arc<Entry>,
    pub inputs: Vec<Data>,
    /// The buffer of each slot; an input's is in `inputs`.
    buffers: Vec<Option<Buffer>>,
    /// The board, where the plan needs one.
    board: Option<Held>,
    /// The patched uniform words.
    pub words: Vec<u32>,
    /// Group 0 of each step.
    pub groups: Vec<wgpu::BindGroup>,
    pub checks: Vec<Check>,
    pub parents: Vec<Arc<Ticket>>,
}

/// What a run leaves.
pub(super) struct Values {
    /// What the plan read.
    pub inputs: Vec<Data>,
    /// The value of each root.
    pub roots: Vec<Data>,
    /// The buffers behind those that are new.
    pub outputs: Vec<Held>,
    pub temporaries: Vec<Held>,
}

impl Run {
    /// The buffer of a slot.
    fn slot(&self, slot: usize) -> &Buffer {
        match (self.entry.plan.slots[slot].role, &self.buffers[slot]) {
            (Role::Input(ix), _) => storage(&self.inputs[ix]).expect("bug: `prepare` has checked the inputs"),
            (Role::Board, _) => self.board.as_ref().expect("bug: `prepare` has made the board"),
            (_, buffer) => buffer.as_ref().expect("bug: every slot but inputs and the board has a buffer"),
        }
    }

    /// The buffer of a root.
    fn root(&self, ix: usize) -> &Buffer {
        self.slot(self.entry.roots[ix])
    }

    /// The buffers as values that `ticket` answers for.
    pub fn values(self, ticket: &Arc<Ticket>) -> Values {
        let plan = &self.entry.plan;
        let held: Vec<Option<Held>> =
            self.buffers.into_iter().map(|b| b.map(|b| Held::new(b.filled_by(ticket.clone())))).collect();
        let value = |&slot: &usize| held[slot].as_ref().expect("bug: every slot but inputs has a buffer").data();
        let roots = self.entry.roots.iter().map(value).collect();
        let (mut outputs, mut temporaries) = (Vec::new(), Vec::new());
        for (slot, buffer) in plan.slots.iter().zip(held) {
            match (slot.role, buffer) {
                (Role::Output(_), Some(buffer)) => outputs.push(buffer),
                (Role::Temporary, Some(buffer)) => temporaries.push(buffer),
                _ => {}
            }
        }
        Values { inputs: self.inputs, roots, outputs, temporaries }
    }
}

/// The roots that still have to be computed, each once. A root that is another shape of realised elements shares them.
pub(super) fn pending(roots: &[Node]) -> Vec<Node> {
    let mut seen = NodeMap::<()>::default();
    let mut left = Vec::with_capacity(roots.len());
    for root in roots {
        if root.value().is_some() || seen.insert(root.id(), ()).is_some() {
            continue;
        }
        let mut source = root;
        while let (None, Op::Reshape) = (source.value(), source.op()) {
            source = source.source(0);
        }
        match source.value() {
            Some(data) => root.realise(data.clone()),
            None => left.push(root.clone()),
        }
    }
    left
}

impl Inner {
    /// Makes a run of the graph of `roots`, which are not realised. `recording`: for a caller's encoder.
    pub fn prepare(&self, state: &mut State, roots: &[Node], recording: bool) -> Result<Run> {
        self.settle(state);
        let (key, bindings) = Key::of(roots);
        let mut parents = Vec::new();
        for data in &bindings.data {
            let buffer = self.usable(data, recording, roots[0].site())?;
            if buffer.ticket.now().is_none() {
                parents.push(buffer.ticket.clone());
            }
        }
        let entry = self.entry(state, key, roots)?;
        let bytes = entry.plan.slots.iter().find(|s| s.role == Role::Board).map(|s| s.bytes);
        let board = bytes.map(|bytes| self.board(state, bytes)).transpose()?;
        if let Some(board) = &board
            && board.ticket.now().is_none()
        {
            parents.push(board.ticket.clone());
        }
        self.bind(&entry, roots, bindings, parents, board)
    }

    /// In a browser, failures of earlier submissions show late: start afresh then.
    fn settle(&self, state: &mut State) {
        let before = state.watch.len();
        let mut failed = false;
        state.watch.retain(|ticket| match ticket.now() {
            None => true,
            Some(result) => {
                failed |= result.is_err();
                false
            }
        });
        if failed && before > 0 {
            self.forget(state);
        }
    }

    fn bind(
        &self,
        entry: &Arc<Entry>,
        roots: &[Node],
        bindings: Bindings,
        mut parents: Vec<Arc<Ticket>>,
        board: Option<Held>,
    ) -> Result<Run> {
        let plan = &entry.plan;
        let mut checks = Vec::new();
        for pipeline in &entry.pipelines {
            match pipeline.ticket.now() {
                Some(Ok(())) => {}
                Some(Err(error)) => return Err((*error).clone()),
                None => parents.push(pipeline.ticket.clone()),
            }
        }
        let mut buffers = Vec::with_capacity(plan.slots.len());
        for slot in &plan.slots {
            buffers.push(match slot.role {
                Role::Input(_) | Role::Board => None,
                Role::Output(ix) => {
                    let root = &roots[ix];
                    let bytes = root.elements() as u64 * root.dtype().bytes();
                    Some(self.allocate(bytes, &mut checks, || format!("{root:?} made at {}", root.site()))?)
                }
                Role::Temporary => {
                    Some(self.allocate(slot.bytes, &mut checks, || format!("a temporary of {:?}", roots[0]))?)
                }
            });
        }
        let mut words = plan.words.clone();
        for patch in &plan.patches {
            words[patch.word] = word(bindings.constants[patch.constant], patch.dtype);
        }
        let mut run = Run {
            entry: entry.clone(),
            inputs: bindings.data,
            buffers,
            board,
            words,
            groups: Vec::with_capacity(plan.steps.len()),
            checks,
            parents,
        };
        let slots: Vec<&Buffer> = (0..plan.slots.len()).map(|slot| run.slot(slot)).collect();
        run.groups = self.groups(entry, &slots)?;
        Ok(run)
    }

    /// Group 0 of every step over the buffers of the slots, from the cache or made.
    pub fn groups(&self, entry: &Entry, slots: &[&Buffer]) -> Result<Vec<wgpu::BindGroup>> {
        let mut made = 0;
        let mut key: Vec<u64> = Vec::with_capacity(24);
        let mut scopes = None;
        let mut cache = lock(&self.pool.groups);
        let mut groups = Vec::with_capacity(entry.plan.steps.len());
        for (step, pipeline) in entry.plan.steps.iter().zip(&entry.pipelines) {
            key.clear();
            key.push(pipeline.groups.id);
            key.extend(step.slots.iter().flat_map(|&s| [slots[s].id(), slots[s].bound_bytes()]));
            if let Some(group) = cache.get(&key) {
                groups.push(group);
                continue;
            }
            scopes.get_or_insert_with(|| Scopes::push(&self.device));
            let entries: Vec<_> = step
                .slots
                .iter()
                .zip(0..)
                .map(|(&slot, binding)| wgpu::BindGroupEntry {
                    binding,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: slots[slot].wgpu(),
                        offset: slots[slot].offset,
                        size: wgpu::BufferSize::new(slots[slot].bound_bytes()),
                    }),
                })
                .collect();
            let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(&step.kernel.label),
                layout: &pipeline.groups.raw,
                entries: &entries,
            });
            made += 1;
            cache.put(&key, group.clone());
            groups.push(group);
        }
        drop(cache);
        count(&self.counts.bind_groups, made);
        match scopes.map(|s| self.seen(s.pop("bind", 0))) {
            None | Some(Outcome::Fine | Outcome::Unknown(_)) => Ok(groups),
            Some(Outcome::Failed(error)) => {
                lock(&self.pool.groups).clear();
                Err(error)
            }
        }
    }

    /// Computes `roots` and reads `reads` (each a root or realised), all in one submission.
    pub fn flush(self: &Arc<Self>, roots: &[Node], reads: &[Node]) -> Result<Vec<Reading>> {
        self.alive()?;
        let roots = pending(roots);
        let mut state = lock(&self.state);
        let run = if roots.is_empty() { None } else { Some(self.prepare(&mut state, &roots, false)?) };
        let mut staged = self.stage(&roots, run.as_ref(), reads)?;
        if run.is_none() && staged.iter().all(Staged::is_empty) {
            return Ok(staged.into_iter().map(|s| s.read(self, None)).collect());
        }
        let scopes = Scopes::push(&self.device);
        let mut encoder =
            self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("ridgepoint") });
        if let Some(run) = &run {
            let uniform = run.entry.upload_words(self, &run.words);
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            run.entry.record(&mut pass, &run.groups, uniform);
            count(&self.counts.dispatches, run.groups.len());
        }
        for (stage, node) in staged.iter().zip(reads) {
            let root = roots.iter().position(|r| r == node);
            match (root, &run, node.value()) {
                (Some(ix), Some(run), _) => stage.copy(&mut encoder, run.root(ix), node.site())?,
                (_, _, Some(data)) => {
                    stage.copy(&mut encoder, self.usable(data, false, node.site())?, node.site())?;
                }
                _ => {}
            }
        }
        let index = self.queue.submit([encoder.finish()]);
        count(&self.counts.submits, 1);
        let outcome = self.seen(scopes.pop("submission", 0));
        self.conclude(&mut state, roots, run, outcome, &mut staged)?;
        self.throttle(&mut state, &index);
        drop(state);
        Ok(staged.into_iter().map(|s| s.read(self, Some(index.clone()))).collect())
    }

    /// Gives the roots their values, good or poisoned.
    pub fn conclude(
        &self,
        state: &mut State,
        roots: Vec<Node>,
        run: Option<Run>,
        outcome: Outcome,
        staged: &mut [Staged],
    ) -> Result<()> {
        let (mut run, mut checks, mut parents) = (run, Vec::new(), Vec::new());
        if let Some(run) = &mut run {
            checks.append(&mut run.checks);
            parents.append(&mut run.parents);
        }
        let (ticket, failure) = match outcome {
            Outcome::Failed(error) => {
                self.forget(state);
                (Ticket::done(Err(Arc::new(error.clone()))), Some(error))
            }
            Outcome::Fine => (self.ticket(checks, parents), None),
            Outcome::Unknown(more) => {
                checks.extend(more);
                (self.ticket(checks, parents), None)
            }
        };
        if ticket.now().is_none() {
            state.watch.push(ticket.clone());
        }
        for stage in staged {
            stage.depend(&ticket);
        }
        if let Some(run) = run {
            for (root, value) in roots.iter().zip(run.values(&ticket).roots) {
                root.realise(value);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Read-back buffers for `reads`.
    fn stage(&self, roots: &[Node], run: Option<&Run>, reads: &[Node]) -> Result<Vec<Staged>> {
        let mut staged = Vec::with_capacity(reads.len());
        for node in reads {
            let bytes = node.elements() as u64 * node.dtype().bytes();
            let ticket = match node.value() {
                Some(data) => self.usable(data, false, node.site())?.ticket.clone(),
                None => self.fine.clone(),
            };
            debug_assert!(node.value().is_some() || run.is_some() && roots.contains(node));
            staged.push(Staged::new(self, bytes, ticket)?);
        }
        Ok(staged)
    }

    pub fn throttle(&self, state: &mut State, index: &wgpu::SubmissionIndex) {
        #[cfg(not(target_arch = "wasm32"))]
        if !self.guest {
            state.flights.push_back(index.clone());
            if state.flights.len() > FLIGHTS
                && let Some(oldest) = state.flights.pop_front()
            {
                self.poll(wgpu::PollType::Wait { submission_index: Some(oldest), timeout: None });
            }
        }
        #[cfg(target_arch = "wasm32")]
        let _ = (state, index);
    }
}
