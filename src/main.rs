//! The `ridgepoint` command.
mod cli;
fn main() {}
