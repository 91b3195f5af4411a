//! Names: topics, their partitions and their ids.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// Longest topic name in bytes: with `-` and a partition number it still is a file name of 255 bytes.
const LONGEST_NAME: usize = 249;

/// One partition of a topic: a sequence of records numbered by offset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// The partition `partition` of `topic`.
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    /// As Kafka names the partition's folder: `topic-0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// What is known of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub name: String,
    /// Its id, which a topic of the same name created later would not have.
    pub id: TopicId,
    /// The number of its partitions.
    pub partitions: i32,
}

/// The identity of a topic: a topic that is deleted and created again has the same name and another id.
///
/// Shown as Kafka shows its `Uuid`: 22 characters of URL-safe base64 without padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId([u8; 16]);

impl TopicId {
    /// A version 4 UUID out of 16 random bytes. Never begins with `-` when shown, since command lines would
    /// take it for an option: Kafka avoids the same ids.
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        // The first character stands for the upper six bits; '-' is the 62nd of the alphabet.
        if bytes[0] >> 2 == 62 {
            bytes[0] &= 0x7f;
        }
        Self(bytes)
    }

    /// The id of these 16 bytes, as somebody else made it.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the id.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        let mut text = String::with_capacity(22);
        // 21 characters of six bits from the top, then the last two bits with four zeros behind them.
        for i in 0..21 {
            text.push(char::from(ALPHABET[(bits >> (122 - 6 * i)) as usize & 63]));
        }
        text.push(char::from(ALPHABET[(bits << 4) as usize & 63]));
        f.pad(&text)
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicId({self})")
    }
}

impl FromStr for TopicId {
    type Err = String;

    /// Reads what `Display` writes; the error says what is wrong with the text.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() != 22 {
            return Err(format!("a topic id has 22 characters, this has {}", text.len()));
        }
        let mut bits: u128 = 0;
        for (i, character) in text.bytes().enumerate() {
            let digit = ALPHABET
                .iter()
                .position(|&a| a == character)
                .ok_or_else(|| "a topic id is made of A-Z, a-z, 0-9, - and _".to_owned())?
                as u128;
            if i < 21 {
                bits = bits << 6 | digit;
            } else if digit & 15 == 0 {
                bits = bits << 2 | digit >> 4;
            } else {
                return Err("the last character of a topic id holds two bits only".to_owned());
            }
        }
        Ok(Self(bits.to_be_bytes()))
    }
}

/// Refuses what Kafka refuses as a topic's name.
pub(crate) fn check_topic_name(name: &str) -> Result<(), Error> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name == "." || name == ".." {
        "it is a name that file systems keep for themselves"
    } else if name.len() > LONGEST_NAME {
        "it is longer than 249 characters"
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
        "only the characters a-z, A-Z, 0-9, '.', '_' and '-' are allowed"
    } else {
        return Ok(());
    };
    Err(Error::TopicName { name: name.chars().take(LONGEST_NAME + 1).collect(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_shown_as_kafka_shows_it() {
        // Kafka's metadata topic: Uuid(0, 1).
        let mut one = [0; 16];
        one[15] = 1;
        assert_eq!(TopicId(one).to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        let id: TopicId = "6FoQVl8cScCY25ywkYLI3A".parse().expect("an id that a broker gave");
        assert_eq!(id.to_string(), "6FoQVl8cScCY25ywkYLI3A");
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        for text in ["", "abc", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAA+Q", "ÄAAAAAAAAAAAAAAAAAAAA"]
        {
            assert!(text.parse::<TopicId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ids_survive_text(bytes: [u8; 16]) {
            let id = TopicId::from_random(bytes);
            let text = id.to_string();
            prop_assert!(!text.starts_with('-'));
            prop_assert_eq!(text.parse::<TopicId>(), Ok(id));
            prop_assert_eq!(id.as_bytes()[6] >> 4, 4);
        }
    }

    #[test]
    fn topic_names_are_checked_as_kafka_checks_them() {
        let longest = "a".repeat(249);
        for name in ["flights", "a.b_c-D9", "...", "-", longest.as_str()] {
            assert!(check_topic_name(name).is_ok(), "{name}");
        }
        let longer = "a".repeat(250);
        for name in ["", ".", "..", "a/b", "a b", "ä", "a\0", "a\n", longer.as_str()] {
            let error = check_topic_name(name).expect_err("a bad name").to_string();
            assert!(error.contains("topic name"), "{error}");
        }
    }
}
