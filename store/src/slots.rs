//! Slots: the short numbers under which the states of views are stored.

/// Hash of the meaning of a view's definition.
pub type Version = [u8; 32];

/// Number of one version of one view in a store. Given once, never to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(crate) u32);
