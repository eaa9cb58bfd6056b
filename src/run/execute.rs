//! Plans become commands: one uniform buffer, one compute pass, one submission.
//!
//! What depends on structure alone (pipelines, the uniform buffer and its bind group) is kept with the plan; what depends
//! on buffers (bind groups) is kept by the identity of the buffers. So a step of a loop of constant structure writes its
//! uniform words if they have changed, draws its buffers from the pool, and records.

use super::fault::{Check, Outcome, Scopes, Ticket, lock};
use super::memory::{Buffer, GRAIN, Held};
use super::pipeline::{Pipeline, Pipelines};
use super::read::{Reading, Staged};
use super::upload::storage;
use super::{Inner, count};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Data, Node, NodeMap, Op};
use crate::kernel::Access;
use crate::pass::{self, Bindings, Key, Plan, Role};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

/// Plans kept; beyond it the one not used for longest goes.
const PLANS: usize = 256;

/// Submissions in flight before an own device waits for the oldest: without reading, a loop would fill memory with
/// commands faster than they are executed.
#[cfg(not(target_arch = "wasm32"))]
const FLIGHTS: usize = 64;

/// What executing needs besides the device; one execution at a time.
#[derive(Default)]
pub(super) struct State {
    pub pipelines: Pipelines,
    plans: HashMap<Key, (Arc<Entry>, u64)>,
    now: u64,
    flights: VecDeque<wgpu::SubmissionIndex>,
    /// Outcomes that are not known yet (in a browser).
    watch: Vec<Arc<Ticket>>,
}

/// A plan with what its structure needs on the device.
pub(super) struct Entry {
    pub plan: Plan,
    pub pipelines: Vec<Arc<Pipeline>>,
    uniform: Option<Uniform>,
}

/// The uniform words on the device.
struct Uniform {
    buffer: wgpu::Buffer,
    group: wgpu::BindGroup,
    /// What the buffer holds.
    words: Mutex<Vec<u32>>,
}

/// An execution ready to be recorded.
pub(super) struct Run {
    pub entry: Arc<Entry>,
    pub inputs: Vec<Data>,
    /// One per root.
    pub outputs: Vec<Buffer>,
    pub temporaries: Vec<Buffer>,
    /// The patched uniform words.
    pub words: Vec<u32>,
    /// Group 0 of each step.
    pub groups: Vec<wgpu::BindGroup>,
    pub checks: Vec<Check>,
    pub parents: Vec<Arc<Ticket>>,
}

impl State {
    pub fn clear(&mut self) {
        self.pipelines.clear();
        self.plans.clear();
    }

    /// Puts a plan under the key of a graph.
    #[cfg(test)]
    pub fn seed(&mut self, inner: &Inner, key: Key, plan: Plan) -> Result<()> {
        let entry = Entry::new(inner, &mut self.pipelines, plan)?;
        self.plans.insert(key, (Arc::new(entry), self.now));
        Ok(())
    }
}

/// How a constant is written into a uniform word.
fn word(value: f64, dtype: DType) -> u32 {
    match dtype {
        DType::F32 | DType::F16 | DType::BF16 => (value as f32).to_bits(),
        DType::I32 => value as i32 as u32,
        DType::U32 => value as u32,
        DType::Bool => u32::from(value != 0.0),
    }
}

impl Entry {
    fn new(inner: &Inner, pipelines: &mut Pipelines, plan: Plan) -> Result<Self> {
        check(inner, &plan)?;
        let made = plan
            .steps
            .iter()
            .map(|step| pipelines.get(inner, &step.kernel, step.n_words > 0))
            .collect::<Result<Vec<_>>>()?;
        let mut entry = Self { plan, pipelines: made, uniform: None };
        if entry.window() > 0 {
            let scopes = Scopes::push(&inner.device);
            let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
            let buffer = entry.uniform_buffer(inner, usage, false);
            let group = entry.uniform_group(inner, pipelines, &buffer);
            match inner.seen(scopes.pop("uniform words", buffer.size())) {
                // in a browser a failure here shows in the submission that uses the buffer
                Outcome::Fine | Outcome::Unknown(_) => {}
                Outcome::Failed(error) => return Err(error),
            }
            entry.uniform = Some(Uniform { buffer, group, words: Mutex::default() });
        }
        Ok(entry)
    }

    /// Bytes of the widest step's uniform words: what the dynamic binding shows.
    pub fn window(&self) -> u64 {
        let words = self.plan.steps.iter().map(|s| s.n_words).max().unwrap_or(0) as u64;
        (words * 4).div_ceil(GRAIN) * GRAIN
    }

    /// A buffer for the uniform words, long enough for the window at the last offset.
    pub fn uniform_buffer(&self, inner: &Inner, usage: wgpu::BufferUsages, mapped: bool) -> wgpu::Buffer {
        let window = self.window();
        let end = self.plan.steps.iter().map(|s| s.first_word as u64 * 4 + window).max().unwrap_or(0);
        inner.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("ridgepoint uniform words"),
            size: end.max(self.plan.words.len() as u64 * 4).max(GRAIN),
            usage,
            mapped_at_creation: mapped,
        })
    }

    pub fn uniform_group(&self, inner: &Inner, pipelines: &mut Pipelines, buffer: &wgpu::Buffer) -> wgpu::BindGroup {
        inner.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("ridgepoint uniform words"),
            layout: pipelines.uniform(&inner.device),
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer,
                    offset: 0,
                    size: wgpu::BufferSize::new(self.window()),
                }),
            }],
        })
    }

    /// Records step `ix`; `same` tells that its pipeline is already set.
    pub fn dispatch(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        ix: usize,
        group: &wgpu::BindGroup,
        uniform: Option<&wgpu::BindGroup>,
        same: bool,
    ) {
        let step = &self.plan.steps[ix];
        if !same {
            pass.set_pipeline(&self.pipelines[ix].raw);
        }
        pass.set_bind_group(0, group, &[]);
        if step.n_words > 0 {
            pass.set_bind_group(1, uniform, &[(step.first_word * 4) as u32]);
        }
        let [x, y, z] = step.groups;
        pass.dispatch_workgroups(x, y, z);
    }

    /// Records all steps.
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>, run: &Run, uniform: Option<&wgpu::BindGroup>) {
        let mut last: Option<&Arc<Pipeline>> = None;
        for (ix, group) in run.groups.iter().enumerate() {
            let pipeline = &self.pipelines[ix];
            self.dispatch(pass, ix, group, uniform, last.is_some_and(|l| Arc::ptr_eq(l, pipeline)));
            last = Some(pipeline);
        }
    }

    /// The bind group of the kept uniform buffer, and the buffer brought up to date.
    pub fn upload_words(&self, inner: &Inner, words: &[u32]) -> Option<&wgpu::BindGroup> {
        let uniform = self.uniform.as_ref()?;
        let mut held = lock(&uniform.words);
        if *held != words {
            inner.queue.write_buffer(&uniform.buffer, 0, bytemuck::cast_slice(words));
            held.clear();
            held.extend_from_slice(words);
        }
        Some(&uniform.group)
    }
}

/// Refuses what the device would refuse, with a better message; done once per plan.
fn check(inner: &Inner, plan: &Plan) -> Result<()> {
    let limits = &inner.summary.limits;
    let refuse = |what: String, value: u64, limit: u64, hint: &str| {
        Err(Error::Limit { what, value, limit, hint: hint.to_owned() })
    };
    for step in &plan.steps {
        let label = &step.kernel.label;
        if let Some(&groups) = step.groups.iter().find(|&&g| g > limits.groups) {
            let what = format!("the number of workgroups of {label}");
            return refuse(what, u64::from(groups), u64::from(limits.groups), "split the tensor");
        }
        if step.slots.len() > limits.storage_buffers {
            let what = format!("the number of storage buffers of {label}");
            return refuse(
                what,
                step.slots.len() as u64,
                limits.storage_buffers as u64,
                "evaluate some operands first",
            );
        }
        if step.n_words as u64 * 4 > limits.uniform_bytes {
            let what = format!("the uniform bytes of {label}");
            return refuse(what, step.n_words as u64 * 4, limits.uniform_bytes, "evaluate some operands first");
        }
        let clash = step.slots.iter().enumerate().any(|(i, slot)| {
            step.kernel.access.get(i) != Some(&Access::Read) && step.slots.iter().filter(|&s| s == slot).count() > 1
        });
        if clash || step.slots.len() != step.kernel.access.len() {
            let message = "one buffer is bound to be written and bound again".to_owned();
            return Err(Error::Validation { label: label.clone(), message });
        }
    }
    Ok(())
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
        self.bind(&entry, roots, bindings, parents)
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

    fn entry(&self, state: &mut State, key: Key, roots: &[Node]) -> Result<Arc<Entry>> {
        state.now += 1;
        let now = state.now;
        if let Some((entry, used)) = state.plans.get_mut(&key) {
            *used = now;
            count(&self.counts.plan_hits, 1);
            return Ok(entry.clone());
        }
        count(&self.counts.plan_misses, 1);
        let plan = pass::lower(roots, &self.summary.limits)?;
        let filled = |ix| plan.slots.iter().any(|slot| slot.role == Role::Output(ix));
        assert!((0..roots.len()).all(filled), "bug: a plan that leaves a root without a buffer: {plan:?}");
        let entry = Arc::new(Entry::new(self, &mut state.pipelines, plan)?);
        if state.plans.len() >= PLANS {
            let oldest = state.plans.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                state.plans.remove(&oldest);
            }
        }
        state.plans.insert(key, (entry.clone(), now));
        Ok(entry)
    }

    fn bind(
        &self,
        entry: &Arc<Entry>,
        roots: &[Node],
        bindings: Bindings,
        mut parents: Vec<Arc<Ticket>>,
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
        let mut outputs = Vec::with_capacity(roots.len());
        for root in roots {
            let bytes = root.elements() as u64 * root.dtype().bytes();
            outputs.push(self.allocate(bytes, &mut checks, || format!("{root:?} built at {}", root.site()))?);
        }
        let mut temporaries = Vec::new();
        for slot in plan.slots.iter().filter(|s| s.role == Role::Temporary) {
            temporaries.push(self.allocate(slot.bytes, &mut checks, || format!("a temporary of {:?}", roots[0]))?);
        }
        let mut words = plan.words.clone();
        for patch in &plan.patches {
            words[patch.word] = word(bindings.constants[patch.constant], patch.dtype);
        }
        let mut run = Run {
            entry: entry.clone(),
            inputs: bindings.data,
            outputs,
            temporaries,
            words,
            groups: Vec::with_capacity(plan.steps.len()),
            checks,
            parents,
        };
        run.groups = self.groups(&run)?;
        Ok(run)
    }

    /// The buffers of the plan's slots.
    fn slots(run: &Run) -> Vec<&Buffer> {
        let mut temporaries = run.temporaries.iter();
        run.entry
            .plan
            .slots
            .iter()
            .map(|slot| match slot.role {
                Role::Input(ix) => storage(&run.inputs[ix]).expect("bug: `prepare` has checked the inputs"),
                Role::Output(ix) => &run.outputs[ix],
                Role::Temporary => temporaries.next().expect("bug: one buffer per temporary slot"),
            })
            .collect()
    }

    /// Group 0 of every step, from the cache or made.
    fn groups(&self, run: &Run) -> Result<Vec<wgpu::BindGroup>> {
        let slots = Self::slots(run);
        let mut made = 0;
        let mut key: Vec<u64> = Vec::with_capacity(24);
        let mut scopes = None;
        let mut cache = lock(&self.pool.groups);
        let mut groups = Vec::with_capacity(run.entry.plan.steps.len());
        for (step, pipeline) in run.entry.plan.steps.iter().zip(&run.entry.pipelines) {
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
            run.entry.record(&mut pass, run, uniform);
            count(&self.counts.dispatches, run.groups.len());
        }
        for (stage, node) in staged.iter().zip(reads) {
            let root = roots.iter().position(|r| r == node);
            match (root, &run, node.value()) {
                (Some(ix), Some(run), _) => stage.copy(&mut encoder, &run.outputs[ix], node.site())?,
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
        let (outputs, mut checks, parents) = match run {
            Some(run) => (run.outputs, run.checks, run.parents),
            None => (Vec::new(), Vec::new(), Vec::new()),
        };
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
        for (root, buffer) in roots.iter().zip(outputs) {
            root.realise(Held::new(buffer.filled_by(ticket.clone())).data());
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

    fn throttle(&self, state: &mut State, index: &wgpu::SubmissionIndex) {
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
