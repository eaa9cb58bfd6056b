//! What a stretch of machine code does, written as values: the steps of a region.
use super::super::super::tape::Reg;
use std::collections::HashMap;

/// A value: something that a lane register holds at some time.
pub type Value = usize;

/// What an operation reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    Value(Value),
    /// A uniform register, in all lanes.
    Uniform(u32),
}

/// How the lanes of a line lie at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    /// One element after the other.
    Row,
    /// All at the same.
    Same,
    /// Anyhow.
    Any,
}

/// A load or store of `n` words.
#[derive(Clone, Debug)]
pub struct Access {
    pub mem: u16,
    pub lie: Lie,
    /// The register of the lane part, which the region does not write (of `Any`: none).
    pub lane: Option<Reg>,
    pub uniform: Option<u32>,
    pub offset: u32,
    pub n: usize,
    pub slot: Option<u16>,
    pub store: bool,
}

impl Access {
    /// May this access, which comes later, see or spoil another line's part of an earlier one? If not, does that need the lines to
    /// follow each other in memory?
    pub fn meets(&self, before: &Access) -> Option<bool> {
        if self.mem != before.mem || !(self.store || before.store) {
            return Some(false);
        }
        let alike = (self.lane, self.uniform, self.n) == (before.lane, before.uniform, before.n);
        let rows = self.lie == Lie::Row && before.lie == Lie::Row;
        let behind = self.offset.wrapping_sub(before.offset).cast_signed() <= 0;
        (alike && rows && behind).then_some(true)
    }
}

/// What is to be done, in order.
#[derive(Clone, Debug)]
pub enum Step {
    /// A pure operation of the tape on other operands.
    Compute {
        op: usize,
        d: Vec<Value>,
        s: Vec<Operand>,
    },
    /// `d = yes` where the mask is set, else `no`.
    Blend {
        d: Value,
        mask: Operand,
        yes: Operand,
        no: Operand,
    },
    /// The same value as another.
    Copy {
        d: Value,
        s: Operand,
    },
    /// `at`: the lane part of the address, where the lanes lie anyhow.
    Load {
        d: Vec<Value>,
        access: usize,
        at: Option<Operand>,
    },
    Store {
        s: Vec<Operand>,
        access: usize,
        at: Option<Operand>,
        mask: Operand,
    },
    /// The sanitizer looks at values.
    Look {
        op: usize,
        s: Vec<Operand>,
        mask: Operand,
    },
    /// The sanitizer looks at an access that comes next.
    Touch {
        op: usize,
        access: usize,
        at: Option<Operand>,
        mask: Operand,
    },
    /// To a register of the file.
    Out {
        r: Reg,
        s: Operand,
    },
}

/// A region that was found.
#[derive(Debug, Default)]
pub struct Region {
    /// Its operations in the body.
    pub start: usize,
    pub end: usize,
    /// Uniform operations, which are done before.
    pub heads: Vec<usize>,
    pub steps: Vec<Step>,
    /// For each value: the register that holds it when the region begins.
    pub values: Vec<Option<Reg>>,
    pub accesses: Vec<Access>,
    /// For each slot of an address: its lane register, the distance of lanes, and whether the lines must follow each other.
    pub slots: HashMap<u16, (Reg, u32, bool)>,
    /// The mask is another one afterwards.
    pub masks: bool,
}

impl Step {
    /// The values that it reads.
    pub fn reads(&self) -> impl Iterator<Item = Value> + '_ {
        let (many, few): (&[Operand], [Option<Operand>; 3]) = match self {
            Self::Compute { s, .. } => (s, [None; 3]),
            Self::Blend { mask, yes, no, .. } => (&[], [Some(*mask), Some(*yes), Some(*no)]),
            Self::Copy { s, .. } | Self::Out { s, .. } => (&[], [Some(*s), None, None]),
            Self::Load { at, .. } => (&[], [*at, None, None]),
            Self::Store { s, at, mask, .. } => (s, [Some(*mask), *at, None]),
            Self::Look { s, mask, .. } => (s, [Some(*mask), None, None]),
            Self::Touch { at, mask, .. } => (&[], [Some(*mask), *at, None]),
        };
        many.iter().copied().chain(few.into_iter().flatten()).filter_map(|o| match o {
            Operand::Value(v) => Some(v),
            Operand::Uniform(_) => None,
        })
    }

    /// The values that it makes.
    pub fn writes(&self) -> impl Iterator<Item = Value> + '_ {
        let (many, one): (&[Value], Option<Value>) = match self {
            Self::Compute { d, .. } | Self::Load { d, .. } => (d, None),
            Self::Blend { d, .. } | Self::Copy { d, .. } => (&[], Some(*d)),
            Self::Store { .. } | Self::Look { .. } | Self::Touch { .. } | Self::Out { .. } => (&[], None),
        };
        many.iter().copied().chain(one)
    }
}
