//! The tree: an entry point with all calls inlined, before it is known which flow is uniform. Instructions are those of the tape, but on
//! *virtual* registers, which are neither lane nor uniform yet; flow is structured, so that dominance is plain from the nesting.
//!
//! A virtual register is a *value*, written once by an instruction that stands before all its uses, or a *variable*, written by [`Op::Mov`]
//! (and [`Op::Put`]), whose meaning is that of one invocation running alone: uniformity and masks come later.
use super::super::tape::{BuiltIn, Memory, Op, Reg};

/// Where a virtual register gets its word from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Always this word.
    Const(u32),
    /// The machine writes it.
    BuiltIn(BuiltIn),
    /// One instruction writes it.
    Value,
    /// Moves write it; zero before.
    Variable,
}

/// The name of a construct that can be left.
pub type Construct = u32;

/// The construct that is the whole entry point.
pub const ENTRY: Construct = 0;

/// A statement of the tree.
#[derive(Clone, PartialEq, Debug)]
pub enum Node {
    /// One instruction, not of flow.
    Op(Op),
    /// One of two lists.
    If {
        /// A bool.
        condition: Reg,
        /// If true.
        accept: Vec<Node>,
        /// If false.
        reject: Vec<Node>,
    },
    /// Again and again.
    Loop {
        /// Its name.
        id: Construct,
        /// The first part; [`Node::Continue`] leaves it.
        body: Vec<Node>,
        /// The second part.
        continuing: Vec<Node>,
        /// Leaves the loop at the end of the second part if true.
        break_if: Option<Reg>,
    },
    /// A list that can be left: a called function, a switch.
    Block {
        /// Its name.
        id: Construct,
        /// The list.
        body: Vec<Node>,
    },
    /// Go to the end of the construct.
    Break(Construct),
    /// Go to the second part of the loop.
    Continue(Construct),
}

/// An entry point as a tree.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The origin of each virtual register, by index; the first two stand for MASK and EXIST.
    pub origins: Vec<Origin>,
    /// The statements.
    pub root: Vec<Node>,
    /// How many constructs there are.
    pub n_constructs: u32,
    /// Memory variables.
    pub memory: Vec<Memory>,
    /// Consecutive registers that must stay consecutive: (first, count).
    pub groups: Vec<(u32, u32)>,
}

impl Tree {
    /// A new virtual register.
    pub fn register(&mut self, origin: Origin) -> Reg {
        self.origins.push(origin);
        Reg::lane(u32::try_from(self.origins.len() - 1).expect("bug: more than 2^32 registers"))
    }
    /// The word that a register always holds.
    pub fn constant(&self, r: Reg) -> Option<u32> {
        match self.origins[r.ix()] {
            Origin::Const(w) => Some(w),
            Origin::BuiltIn(_) | Origin::Value | Origin::Variable => None,
        }
    }
    /// Is it a variable?
    pub fn is_variable(&self, r: Reg) -> bool {
        self.origins[r.ix()] == Origin::Variable
    }
    /// May the memory be written by the entry point?
    pub fn is_writable(&self, mem: super::super::tape::MemIx) -> bool {
        match &self.memory[mem.0 as usize] {
            Memory::Binding { writable, .. } => *writable,
            Memory::Workgroup { .. } => true,
            Memory::Immediates { .. } => false,
        }
    }
}

/// Visits every instruction below a list, in the order in which they stand.
pub fn each_op<'t>(list: &'t [Node], f: &mut impl FnMut(&'t Op)) {
    for node in list {
        match node {
            Node::Op(op) => f(op),
            Node::If { accept, reject, .. } => {
                each_op(accept, f);
                each_op(reject, f);
            }
            Node::Loop { body, continuing, .. } => {
                each_op(body, f);
                each_op(continuing, f);
            }
            Node::Block { body, .. } => each_op(body, f),
            Node::Break(_) | Node::Continue(_) => {}
        }
    }
}

/// Visits every register that flow reads below a list.
pub fn each_condition(list: &[Node], f: &mut impl FnMut(Reg)) {
    for node in list {
        match node {
            Node::If { condition, accept, reject } => {
                f(*condition);
                each_condition(accept, f);
                each_condition(reject, f);
            }
            Node::Loop { body, continuing, break_if, .. } => {
                each_condition(body, f);
                each_condition(continuing, f);
                break_if.iter().for_each(|r| f(*r));
            }
            Node::Block { body, .. } => each_condition(body, f),
            Node::Op(_) | Node::Break(_) | Node::Continue(_) => {}
        }
    }
}

/// Visits every register below a list to change its name.
pub fn each_register_mut(list: &mut [Node], f: &mut impl FnMut(&mut Reg)) {
    for node in list {
        match node {
            Node::Op(op) => super::operands::visit_mut(op, |_, r| f(r)),
            Node::If { condition, accept, reject } => {
                f(condition);
                each_register_mut(accept, f);
                each_register_mut(reject, f);
            }
            Node::Loop { body, continuing, break_if, .. } => {
                each_register_mut(body, f);
                each_register_mut(continuing, f);
                break_if.iter_mut().for_each(&mut *f);
            }
            Node::Block { body, .. } => each_register_mut(body, f),
            Node::Break(_) | Node::Continue(_) => {}
        }
    }
}
