//! Improvements of the tree: what is easier to see while flow is structured and values are written once.
pub mod address;
pub mod coalesce;
pub mod dead;
pub mod fuse;
pub mod hoist;
pub mod select;
