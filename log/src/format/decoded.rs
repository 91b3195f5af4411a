//! What a decoder gives.

use arrow::array::RecordBatch;

use super::DeadLetter;

/// A run of records of one partition, decoded.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Offset of each row, rising.
    pub offsets: Vec<i64>,
    /// Record timestamp of each row, in microseconds since the epoch (milliseconds × 1000, saturating).
    pub timestamps_us: Vec<i64>,
    /// One column per field in use, in the spec's order, named by path, of exactly [`FieldType::to_arrow`]'s
    /// type.
    ///
    /// [`FieldType::to_arrow`]: thalweg_core::FieldType::to_arrow
    pub columns: RecordBatch,
    /// The rows of records without a value, rising; only where the spec takes them.
    pub tombstones: Vec<usize>,
    /// The rows of records that delete though they have a value, rising: changes that say what was.
    pub deleted: Vec<usize>,
    /// The bytes of each row's record, if the spec asked for them.
    pub payloads: Option<Payloads>,
    /// The records that could not be decoded, by offset.
    pub dead: Vec<DeadLetter>,
    /// Offset after the last record that was looked at.
    pub next_offset: i64,
}

impl Decoded {
    /// Number of decoded records.
    pub fn num_rows(&self) -> usize {
        self.offsets.len()
    }

    /// A dead letter of row `row`, whose record could be decoded but not used, for `view` alone or for all.
    ///
    /// It has the record's bytes only if the spec asked to keep them.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn dead_letter(&self, row: usize, view: Option<&str>, reason: impl Into<String>) -> DeadLetter {
        let (key, value) = self.payloads.as_ref().map_or((None, None), |payloads| payloads.get(row));
        DeadLetter {
            topic: self.topic.clone(),
            partition: self.partition,
            offset: self.offsets[row],
            // Exact: they were whole milliseconds, but for those that lie beyond the last instant.
            timestamp_ms: self.timestamps_us[row].div_euclid(1_000),
            view: view.map(str::to_owned),
            reason: reason.into(),
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
        }
    }
}

/// Keys and values of decoded records, one after the other in one buffer.
#[derive(Clone, Debug, Default)]
pub struct Payloads {
    bytes: Vec<u8>,
    /// Of each row: where its key ends, whether it has one, where its value ends, and whether it has one.
    ends: Vec<(usize, bool, usize, bool)>,
}

impl Payloads {
    /// Key and value of the record in row `row`; nothing if there is no such row.
    pub fn get(&self, row: usize) -> (Option<&[u8]>, Option<&[u8]>) {
        let Some(&(key_end, has_key, value_end, has_value)) = self.ends.get(row) else { return (None, None) };
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before].2);
        (has_key.then(|| &self.bytes[start..key_end]), has_value.then(|| &self.bytes[key_end..value_end]))
    }

    /// Appends a row.
    pub(super) fn push(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.bytes.extend_from_slice(key.unwrap_or_default());
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.ends.push((key_end, key.is_some(), self.bytes.len(), value.is_some()));
    }

    /// Bytes held.
    pub(super) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }
}
