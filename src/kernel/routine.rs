//! Hand-written algorithms as dispatches: which kernel of `shaders/kernel` runs, over which buffers, words and grid.
//!
//! [`lower`] takes a [`Routine`], the layout of its sources, and the limits; it gives a [`Lowered`] whose dispatches name
//! their buffers by [`Operand`]. Scratch buffers need no initial content; every dispatch overwrites what it is said to
//! write. Results depend on the routine, the shapes and the limits alone: no atomics, no order that varies between runs.

mod attention;
mod dense;
mod descent;
mod fft;
mod jacobi;
mod matmul;
mod scan;
mod scatter;
mod sort;
mod sparse;
mod walk;

pub use matmul::EPILOGUE_WORD;

use super::{Access, Dispatch, Kernel, Limits, Lowered, Operand, library};
use crate::dtype::DType;
use crate::graph::Routine;
use std::sync::Arc;

/// How a source lies in its buffer.
///
/// Operands of a matrix product may have any strides that are not negative, 0 included. For all other routines the
/// layout must be contiguous and row-major from offset 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The type of the elements.
    pub dtype: DType,
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The distance in elements of neighbours along each axis.
    pub strides: Vec<i64>,
    /// The place of the first element.
    pub offset: i64,
}

impl Source {
    /// A row-major layout from offset 0.
    #[must_use]
    pub fn contiguous(dtype: DType, shape: &[usize]) -> Self {
        let strides = crate::shape::Shape::from(shape).strides().iter().map(|&s| s as i64).collect();
        Self { dtype, shape: shape.to_vec(), strides, offset: 0 }
    }
}

/// What happens to each element of a matrix product before it is stored.
///
/// The function sees the sum, the batch, the row and the column, and is called once for each element. Its buffers come after
/// the product's operands, in group 0 from binding 2 on, those it reads first, and are [`Operand::Source`]s from 2 on; the
/// result follows them. Words of its own are read with `param(i)`; they are the last words of the last dispatch, from word
/// [`EPILOGUE_WORD`] on, and zero in what [`lower`] returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epilogue {
    /// Declarations, among them `fn epilogue(acc: f32, batch: u32, row: u32, col: u32) -> f32`.
    pub wgsl: String,
    /// The number of buffers it reads.
    pub reads: usize,
    /// The number of buffers it writes, each at the element it is called for.
    pub writes: usize,
    /// The number of words it reads.
    pub extra_words: usize,
}

/// The dispatches of a routine.
///
/// An empty result must not come here: it needs no dispatch.
///
/// # Errors
/// One sentence if the grid would exceed the limits even when folded, or a scratch buffer the greatest binding.
///
/// # Panics
/// If shapes do not fit the routine, strides are negative, or an epilogue is given to another routine than a matrix product.
pub fn lower(
    routine: &Routine,
    sources: &[Source],
    limits: &Limits,
    epilogue: Option<&Epilogue>,
) -> Result<Lowered, String> {
    assert!(epilogue.is_none() || *routine == Routine::Matmul, "bug: an epilogue for {routine:?}");
    let mut steps = Steps { limits, lowered: Lowered::default() };
    match routine {
        Routine::Attention(attention) => attention::lower(&mut steps, attention, sources)?,
        Routine::Matmul => matmul::lower(&mut steps, &sources[0], &sources[1], epilogue)?,
        Routine::Scan(kind) => scan::lower(&mut steps, scan::Kind::Scan(*kind, sources[0].dtype), &sources[0].shape)?,
        Routine::LinRec => scan::lower(&mut steps, scan::Kind::LinRec, &sources[0].shape)?,
        Routine::ArgSort { descending } => sort::lower(&mut steps, &sources[0], *descending)?,
        Routine::Isotonic => walk::isotonic(&mut steps, &sources[0])?,
        Routine::TautString => walk::taut_string(&mut steps, &sources[0])?,
        Routine::Excess { magnitude } => walk::excess(&mut steps, *magnitude, &sources[0])?,
        Routine::Scatter(kind) => scatter::lower(&mut steps, *kind, &sources[0], sources[1].shape[0])?,
        Routine::Dense(kind) => dense::lower(&mut steps, *kind, sources)?,
        Routine::Descent { epochs, block } => descent::lower(&mut steps, sources[1].shape[0], *epochs, *block)?,
        Routine::Sparse { team } => sparse::lower(&mut steps, team[0], sources)?,
        Routine::Fft { inverse } => fft::lower(&mut steps, [sources[0].shape[0], sources[0].shape[1]], *inverse)?,
    }
    Ok(steps.lowered)
}

/// What is being built.
struct Steps<'a> {
    limits: &'a Limits,
    lowered: Lowered,
}

impl Steps<'_> {
    /// A scratch buffer of `words` 32-bit words.
    fn scratch(&mut self, words: u64) -> Result<Operand, String> {
        let bytes = (words * 4).next_multiple_of(16);
        let limit = self.limits.binding_bytes.min(self.limits.buffer_bytes);
        if bytes > limit {
            return Err(format!("a scratch buffer of {bytes} bytes is needed, the limit is {limit}"));
        }
        self.lowered.scratch.push(bytes);
        Ok(Operand::Scratch(self.lowered.scratch.len() - 1))
    }

    /// One dispatch of `groups` workgroups. The last buffers are written: as many as `writes` says.
    fn dispatch(
        &mut self,
        kernel: Kernel,
        buffers: Vec<Operand>,
        mut words: Vec<u32>,
        groups: u64,
    ) -> Result<(), String> {
        debug_assert_eq!(kernel.access.len(), buffers.len(), "bug: buffers of {}", kernel.label);
        let groups = self.limits.fold(groups).ok_or_else(|| {
            let limit = self.limits.groups;
            format!("{} needs {groups} workgroups, the limit is {limit} x {limit}", kernel.label)
        })?;
        words.resize(words.len().next_multiple_of(4), 0);
        self.lowered.dispatches.push(Dispatch { kernel: Arc::new(kernel), buffers, words, groups });
        Ok(())
    }
}

/// A kernel from the text of `shaders/kernel/<name>.wgsl` with slots filled; `reads` buffers are read, `writes` written.
fn kernel(
    name: &str,
    label: String,
    slots: &[(&str, &str)],
    overrides: Vec<(&'static str, f64)>,
    (reads, writes): (usize, usize),
) -> Kernel {
    let wgsl = library::link(&library::fill(library::kernel(name), slots));
    let access = [vec![Access::Read; reads], vec![Access::Write; writes]].concat();
    Kernel { label, wgsl, overrides, access }
}

/// A length or stride as a word of a kernel; all are below 2^31.
fn word(n: usize) -> u32 {
    u32::try_from(n).unwrap_or_else(|_| panic!("bug: {n} does not fit 32 bits"))
}

/// As an override.
fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

/// Whether the pattern of a float is that of a NaN, and the joining of two numbers that keeps it.
fn join_text(op: Join, dtype: DType) -> String {
    let t = dtype.wgsl();
    let body = match op {
        Join::Add => "return x + y;".to_owned(),
        Join::Mul => "return x * y;".to_owned(),
        Join::Last => "return y;".to_owned(),
        Join::Max | Join::Min => {
            let name = if op == Join::Max { "max" } else { "min" };
            match dtype.is_float() {
                true => format!(
                    "if ((bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u) {{ return x; }}\n    \
                     if ((bitcast<u32>(y) & 0x7fffffffu) > 0x7f800000u) {{ return y; }}\n    return {name}(x, y);"
                ),
                false => format!("return {name}(x, y);"),
            }
        }
    };
    format!("alias Item = {t};\n\nfn join(x: Item, y: Item) -> Item {{\n    {body}\n}}")
}

/// How scans and scatters join two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Join {
    Add,
    Mul,
    Max,
    Min,
    /// Keeps the later.
    Last,
}
