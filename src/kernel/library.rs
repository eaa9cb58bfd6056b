//! The shader library: text of `shaders/`, slots filled, references linked.
