//! The store as a whole: what it answers is the fold of the offsets it says, through commits, restarts and
//! kills.

mod directory;
mod durability;
mod history;
mod reading;
mod sample;
mod support;
mod take_over;
