//! The lazy graph: immutable nodes, made by constructors that check shapes and dtypes at once.
//!
//! A node knows nothing of buffers or devices: realised elements are an opaque [`Data`]. A node that has been computed
//! keeps its value, and everything that walks the graph for execution stops there.

pub mod attention;
pub mod dense;
pub mod func;
pub mod op;

pub use dense::Dense;
pub use func::{Arg, Derivative, Func, Mirror, Snippet};
pub use op::{AxisMap, EXCESS_BLOCK, EXCESS_THRESHOLDS, Fill, Op, Reduce, Routine, Scan, Scatter, View};

use crate::dtype::DType;
use crate::error::{Error, Result, Site};
use crate::shape::{MAX_LEN, MAX_RANK, Shape};
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// Elements held by an executor: what [`Data`] points to.
pub trait Storage: Any + Send + Sync + fmt::Debug {
    /// For the executor to recognise its own.
    fn as_any(&self) -> &dyn Any;
    /// Whether the allocation extends to the next multiple of 16 bytes and the rest may be read and overwritten freely.
    fn padded(&self) -> bool;
}

/// A shared handle to realised elements; equal if it is the same storage.
#[derive(Clone, Debug)]
pub struct Data(pub Arc<dyn Storage>);

impl Data {
    /// The identity of the storage.
    #[must_use]
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.0).cast::<()>() as usize
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

/// A node of the graph; cheap to clone, compared and hashed by identity.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    op: Op,
    sources: Vec<Node>,
    shape: Shape,
    dtype: DType,
    site: Site,
    value: OnceLock<Data>,
}

impl Node {
    /// The operation.
    #[must_use]
    pub fn op(&self) -> &Op {
        &self.0.op
    }
    /// The arguments.
    #[must_use]
    pub fn sources(&self) -> &[Node] {
        &self.0.sources
    }
    /// Argument `ix`.
    #[must_use]
    pub fn source(&self, ix: usize) -> &Node {
        &self.0.sources[ix]
    }
    /// The shape of the result.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }
    /// The dtype of the result.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.0.dtype
    }
    /// The number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.0.shape.elements()
    }
    /// Where the caller's program made it.
    #[must_use]
    pub fn site(&self) -> Site {
        self.0.site
    }
    /// The realised elements: of a leaf, or of a node computed before.
    #[must_use]
    pub fn value(&self) -> Option<&Data> {
        match &self.0.op {
            Op::Data(data) => Some(data),
            _ => self.0.value.get(),
        }
    }
    /// Keeps the result of a computation; the first one stays.
    pub fn realise(&self, data: Data) {
        let _first_stays = self.0.value.set(data);
    }
    /// The same operation on other sources, of the same shapes and dtypes; it has no value yet.
    #[must_use]
    pub fn over(&self, sources: Vec<Node>) -> Node {
        let Inner { op, shape, dtype, site, .. } = &*self.0;
        let (op, shape) = (op.clone(), shape.clone());
        Node(Arc::new(Inner { op, sources, shape, dtype: *dtype, site: *site, value: OnceLock::new() }))
    }
    /// A number that identifies the node while it lives.
    #[must_use]
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
    /// The value of a constant that is part of the program's structure, seen through broadcasting.
    #[must_use]
    pub fn fixed(&self) -> Option<f64> {
        match self.op() {
            Op::Const { value, fixed: true } => Some(*value),
            Op::View(view) if view.axes.is_empty() => self.source(0).fixed(),
            Op::Reshape => self.source(0).fixed(),
            _ => None,
        }
    }

    fn make(op: Op, sources: Vec<Node>, shape: Shape, dtype: DType, site: Site) -> Result<Node> {
        let name = || op_name(&op);
        if shape.rank() > MAX_RANK {
            return Err(Error::argument(
                name(),
                format!("shape {shape} has {} axes", shape.rank()),
                format!("at most {MAX_RANK} axes; reshape some together"),
                site,
            ));
        }
        if shape.elements() > MAX_LEN {
            return Err(Error::argument(
                name(),
                format!("shape {shape} has more than {MAX_LEN} elements"),
                "index arithmetic is 32-bit; split the tensor",
                site,
            ));
        }
        Ok(Node(Arc::new(Inner { op, sources, shape, dtype, site, value: OnceLock::new() })))
    }

    /// A leaf over realised elements.
    pub fn data(data: Data, shape: Shape, dtype: DType, site: Site) -> Result<Node> {
        Self::make(Op::Data(data), Vec::new(), shape, dtype, site)
    }

    /// A number of shape `[]`; integers and booleans are given as the f64 that equals them.
    pub fn constant(value: f64, fixed: bool, dtype: DType, site: Site) -> Result<Node> {
        Self::make(Op::Const { value, fixed }, Vec::new(), Shape::scalar(), dtype, site)
    }

    /// `0, 1, …, n - 1` as `I32` or `U32`.
    pub fn iota(n: usize, dtype: DType, site: Site) -> Result<Node> {
        if !dtype.is_int() {
            return Err(Error::argument("iota", format!("dtype {dtype}"), "use i32 or u32 and cast", site));
        }
        Self::make(Op::Iota, Vec::new(), Shape::from([n]), dtype, site)
    }

    /// `func` of every element; the sources must have one shape.
    pub fn map(func: Func, sources: Vec<Node>, site: Site) -> Result<Node> {
        let refuse = |message: String, hint: String| Err(Error::argument(func.name(), message, hint, site));
        if sources.len() != func.arity() {
            return refuse(format!("{} arguments", sources.len()), format!("it takes {}", func.arity()));
        }
        let shape = sources[0].shape().clone();
        if let Some(odd) = sources.iter().find(|s| s.shape() != &shape) {
            return refuse(format!("shapes {shape} and {}", odd.shape()), "shapes must agree; broadcast first".into());
        }
        let dtypes: Vec<_> = sources.iter().map(Node::dtype).collect();
        match func.result(&dtypes) {
            Ok(dtype) => Self::make(Op::Map(func), sources, shape, dtype, site),
            Err(takes) => {
                let got = dtypes.iter().map(|d| d.name()).collect::<Vec<_>>().join(", ");
                refuse(format!("dtypes {got}"), format!("it takes {takes}; cast first"))
            }
        }
    }

    /// The same elements in another shape.
    pub fn reshape(source: &Node, shape: Shape, site: Site) -> Result<Node> {
        if source.shape() == &shape {
            return Ok(source.clone());
        }
        if source.elements() != shape.elements() {
            return Err(Error::argument(
                "reshape",
                format!("{} has {} elements, {shape} has {}", source.shape(), source.elements(), shape.elements()),
                "the numbers of elements must agree",
                site,
            ));
        }
        Self::make(Op::Reshape, vec![source.clone()], shape, source.dtype(), site)
    }

    /// A [`View`] of `source` with the result shape `shape`. Terms on one result axis within one relation are joined.
    pub fn view(source: &Node, mut view: View, shape: Shape, site: Site) -> Result<Node> {
        for relation in &mut view.axes {
            relation.terms.sort_by_key(|&(axis, _)| axis);
            relation.terms.dedup_by(|next, kept| next.0 == kept.0 && (kept.1 += next.1, true).1);
            relation.terms.retain(|&(_, c)| c != 0);
        }
        let legal = view.axes.len() == source.shape().rank()
            && view.axes.iter().all(|a| a.divisor >= 1 && a.terms.iter().all(|&(axis, _)| axis < shape.rank()));
        if !legal {
            return Err(Error::argument(
                "view",
                format!("{view:?} of {} as {shape}", source.shape()),
                "one relation per source axis, over result axes that exist",
                site,
            ));
        }
        Self::make(Op::View(view), vec![source.clone()], shape, source.dtype(), site)
    }

    /// See [`Op::Gather`].
    pub fn gather(source: &Node, axis: usize, index: &Node, site: Site) -> Result<Node> {
        let (s, i) = (source.shape(), index.shape());
        let agree = s.rank() == i.rank() && axis < s.rank() && (0..s.rank()).all(|a| a == axis || s[a] == i[a]);
        if !agree || !index.dtype().is_int() {
            return Err(Error::argument(
                "gather",
                format!("source {s}, index {i} ({}), axis {axis}", index.dtype()),
                "the index is u32 or i32 and has the shape of the source but along the axis",
                site,
            ));
        }
        let (shape, dtype) = (i.clone(), source.dtype());
        Self::make(Op::Gather { axis }, vec![source.clone(), index.clone()], shape, dtype, site)
    }

    /// See [`Op::Reduce`]; no axes gives the source itself (position 0 for the arg-reductions).
    pub fn reduce(kind: Reduce, source: &Node, axes: &[usize], site: Site) -> Result<Node> {
        let mut axes = axes.to_vec();
        axes.sort_unstable();
        axes.dedup();
        let dtype = source.dtype();
        let takes = match kind {
            Reduce::Sum | Reduce::Prod => dtype == DType::F32 || dtype.is_int(),
            Reduce::Max | Reduce::Min => dtype.compute() == dtype,
            Reduce::MaxNumber => dtype == DType::F32,
            Reduce::ArgMax | Reduce::ArgMin => dtype == DType::F32 || dtype.is_int(),
        };
        if !takes || axes.last().is_some_and(|&a| a >= source.shape().rank()) {
            return Err(Error::argument(
                format!("{kind:?}").to_lowercase(),
                format!("{dtype} of shape {}, axes {axes:?}", source.shape()),
                "axes must exist; sums and products take f32, i32, u32; cast first",
                site,
            ));
        }
        let positional = matches!(kind, Reduce::ArgMax | Reduce::ArgMin);
        if positional && axes.iter().map(|&a| source.shape()[a]).product::<usize>() == 0 {
            return Err(Error::argument(
                format!("{kind:?}").to_lowercase(),
                format!("no elements along axes {axes:?} of {}", source.shape()),
                "the position of an extremum needs at least one element",
                site,
            ));
        }
        if axes.is_empty() && !positional {
            return Ok(source.clone());
        }
        let out = if positional { DType::U32 } else { dtype };
        let shape = source.shape().without(&axes);
        Self::make(Op::Reduce { kind, axes }, vec![source.clone()], shape, out, site)
    }

    /// A hand-written algorithm; see [`Routine`] for the shapes each takes.
    pub fn routine(routine: Routine, sources: Vec<Node>, site: Site) -> Result<Node> {
        let (shape, dtype) = match routine_result(&routine, &sources) {
            Ok(result) => result,
            Err(hint) => {
                let got = sources.iter().map(|s| format!("{}{}", s.dtype(), s.shape())).collect::<Vec<_>>().join(", ");
                return Err(Error::argument(op_name(&Op::Routine(routine)), got, hint, site));
            }
        };
        Self::make(Op::Routine(routine), sources, shape, dtype, site)
    }
}

fn routine_result(routine: &Routine, sources: &[Node]) -> Result<(Shape, DType), &'static str> {
    let dims: Vec<&[usize]> = sources.iter().map(|s| s.shape().dims()).collect();
    let kinds: Vec<DType> = sources.iter().map(Node::dtype).collect();
    match (routine, dims.as_slice()) {
        (Routine::Matmul, [[b, m, k], [b2, k2, n]]) if b == b2 && k == k2 && kinds.iter().all(|d| d.is_float()) => {
            Ok((Shape::from([*b, *m, *n]), DType::F32))
        }
        (Routine::Attention(attention), _) => Ok((attention.result(sources)?, DType::F32)),
        (Routine::Matmul, _) => Err("takes a: [b, m, k] and b: [b, k, n], floats"),
        (Routine::Scan(_), [[_, _]]) if kinds[0] == DType::F32 || kinds[0].is_int() => {
            Ok((sources[0].shape().clone(), kinds[0]))
        }
        (Routine::Scan(_), _) => Err("takes x: [rows, n], f32, i32 or u32"),
        (Routine::LinRec, [a, b]) if a == b && a.len() == 2 && kinds.iter().all(|&d| d == DType::F32) => {
            Ok((sources[0].shape().clone(), DType::F32))
        }
        (Routine::LinRec, _) => Err("takes a, b: [rows, n], f32"),
        (Routine::ArgSort { .. }, [[_, _]]) if kinds[0] == DType::F32 || kinds[0].is_int() => {
            Ok((sources[0].shape().clone(), DType::U32))
        }
        (Routine::ArgSort { .. }, _) => Err("takes x: [rows, n], f32, i32 or u32"),
        (
            Routine::Isotonic
            | Routine::TautString
            | Routine::Excess { .. }
            | Routine::Descent { .. }
            | Routine::Fft { .. },
            _,
        ) => {
            let floats = kinds.iter().all(|&d| d == DType::F32);
            if floats { Ok((floats_result(routine, &dims)?, DType::F32)) } else { Err("takes f32 throughout") }
        }
        (Routine::Scatter(_), [[_, inner], [m], [m2], [m3, inner2]])
            if m == m2
                && m == m3
                && inner == inner2
                && kinds[0] == kinds[3]
                && (kinds[0] == DType::F32 || kinds[0].is_int())
                && kinds[1] == DType::U32
                && kinds[2] == DType::U32 =>
        {
            Ok((sources[0].shape().clone(), kinds[0]))
        }
        (Routine::Scatter(_), _) => {
            Err("takes base: [n, inner], index: [m] u32, order: [m] u32, source: [m, inner] of the base's dtype")
        }
        (Routine::Sparse { .. }, [[e], [n, k], [m], [e2], [e3], [n2], [e4], [e5], [e6]])
            if [e2, e3, e4, e5, e6].iter().all(|&x| x == e)
                && *m >= 1
                && *n2 == n + 1
                && kinds[..2] == [DType::F32; 2]
                && kinds[2..] == [DType::U32; 7] =>
        {
            Ok((Shape::from([m - 1, *k]), DType::F32))
        }
        (Routine::Sparse { .. }, _) => Err("takes values: [e], x: [n, k], f32, and the u32 structure of the matrix"),
        (Routine::Dense(_), _) if kinds.iter().any(|&d| d != DType::F32) => Err("takes matrices of f32"),
        (Routine::Dense(kind), dims) => Ok((kind.result(dims)?, DType::F32)),
    }
}

/// The shape that an algorithm over `f32` gives.
fn floats_result(routine: &Routine, dims: &[&[usize]]) -> Result<Shape, &'static str> {
    match (routine, dims) {
        (Routine::TautString, [[rows, n], [rows2]]) if rows == rows2 => Ok(Shape::from([*rows, *n])),
        (Routine::TautString, _) => Err("takes x: [rows, n] and lambda: [rows], f32"),
        (Routine::Excess { .. }, [[rows, n], [rows2, EXCESS_THRESHOLDS]]) if rows == rows2 => {
            Ok(Shape::from([*rows, n.div_ceil(EXCESS_BLOCK), EXCESS_THRESHOLDS]))
        }
        (Routine::Excess { .. }, _) => Err("takes x: [rows, n] and t: [rows, 256], f32"),
        (Routine::Descent { block, .. }, [[k, k2], [k3], [k4], [3, blocks]])
            if k == k2
                && k == k3
                && k == k4
                && *block > 0
                && k.is_multiple_of(*block)
                && k / block == *blocks
                && *k <= Routine::MOST =>
        {
            Ok(Shape::from([*k]))
        }
        (Routine::Descent { .. }, _) => Err(
            "takes gram: [k, k], linear: [k], start: [k], weights: [3, blocks], f32, with k = blocks times the block's size, at most 1024",
        ),
        (Routine::Fft { .. }, [[rows, n, 2]]) if n.is_power_of_two() => Ok(Shape::from([*rows, *n, 2])),
        (Routine::Fft { .. }, _) => Err("takes x: [rows, n, 2], f32, n a power of two"),
        (_, [[rows, n]]) => Ok(Shape::from([*rows, *n])),
        (_, _) => Err("takes x: [rows, n], f32"),
    }
}

/// The name of an operation for messages and labels.
#[must_use]
pub fn op_name(op: &Op) -> String {
    match op {
        Op::Data(_) => "data".into(),
        Op::Const { .. } => "const".into(),
        Op::Iota => "iota".into(),
        Op::Map(func) => func.name(),
        Op::Reshape => "reshape".into(),
        Op::View(_) => "view".into(),
        Op::Gather { .. } => "gather".into(),
        Op::Reduce { kind, .. } => format!("{kind:?}").to_lowercase(),
        Op::Routine(Routine::Matmul) => "matmul".into(),
        Op::Routine(Routine::Attention(attention)) => attention.name().into(),
        Op::Routine(Routine::Scan(kind)) => format!("cum{}", format!("{kind:?}").to_lowercase()),
        Op::Routine(Routine::LinRec) => "linrec".into(),
        Op::Routine(Routine::Descent { .. }) => "descent".into(),
        Op::Routine(Routine::ArgSort { .. }) => "argsort".into(),
        Op::Routine(Routine::Isotonic) => "isotonic".into(),
        Op::Routine(Routine::TautString) => "taut_string".into(),
        Op::Routine(Routine::Excess { .. }) => "excess".into(),
        Op::Routine(Routine::Scatter(kind)) => format!("scatter_{}", format!("{kind:?}").to_lowercase()),
        Op::Routine(Routine::Dense(kind)) => kind.name().into(),
        Op::Routine(Routine::Sparse { .. }) => "sparse_matmul".into(),
        Op::Routine(Routine::Fft { inverse }) => if *inverse { "ifft" } else { "fft" }.into(),
    }
}

/// The nodes that `roots` depend on, sources before users, each once. With `stop`, realised nodes are leaves.
#[must_use]
pub fn topological(roots: &[Node], stop: bool) -> Vec<Node> {
    let mut order = Vec::new();
    let mut state: HashMap<usize, bool, IdHasher> = HashMap::default();
    let mut stack: Vec<(Node, bool)> = roots.iter().rev().map(|n| (n.clone(), false)).collect();
    while let Some((node, expanded)) = stack.pop() {
        if expanded {
            order.push(node);
            continue;
        }
        if state.insert(node.id(), true).is_some() {
            continue;
        }
        let leaf = stop && node.value().is_some();
        stack.push((node.clone(), true));
        if !leaf {
            for source in node.sources().iter().rev() {
                if !state.contains_key(&source.id()) {
                    stack.push((source.clone(), false));
                }
            }
        }
    }
    order
}

/// A hash table keyed by node identity, for code that walks graphs.
pub type NodeMap<V> = HashMap<usize, V, IdHasher>;

/// Hashes one pointer-sized number well enough and fast.
#[derive(Clone, Copy, Default, Debug)]
pub struct IdHasher;

impl std::hash::BuildHasher for IdHasher {
    type Hasher = IdState;
    fn build_hasher(&self) -> IdState {
        IdState(0)
    }
}

/// The state of [`IdHasher`].
#[derive(Debug)]
pub struct IdState(u64);

impl Hasher for IdState {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_usize(usize::from(b));
        }
    }
    fn write_usize(&mut self, n: usize) {
        let mixed = (self.0 ^ n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 29);
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
impl Eq for Node {}
impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.id());
    }
}
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", op_name(self.op()), self.dtype(), self.shape())
    }
}

impl Drop for Inner {
    /// Long chains are dropped in a loop, not by recursion.
    fn drop(&mut self) {
        let mut stack = std::mem::take(&mut self.sources);
        while let Some(node) = stack.pop() {
            if let Some(mut inner) = Arc::into_inner(node.0) {
                stack.append(&mut inner.sources);
            }
        }
    }
}
