//! The ways in which a specification file is gone through. All must find the same rows.

/// A way from events to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// By the oracle.
    Oracle,
    /// By lookups at the rows' instants, once everything is applied.
    Lookup,
    /// By lookups that name no instant, by the clock of the stream: the rows whose instant is the watermark.
    StreamClock,
    /// By training sets.
    TrainingSet,
    /// By exchanges, in which each row is a batch of its own.
    Exchange,
    /// By snapshots at the rows' instants: the rows whose key a view knows then, and that there is none of
    /// the others.
    Snapshot,
    /// By histories: the intervals that hold the rows' instants.
    FeatureHistory,
    /// By training sets as of what was known, by definitions in which the log knew everything from the
    /// beginning.
    Known,
    /// By training sets as of what was served, where everything was applied before the rows' instants.
    Served,
    /// By lookups after ingest and store were stopped and opened again after every event.
    Restarts,
    /// By lookups and training sets where the events lie in one, two and three partitions.
    Partitions,
    /// By lookups and training sets where the events arrive in another order.
    Shuffled,
    /// By lookups where every event came twice, since a kill had lost the commit with it.
    Redelivered,
    /// By lookups where the state was dropped and made again from the log.
    Rebuilt,
    /// By lookups where other definitions stood between, over the same store.
    Redefined,
    /// By lookups and training sets where the events are in a real Kafka broker.
    Kafka,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 16] = [
        Self::Oracle,
        Self::Lookup,
        Self::StreamClock,
        Self::TrainingSet,
        Self::Exchange,
        Self::Snapshot,
        Self::FeatureHistory,
        Self::Known,
        Self::Served,
        Self::Restarts,
        Self::Partitions,
        Self::Shuffled,
        Self::Redelivered,
        Self::Rebuilt,
        Self::Redefined,
        Self::Kafka,
    ];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Lookup => "lookup",
            Self::StreamClock => "stream_clock",
            Self::TrainingSet => "training_set",
            Self::Exchange => "exchange",
            Self::Snapshot => "snapshot",
            Self::FeatureHistory => "feature_history",
            Self::Known => "known",
            Self::Served => "served",
            Self::Restarts => "restarts",
            Self::Partitions => "partitions",
            Self::Shuffled => "shuffled",
            Self::Redelivered => "redelivered",
            Self::Rebuilt => "rebuilt",
            Self::Redefined => "redefined",
            Self::Kafka => "kafka",
        }
    }

    /// The mode of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}
