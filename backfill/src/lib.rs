//! History: training sets and events, read from the log itself.
//!
//! A training set is a pure function of definitions, a spine, and a pinned prefix of the log. The log
//! is replayed through the very decoder and selector the online side uses, the selected events of
//! the spine's keys are sorted, and one sweep over the sorted columns gives every row its values.
//!
//! This crate is *not* a second implementation of anything: it decodes nothing and aggregates nothing
//! itself, and it knows no server and no online state.

mod answer;
mod as_of;
mod boundary;
mod budget;
mod cancel;
mod commit;
mod dead_letters;
mod entities;
mod error;
mod event_rows;
mod events;
mod features;
mod fold;
mod following;
mod gather;
mod history;
mod key_index;
mod leakage;
mod on_demand;
mod pin;
mod reading;
mod replay;
mod replayed;
mod served;
mod sliced;
mod spine;
#[cfg(test)]
mod tests;
mod training_set;
mod verify;

pub use answer::{TrainingSet, batches};
pub use as_of::AsOf;
pub use boundary::Boundary;
pub use budget::{Budget, DEFAULT_MEMORY_BUDGET_BYTES, Held, MEMORY_BUDGET_KEY, Memory, TOTAL_MEMORY_KEY};
pub use cancel::Cancellation;
pub use commit::{Commit, ENGINE_VERSION, Manifest, ManifestFeature};
pub use dead_letters::{dead_letters, dead_letters_schema};
pub use entities::{EntitiesRequest, entities};
pub use error::Error;
pub use event_rows::{EventRowsRequest, event_rows};
pub use events::{EventRange, events, events_schema};
pub use features::Features;
pub use following::Following;
pub use history::{History, PreparedHistory, Stretch, VALID_FROM, VALID_TO, prepare_history};
pub use leakage::{FeatureLeakage, Leakage, LeakingRow};
pub use pin::{Pin, TopicPin};
pub use replayed::Replayed;
pub use served::{AppliedHistory, AppliedMoment};
pub use sliced::Sliced;
pub use spine::{DEFAULT_TIMESTAMP_COLUMN, spine_hash};
pub use training_set::{Prepared, TrainingSetRequest, training_set};
pub use verify::{Answered, Cell, Difference, Verdict, verify};
