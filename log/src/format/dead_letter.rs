//! Records that could not be used, kept with the reason.

use crate::batch::Record;

/// Name of the topic that keeps the dead letters of the source `source`.
pub fn dead_letter_topic(source: &str) -> String {
    format!("thalweg.dead-letters.{source}")
}

const TOPIC: &str = "thalweg.topic";
const PARTITION: &str = "thalweg.partition";
const OFFSET: &str = "thalweg.offset";
const TIMESTAMP_MS: &str = "thalweg.timestamp_ms";
const REASON: &str = "thalweg.reason";
const VIEW: &str = "thalweg.view";

/// A record that could not be used: where it is, what is wrong with it, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Topic of the record.
    pub topic: String,
    /// Partition of the record.
    pub partition: i32,
    /// Offset of the record.
    pub offset: i64,
    /// Timestamp of the record, in milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The one view the record is dead for; all of its source's if none.
    pub view: Option<String>,
    /// What is wrong, for people.
    pub reason: String,
    /// Key of the record.
    pub key: Option<Vec<u8>>,
    /// Value of the record.
    pub value: Option<Vec<u8>>,
}

/// A dead letter as a record of the topic that keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterRecord {
    /// Key of the original.
    pub key: Option<Vec<u8>>,
    /// Value of the original.
    pub value: Option<Vec<u8>>,
    /// Timestamp of the original, in milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Where the original is and what is wrong with it, as text.
    pub headers: Vec<(&'static str, String)>,
}

impl DeadLetter {
    /// The record to keep: key, value and timestamp are the original's, the rest goes into headers.
    ///
    /// A key or value that is missing stays so; this is not the same as an empty one.
    pub fn to_record(&self) -> DeadLetterRecord {
        let mut headers = vec![
            (TOPIC, self.topic.clone()),
            (PARTITION, self.partition.to_string()),
            (OFFSET, self.offset.to_string()),
            (TIMESTAMP_MS, self.timestamp_ms.to_string()),
            (REASON, self.reason.clone()),
        ];
        headers.extend(self.view.clone().map(|view| (VIEW, view)));
        DeadLetterRecord {
            key: self.key.clone(),
            value: self.value.clone(),
            timestamp_ms: self.timestamp_ms,
            headers,
        }
    }

    /// The dead letter a record keeps, or nothing if its headers do not say all there is to say.
    pub fn from_record(record: &Record<'_>) -> Option<Self> {
        let (mut topic, mut partition, mut offset, mut timestamp_ms) = (None, None, None, None);
        let (mut reason, mut view) = (None, None);
        for (name, text) in record.headers {
            let text = || std::str::from_utf8(text?).ok();
            let Ok(name) = std::str::from_utf8(name) else { continue };
            match name {
                TOPIC => topic = text().map(str::to_owned),
                PARTITION => partition = text().and_then(|t| t.parse().ok()),
                OFFSET => offset = text().and_then(|t| t.parse().ok()),
                TIMESTAMP_MS => timestamp_ms = text().and_then(|t| t.parse().ok()),
                REASON => reason = text().map(str::to_owned),
                VIEW => view = text().map(str::to_owned),
                _ => {}
            }
        }
        Some(Self {
            topic: topic?,
            partition: partition?,
            offset: offset?,
            timestamp_ms: timestamp_ms?,
            view,
            reason: reason?,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Headers;

    fn letter(view: Option<&str>) -> DeadLetter {
        DeadLetter {
            topic: "flights".into(),
            partition: 3,
            offset: 1 << 40,
            timestamp_ms: -5,
            view: view.map(str::to_owned),
            reason: "field `distance`: \"far\" is no float64".into(),
            key: None,
            value: Some(b"\xff{".to_vec()),
        }
    }

    fn back(letter: &DeadLetterRecord) -> Option<DeadLetter> {
        let headers: Vec<_> =
            letter.headers.iter().map(|(name, text)| (name.as_bytes(), Some(text.as_bytes()))).collect();
        DeadLetter::from_record(&Record {
            offset: 0,
            timestamp_ms: letter.timestamp_ms,
            key: letter.key.as_deref(),
            value: letter.value.as_deref(),
            headers: Headers::of(&headers),
        })
    }

    #[test]
    fn a_letter_survives_being_a_record() {
        for view in [None, Some("carrier_delays")] {
            let letter = letter(view);
            assert_eq!(back(&letter.to_record()), Some(letter));
        }
        assert_eq!(dead_letter_topic("flights"), "thalweg.dead-letters.flights");
    }

    #[test]
    fn a_record_that_says_too_little_is_no_letter() {
        let whole = letter(None).to_record();
        for missing in 0..whole.headers.len() {
            let mut record = whole.clone();
            record.headers.remove(missing);
            assert_eq!(back(&record), None, "without {:?}", whole.headers[missing]);
        }
    }
}
