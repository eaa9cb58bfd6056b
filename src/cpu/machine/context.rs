//! What an instruction sees while it runs: the register files, the memory and the state of the mask.
#![expect(
    unsafe_code,
    reason = "registers are found without a check at each access: the assembler has checked every one"
)]
use super::line::{LANES, Lane, Line, Words, all, splat};
use super::memory::Mem;
use super::native::Native;
use super::shape::Shape;
use super::tile::Tiles;
use super::watch::{Site, Watch};
use std::cell::Cell;

/// The code of an instruction: it gets its own position and returns that of the next.
pub type Run = unsafe fn(&mut Context<'_>, &Ins, usize) -> usize;

/// No shape slot.
pub const NO_SLOT: u16 = u16::MAX;

/// A flat instruction. Lane registers are named by their first line in the register file, uniform registers by their index.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub struct Ins {
    pub run: Run,
    pub d: [u32; 4],
    /// Sources; of a memory access: the lane part and the uniform part of the address.
    pub s: [u32; 4],
    /// The constant part of an address.
    pub offset: u32,
    /// Whatever else there is: a jump's target, a count, an index of a side table.
    pub t: u32,
    /// Bit i: source i is uniform. Of a store: stored register i.
    pub uniform: u32,
    pub mem: u16,
    pub slot: u16,
}

/// A source operand, as lines.
pub struct Source<'a, const UNIFORM: bool> {
    lane: Lane<'a>,
    word: u32,
}

impl<const UNIFORM: bool> Source<'_, UNIFORM> {
    #[inline(always)]
    pub fn line(&self, k: usize) -> Words {
        if UNIFORM { splat(self.word) } else { self.lane[k].get().0 }
    }
}

/// A source operand of either kind.
#[derive(Clone, Copy)]
pub enum Any<'a> {
    Lane(Lane<'a>),
    Uniform(u32),
}

impl Any<'_> {
    #[inline(always)]
    pub fn line(&self, k: usize) -> Words {
        match self {
            Any::Lane(lines) => lines[k].get().0,
            Any::Uniform(word) => splat(*word),
        }
    }
    #[inline(always)]
    pub fn word(&self, lane: usize) -> u32 {
        match self {
            Any::Lane(lines) => lines[lane / LANES].get().0[lane % LANES],
            Any::Uniform(word) => *word,
        }
    }
}

/// The state of one thread while it runs a block.
pub struct Context<'a> {
    lanes: &'a [Cell<Line>],
    uniforms: &'a [Cell<u32>],
    memory: &'a [Mem],
    shapes: &'a [Cell<Shape>],
    tiles: &'a [Tiles],
    /// Machine code for stretches of the tape, if there is any.
    pub native: Option<&'a Native>,
    /// Where the scratch lines begin.
    scratch: usize,
    /// Lines in use in each register.
    lines: usize,
    /// Lines from one register to the next.
    stride: usize,
    /// The lane registers MASK and EXIST are the same.
    pub full: bool,
    /// The number of the first lane, where only a part of a block is looked at.
    pub first: u32,
    /// MASK is set in all lanes of all lines.
    pub solid: bool,
    /// MASK is set in some lane.
    pub any: bool,
    /// Lanes in a subgroup.
    pub subgroup: usize,
    /// Not zero: where lanes store to the same place, not the last one wins.
    pub shuffle: u32,
    /// The sanitizer's state, where it looks.
    pub watch: Option<&'a mut Watch>,
    /// The places that it looks at.
    pub sites: &'a [Site],
}

/// The sizes that the assembler checked the code against.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    pub lanes: usize,
    pub uniforms: usize,
    pub memory: usize,
    pub shapes: usize,
    /// Lines from one lane register to the next.
    pub stride: usize,
    /// Lines after the lane registers, for machine code.
    pub scratch: usize,
}

impl<'a> Context<'a> {
    /// A context over these files.
    ///
    /// # Panics
    /// Where a file is smaller than the code was checked against.
    pub fn new(
        files: &Files,
        lanes: &'a [Cell<Line>],
        uniforms: &'a [Cell<u32>],
        memory: &'a [Mem],
        shapes: &'a [Cell<Shape>],
        tiles: &'a [Tiles],
    ) -> Self {
        let fits = lanes.len() >= files.lanes * files.stride + files.scratch
            && uniforms.len() >= files.uniforms
            && memory.len() >= files.memory
            && shapes.len() >= files.shapes;
        assert!(fits, "bug: the register files are smaller than the code needs");
        let stride = files.stride;
        let (full, solid, any, subgroup) = (true, true, true, 32);
        Self {
            lanes,
            uniforms,
            memory,
            shapes,
            tiles,
            native: None,
            scratch: files.lanes * files.stride,
            lines: stride,
            stride,
            full,
            first: 0,
            solid,
            any,
            subgroup,
            shuffle: 0,
            watch: None,
            sites: &[],
        }
    }

    /// Sets how many lines of each register are in use.
    ///
    /// # Panics
    /// Where there are not so many.
    pub fn set_lines(&mut self, lines: usize) {
        assert!(lines <= self.stride, "bug: a block of more lines than the registers have");
        self.lines = lines;
    }

    /// Lines in use in each register.
    #[inline(always)]
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// Lines from one register to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The lines of a lane register.
    #[inline(always)]
    pub fn lane(&self, first: u32) -> Lane<'a> {
        let first = first as usize;
        debug_assert!(first + self.lines <= self.lanes.len(), "bug: no such lane register");
        // SAFETY: the assembler made `first` as stride * index with index below `Files::lanes`; `new` saw that the file holds that many
        // registers of `stride` lines, `set_lines` that no more than `stride` are in use.
        unsafe { self.lanes.get_unchecked(first..first + self.lines) }
    }

    /// A uniform register.
    #[inline(always)]
    pub fn uniform(&self, ix: u32) -> &'a Cell<u32> {
        debug_assert!((ix as usize) < self.uniforms.len(), "bug: no such uniform register");
        // SAFETY: the assembler made `ix` below `Files::uniforms`; `new` saw that the file holds that many.
        unsafe { self.uniforms.get_unchecked(ix as usize) }
    }

    /// Both register files, for code that finds its way in them by itself.
    #[inline(always)]
    pub fn files(&self) -> (&'a [Cell<Line>], &'a [Cell<u32>]) {
        (self.lanes, self.uniforms)
    }

    /// The scratch lines.
    pub fn scratch(&self) -> &'a [Cell<Line>] {
        &self.lanes[self.scratch..]
    }

    /// A memory variable.
    #[inline(always)]
    pub fn memory(&self, ix: u16) -> Mem {
        self.memory[ix as usize]
    }

    /// Source operand `n` of an instruction whose kind is known.
    #[inline(always)]
    pub fn source<const UNIFORM: bool>(&self, i: &Ins, n: usize) -> Source<'a, UNIFORM> {
        if UNIFORM {
            Source { lane: &[], word: self.uniform(i.s[n]).get() }
        } else {
            Source { lane: self.lane(i.s[n]), word: 0 }
        }
    }

    /// Source operand `n` of either kind.
    #[inline(always)]
    pub fn any_source(&self, i: &Ins, n: usize) -> Any<'a> {
        self.either(i.s[n], i.uniform >> n & 1 != 0)
    }

    /// A register of either kind.
    #[inline(always)]
    pub fn either(&self, register: u32, uniform: bool) -> Any<'a> {
        if uniform { Any::Uniform(self.uniform(register).get()) } else { Any::Lane(self.lane(register)) }
    }

    /// The execution mask.
    #[inline(always)]
    pub fn mask(&self) -> Lane<'a> {
        self.lane(0)
    }

    /// The lanes that exist.
    #[inline(always)]
    pub fn exist(&self) -> Lane<'a> {
        self.lane(self.stride as u32)
    }

    /// Looks at the mask again after it was written.
    #[inline(always)]
    pub fn refresh(&mut self) {
        let (mut and, mut or, mut differ) = (splat(!0), splat(0), splat(0));
        for (m, e) in self.mask().iter().zip(self.exist()) {
            std::hint::black_box(()); // see `math::call`: without it the compiler gathers
            let (m, e) = (m.get().0, e.get().0);
            for j in 0..LANES {
                and[j] &= m[j];
                or[j] |= m[j];
                differ[j] |= m[j] ^ e[j];
            }
        }
        self.solid = all(&and);
        self.any = super::line::any(&or);
        self.full = !super::line::any(&differ);
    }

    /// Which of `n` lanes or lines stores next, after so many others.
    #[inline(always)]
    pub fn turn(&self, k: usize, n: usize) -> usize {
        if self.shuffle == 0 {
            return k;
        }
        let k = (k + self.shuffle as usize) % n;
        if self.shuffle & 1 == 0 { k } else { n - 1 - k }
    }

    /// How the lane part of an address lies; classified once for a block where it has a slot.
    #[inline(always)]
    pub fn shape(&self, slot: u16, lane: Lane<'_>) -> Shape {
        if slot == NO_SLOT {
            return Shape::OTHER;
        }
        let cell = &self.shapes[slot as usize];
        if cell.get().is_unknown() {
            cell.set(Shape::of(lane));
        }
        cell.get()
    }

    /// The sums that instruction `i` keeps in processor registers.
    #[inline(always)]
    pub fn tiles(&self, i: &Ins) -> &'a Tiles {
        &self.tiles[i.t as usize]
    }

    /// Forgets the classified shapes.
    pub fn forget_shapes(&self) {
        for cell in self.shapes {
            cell.set(Shape::UNKNOWN);
        }
    }
}
