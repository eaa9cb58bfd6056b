//! naga IR to tape: see [`lower()`].
//!
//! 1. [`build`] walks the statements of the entry point and writes a [`tree`] of instructions on registers that are neither lane nor uniform yet.
//!    Calls are inlined, values split into words, constants folded, short constant loops unrolled.
//! 2. [`analyse`] finds out what is uniform, [`shape`] improves the tree.
//! 3. [`emit`] writes the tape: masks for flow that varies, jumps for flow that is uniform.
//! 4. [`optimise`] improves the tape.
mod analyse;
mod bits;
mod build;
mod display;
mod emit;
mod layout;
mod operands;
mod optimise;
mod shape;
mod tree;
mod verify;

pub use verify::verify;

use super::tape::Tape;

/// How to lower.
#[derive(Clone, Debug)]
pub struct Config {
    /// Lanes in a subgroup: a power of two from 4 to 128.
    pub subgroup: u32,
    /// What the sanitizer wants to know.
    pub checks: Checks,
    /// Workgroup memory begins as zero.
    pub zero_workgroup: bool,
}

/// The instructions that the sanitizer wants.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Checks {
    /// Indices out of bounds.
    pub index: bool,
    /// Integer division by zero.
    pub divisor: bool,
    /// NaN or infinity out of finite numbers.
    pub finite: bool,
    /// Function and private variables that are read before they are written.
    pub written: bool,
}

/// The tape of a compute entry point. Overrides have been processed.
///
/// # Errors
/// What the CPU device does not have, by name, with what to use instead.
pub fn lower(
    module: &naga::Module,
    info: &naga::valid::ModuleInfo,
    entry: &str,
    config: &Config,
) -> Result<Tape, String> {
    lower_with(module, info, entry, config, true)
}

/// Without the passes that only make it faster, for tests.
fn lower_with(
    module: &naga::Module,
    info: &naga::valid::ModuleInfo,
    entry: &str,
    config: &Config,
    fast: bool,
) -> Result<Tape, String> {
    let mut built = build::build(module, info, entry, config, fast)?;
    let tree = &mut built.tree;
    if fast {
        shape::dead::sweep(tree);
    }
    let mut facts = analyse::uniform::analyse(tree);
    if fast {
        shape::select::branches(tree, &facts);
        facts = analyse::uniform::analyse(tree);
    }
    let mut prologue = vec![];
    if fast {
        shape::fuse::fuse(tree);
        shape::address::split(tree, &mut facts);
        shape::dead::sweep(tree);
        shape::hoist::loops(tree);
        prologue = shape::hoist::prologue(tree, &facts);
        shape::coalesce::coalesce(tree, &facts, config.checks.written);
        shape::dead::sweep(tree);
    }
    let mut tape = emit::emit(built, &prologue, &facts, config);
    if fast {
        optimise::jumps::tidy(&mut tape);
        optimise::registers::share(&mut tape);
    }
    debug_assert_eq!(verify(&tape), Ok(()), "bug: the tape is not well formed");
    Ok(tape)
}

#[cfg(test)]
mod tests;
