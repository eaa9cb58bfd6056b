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

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An access outside of a buffer, an array or a vector.
    OutOfBounds,
    /// A read of memory that nothing was written to.
    Uninitialised,
    /// Two invocations of a workgroup access the same memory without a barrier between them, and one writes.
    Race,
    /// Invocations of two workgroups access the same memory, and one writes.
    RaceOfWorkgroups,
    /// A barrier or subgroup operation that not all invocations reach.
    NotUniform,
    /// NaN or infinity out of finite numbers.
    NotFinite,
    /// An integer was divided by zero.
    DivisionByZero,
    /// The same bytes are bound to be read and to be written.
    Aliasing,
}

/// One thing that was found, at one place of a shader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// The shader module's label.
    pub shader: String,
    /// The entry point.
    pub entry: String,
    /// Bytes of the source that it is about.
    pub span: std::ops::Range<usize>,
    /// Line and column, from 1, where the source is known.
    pub at: Option<(u32, u32)>,
    /// The variable, if it is about one.
    pub variable: String,
    /// The index or byte offset, if it is about one.
    pub index: Option<i64>,
    /// The global ids of invocations that are involved.
    pub invocations: Vec<[u32; 3]>,
    /// How often it happened.
    pub count: u64,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.kind {
            Kind::OutOfBounds => "access out of bounds",
            Kind::Uninitialised => "read of memory that was never written",
            Kind::Race => "data race between invocations of a workgroup (is a barrier missing?)",
            Kind::RaceOfWorkgroups => "data race between workgroups (use an atomic, or another dispatch)",
            Kind::NotUniform => "barrier or subgroup operation that not all invocations reach",
            Kind::NotFinite => "NaN or infinity from finite numbers",
            Kind::DivisionByZero => "integer division by zero",
            Kind::Aliasing => "the same memory is bound to be read and to be written",
        };
        write!(f, "{}", if self.shader.is_empty() { "shader" } else { &self.shader })?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {what}, in {}", self.entry)?;
        if !self.variable.is_empty() {
            write!(f, ", `{}`", self.variable)?;
        }
        if let Some(index) = self.index {
            write!(f, " at {index}")?;
        }
        for (n, id) in self.invocations.iter().enumerate() {
            write!(f, "{} ({}, {}, {})", if n == 0 { ", invocation" } else { " and" }, id[0], id[1], id[2])?;
        }
        if self.count > 1 { write!(f, "; {} times", self.count) } else { Ok(()) }
    }
}

/// Collects what is found; shared by all dispatches of a device. The same thing at the same place is one finding with a count.
#[derive(Debug)]
pub struct Findings {
    limit: usize,
    found: std::sync::Mutex<Vec<Finding>>,
}

impl Default for Findings {
    fn default() -> Self {
        Self::new(1000)
    }
}

impl Findings {
    /// A collector of so many different findings; more are only counted where they are known already.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, found: std::sync::Mutex::default() }
    }

    /// Adds one, or counts it.
    pub fn add(&self, finding: Finding) {
        let mut found = self.lock();
        let key = |f: &Finding| (f.kind, f.span.clone(), f.variable.clone(), f.shader.clone(), f.entry.clone());
        let (new, room) = (key(&finding), found.len() < self.limit);
        match found.iter_mut().find(|f| key(f) == new) {
            Some(known) => known.count += finding.count,
            None if room => found.push(finding),
            None => {}
        }
    }

    /// What has been found so far, in the order of the source.
    #[must_use]
    pub fn list(&self) -> Vec<Finding> {
        let mut found = self.lock().clone();
        found.sort_by(|a, b| {
            (&a.shader, &a.entry, a.span.start, a.kind).cmp(&(&b.shader, &b.entry, b.span.start, b.kind))
        });
        found
    }

    /// Gives what has been found, and forgets it.
    #[must_use]
    pub fn take(&self) -> Vec<Finding> {
        let found = self.list();
        self.lock().clear();
        found
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Finding>> {
        self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
