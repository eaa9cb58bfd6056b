//! Hand-written algorithms as dispatches.
use super::{Limits, Lowered};
use crate::dtype::DType;
use crate::graph::Routine;

/// The uniform word where a matrix product's epilogue finds its first constant.
pub const EPILOGUE_WORD: usize = 16;
/// How an operand lies in its buffer, in elements.
#[derive(Clone, Debug)]
pub struct Source {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub strides: Vec<i64>,
    pub offset: i64,
}
/// A fused map.
#[derive(Clone, Debug)]
pub struct Epilogue {
    pub wgsl: String,
    pub access: usize,
    pub extra_words: usize,
}
/// Lowers.
pub fn lower(_: &Routine, _: &[Source], _: &Limits, _: Option<&Epilogue>) -> Result<Lowered, String> {
    Ok(Lowered::default())
}
