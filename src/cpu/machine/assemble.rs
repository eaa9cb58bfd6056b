//! From the tape to flat code: registers become places in the files, labels positions, and each operation the code compiled for it.
//! Everything that the accessors of `context` take on trust is checked here.
use super::super::math::{Bin, Ter, Un};
use super::super::sanitize::Checks;
use super::super::tape::{Addr, AtomicFn, Cell, Gather, Label, MemIx, Memory, Op, Reg, Tape};
use super::access::{
    F16, I16, Length, Load, LoadHalf, LoadHalfUniform, LoadSplat, LoadUniform, NO_LANES, Store, StoreHalf, StoreOne,
    U16,
};
use super::context::{Files, Ins, NO_SLOT, Run as Function};
use super::fuse::Run;
use super::inspect::Marks;
use super::native::{Manner, Native, Region};
use super::simd::{Handler, Isa};
use super::tile::{Apart, Fused, RunTiles, Tiles};
use super::watch::Site;
use super::{atomic, flow, group, select};
use std::collections::HashMap;

/// Uniform registers of the machine's own, after those of the tape: one that is always zero, and four in passing.
const OWN: u32 = 5;

/// The code of an access of one to four cells.
macro_rules! by_count {
    ($isa:expr, $n:expr, $handler:ident $(, $half:ty)?) => {
        match $n {
            1 => $isa.code::<$handler<$($half,)? 1>>(),
            2 => $isa.code::<$handler<$($half,)? 2>>(),
            3 => $isa.code::<$handler<$($half,)? 3>>(),
            4 => $isa.code::<$handler<$($half,)? 4>>(),
            n => return Err(format!("bug: an access of {n} cells")),
        }
    };
}

/// Operations of the body that are put together.
pub enum Stretch {
    /// With sums in processor registers.
    Tiles(Run),
    /// As machine code.
    Native(Region),
}

impl Stretch {
    /// Its operations in the body.
    pub fn range(&self) -> (usize, usize) {
        match self {
            Self::Tiles(run) => (run.start, run.end),
            Self::Native(region) => (region.start, region.end),
        }
    }
}

/// Flat code and the sizes it was checked against.
pub struct Code {
    pub ins: Vec<Ins>,
    pub files: Files,
    /// What the instructions that keep sums in processor registers do.
    pub tiles: Vec<Tiles>,
    /// What the sanitizer's instructions look at.
    pub sites: Vec<Site>,
    /// Machine code for stretches of the tape.
    pub native: Native,
    /// Instructions of the prologue.
    pub prologue: usize,
}

/// How code is made.
#[derive(Clone, Copy, Debug)]
pub struct How {
    pub isa: Isa,
    /// A multiply-add rounds once where the processor can.
    pub fused: bool,
    pub checks: Checks,
    /// Stretches become machine code where the processor has the instructions.
    pub native: bool,
}

/// Makes code of a tape.
pub struct Assembler<'t> {
    pub(super) tape: &'t Tape,
    pub(super) isa: Isa,
    fused: bool,
    pub(super) stride: usize,
    pub ins: Vec<Ins>,
    labels: HashMap<Label, u32>,
    /// Instructions whose `t` is a label.
    jumps: Vec<(usize, Label)>,
    tiles: Vec<Tiles>,
    native: Native,
    pub(super) checks: Checks,
    pub(super) marks: Marks,
    pub(super) sites: Vec<Site>,
}

pub type Done = Result<(), String>;

/// The code of a tape for blocks of so many lines, with these runs of multiply-adds put together.
///
/// # Errors
/// Where the tape breaks its own rules.
pub fn assemble(tape: &Tape, how: How, stride: usize, found: &[Stretch]) -> Result<Code, String> {
    let How { isa, fused, checks, .. } = how;
    let marks = Marks::new(tape, checks);
    let mut a = Assembler {
        tape,
        isa,
        fused,
        stride,
        ins: vec![],
        labels: HashMap::new(),
        jumps: vec![],
        tiles: vec![],
        native: Native::default(),
        checks,
        marks,
        sites: vec![],
    };
    for op in &tape.prologue {
        a.watched(op)?;
    }
    let prologue = a.ins.len();
    let mut at = 0;
    for stretch in found {
        let (start, end) = stretch.range();
        tape.body[at..start].iter().try_for_each(|op| a.watched(op))?;
        match stretch {
            Stretch::Tiles(run) => a.run(run)?,
            Stretch::Native(region) => a.region(region)?,
        }
        at = end;
    }
    tape.body[at..].iter().try_for_each(|op| a.watched(op))?;
    for (at, label) in std::mem::take(&mut a.jumps) {
        a.ins[at].t = *a.labels.get(&label).ok_or_else(|| format!("bug: a jump to {label:?}, which is nowhere"))?;
    }
    let files = Files {
        lanes: tape.n_lane as usize + a.marks.len(),
        uniforms: (tape.n_uniform + OWN) as usize,
        memory: tape.memory.len(),
        shapes: usize::from(tape.n_shapes),
        stride,
        scratch: a.native.scratch,
    };
    let lines = files.lanes as u64 * stride as u64;
    if lines > u64::from(u32::MAX) || files.lanes < 2 {
        return Err(format!("the kernel needs {} lane registers; that is not possible", files.lanes));
    }
    Ok(Code { ins: a.ins, files, tiles: a.tiles, native: a.native.seal(), prologue, sites: a.sites })
}

impl Assembler<'_> {
    pub(super) fn zero(&self) -> Reg {
        Reg::uniform(self.tape.n_uniform)
    }

    /// A uniform register in passing.
    pub(super) fn passing(&self, n: u32) -> Reg {
        Reg::uniform(self.tape.n_uniform + 1 + n)
    }

    /// An instruction that does nothing yet.
    pub fn blank<H: Handler>(&self) -> Ins {
        self.with(self.isa.code::<H>())
    }

    pub(super) fn with(&self, run: Function) -> Ins {
        let zero = self.zero().ix() as u32;
        Ins { run, d: [0; 4], s: [zero; 4], offset: 0, t: 0, uniform: 0b1111, mem: 0, slot: NO_SLOT }
    }

    /// The place of a register in its file.
    pub(super) fn place(&self, r: Reg) -> Result<u32, String> {
        let n = if r.is_uniform() { self.tape.n_uniform + OWN } else { self.tape.n_lane };
        if r.ix() >= n as usize {
            return Err(format!("bug: {r:?} is not among the {n} registers of its kind"));
        }
        Ok(if r.is_uniform() { r.ix() as u32 } else { (r.ix() * self.stride) as u32 })
    }

    fn lane(&self, r: Reg) -> Result<u32, String> {
        if r.is_uniform() { Err(format!("bug: {r:?} stands where a lane register must")) } else { self.place(r) }
    }

    fn uniform(&self, r: Reg) -> Result<u32, String> {
        if r.is_uniform() { self.place(r) } else { Err(format!("bug: {r:?} stands where a uniform register must")) }
    }

    /// Sets source operand `n`.
    pub(super) fn source(&self, i: &mut Ins, n: usize, r: Reg) -> Done {
        i.s[n] = self.place(r)?;
        i.uniform = i.uniform & !(1 << n) | u32::from(r.is_uniform()) << n;
        Ok(())
    }

    /// A pure operation. One whose sources are all uniform is run once, and then spread if its destination is not.
    fn pure(&mut self, d: &[Reg], s: &[Reg], run: impl Fn(bool) -> Function) -> Done {
        let once = s.iter().all(|r| r.is_uniform());
        let mut i = self.with(run(!once));
        for (n, r) in s.iter().enumerate() {
            self.source(&mut i, n, *r)?;
        }
        for (n, r) in d.iter().enumerate() {
            i.d[n] = match (once, r.is_uniform()) {
                (true, true) => self.uniform(*r)?,
                (true, false) => self.place(self.passing(n as u32))?,
                (false, _) => self.lane(*r)?,
            };
        }
        self.ins.push(i);
        if once {
            for (n, r) in d.iter().enumerate().filter(|(_, r)| !r.is_uniform()) {
                self.copy(*r, self.passing(n as u32))?;
            }
        }
        Ok(())
    }

    fn copy(&mut self, d: Reg, s: Reg) -> Done {
        let mut i = match (d.is_uniform(), s.is_uniform()) {
            (false, false) => self.blank::<flow::CopyLane<false>>(),
            (false, true) => self.blank::<flow::CopyLane<true>>(),
            (true, _) => self.blank::<flow::CopyUniform>(),
        };
        i.d[0] = self.place(d)?;
        i.s[0] = if d.is_uniform() { self.uniform(s)? } else { self.place(s)? };
        self.ins.push(i);
        Ok(())
    }

    fn mov(&mut self, d: Reg, s: Reg) -> Done {
        if d.is_uniform() {
            return self.copy(d, s);
        }
        let mut i =
            if s.is_uniform() { self.blank::<flow::MoveLane<true>>() } else { self.blank::<flow::MoveLane<false>>() };
        i.d[0] = self.lane(d)?;
        i.s[0] = self.place(s)?;
        self.ins.push(i);
        Ok(())
    }

    fn un(&mut self, f: Un, d: Reg, s: Reg) -> Done {
        let isa = self.isa;
        self.pure(&[d], &[s], |lane| select::unary(isa, f, lane))
    }

    fn bin(&mut self, f: Bin, d: Reg, s: [Reg; 2]) -> Done {
        let isa = self.isa;
        self.pure(&[d], &s, |_| select::binary(isa, f, s.map(Reg::is_uniform)))
    }

    fn ter(&mut self, f: Ter, d: Reg, mut s: [Reg; 3]) -> Done {
        if f == Ter::FFma && s[0].is_uniform() {
            s.swap(0, 1);
        }
        let (isa, fused) = (self.isa, self.fused);
        self.pure(&[d], &s, |_| select::ternary(isa, f, s.map(Reg::is_uniform), fused))
    }

    pub(super) fn op(&mut self, op: &Op) -> Done {
        let isa = self.isa;
        match op {
            Op::Un(f, d, s) => self.un(*f, *d, *s),
            Op::Bin(f, d, s) => self.bin(*f, *d, *s),
            Op::Ter(f, d, s) => self.ter(*f, *d, *s),
            Op::Qua(f, d, s) => self.pure(&[*d], s, |lane| select::quaternary(isa, *f, lane)),
            Op::WideUn(f, d, s) => self.pure(d, s, |lane| select::wide_unary(isa, *f, lane)),
            Op::WideBin(f, d, s) => self.pure(d, s.as_flattened(), |lane| select::wide_binary(isa, *f, lane)),
            Op::WideCmp(f, d, s) => self.pure(&[*d], s.as_flattened(), |lane| select::wide_compare(isa, *f, lane)),
            Op::WideFrom(f, d, s) => self.pure(d, &[*s], |lane| select::wide_from(isa, *f, lane)),
            Op::WideInto(f, d, s) => self.pure(&[*d], s, |lane| select::wide_into(isa, *f, lane)),
            Op::Mov(d, s) => self.mov(*d, *s),
            Op::Copy(d, s) => self.copy(*d, *s),
            Op::Pick { d, first, count, index } => self.pick(*d, *first, *count, *index),
            Op::Put { first, count, index, s } => self.put(*first, *count, *index, *s),
            Op::Load { d, addr, cell, .. } => self.load(d, addr, *cell),
            Op::Store { s, addr, cell, .. } => self.store(s, addr, *cell),
            Op::Length { d, mem, offset, stride } => self.length(*d, *mem, *offset, *stride),
            Op::Atomic { f, d, addr, s, .. } => self.atomic(*f, *d, addr, s),
            Op::AtomicWide { f, d, addr, s, .. } => self.atomic_wide(*f, *d, addr, s),
            Op::Ballot { d, predicate, .. } => self.ballot(*d, *predicate),
            Op::Collect { how, f, d, s, .. } => {
                let mut i = self.blank::<group::Collect>();
                i.d[0] = self.lane(*d)?;
                i.t = group::number(*how, *f);
                self.source(&mut i, 0, *s)?;
                self.ins.push(i);
                Ok(())
            }
            Op::Gather { how, d, s, index, .. } => self.gather(*how, *d, *s, *index),
            _ => self.control(op),
        }
    }

    /// A run: the instruction that does it at once, and behind it the plain ones; then loads that are needed later.
    fn run(&mut self, run: &Run) -> Done {
        let ops = &self.tape.body[run.start..run.end];
        let tiles = Tiles::new(run, self.zero().ix() as u32, self.stride, &|r| self.place(r))?;
        let Some(tiles) = tiles else { return ops.iter().try_for_each(|op| self.op(op)) };
        let at = self.ins.len();
        let mut i = if self.fused { self.blank::<RunTiles<Fused>>() } else { self.blank::<RunTiles<Apart>>() };
        i.t = self.tiles.len() as u32;
        self.tiles.push(tiles);
        self.ins.push(i);
        ops.iter().try_for_each(|op| self.op(op))?;
        let mut over = None;
        if !run.needed.is_empty() {
            over = Some(self.ins.len());
            let i = self.blank::<flow::Jump>();
            self.ins.push(i);
        }
        self.ins[at].offset = self.ins.len() as u32;
        run.needed.iter().try_for_each(|n| self.op(&self.tape.body[*n]))?;
        if let Some(over) = over {
            self.ins[over].t = self.ins.len() as u32;
        }
        Ok(())
    }

    /// A stretch as machine code: what is uniform first, then the instruction that runs it, and behind it the plain ones.
    fn region(&mut self, region: &Region) -> Done {
        let ops = region.start..region.end;
        let (isa, fused, tape) = (self.isa, self.fused, self.tape);
        let manner = Manner { fused, stride: self.stride };
        let mut native = std::mem::take(&mut self.native);
        let mut handler = |op: &Op| {
            Some(self.with(match op {
                Op::Un(f, ..) => select::unary(isa, *f, true),
                Op::Bin(f, ..) => select::binary(isa, *f, [false; 2]),
                Op::Ter(f, ..) => select::ternary(isa, *f, [false; 3], fused),
                Op::Qua(f, ..) => select::quaternary(isa, *f, true),
                Op::WideUn(f, ..) => select::wide_unary(isa, *f, true),
                Op::WideBin(f, ..) => select::wide_binary(isa, *f, true),
                Op::WideCmp(f, ..) => select::wide_compare(isa, *f, true),
                Op::WideFrom(f, ..) => select::wide_from(isa, *f, true),
                Op::WideInto(f, ..) => select::wide_into(isa, *f, true),
                _ => return self.look_alone(op),
            }))
        };
        let function = native.add(tape, region, manner, &mut handler);
        self.native = native;
        let Some(function) = function else { return tape.body[ops].iter().try_for_each(|op| self.watched(op)) };
        region.heads.iter().try_for_each(|n| self.watched(&tape.body[*n]))?;
        let at = self.ins.len();
        let mut i = self.blank::<flow::RunNative>();
        i.t = function;
        self.ins.push(i);
        for n in ops.filter(|n| !region.heads.contains(n)) {
            self.watched(&tape.body[n])?;
        }
        self.ins[at].offset = self.ins.len() as u32;
        Ok(())
    }

    fn control(&mut self, op: &Op) -> Done {
        match op {
            Op::Label(label) => {
                let before = self.labels.insert(*label, self.ins.len() as u32);
                before.map_or(Ok(()), |_| Err(format!("bug: {label:?} stands twice")))?;
            }
            Op::Jump(to) => self.jump::<flow::Jump>(*to, None)?,
            Op::JumpZero(r, to) => self.jump::<flow::JumpIf<true>>(*to, Some(*r))?,
            Op::JumpNonzero(r, to) => self.jump::<flow::JumpIf<false>>(*to, Some(*r))?,
            Op::JumpNone(to) => self.jump::<flow::JumpActive<false>>(*to, None)?,
            Op::JumpAny(to) => self.jump::<flow::JumpActive<true>>(*to, None)?,
            Op::SetMask(s) => {
                let mut i = self.blank::<flow::SetMask>();
                i.s[0] = self.lane(*s)?;
                self.ins.push(i);
            }
            Op::End => {
                let i = self.blank::<flow::End>();
                self.ins.push(i);
            }
            // nothing to do in lock step, or only for the sanitizer
            _ => {}
        }
        Ok(())
    }

    fn jump<H: Handler>(&mut self, to: Label, condition: Option<Reg>) -> Done {
        let mut i = self.blank::<H>();
        if let Some(r) = condition {
            i.s[0] = self.uniform(r)?;
        }
        self.jumps.push((self.ins.len(), to));
        self.ins.push(i);
        Ok(())
    }

    /// An array of registers as operand 1.
    fn array(&self, i: &mut Ins, first: Reg, count: u32) -> Done {
        let last = Reg(first.0 + count.max(1) - 1);
        self.place(last)?;
        self.source(i, 1, first)?;
        i.t = count;
        Ok(())
    }

    fn pick(&mut self, d: Reg, first: Reg, count: u32, index: Reg) -> Done {
        let mut i = if d.is_uniform() { self.blank::<flow::PickUniform>() } else { self.blank::<flow::PickLane>() };
        i.d[0] = self.place(d)?;
        if d.is_uniform() {
            self.uniform(index)?;
            self.uniform(first)?;
        }
        self.source(&mut i, 0, index)?;
        self.array(&mut i, first, count)?;
        self.ins.push(i);
        Ok(())
    }

    fn put(&mut self, first: Reg, count: u32, index: Reg, s: Reg) -> Done {
        let mut i = if first.is_uniform() { self.blank::<flow::PutUniform>() } else { self.blank::<flow::PutLane>() };
        if first.is_uniform() {
            self.uniform(index)?;
            self.uniform(s)?;
        }
        self.source(&mut i, 0, index)?;
        self.array(&mut i, first, count)?;
        self.source(&mut i, 2, s)?;
        self.ins.push(i);
        Ok(())
    }

    /// An address as operands 0 and 1.
    pub fn address(&self, i: &mut Ins, addr: &Addr) -> Done {
        if usize::from(addr.mem.0) >= self.tape.memory.len() {
            return Err(format!("bug: {:?} does not exist", addr.mem));
        }
        i.mem = addr.mem.0;
        i.offset = addr.offset;
        i.s[1] = self.uniform(addr.uniform.unwrap_or(self.zero()))?;
        match addr.lane {
            Some(lane) => i.s[0] = self.lane(lane)?,
            None => i.uniform |= NO_LANES,
        }
        if let Some(slot) = addr.shape {
            if slot >= self.tape.n_shapes {
                return Err(format!("bug: shape slot {slot} of {}", self.tape.n_shapes));
            }
            i.slot = slot;
        }
        Ok(())
    }

    fn load(&mut self, d: &[Reg], addr: &Addr, cell: Cell) -> Done {
        let once = d.first().is_some_and(|r| r.is_uniform());
        let run = match (cell, addr.lane.is_some(), once) {
            (Cell::Word, true, false) => by_count!(self.isa, d.len(), Load),
            (Cell::Word, false, false) => by_count!(self.isa, d.len(), LoadSplat),
            (Cell::Word, false, true) => by_count!(self.isa, d.len(), LoadUniform),
            (Cell::F16, _, false) => by_count!(self.isa, d.len(), LoadHalf, F16),
            (Cell::I16, _, false) => by_count!(self.isa, d.len(), LoadHalf, I16),
            (Cell::U16, _, false) => by_count!(self.isa, d.len(), LoadHalf, U16),
            (Cell::F16, false, true) => by_count!(self.isa, d.len(), LoadHalfUniform, F16),
            (Cell::I16, false, true) => by_count!(self.isa, d.len(), LoadHalfUniform, I16),
            (Cell::U16, false, true) => by_count!(self.isa, d.len(), LoadHalfUniform, U16),
            (_, true, true) => return Err("bug: a load from many addresses to a uniform register".to_owned()),
        };
        let mut i = self.with(run);
        self.address(&mut i, addr)?;
        for (n, r) in d.iter().enumerate() {
            i.d[n] = if once { self.uniform(*r)? } else { self.lane(*r)? };
        }
        self.ins.push(i);
        Ok(())
    }

    /// May this memory be written?
    fn writable(&self, mem: MemIx) -> Done {
        match &self.tape.memory[usize::from(mem.0)] {
            Memory::Workgroup { .. } | Memory::Binding { writable: true, .. } => Ok(()),
            other => Err(format!("bug: a store to {other:?}")),
        }
    }

    fn store(&mut self, s: &[Reg], addr: &Addr, cell: Cell) -> Done {
        let run = match (cell, addr.lane.is_some()) {
            (Cell::Word, true) => by_count!(self.isa, s.len(), Store),
            (Cell::Word, false) => by_count!(self.isa, s.len(), StoreOne),
            (Cell::F16, _) => by_count!(self.isa, s.len(), StoreHalf, F16),
            (Cell::I16, _) => by_count!(self.isa, s.len(), StoreHalf, I16),
            (Cell::U16, _) => by_count!(self.isa, s.len(), StoreHalf, U16),
        };
        let mut i = self.with(run);
        i.uniform = 0;
        self.address(&mut i, addr)?;
        self.writable(addr.mem)?;
        for (n, r) in s.iter().enumerate() {
            i.d[n] = self.place(*r)?;
            i.uniform |= u32::from(r.is_uniform()) << n;
        }
        self.ins.push(i);
        Ok(())
    }

    fn length(&mut self, d: Reg, mem: MemIx, offset: u32, stride: u32) -> Done {
        let mut i = self.blank::<Length>();
        self.address(&mut i, &Addr { mem, lane: None, uniform: None, offset, shape: None })?;
        let once = if d.is_uniform() { d } else { self.passing(0) };
        i.d[0] = self.uniform(once)?;
        i.t = stride;
        self.ins.push(i);
        if d == once { Ok(()) } else { self.copy(d, once) }
    }

    /// Flags of atomics on this memory.
    fn atomic_flags(&self, mem: MemIx, wanted: bool) -> u32 {
        let binding = matches!(self.tape.memory[usize::from(mem.0)], Memory::Binding { .. });
        (u32::from(binding) * atomic::SHARED) | (u32::from(wanted) * atomic::WANTED)
    }

    fn atomic(&mut self, f: AtomicFn, d: Option<Reg>, addr: &Addr, s: &[Reg]) -> Done {
        let mut i = self.blank::<atomic::Atomic>();
        self.address(&mut i, addr)?;
        if f != AtomicFn::Load {
            self.writable(addr.mem)?;
        }
        i.t = atomic::number(f);
        i.uniform |= self.atomic_flags(addr.mem, d.is_some());
        for (n, r) in s.iter().take(2).enumerate() {
            self.source(&mut i, 2 + n, *r)?;
        }
        if let Some(d) = d {
            i.d[0] = self.lane(d)?;
        }
        self.ins.push(i);
        Ok(())
    }

    fn atomic_wide(&mut self, f: AtomicFn, d: Option<[Reg; 2]>, addr: &Addr, s: &[[Reg; 2]]) -> Done {
        let mut i = self.blank::<atomic::AtomicWide>();
        self.address(&mut i, addr)?;
        if f != AtomicFn::Load {
            self.writable(addr.mem)?;
        }
        i.t = atomic::number(f);
        i.uniform |= self.atomic_flags(addr.mem, d.is_some());
        for (n, r) in s.first().into_iter().flatten().enumerate() {
            self.source(&mut i, 2 + n, *r)?;
        }
        let zero = self.zero();
        for (n, r) in s.get(1).unwrap_or(&[zero; 2]).iter().enumerate() {
            i.d[2 + n] = self.place(*r)?;
            i.uniform |= u32::from(r.is_uniform()) << (4 + n);
        }
        for (n, r) in d.iter().flatten().enumerate() {
            i.d[n] = self.lane(*r)?;
        }
        self.ins.push(i);
        Ok(())
    }

    fn ballot(&mut self, d: [Reg; 4], predicate: Option<Reg>) -> Done {
        let mut i = self.blank::<group::Ballot>();
        i.t = u32::from(predicate.is_some());
        if let Some(r) = predicate {
            self.source(&mut i, 0, r)?;
        }
        for (n, r) in d.iter().enumerate() {
            i.d[n] = self.lane(*r)?;
        }
        self.ins.push(i);
        Ok(())
    }

    fn gather(&mut self, how: Gather, d: Reg, s: Reg, index: Option<Reg>) -> Done {
        let mut i = self.blank::<group::Exchange>();
        i.d[0] = self.lane(d)?;
        i.t = group::gather_number(how);
        self.source(&mut i, 0, s)?;
        self.source(&mut i, 1, index.unwrap_or(self.zero()))?;
        self.ins.push(i);
        Ok(())
    }
}
