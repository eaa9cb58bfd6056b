//! naga IR to tree: calls are inlined, values split into words, constants folded, equal values made once, variables replaced by what
//! they are known to hold, and short loops whose exits are decided by constants unrolled; all in one walk over the statements.
mod arithmetic;
mod atomic;
mod convert;
mod entry;
mod expression;
mod flow;
mod fold;
mod function;
mod math;
mod matrix;
mod place;
mod statement;
mod subgroup;
mod unroll;

use std::collections::HashMap;

use naga::{
    Expression, Function, GlobalVariable, Handle, LocalVariable, Module,
    valid::{FunctionInfo, ModuleInfo},
};

use super::{
    super::{
        math::{Bin, Qua, Ter, Un, WideBin, WideCmp, WideFrom, WideInto, WideUn},
        tape::{Addr, At, BuiltIn, Cell, MemIx, Op, Reg},
    },
    Config,
    layout::Layouts,
    tree::{Construct, Node, Origin, Tree},
};
use place::Place;

pub use entry::{Built, build};

/// Why a step did not succeed.
#[derive(Debug)]
pub enum Fail {
    /// The program cannot be lowered.
    Unsupported(String),
    /// The construct cannot be unrolled.
    Abort(Construct),
}
impl From<String> for Fail {
    fn from(s: String) -> Self {
        Self::Unsupported(s)
    }
}
impl From<&str> for Fail {
    fn from(s: &str) -> Self {
        Self::Unsupported(s.into())
    }
}
type Res<T> = Result<T, Fail>;

/// What an expression evaluates to.
#[derive(Clone, Debug)]
enum Value {
    Words(Vec<Reg>),
    Place(Place),
}

/// A pure instruction without its destinations.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Key {
    Un(Un, Reg),
    Bin(Bin, [Reg; 2]),
    Ter(Ter, [Reg; 3]),
    Qua(Qua, [Reg; 4]),
    WideUn(WideUn, [Reg; 2]),
    WideBin(WideBin, [[Reg; 2]; 2]),
    WideCmp(WideCmp, [[Reg; 2]; 2]),
    WideFrom(WideFrom, Reg),
    WideInto(WideInto, [Reg; 2]),
    Load {
        mem: MemIx,
        byte: Option<Reg>,
        offset: u32,
        cell: Cell,
        n: u32,
        version: u32,
    },
    Length {
        mem: MemIx,
        offset: u32,
        stride: u32,
    },
    /// Consecutive registers that hold these words.
    Table(Vec<Reg>),
}

/// A change of what is known, to be taken back where it no longer holds.
enum Undo {
    Known(Reg, Option<Reg>),
    Seen(Key),
}

/// Where a jump goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Goto {
    Break(Construct),
    Continue(Construct),
}

/// How control leaves a list of statements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flow {
    /// At its end.
    Falls,
    /// By a jump, always.
    Left(Goto),
}

/// A function in progress.
struct Frame<'m> {
    function: &'m Function,
    info: &'m FunctionInfo,
    values: Vec<Option<Value>>,
    locals: HashMap<Handle<LocalVariable>, Place>,
    arguments: Vec<Value>,
    result: Vec<Reg>,
    exit: Construct,
    /// The loops and switches of this function begin here in `Builder::targets`.
    targets: usize,
}

/// What `break` and `continue` refer to.
#[derive(Clone, Copy)]
struct Target {
    id: Construct,
    is_loop: bool,
}

struct Builder<'m> {
    module: &'m Module,
    info: &'m ModuleInfo,
    config: &'m Config,
    layouts: Layouts<'m>,
    tree: Tree,
    /// The list that grows now.
    out: Vec<Node>,
    constants: HashMap<u32, Reg>,
    builtins: HashMap<BuiltIn, Reg>,
    /// What a variable holds.
    known: HashMap<Reg, Reg>,
    /// Values that have been made.
    seen: HashMap<Key, Vec<Reg>>,
    undo: Vec<Undo>,
    /// Every variable written, in order.
    writes: Vec<Reg>,
    /// Every jump made, in order.
    exits: Vec<Goto>,
    /// The version of each memory variable: loads of different versions are different values.
    versions: Vec<u32>,
    next_version: u32,
    places: Vec<naga::Span>,
    place_ixs: HashMap<Option<std::ops::Range<usize>>, At>,
    globals: HashMap<Handle<GlobalVariable>, Place>,
    frames: Vec<Frame<'m>>,
    targets: Vec<Target>,
    /// Constructs that are being unrolled, each with the depth it stands at.
    unrolling: Vec<(Construct, usize)>,
    may_unroll: bool,
    /// Open branches, loops and blocks.
    depth: usize,
    /// Instructions made so far.
    made: usize,
    /// Where the statement or expression in progress stands.
    at: At,
    cross_lane: bool,
}

impl<'m> Builder<'m> {
    fn frame(&self) -> &Frame<'m> {
        self.frames.last().expect("bug: no function in progress")
    }
    fn frame_mut(&mut self) -> &mut Frame<'m> {
        self.frames.last_mut().expect("bug: no function in progress")
    }
    fn construct(&mut self) -> Construct {
        self.tree.n_constructs += 1;
        self.tree.n_constructs - 1
    }
    fn push(&mut self, op: Op) {
        self.made += usize::from(!matches!(op, Op::Mov(..) | Op::Copy(..)));
        self.out.push(Node::Op(op));
    }
    fn constant(&mut self, word: u32) -> Reg {
        if let Some(r) = self.constants.get(&word) {
            return *r;
        }
        let r = self.tree.register(Origin::Const(word));
        self.constants.insert(word, r);
        r
    }
    fn value(&mut self) -> Reg {
        self.tree.register(Origin::Value)
    }
    /// Consecutive variables.
    fn variables(&mut self, n: u32) -> Vec<Reg> {
        (0..n).map(|_| self.tree.register(Origin::Variable)).collect()
    }
    fn builtin(&mut self, b: BuiltIn) -> Reg {
        if let Some(r) = self.builtins.get(&b) {
            return *r;
        }
        let r = self.tree.register(Origin::BuiltIn(b));
        self.builtins.insert(b, r);
        r
    }
    fn locate(&mut self, span: naga::Span) -> At {
        let next = At(u32::try_from(self.places.len()).expect("bug: places"));
        let places = &mut self.places;
        *self.place_ixs.entry(span.to_range()).or_insert_with(|| {
            places.push(span);
            next
        })
    }

    // ---- values, made once
    fn make(&mut self, key: Key) -> Vec<Reg> {
        if let Some(d) = self.seen.get(&key) {
            return d.clone();
        }
        let d = self.emit(&key);
        self.undo.push(Undo::Seen(key.clone()));
        self.seen.insert(key, d.clone());
        d
    }
    fn emit(&mut self, key: &Key) -> Vec<Reg> {
        let n = match key {
            Key::WideUn(..) | Key::WideBin(..) | Key::WideFrom(..) => 2,
            Key::Load { n, .. } => *n,
            Key::Table(words) => return self.table(words),
            _ => 1,
        };
        let d: Vec<Reg> = (0..n).map(|_| self.value()).collect();
        let pair = || [d[0], d[1]];
        let op = match *key {
            Key::Un(f, a) => Op::Un(f, d[0], a),
            Key::Bin(f, a) => Op::Bin(f, d[0], a),
            Key::Ter(f, a) => Op::Ter(f, d[0], a),
            Key::Qua(f, a) => Op::Qua(f, d[0], a),
            Key::WideUn(f, a) => Op::WideUn(f, pair(), a),
            Key::WideBin(f, a) => Op::WideBin(f, pair(), a),
            Key::WideCmp(f, a) => Op::WideCmp(f, d[0], a),
            Key::WideFrom(f, a) => Op::WideFrom(f, pair(), a),
            Key::WideInto(f, a) => Op::WideInto(f, d[0], a),
            Key::Load { mem, byte, offset, cell, .. } => {
                let addr = Addr { mem, lane: byte, uniform: None, offset, shape: None };
                Op::Load { d: d.clone().into(), addr, cell, at: self.at }
            }
            Key::Length { mem, offset, stride } => Op::Length { d: d[0], mem, offset, stride },
            Key::Table(_) => unreachable!("bug: a table is not one instruction"),
        };
        self.push(op);
        d
    }
    /// Consecutive registers with these words; constants stay constants.
    fn table(&mut self, words: &[Reg]) -> Vec<Reg> {
        let constants: Option<Vec<u32>> = words.iter().map(|r| self.tree.constant(*r)).collect();
        let first = u32::try_from(self.tree.origins.len()).expect("bug: registers");
        let count = u32::try_from(words.len()).expect("bug: words");
        self.tree.groups.push((first, count));
        if let Some(constants) = constants {
            return constants.into_iter().map(|w| self.tree.register(Origin::Const(w))).collect();
        }
        let d = self.variables(count);
        for (d, s) in d.iter().zip(words) {
            self.write(*d, *s);
        }
        d
    }

    // ---- variables
    fn set_known(&mut self, variable: Reg, value: Option<Reg>) {
        let old = match value {
            Some(v) => self.known.insert(variable, v),
            None => self.known.remove(&variable),
        };
        self.undo.push(Undo::Known(variable, old));
    }
    fn read(&mut self, variable: Reg) -> Reg {
        if let Some(r) = self.known.get(&variable) {
            return *r;
        }
        if self.config.checks.written {
            self.push(Op::CheckWritten { s: variable, at: self.at });
        }
        let d = self.value();
        self.push(Op::Copy(d, variable));
        self.set_known(variable, Some(d));
        d
    }
    fn write(&mut self, variable: Reg, value: Reg) {
        if self.known.get(&variable) == Some(&value) && !self.config.checks.written {
            return;
        }
        self.push(Op::Mov(variable, value));
        self.set_known(variable, Some(value));
        self.writes.push(variable);
    }

    // ---- scopes of knowledge
    /// The variables written since may hold something else.
    fn forget_since(&mut self, writes: usize) {
        for i in writes..self.writes.len() {
            self.set_known(self.writes[i], None);
        }
    }
    fn undo_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            match self.undo.pop().expect("bug: longer than the mark") {
                Undo::Known(v, Some(old)) => {
                    self.known.insert(v, old);
                }
                Undo::Known(v, None) => {
                    self.known.remove(&v);
                }
                Undo::Seen(key) => {
                    self.seen.remove(&key);
                }
            }
        }
    }
    /// The memory may hold something else now.
    fn touch(&mut self, mem: MemIx) {
        self.next_version += 1;
        self.versions[mem.0 as usize] = self.next_version;
    }
    fn touch_all(&mut self) {
        for i in 0..self.versions.len() {
            let mem = MemIx(u16::try_from(i).expect("bug: memory variables"));
            if self.tree.is_writable(mem) {
                self.touch(mem);
            }
        }
    }

    // ---- expressions of the function in progress
    fn inner(&self, e: Handle<Expression>) -> &'m naga::TypeInner {
        self.frame().info[e].ty.inner_with(&self.module.types)
    }
}
