//! The built-in separable penalties: `src/build.rs` pairs every `src/penalty/<name>.rs` with `shaders/penalty/<name>.wgsl`
//! and writes the modules and the list included here.

use super::Separable as Penalty;

include!(concat!(env!("OUT_DIR"), "/penalty_list.rs"));
