//! A captured graph that runs again: its plan, buffers, bind groups and uniform words are its own, so that a replay hashes
//! nothing, walks nothing and makes nothing. It writes the words if a number has changed, records and submits.
//!
//! State goes from one replay to the next by alternation: what even replays write odd ones read, over two buffers and two
//! sets of bind groups.
//!
//! Recorded into a caller's encoder, a replay takes what its inputs hold when the encoder is submitted. So from then until
//! [`Replay::submitted`] nothing may be written, and no buffer it has bound ever goes back to the pool.

use super::entry::{Entry, word};
use super::fault::{Check, Outcome, Scopes, Ticket, lock};
use super::memory::{Buffer, Held};
use super::read::{Reading, Staged};
use super::upload::{Slice, storage};
use super::{Device, Inner, count};
use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::graph::{Data, Func, Node, NodeMap, Op};
use crate::pass::{Key, Plan, Role, key};
use std::sync::Arc;

/// An input of a graph to be captured.
pub(crate) struct Port {
    /// The name in messages.
    pub name: String,
    /// A leaf: data, or a number (perhaps broadcast).
    pub node: Node,
    /// The root whose value it has in the replay after.
    pub fed: Option<usize>,
}

/// Where an input goes.
enum Input {
    /// A slot of the plan. `own`: the buffer is the replay's.
    Slot { slot: usize, own: bool, fed: bool, site: Site },
    /// Words of the uniform buffer.
    Number { words: Vec<usize>, dtype: DType },
}

/// See the module.
pub(crate) struct Replay {
    inner: Arc<Inner>,
    entry: Arc<Entry>,
    inputs: Vec<Input>,
    /// What each slot is in even and in odd replays.
    slots: Vec<[Data; 2]>,
    groups: [Vec<wgpu::BindGroup>; 2],
    uniform: Option<(wgpu::Buffer, wgpu::BindGroup)>,
    words: Vec<u32>,
    /// Whether the uniform buffer lacks them.
    stale: bool,
    /// First values of state, to be copied into its slot before the next replay.
    starts: Vec<(Data, usize, Site)>,
    /// The next replay is odd.
    odd: bool,
    /// How many replays there were.
    turns: u64,
    /// A caller's encoder holds a replay.
    recorded: bool,
    /// No buffer it binds goes back to the pool.
    spoilt: bool,
    /// The outcome of what a replay relies on, and of the last.
    base: Arc<Ticket>,
    ticket: Arc<Ticket>,
}

/// The number behind a node, seen through broadcasting.
fn number(node: &Node) -> &Node {
    match node.op() {
        Op::View(_) | Op::Reshape if node.value().is_none() => number(node.source(0)),
        _ => node,
    }
}

/// A root that is computed: one that has its value, in whatever shape, is copied.
fn computed(root: &Node) -> Result<Node> {
    let mut source = root;
    while let (None, Op::Reshape) = (source.value(), source.op()) {
        source = source.source(0);
    }
    match source.value() {
        Some(_) => Node::map(Func::Detach, vec![root.clone()], root.site()),
        None => Ok(root.clone()),
    }
}

fn refuse<T>(message: String, hint: &str, site: Site) -> Result<T> {
    Err(Error::argument("capture", message, hint, site))
}

/// Where an input goes.
fn place(port: &Port, data: &[Data], constants: &NodeMap<usize>, plan: &Plan) -> Result<Input> {
    let (name, node) = (&port.name, &port.node);
    let hint = "build the outputs from this very tensor, and capture them before they are evaluated";
    if let Some(value) = node.value() {
        return match data.iter().position(|d| d == value) {
            Some(slot) => Ok(Input::Slot { slot, own: false, fed: port.fed.is_some(), site: node.site() }),
            None => refuse(format!("no output depends on the input `{name}`"), hint, node.site()),
        };
    }
    let source = number(node);
    match source.op() {
        Op::Const { fixed: false, .. } if port.fed.is_none() => {
            let Some(&constant) = constants.get(&source.id()) else {
                return refuse(format!("no output depends on the number `{name}`"), hint, node.site());
            };
            let patches = plan.patches.iter().filter(|p| p.constant == constant);
            Ok(Input::Number { words: patches.map(|p| p.word).collect(), dtype: source.dtype() })
        }
        _ => refuse(
            format!("the input `{name}`, {node:?}, is neither data nor a number"),
            "evaluate it first, or name what it is computed from",
            node.site(),
        ),
    }
}

impl Replay {
    /// Captures what computes `roots`; pipelines are made on so many threads.
    pub fn new(device: &Device, roots: &[Node], ports: &[Port], threads: usize) -> Result<Self> {
        let inner = device.inner.clone();
        inner.alive()?;
        let roots = roots.iter().map(computed).collect::<Result<Vec<_>>>()?;
        inner.warm(&roots, threads)?;
        let (key, bindings) = Key::of(&roots);
        let constants = key::constants(&roots);
        let entry = inner.entry(&mut lock(&inner.state), key, &roots)?;
        let inputs = ports
            .iter()
            .map(|port| place(port, &bindings.data, &constants, &entry.plan))
            .collect::<Result<Vec<_>>>()?;
        let mut words = entry.plan.words.clone();
        for patch in &entry.plan.patches {
            words[patch.word] = word(bindings.constants[patch.constant], patch.dtype);
        }
        let mut replay = Self {
            slots: Vec::with_capacity(entry.plan.slots.len()),
            entry,
            inputs,
            groups: Default::default(),
            uniform: None,
            words,
            stale: true,
            starts: Vec::new(),
            odd: false,
            turns: 0,
            recorded: false,
            spoilt: false,
            base: inner.fine.clone(),
            ticket: inner.fine.clone(),
            inner,
        };
        let mut checks = Vec::new();
        replay.own_slots(&roots, &bindings.data, &mut checks)?;
        replay.feed(ports, &mut checks)?;
        replay.own_words()?;
        replay.regroup()?;
        replay.depend(checks);
        Ok(replay)
    }

    /// The storage of all slots; for now the same in even and odd replays.
    fn own_slots(&mut self, roots: &[Node], data: &[Data], checks: &mut Vec<Check>) -> Result<()> {
        for slot in &self.entry.plan.slots {
            let bytes = match slot.role {
                Role::Input(ix) => {
                    self.inner.usable(&data[ix], true, roots[0].site())?;
                    self.slots.push([data[ix].clone(), data[ix].clone()]);
                    continue;
                }
                Role::Board => {
                    let board = self.inner.board(&mut lock(&self.inner.state), slot.bytes)?;
                    self.base = self.inner.ticket(Vec::new(), vec![self.base.clone(), board.ticket.clone()]);
                    self.slots.push([board.data(), board.data()]);
                    continue;
                }
                Role::Output(ix) => roots[ix].elements() as u64 * roots[ix].dtype().bytes(),
                Role::Temporary => slot.bytes,
            };
            let own = self.inner.allocate(bytes, checks, || format!("a buffer of the capture of {:?}", roots[0]))?;
            let own = Held::new(own).data();
            self.slots.push([own.clone(), own]);
        }
        Ok(())
    }

    /// State alternates between the buffer of its root and another.
    fn feed(&mut self, ports: &[Port], checks: &mut Vec<Check>) -> Result<()> {
        for (port, ix) in ports.iter().zip(0..) {
            let (Some(root), &Input::Slot { slot, site, .. }) = (port.fed, &self.inputs[ix]) else { continue };
            if ports[..ix].iter().any(|p| p.fed.is_some() && p.node.value() == port.node.value()) {
                return refuse(format!("the state `{}` shares its storage with another", port.name), "copy it", site);
            }
            let name = &port.name;
            let usage = storage(&self.slots[slot][0]).map_or(wgpu::BufferUsages::empty(), |b| b.wgpu().usage());
            if !usage.contains(wgpu::BufferUsages::COPY_SRC) {
                let message = format!("the first value of the state `{name}` lies in a buffer with {usage:?}");
                return refuse(message, "create it with BufferUsages::COPY_SRC", site);
            }
            let bytes = port.node.elements() as u64 * port.node.dtype().bytes();
            let other = self.inner.allocate(bytes, checks, || format!("the state `{name}`"))?;
            let (other, to) = (Held::new(other).data(), self.entry.roots[root]);
            let into = self.slots[to][0].clone();
            self.starts.push((self.slots[slot][0].clone(), slot, site));
            self.slots[slot] = [other.clone(), into.clone()];
            self.slots[to] = [into, other];
            if let Input::Slot { own, .. } = &mut self.inputs[ix] {
                *own = true;
            }
        }
        Ok(())
    }

    fn own_words(&mut self) -> Result<()> {
        if self.entry.window() == 0 {
            return Ok(());
        }
        let scopes = Scopes::push(&self.inner.device);
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let buffer = self.entry.uniform_buffer(&self.inner, usage, false);
        let group = self.entry.uniform_group(&self.inner, &mut lock(&self.inner.state).pipelines, &buffer);
        let outcome = scopes.pop("uniform words", buffer.size());
        self.uniform = Some((buffer, group));
        self.settle(outcome)
    }

    /// An outcome of something beside a replay.
    fn settle(&mut self, outcome: Outcome) -> Result<()> {
        match self.inner.seen(outcome) {
            Outcome::Fine => {}
            Outcome::Unknown(checks) => self.depend(checks),
            Outcome::Failed(error) => return Err(error),
        }
        Ok(())
    }

    fn depend(&mut self, checks: Vec<Check>) {
        if !checks.is_empty() {
            self.base = Ticket::waiting(checks, vec![self.base.clone()]);
        }
    }

    fn buffer(&self, slot: usize, odd: bool) -> &Buffer {
        storage(&self.slots[slot][usize::from(odd)]).expect("bug: every slot has a buffer")
    }

    /// The bind groups, after a buffer has changed.
    fn regroup(&mut self) -> Result<()> {
        let fed = self.inputs.iter().any(|i| matches!(i, Input::Slot { fed: true, .. }));
        for odd in [false, true] {
            let slots: Vec<&Buffer> = (0..self.slots.len()).map(|slot| self.buffer(slot, odd && fed)).collect();
            let groups = self.inner.groups(&self.entry, &slots)?;
            self.groups[usize::from(odd)] = groups;
        }
        self.spoilt = false;
        Ok(())
    }

    /// Refuses what cannot run.
    fn ready(&self, recording: bool) -> Result<()> {
        self.inner.alive()?;
        if let Some(Err(cause)) = self.ticket.now() {
            return Err(Error::Poisoned(cause));
        }
        if !recording {
            self.settled("run")?;
        }
        let odd = usize::from(self.odd);
        for input in &self.inputs {
            if let Input::Slot { slot, own: false, site, .. } = input {
                self.inner.usable(&self.slots[*slot][odd], recording, *site)?;
            }
        }
        for (from, _, site) in &self.starts {
            self.inner.usable(from, recording, *site)?;
        }
        for pipeline in &self.entry.pipelines {
            if let Some(Err(error)) = pipeline.ticket.now() {
                return Err((*error).clone());
            }
        }
        Ok(())
    }

    /// Nothing waits in a caller's encoder.
    fn settled(&self, what: &str) -> Result<()> {
        if !self.recorded {
            return Ok(());
        }
        Err(Error::argument(
            what,
            "a replay was recorded into an encoder that is not known to be submitted",
            "submit the encoder and call `Program::submitted` first",
            Site::here(),
        ))
    }

    fn upload_words(&mut self) {
        if let Some((buffer, _)) = self.uniform.as_ref().filter(|_| self.stale) {
            self.inner.queue.write_buffer(buffer, 0, bytemuck::cast_slice(&self.words));
            count(&self.inner.counts.uploads, 1);
        }
        self.stale = false;
    }

    fn record(&mut self, encoder: &mut wgpu::CommandEncoder) {
        for (from, slot, _) in &self.starts {
            let (from, to) = (storage(from).expect("bug: `ready` has looked at it"), self.buffer(*slot, self.odd));
            let bytes = from.bytes.div_ceil(4) * 4;
            if bytes > 0 {
                encoder.copy_buffer_to_buffer(from.wgpu(), from.offset, to.wgpu(), 0, bytes);
            }
        }
        self.starts.clear();
        let groups = &self.groups[usize::from(self.odd)];
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("ridgepoint replay"),
            timestamp_writes: None,
        });
        self.entry.record(&mut pass, groups, self.uniform.as_ref().map(|(_, group)| group));
        count(&self.inner.counts.dispatches, groups.len());
    }

    fn conclude(&mut self, outcome: Outcome) -> Result<()> {
        self.odd = !self.odd;
        self.turns += 1;
        self.ticket = match outcome {
            Outcome::Fine => self.base.clone(),
            Outcome::Unknown(checks) => {
                let ticket = Ticket::waiting(checks, vec![self.base.clone()]);
                lock(&self.inner.state).watch.push(ticket.clone());
                ticket
            }
            Outcome::Failed(error) => {
                self.inner.forget(&mut lock(&self.inner.state));
                self.ticket = Ticket::done(Err(Arc::new(error.clone())));
                return Err(error);
            }
        };
        Ok(())
    }

    /// One replay, in a submission of its own.
    pub fn run(&mut self) -> Result<()> {
        self.ready(false)?;
        let scopes = Scopes::push(&self.inner.device);
        self.upload_words();
        let mut encoder =
            self.inner.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("ridgepoint") });
        self.record(&mut encoder);
        let index = self.inner.queue.submit([encoder.finish()]);
        count(&self.inner.counts.submits, 1);
        let outcome = self.inner.seen(scopes.pop("replay", 0));
        self.conclude(outcome)?;
        let inner = self.inner.clone();
        inner.throttle(&mut lock(&inner.state), &index);
        Ok(())
    }

    /// Records one replay into a caller's encoder.
    pub fn encode(&mut self, encoder: &mut wgpu::CommandEncoder) -> Result<()> {
        self.ready(true)?;
        if self.recorded && self.stale {
            self.settled("encode")?;
        }
        if !self.spoilt {
            self.slots
                .iter()
                .flatten()
                .chain(self.starts.iter().map(|s| &s.0))
                .filter_map(storage)
                .for_each(Buffer::spoil);
            self.spoilt = true;
        }
        let scopes = Scopes::push(&self.inner.device);
        self.upload_words();
        self.record(encoder);
        let outcome = self.inner.seen(scopes.pop("record", 0));
        self.recorded = true;
        self.conclude(outcome)
    }

    /// The encoder has been submitted.
    pub fn submitted(&mut self) {
        self.recorded = false;
    }

    /// Replays so far.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// Sets a number.
    pub fn set(&mut self, input: usize, value: f64) -> Result<()> {
        let Input::Number { words, dtype } = &self.inputs[input] else {
            return Err(Error::argument("set", "the input is data", "use `write` or `bind`", Site::here()));
        };
        let new = word(value, *dtype);
        for &at in words {
            self.stale |= self.words[at] != new;
            self.words[at] = new;
        }
        Ok(())
    }

    /// Writes the elements of an input. They ride with whatever is submitted next.
    pub fn write(&mut self, input: usize, bytes: &[u8]) -> Result<()> {
        self.inner.alive()?;
        self.settled("write")?;
        let Input::Slot { slot, own, .. } = self.inputs[input] else {
            return Err(Error::argument("write", "the input is a number", "use `set`", Site::here()));
        };
        let mut checks = Vec::new();
        if !own {
            let fresh = self.inner.allocate(bytes.len() as u64, &mut checks, || "an input of a program".into())?;
            self.replace(input, slot, &Held::new(fresh).data(), true)?;
        }
        self.starts.retain(|(_, to, _)| *to != slot);
        let buffer = self.buffer(slot, self.odd);
        self.inner.write(buffer.wgpu(), bytes, &mut checks, &|| "an input of a program".into())?;
        self.depend(checks);
        Ok(())
    }

    /// Takes the elements of a node that has its value.
    pub fn bind(&mut self, input: usize, node: &Node) -> Result<()> {
        let Input::Slot { slot, fed: false, .. } = self.inputs[input] else {
            let hint = "a state is written, a number set";
            return Err(Error::argument("bind", "the input holds no tensor of the caller", hint, node.site()));
        };
        let Some(data) = node.value() else {
            let hint = "call `eval` or `Device::encode` first";
            return Err(Error::argument("bind", format!("{node:?} has not been computed"), hint, node.site()));
        };
        self.inner.usable(data, true, node.site())?;
        if self.slots[slot][0].0.padded() && !data.0.padded() {
            let message = "the plan reads whole vectors, the imported buffer may end within one";
            return Err(Error::argument("bind", message, "capture with the imported tensor", node.site()));
        }
        self.replace(input, slot, data, false)
    }

    fn replace(&mut self, input: usize, slot: usize, data: &Data, mine: bool) -> Result<()> {
        let before = std::mem::replace(&mut self.slots[slot], [data.clone(), data.clone()]);
        if let Err(error) = self.regroup() {
            self.slots[slot] = before;
            return Err(error);
        }
        if let Input::Slot { own, .. } = &mut self.inputs[input] {
            *own = mine;
        }
        Ok(())
    }

    /// The last value of a root; before the first replay, where that will put it.
    fn result(&self, root: usize) -> &Buffer {
        self.buffer(self.entry.roots[root], if self.turns == 0 { self.odd } else { !self.odd })
    }

    /// Copies the last value of a root to the host.
    pub fn read(&self, root: usize, bytes: u64) -> Result<Reading> {
        self.inner.alive()?;
        self.settled("read")?;
        if self.turns == 0 {
            return Err(Error::argument("read", "the program has not run yet", "call `run` first", Site::here()));
        }
        let scopes = Scopes::push(&self.inner.device);
        let mut staged = Staged::new(&self.inner, bytes, self.ticket.clone())?;
        let mut encoder = self.inner.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        staged.copy(&mut encoder, self.result(root), Site::here())?;
        let index = self.inner.queue.submit([encoder.finish()]);
        count(&self.inner.counts.submits, 1);
        match self.inner.seen(scopes.pop("read", bytes)) {
            Outcome::Fine => {}
            Outcome::Unknown(checks) => staged.depend(&Ticket::waiting(checks, Vec::new())),
            Outcome::Failed(error) => return Err(error),
        }
        Ok(staged.read(&self.inner, Some(index)))
    }

    /// The buffer of [`Replay::result`].
    pub fn expose(&self, root: usize) -> Slice {
        let buffer = self.result(root);
        Slice { buffer: buffer.share().clone(), offset: buffer.offset, bytes: buffer.bytes }
    }
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Replay({} dispatches, {} turns)", self.entry.plan.steps.len(), self.turns)
    }
}
