//! Kafka's `partition.metadata`: the id of the topic a partition's folder belongs to.

use std::path::Path;

use super::disk::{refused, write_durably};
use crate::error::Error;
use crate::topic::TopicId;

/// The file's name, Kafka's.
const FILE: &str = "partition.metadata";

/// Writes the file into the folder `dir`.
pub(super) fn write(dir: &Path, id: TopicId) -> Result<(), Error> {
    write_durably(&dir.join(FILE), format!("version: 0\ntopic_id: {id}").as_bytes())
}

/// Reads the file in the folder `dir`.
pub(super) fn read(dir: &Path) -> Result<TopicId, Error> {
    let path = dir.join(FILE);
    let text = std::fs::read_to_string(&path).map_err(refused("read", &path))?;
    let mut lines = text.lines();
    let parsed = match (lines.next(), lines.next().and_then(|line| line.strip_prefix("topic_id: "))) {
        (Some("version: 0"), Some(id)) => id.trim().parse::<TopicId>(),
        _ => Err("it should say `version: 0` and `topic_id: …`, a line each".to_owned()),
    };
    parsed.map_err(|reason| Error::Layout { path, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_file() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let id = TopicId::from_random([7; 16]);
        write(dir.path(), id).expect("a written file");
        assert_eq!(read(dir.path()).expect("the file"), id);
        assert_eq!(
            std::fs::read_to_string(dir.path().join(FILE)).expect("the file"),
            format!("version: 0\ntopic_id: {id}")
        );
    }

    #[test]
    fn another_text_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for text in
            ["", "version: 0", "version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ", "version: 0\ntopic_id: x"]
        {
            std::fs::write(dir.path().join(FILE), text).expect("a written file");
            let error = read(dir.path()).expect_err("a wrong file").to_string();
            assert!(error.contains(FILE), "{error}");
        }
    }
}
