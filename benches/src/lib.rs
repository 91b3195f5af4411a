//! What the benches of Thalweg measure with: made-up events and records, the flights of the example, and
//! CPU time side by side.
//!
//! The inputs come from seeds, so that two runs measure the same work. What is measured is in `benches/`, a
//! program for each part of the engine; the comparison with other engines is in `peers/`.

mod cpu;
mod events;
mod kafka;
mod numbers;
mod nyc13;
mod records;
mod table;

pub use cpu::{Spread, cpu_time, interleaved};
pub use events::{DAY_US, Events, windows_plan};
pub use kafka::{KafkaEvents, SCHEMA, TOPIC};
pub use numbers::{magnitudes, minutes};
pub use nyc13::{Nyc13, ServerClock};
pub use records::WideRecords;
pub use table::{say_limit, say_row};

/// Whether this program is to measure, as `cargo bench` says; else each piece of work is only tried once.
pub fn is_measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
