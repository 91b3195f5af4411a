//! YAML as definition files use it: a tree in which everything knows its place, and a reader that says what
//! it expected.

mod build;
mod read;
mod tree;

pub(crate) use build::parse;
pub(crate) use read::{Keys, Map};
pub(crate) use tree::{Content, Entry, Node};
