//! Improvements of the tape, each a function from tape to tape that changes nothing of what it computes.
pub mod jumps;
pub mod registers;
