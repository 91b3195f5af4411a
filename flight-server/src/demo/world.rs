//! The flights, the weather and the aircraft of 2013, in the order in which the world learned of them.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema, TimestampMicrosecondType};

use crate::Error;
use crate::produce::{FileKind, RowReader};

/// A topic of the example.
pub(super) struct Topic {
    /// Name of the topic, and of its file.
    pub(super) name: &'static str,
    /// The field records are keyed and so partitioned by.
    pub(super) key: &'static str,
    /// The field that says when it happened; the rows of the file are in its order, about.
    pub(super) time: &'static str,
}

/// How many topics there are.
const COUNT: usize = 4;

/// The topics, departures first.
pub(super) const TOPICS: [Topic; COUNT] = [
    Topic { name: "departures", key: "tailnum", time: "dep_at" },
    Topic { name: "arrivals", key: "tailnum", time: "arr_at" },
    Topic { name: "weather", key: "origin", time: "observed_at" },
    Topic { name: "planes", key: "tailnum", time: "known_at" },
];

const WEEK_US: i64 = 7 * 86_400_000_000;

/// All rows of all topics.
pub(super) struct World {
    tables: [RecordBatch; COUNT],
}

impl World {
    /// Reads the example's data.
    ///
    /// # Errors
    /// Files that are not there, or not what they should be.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let table = |topic: &Topic| {
            let rows =
                RowReader::open(&folder.join(format!("{}.parquet", topic.name)), Some(FileKind::Parquet))?;
            let schema = rows.schema().clone();
            Ok::<_, Error>(concat_batches(&schema, &rows.collect::<Result<Vec<_>, _>>()?)?)
        };
        let [departures, arrivals, weather, planes] = &TOPICS;
        Ok(Self { tables: [table(departures)?, table(arrivals)?, table(weather)?, table(planes)?] })
    }

    /// How many events there are.
    pub(super) fn events(&self) -> u64 {
        self.tables.iter().map(|table| table.num_rows() as u64).sum()
    }

    /// For each week of the year the rows of each topic. Rows keep their order; a row belongs to the first
    /// week by whose end all rows before it are known.
    pub(super) fn weeks(&self) -> impl Iterator<Item = [RecordBatch; COUNT]> + '_ {
        let topics: [usize; COUNT] = std::array::from_fn(|topic| topic);
        let times = topics.map(|topic| self.times(topic));
        let first = times.iter().filter_map(|times| times.first()).copied().min().unwrap_or_default();
        let mut from = [0; COUNT];
        (1..).map_while(move |week| {
            let end = first + week * WEEK_US;
            let rows = topics.map(|topic| {
                let until =
                    from[topic] + times[topic][from[topic]..].iter().take_while(|&&time| time < end).count();
                let rows = self.tables[topic].slice(from[topic], until - from[topic]);
                from[topic] = until;
                rows
            });
            let more = rows.iter().any(|rows| rows.num_rows() > 0)
                || topics.iter().any(|&topic| from[topic] < self.tables[topic].num_rows());
            more.then_some(rows)
        })
    }

    /// A row for every departure: its entities and its instant.
    ///
    /// # Errors
    /// Data without these columns.
    pub(super) fn spine(&self) -> Result<RecordBatch, Error> {
        let departures = &self.tables[0];
        let names = ["flight_id", "carrier", "origin", "dest", "tailnum", "dep_at"];
        let mut fields = Vec::new();
        let mut columns = Vec::new();
        for name in names {
            let column = departures
                .column_by_name(name)
                .ok_or_else(|| Error::invalid(format!("the example's departures lack column `{name}`")))?;
            let name = if name == "dep_at" { thalweg_backfill::DEFAULT_TIMESTAMP_COLUMN } else { name };
            fields.push(Field::new(name, column.data_type().clone(), false));
            columns.push(column.clone());
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }

    fn times(&self, topic: usize) -> &[i64] {
        match self.tables[topic].column_by_name(TOPICS[topic].time) {
            Some(times) if times.null_count() == 0 => {
                times.as_primitive_opt::<TimestampMicrosecondType>().map_or(&[], |times| times.values())
            }
            _ => &[],
        }
    }
}
