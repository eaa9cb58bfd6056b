//! The one error type of the crate.
//!
//! Every variant says what was asked, what stood in the way, and what to do about it. Errors that come from a tensor
//! operation carry the line of the caller's program that built the operation, also when they surface much later (at
//! `read` or `encode`): tensors carry their error with them, so arithmetic needs no `?`.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The place in the caller's program that built an operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Site(&'static Location<'static>);

impl Site {
    /// The caller's place; use it from functions marked `#[track_caller]`.
    #[track_caller]
    #[must_use]
    pub fn here() -> Self {
        Self(Location::caller())
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.0.file(), self.0.line(), self.0.column())
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What went wrong, where, and the remedy.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "what a field is stands in the message above it")]
pub enum Error {
    /// A tensor operation was given shapes, axes, dtypes or values it cannot take.
    #[error("{op}: {message} (called at {site}); {hint}")]
    Argument { op: String, message: String, hint: String, site: Site },
    /// Something is larger than a limit of the device or of the engine.
    #[error("{what} is {value}, the limit is {limit}; {hint}")]
    Limit { what: String, value: u64, limit: u64, hint: String },
    /// No adapter answers to the request.
    #[error("no adapter matches {requested:?}; found: {}; {hint}", list(found))]
    NoAdapter { requested: String, found: Vec<String>, hint: String },
    /// The adapter would not give a device.
    #[error("adapter {adapter} gives no device: {message}; {hint}")]
    NoDevice { adapter: String, message: String, hint: String },
    /// A shader of the engine or of the user does not compile; `message` carries line and column.
    #[error("shader {label} does not compile: {message}")]
    Shader { label: String, message: String },
    /// wgpu refused a call.
    #[error("{label}: wgpu validation: {message}")]
    Validation { label: String, message: String },
    /// The device is out of memory.
    #[error(
        "out of device memory while allocating {bytes} bytes for {what}; free tensors, call `Device::trim`, or use a smaller problem"
    )]
    OutOfMemory { what: String, bytes: u64 },
    /// The device is gone. The process lives; open a new device and rebuild tensors from host data.
    #[error(
        "the device is lost ({reason}); open a new `Device` and upload again, tensors of the lost device cannot be read"
    )]
    DeviceLost { reason: String },
    /// A result whose producing submission failed.
    #[error("this tensor was produced by a submission that failed: {0}")]
    Poisoned(Arc<Error>),
    /// User input outside the graph: a file, a cell, a command-line value.
    #[error("{place}: {message}; {hint}")]
    Input { place: String, message: String, hint: String },
    /// A solver or factorization met numbers it cannot go on with.
    #[error("{op}: {message}; {hint}")]
    Numeric { op: String, message: String, hint: String },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

impl Error {
    /// An [`Error::Argument`].
    pub fn argument(op: impl Into<String>, message: impl Into<String>, hint: impl Into<String>, site: Site) -> Self {
        Self::Argument { op: op.into(), message: message.into(), hint: hint.into(), site }
    }

    /// An [`Error::Input`].
    pub fn input(place: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Input { place: place.into(), message: message.into(), hint: hint.into() }
    }
}
