//! Places: what pointers point to. In memory a place is a byte address, in registers a range of variables.
use naga::{Expression, Handle};

use super::{
    super::{
        super::tape::{Bound, Memory},
        layout::{Packing, Shape},
    },
    Addr, Bin, Builder, Cell, Key, MemIx, Op, Reg, Res, Value,
};

/// What a pointer points to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub root: Root,
    /// The part of the position that is not constant: bytes in memory, words in registers.
    pub index: Option<Reg>,
    /// Bytes in memory, words in registers.
    pub offset: u32,
    pub shape: Shape,
}

/// The variable a place lies in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Root {
    Memory {
        mem: MemIx,
        packing: Packing,
    },
    Registers {
        first: u32,
        words: u32,
        /// With an index: it must stay below, counted from `first + base`.
        base: u32,
        bound: u32,
    },
}

impl Place {
    /// Variables that hold a value of this shape.
    pub fn registers(first: u32, words: u32, shape: Shape) -> Self {
        Self { root: Root::Registers { first, words, base: 0, bound: words }, index: None, offset: 0, shape }
    }
}

/// One access of memory: up to four cells side by side.
type Run = (u32, Cell, usize);

impl Builder<'_> {
    pub(super) fn place(&mut self, e: Handle<Expression>) -> Res<Place> {
        match self.evaluate(e)? {
            Value::Place(p) => Ok(p),
            Value::Words(_) => Err(format!("a pointer is expected: {:?}", self.frame().function.expressions[e]).into()),
        }
    }

    /// Element or member `ix`.
    pub(super) fn part(&mut self, p: Place, ix: u32) -> Res<Place> {
        let packing = match p.root {
            Root::Memory { packing, .. } => packing,
            Root::Registers { .. } => Packing::Words,
        };
        let (shape, bytes, words) = self.layouts.part(p.shape, ix, packing)?;
        let step = if matches!(p.root, Root::Memory { .. }) { bytes } else { words };
        Ok(Place { offset: p.offset.wrapping_add(step), shape, ..p })
    }

    /// The element at an index that is known only at run time.
    pub(super) fn element(&mut self, p: Place, index: Reg, signed: bool) -> Res<Place> {
        let constant = self.tree.constant(index);
        match p.root {
            Root::Memory { packing, mem } => {
                let q = self.layouts.sequence(p.shape, packing)?;
                self.check_index(p, index, q.count, signed)?;
                if let Some(ix) = constant {
                    return self.part(p, ix);
                }
                let stride = self.constant(q.stride_bytes);
                let scaled = self.bin(Bin::IMul, index, stride);
                let index = Some(p.index.map_or(scaled, |old| self.bin(Bin::IAdd, old, scaled)));
                Ok(Place { root: Root::Memory { mem, packing }, index, offset: p.offset, shape: q.element })
            }
            Root::Registers { first, words, base, bound } => {
                let q = self.layouts.sequence(p.shape, Packing::Words)?;
                let count = q.count.ok_or("a runtime-sized array in a variable")?;
                self.check_index(p, index, q.count, signed)?;
                if let Some(ix) = constant {
                    // out of bounds: any element will do
                    return self.part(p, ix.min(count - 1));
                }
                let stride = self.constant(q.stride_words);
                let scaled = self.bin(Bin::IMul, index, stride);
                let (base, bound) = if p.index.is_some() { (base, bound) } else { (p.offset, count * q.stride_words) };
                let index = Some(p.index.map_or(scaled, |old| self.bin(Bin::IAdd, old, scaled)));
                Ok(Place {
                    root: Root::Registers { first, words, base, bound },
                    index,
                    offset: p.offset,
                    shape: q.element,
                })
            }
        }
    }

    /// The sanitizer wants to know of indices that are out of bounds.
    fn check_index(&mut self, p: Place, index: Reg, count: Option<u32>, signed: bool) -> Res<()> {
        if !self.config.checks.index {
            return Ok(());
        }
        let mem = match p.root {
            Root::Memory { mem, .. } => Some(mem),
            Root::Registers { .. } => None,
        };
        let bound = match count {
            Some(n) if self.tree.constant(index).is_some_and(|ix| ix < n) => return Ok(()),
            Some(n) => Bound::Const(n),
            None => Bound::Reg(self.length(p)?),
        };
        self.push(Op::CheckIndex { index, bound, signed, mem, at: self.at });
        Ok(())
    }

    /// Elements of a runtime-sized array.
    pub(super) fn length(&mut self, p: Place) -> Res<Reg> {
        let Root::Memory { mem, packing } = p.root else { return Err("the length of an array in a variable".into()) };
        if p.index.is_some() {
            return Err("the length of an array within an array is not supported by the CPU device".into());
        }
        let q = self.layouts.sequence(p.shape, packing)?;
        match q.count {
            Some(n) => Ok(self.constant(n)),
            None => Ok(self.make(Key::Length { mem, offset: p.offset, stride: q.stride_bytes })[0]),
        }
    }

    /// Cells side by side, of one kind, at most four.
    fn runs(&self, p: Place, packing: Packing) -> Res<Vec<Run>> {
        let mut cells = vec![];
        self.layouts.cells(p.shape, packing, p.offset, &mut cells)?;
        let mut runs: Vec<Run> = vec![];
        for (at, cell) in cells {
            let bytes = if cell == Cell::Word { 4 } else { 2 };
            match runs.last_mut() {
                Some((start, c, n))
                    if *c == cell
                        && *n < 4
                        && start.wrapping_add(bytes * u32::try_from(*n).expect("bug: at most four")) == at =>
                {
                    *n += 1;
                }
                _ => runs.push((at, cell, 1)),
            }
        }
        Ok(runs)
    }

    pub(super) fn load(&mut self, p: Place) -> Res<Vec<Reg>> {
        match p.root {
            Root::Memory { mem, packing } => {
                let mut out = vec![];
                for (offset, cell, n) in self.runs(p, packing)? {
                    let version = self.versions[mem.0 as usize];
                    let n = u32::try_from(n).expect("bug: at most four");
                    out.extend(self.make(Key::Load { mem, byte: p.index, offset, cell, n, version }));
                }
                Ok(out)
            }
            Root::Registers { first, base, bound, .. } => {
                let n = self.layouts.words(p.shape)?;
                let Some(index) = p.index else {
                    return Ok((0..n).map(|i| self.read(Reg::lane(first + p.offset + i))).collect());
                };
                self.tree.groups.push((first + base, bound));
                let mut out = vec![];
                for i in 0..n {
                    let inside = p.offset - base + i;
                    let d = self.value();
                    self.push(Op::Pick { d, first: Reg::lane(first + base + inside), count: bound - inside, index });
                    out.push(d);
                }
                Ok(out)
            }
        }
    }

    pub(super) fn store(&mut self, p: Place, words: &[Reg]) -> Res<()> {
        match p.root {
            Root::Memory { mem, packing } => {
                let mut rest = words;
                for (offset, cell, n) in self.runs(p, packing)? {
                    let (now, later) = rest.split_at(n);
                    rest = later;
                    let addr = Addr { mem, lane: p.index, uniform: None, offset, shape: None };
                    self.push(Op::Store { s: now.into(), addr, cell, at: self.at });
                }
                self.touch(mem);
                if matches!(self.tree.memory[mem.0 as usize], Memory::Workgroup { .. }) {
                    self.cross_lane = true;
                }
            }
            Root::Registers { first, base, bound, .. } => {
                let Some(index) = p.index else {
                    for (i, s) in words.iter().enumerate() {
                        self.write(Reg::lane(first + p.offset + u32::try_from(i).expect("bug: words")), *s);
                    }
                    return Ok(());
                };
                self.tree.groups.push((first + base, bound));
                for (i, s) in words.iter().enumerate() {
                    let inside = p.offset - base + u32::try_from(i).expect("bug: words");
                    self.push(Op::Put { first: Reg::lane(first + base + inside), count: bound - inside, index, s: *s });
                }
                for i in 0..bound {
                    let v = Reg::lane(first + base + i);
                    self.set_known(v, None);
                    self.writes.push(v);
                }
            }
        }
        Ok(())
    }

    /// A value of some words as variables, for an index that is known only at run time.
    pub(super) fn as_place(&mut self, words: &[Reg], shape: Shape) -> Place {
        let d = self.make(Key::Table(words.to_vec()));
        let n = u32::try_from(words.len()).expect("bug: words");
        Place::registers(u32::try_from(d[0].ix()).expect("bug: registers"), n, shape)
    }
}
