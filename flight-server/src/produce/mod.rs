//! Rows into the log: any table of a source's fields becomes records in the source's format.

mod around;
mod deletes;
mod file;
mod options;
mod partition;
mod payload;

pub use deletes::TOMBSTONE;
pub use file::{FileKind, RowReader};
pub use options::ProduceOptions;
pub use partition::{Produced, Producer};
pub use payload::RAW_COLUMN;
