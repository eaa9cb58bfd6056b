//! What the tree says about its registers, before it becomes a tape.
pub mod live;
pub mod uniform;
