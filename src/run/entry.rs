//! Plans on the device: what depends on structure alone (pipelines, the buffer of uniform words and its bind group) is made
//! once and kept with the plan.

use super::fault::{Outcome, Scopes, Ticket, lock};
use super::memory::{GRAIN, Held};
use super::pipeline::{self, Pipeline, Pipelines};
use super::{Inner, count};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::Node;
use crate::kernel::Access;
use crate::pass::{self, Key, Plan, Role};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

/// Plans kept; beyond it the one not used for longest goes.
const PLANS: usize = 256;

/// What executing needs besides the device; one execution at a time.
#[derive(Default)]
pub(super) struct State {
    pub pipelines: Pipelines,
    plans: HashMap<Key, (Arc<Entry>, u64)>,
    now: u64,
    pub flights: VecDeque<wgpu::SubmissionIndex>,
    /// The board, once a plan has needed one.
    pub board: Option<Held>,
    /// Outcomes that are not known yet (in a browser).
    pub watch: Vec<Arc<Ticket>>,
}

/// A plan with what its structure needs on the device.
pub(super) struct Entry {
    pub plan: Plan,
    /// The slot of each root.
    pub roots: Vec<usize>,
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

impl State {
    pub fn clear(&mut self) {
        self.pipelines.clear();
        self.plans.clear();
        self.board = None;
    }

    #[cfg(test)]
    pub fn forget_plans(&mut self) {
        self.plans.clear();
        self.board = None;
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
pub(super) fn word(value: f64, dtype: DType) -> u32 {
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
        let mut entry = Self { roots: roots(&plan), plan, pipelines: made, uniform: None };
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
    pub fn record(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        groups: &[wgpu::BindGroup],
        uniform: Option<&wgpu::BindGroup>,
    ) {
        let mut last: Option<&Arc<Pipeline>> = None;
        for (ix, group) in groups.iter().enumerate() {
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
            count(&inner.counts.uploads, 1);
            held.clear();
            held.extend_from_slice(words);
        }
        Some(&uniform.group)
    }
}

/// The slot of each root.
fn roots(plan: &Plan) -> Vec<usize> {
    let slot_of = |ix| plan.slots.iter().position(|slot| slot.role == Role::Output(ix));
    (0..).map_while(slot_of).collect()
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

impl Inner {
    /// The plan of a graph, from the cache or made.
    pub fn entry(&self, state: &mut State, key: Key, roots: &[Node]) -> Result<Arc<Entry>> {
        state.now += 1;
        if let Some((entry, used)) = state.plans.get_mut(&key) {
            *used = state.now;
            count(&self.counts.plan_hits, 1);
            return Ok(entry.clone());
        }
        count(&self.counts.plan_misses, 1);
        let plan = pass::lower(roots, &self.summary.limits)?;
        self.keep_plan(state, key, plan, roots.len())
    }

    fn keep_plan(&self, state: &mut State, key: Key, plan: Plan, n_roots: usize) -> Result<Arc<Entry>> {
        let entry = Arc::new(Entry::new(self, &mut state.pipelines, plan)?);
        assert!(entry.roots.len() == n_roots, "bug: a plan for other roots:\n{}", entry.plan);
        if state.plans.len() >= PLANS {
            let oldest = state.plans.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                state.plans.remove(&oldest);
            }
        }
        state.plans.insert(key, (entry.clone(), state.now));
        Ok(entry)
    }

    /// Makes the plan of a graph and its pipelines, on as many threads as are asked for; nothing is submitted, and nobody
    /// who computes meanwhile waits.
    pub fn warm(&self, roots: &[Node], threads: usize) -> Result<()> {
        self.alive()?;
        if roots.is_empty() {
            return Ok(());
        }
        let (key, _) = Key::of(roots);
        if lock(&self.state).plans.contains_key(&key) {
            return Ok(());
        }
        count(&self.counts.plan_misses, 1);
        let plan = pass::lower(roots, &self.summary.limits)?;
        let jobs = lock(&self.state).pipelines.jobs(&self.device, &plan);
        let made = pipeline::compile(self, &jobs, threads);
        let mut state = lock(&self.state);
        for (job, pipeline) in jobs.into_iter().zip(made) {
            state.pipelines.keep(self, job, pipeline?);
        }
        self.keep_plan(&mut state, key, plan, roots.len())?;
        Ok(())
    }
}
