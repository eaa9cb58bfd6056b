//! The tape: what a compute entry point becomes before it runs. The lowering (`lower/`) writes it, the machine
//! (`machine/`) runs it; neither knows the other.
//!
//! # Registers
//! A register holds 32-bit words. A *lane register* has one word for each invocation ("lane") of the block that runs
//! together, a *uniform register* one word for all. Vectors, matrices, structs and small arrays are split into their scalar
//! components; a 64-bit scalar is two words, low then high. A bool is all ones or zero. An f16 lives in its register as the f32 of
//! the same value and is rounded after each operation ([`Un::RoundF16`]); i16 and u16 live sign- or zero-extended.
//!
//! # Lock step
//! Every instruction runs over all lanes before the next one starts. Pure instructions ignore the execution mask (what a
//! dead lane computes is never seen); [`Op::Mov`], stores, atomics and subgroup operations obey it. Uniform instructions run once, whatever the
//! mask: the lowering sees to it that they stand only where the flow is uniform or where the value does not matter.
//!
//! # Masks and flow
//! Lane register [`MASK`] is the execution mask. Divergent flow is arithmetic on masks (`And`, `AndNot` of lane registers),
//! [`Op::SetMask`] to make one current, and the two jumps that skip what no lane executes. Uniform flow is plain jumps.
//! A lane register written only under one mask keeps its other lanes (`Mov` is a masked write; all else writes all lanes).
//!
//! # Prologue
//! `Tape::prologue` is straight-line code that depends on nothing but the workgroup: it runs once per workgroup before `body`, and the
//! registers it writes are never written by `body`. Loads and stores whose lane address part is written there carry a `shape` slot, so
//! that the machine classifies the address (consecutive, all the same, other) once per workgroup.
use super::math::{Bin, Qua, Ter, Un, WideBin, WideCmp, WideFrom, WideInto, WideUn};

/// A register's name; uniform registers have the top bit set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Reg(pub u32);

impl Reg {
    const UNIFORM: u32 = 1 << 31;
    /// The lane register with this index.
    pub fn lane(ix: u32) -> Self {
        Self(ix)
    }
    /// The uniform register with this index.
    pub fn uniform(ix: u32) -> Self {
        Self(ix | Self::UNIFORM)
    }
    /// One word for all lanes?
    pub fn is_uniform(self) -> bool {
        self.0 & Self::UNIFORM != 0
    }
    /// Its index in its own file.
    pub fn ix(self) -> usize {
        (self.0 & !Self::UNIFORM) as usize
    }
}

/// The execution mask: the lanes that execute now. The machine fills it at the start of a workgroup.
pub const MASK: Reg = Reg(0);
/// The lanes that exist (a partly filled last block has fewer than lanes of the block); filled by the machine, never written.
pub const EXIST: Reg = Reg(1);

/// A position in `Tape::body`, resolved by [`Op::Label`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Label(pub u32);

/// Where in the WGSL an instruction comes from: an index into `Tape::places` (used by the sanitizer).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct At(pub u32);

/// A memory variable: an index into `Tape::memory`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MemIx(pub u16);

/// What kind of memory it is, and where it is found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Memory {
    /// A storage or uniform buffer binding; its length is that of the binding.
    Binding { group: u32, binding: u32, writable: bool, name: String },
    /// A workgroup variable of so many bytes, zero at the start of each workgroup.
    Workgroup { bytes: u32, name: String },
    /// The immediates of the pass ("push constants").
    Immediates { bytes: u32 },
}

/// A byte address: `lane + uniform + offset` (wrapping). Without a lane part it is one address for all lanes.
/// An access that does not lie wholly within the variable is not made: a load gives zero, a store does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Addr {
    pub mem: MemIx,
    pub lane: Option<Reg>,
    pub uniform: Option<Reg>,
    pub offset: u32,
    /// `Some` when `lane` is written in the prologue: a slot below `Tape::n_shapes`, the same for the same lane register.
    pub shape: Option<u16>,
}

/// How a scalar lies in memory; the register always holds 32-bit words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cell {
    /// Four bytes, as they are.
    Word,
    /// Two bytes: an f16 (register: the f32 of the same value).
    F16,
    /// Two bytes, sign-extended.
    I16,
    /// Two bytes, zero-extended.
    U16,
}

/// Atomic read-modify-write; the register gets the old value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AtomicFn {
    Add,
    Sub,
    And,
    Or,
    Xor,
    MinS,
    MinU,
    MaxS,
    MaxU,
    AddF32,
    Exchange,
    /** Stores `value` where the old value equals `compare`. */
    CompareExchange,
    Load,
    Store,
}

/// What is combined over the active lanes of a subgroup.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Collective {
    Reduce,
    Inclusive,
    Exclusive,
}

/// The combination. `Add`, `Mul`, `Min`, `Max` by the kind of scalar.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Combine {
    AddF,
    MulF,
    MinF,
    MaxF,
    AddI,
    MulI,
    MinS,
    MaxS,
    MinU,
    MaxU,
    And,
    Or,
    Xor,
    /** Of bools. */
    All,
    /** Of bools. */
    Any,
    AddF16,
    MulF16,
    MinF16,
    MaxF16,
}

/// Whose value a lane gets; lane numbers are within the subgroup. A source that is inactive or out of range gives zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Gather {
    First,
    /** From lane `index`. */
    Lane,
    Down,
    Up,
    Xor,
    /** From lane `index` of the own four. */
    Quad,
    /** Within the own four: lane ^ index. */
    QuadSwap,
}

/// One instruction. `d` is written; the other registers are read. Where every source is uniform the destination may be uniform too,
/// and is written once; a lane destination takes any mixture of sources.
#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    // pure
    Un(Un, Reg, Reg),
    Bin(Bin, Reg, [Reg; 2]),
    Ter(Ter, Reg, [Reg; 3]),
    Qua(Qua, Reg, [Reg; 4]),
    WideUn(WideUn, [Reg; 2], [Reg; 2]),
    /// The second operand of shifts is `[amount, amount]`.
    WideBin(WideBin, [Reg; 2], [[Reg; 2]; 2]),
    WideCmp(WideCmp, Reg, [[Reg; 2]; 2]),
    /// 32 bits to 64.
    WideFrom(WideFrom, [Reg; 2], Reg),
    /// 64 bits to 32.
    WideInto(WideInto, Reg, [Reg; 2]),

    /// `d = s` where the mask is set (for a uniform `d`: always; `s` is then uniform).
    Mov(Reg, Reg),
    /// `d = s` in all lanes, whatever the mask (also: uniform to lane).
    Copy(Reg, Reg),

    // arrays of registers: `array[0]` is `first`, its element i is the register `first + i`; the index is an element number already
    // multiplied by the words of an element
    /// `d = (first + index)`; an index of `count` or more gives zero.
    Pick {
        d: Reg,
        first: Reg,
        count: u32,
        index: Reg,
    },
    /// `(first + index) = s` where the mask is set; an index of `count` or more does nothing.
    Put {
        first: Reg,
        count: u32,
        index: Reg,
        s: Reg,
    },

    // memory
    /// Consecutive cells into registers (one to four).
    Load {
        d: Box<[Reg]>,
        addr: Addr,
        cell: Cell,
        at: At,
    },
    Store {
        s: Box<[Reg]>,
        addr: Addr,
        cell: Cell,
        at: At,
    },
    /// Number of elements of a runtime-sized array that begins `offset` bytes into the binding.
    Length {
        d: Reg,
        mem: MemIx,
        offset: u32,
        stride: u32,
    },
    /// `d` (a lane register, if the old value is wanted); lanes in order. `CompareExchange`: value = s[0], compare = s[1].
    Atomic {
        f: AtomicFn,
        d: Option<Reg>,
        addr: Addr,
        s: Box<[Reg]>,
        at: At,
    },
    /// The same on 64-bit cells: every value is a pair.
    AtomicWide {
        f: AtomicFn,
        d: Option<[Reg; 2]>,
        addr: Addr,
        s: Box<[[Reg; 2]]>,
        at: At,
    },

    // subgroups: consecutive lanes of the workgroup, `Tape::subgroup` to each
    /// Bit i of the four words: lane i of the subgroup is active and its predicate (if any) true.
    Ballot {
        d: [Reg; 4],
        predicate: Option<Reg>,
        at: At,
    },
    Collect {
        how: Collective,
        f: Combine,
        d: Reg,
        s: Reg,
        at: At,
    },
    Gather {
        how: Gather,
        d: Reg,
        s: Reg,
        index: Option<Reg>,
        at: At,
    },

    // flow
    Label(Label),
    Jump(Label),
    /// If the uniform register is zero.
    JumpZero(Reg, Label),
    /// If the uniform register is not zero.
    JumpNonzero(Reg, Label),
    /// MASK = the lane register; it is always a subset of EXIST.
    SetMask(Reg),
    /// If no lane of MASK is set.
    JumpNone(Label),
    /// If any lane of MASK is set.
    JumpAny(Label),
    /// A workgroup barrier: nothing to do in lock step, but the checks of the sanitizer begin a new epoch here.
    Barrier {
        storage: bool,
        workgroup: bool,
        at: At,
    },
    /// The workgroup is done.
    End,

    // sanitizer only: emitted when the lowering is asked for checks
    /// Report where an active lane's index is `bound` or more (signed: or negative).
    CheckIndex {
        index: Reg,
        bound: Bound,
        signed: bool,
        mem: Option<MemIx>,
        at: At,
    },
    /// Report where an active lane's divisor is zero.
    CheckDivisor {
        d: Reg,
        at: At,
    },
    /// Report where an active lane has a NaN or an infinity in `d` that all the finite `s` do not explain.
    CheckFinite {
        d: Reg,
        s: Box<[Reg]>,
        at: At,
    },
    /// Function or private memory: the registers `first .. first + count` now hold nothing that was written.
    Forget {
        first: Reg,
        count: u32,
    },
    /// Report where an active lane reads a register that was forgotten and not written since.
    CheckWritten {
        s: Reg,
        at: At,
    },
}

impl Op {
    /// Does it do nothing but write registers, whatever the mask, the same each time its sources and memory are the same?
    pub fn is_pure(&self) -> bool {
        matches!(
            self,
            Self::Un(..)
                | Self::Bin(..)
                | Self::Ter(..)
                | Self::Qua(..)
                | Self::WideUn(..)
                | Self::WideBin(..)
                | Self::WideCmp(..)
                | Self::WideFrom(..)
                | Self::WideInto(..)
                | Self::Copy(..)
                | Self::Pick { .. }
                | Self::Load { .. }
                | Self::Length { .. }
        )
    }
}

/// The number of elements an index must stay below.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Bound {
    Const(u32),
    Reg(Reg),
}

/// A built-in value that the machine writes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BuiltIn {
    GlobalId(u8),
    LocalId(u8),
    LocalIndex,
    WorkgroupId(u8),
    NumWorkgroups(u8),
    SubgroupId,
    SubgroupLane,
}

/// A compute entry point, ready for the machine.
#[derive(Clone, Debug)]
pub struct Tape {
    pub workgroup_size: [u32; 3],
    /// Lanes in a subgroup.
    pub subgroup: u32,
    pub prologue: Vec<Op>,
    pub body: Vec<Op>,
    /// How many lane and uniform registers there are (MASK and EXIST included).
    pub n_lane: u32,
    pub n_uniform: u32,
    /// Uniform registers that hold constants, written once when the machine starts.
    pub constants: Vec<(Reg, u32)>,
    /// Built-in values that are read, and the register of each: `WorkgroupId` and `NumWorkgroups` are uniform registers, the others lane registers.
    pub builtins: Vec<(BuiltIn, Reg)>,
    pub memory: Vec<Memory>,
    pub n_shapes: u16,
    /// Lanes see each other (workgroup memory, barriers, subgroup operations): one block must hold the whole workgroup.
    /// Otherwise the machine may run any number of invocations, of any number of workgroups, as one block, provided `WorkgroupId` is not read.
    pub cross_lane: bool,
    /// Source places, for reports.
    pub places: Vec<naga::Span>,
    /// Workgroup memory is zeroed at the start of each workgroup (the pipeline may switch that off).
    pub zero_workgroup: bool,
}
