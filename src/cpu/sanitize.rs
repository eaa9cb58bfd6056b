//! The sanitizer: what a shader does that it should not, found while it runs.

/// What is looked for. All of it costs time, and none of it changes what a correct shader computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Accesses outside of a buffer, an array or a vector.
    pub bounds: bool,
    /// Reads of workgroup, private or function memory that nothing was written to.
    pub uninitialised: bool,
    /// Two invocations that access the same memory without a barrier between them, and one of them writes.
    pub races: bool,
    /// Barriers and subgroup operations that not all invocations reach.
    pub uniformity: bool,
    /// NaN and infinity out of finite numbers.
    pub finite: bool,
    /// Integer division by zero.
    pub division: bool,
    /// The same bytes bound to be read and to be written in one dispatch.
    pub aliasing: bool,
    /// A seed: workgroups run in another order, and where lanes store to the same place another one wins.
    pub shuffle: Option<u32>,
}

impl Checks {
    /// Everything but the shuffling.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            bounds: true,
            uninitialised: true,
            races: true,
            uniformity: true,
            finite: true,
            division: true,
            aliasing: true,
            shuffle: None,
        }
    }

    /// Is anything looked for?
    #[must_use]
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}
