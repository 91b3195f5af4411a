//! The folders of a log: which topics are there, and how one comes into being all at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::disk::{refused, sync_dir};
use super::segment::Segment;
use super::{meta, partition};
use crate::error::Error;
use crate::topic::{TopicId, TopicPartition, check_topic_name};

/// Folders of topics that are being created begin with this; no topic's folder does, as none ends so.
const NEW: &str = ".new.";

/// A topic's folders: partition `i` is in the `i`th.
pub(super) struct TopicFolders {
    /// The topic's id.
    pub(super) id: TopicId,
    /// A folder for each partition.
    pub(super) folders: Vec<PathBuf>,
}

/// The topics in the folder `dir`, by name. What a crash left of topics that were being created is removed.
///
/// Partition 0 is the last to get its name, so a topic is there if its partition 0 is.
pub(super) fn list(dir: &Path) -> Result<BTreeMap<String, TopicFolders>, Error> {
    let mut found: BTreeMap<String, BTreeMap<i32, PathBuf>> = BTreeMap::new();
    for entry in std::fs::read_dir(dir).map_err(refused("list", dir))? {
        let entry = entry.map_err(refused("list", dir))?;
        let path = entry.path();
        if !entry.file_type().map_err(refused("look at", &path))?.is_dir() {
            continue;
        }
        let file_name = entry.file_name();
        match file_name.to_str() {
            Some(name) if name.starts_with(NEW) => {
                std::fs::remove_dir_all(&path).map_err(refused("remove the half-made", &path))?;
            }
            name => match name.and_then(topic_partition) {
                Some(name) => {
                    found.entry(name.topic).or_default().insert(name.partition, path);
                }
                None => {
                    tracing::warn!(path = %path.display(), "this folder is no partition of the log; left alone")
                }
            },
        }
    }
    let mut topics = BTreeMap::new();
    for (topic, partitions) in found {
        if partitions.contains_key(&0) {
            topics.insert(topic, complete(dir, partitions)?);
        } else {
            remove_unfinished(dir, &topic, partitions)?;
        }
    }
    Ok(topics)
}

/// The partition whose folder has this name.
fn topic_partition(folder: &str) -> Option<TopicPartition> {
    let (topic, digits) = folder.rsplit_once('-')?;
    let partition: i32 = digits.parse().ok()?;
    // Only as it is written: no sign, no leading zeros.
    (check_topic_name(topic).is_ok() && partition >= 0 && partition.to_string() == digits)
        .then(|| TopicPartition::new(topic, partition))
}

/// Checks that the partitions of a topic are all there and of one topic.
fn complete(dir: &Path, partitions: BTreeMap<i32, PathBuf>) -> Result<TopicFolders, Error> {
    let mut id = None;
    for (expected, (number, path)) in partitions.iter().enumerate() {
        if i32::try_from(expected) != Ok(*number) {
            let reason =
                format!("partition {expected} of its topic is missing in {}; restore it", dir.display());
            return Err(Error::Layout { path: path.clone(), reason });
        }
        let own = meta::read(path)?;
        if *id.get_or_insert(own) != own {
            let reason =
                format!("its topic id {own} is not that of the topic's partition 0; it is of another topic");
            return Err(Error::Layout { path: path.clone(), reason });
        }
    }
    let id = id.expect("a topic is listed for a folder it has");
    Ok(TopicFolders { id, folders: partitions.into_values().collect() })
}

/// Removes what a crash left of a topic that was being created; refuses if there is data in it.
fn remove_unfinished(dir: &Path, topic: &str, partitions: BTreeMap<i32, PathBuf>) -> Result<(), Error> {
    for path in partitions.values() {
        let first = Segment::new(path, 0).path;
        let is_empty = std::fs::metadata(&first).is_ok_and(|metadata| metadata.len() == 0);
        let others = std::fs::read_dir(path)
            .map_err(refused("list", path))?
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().to_str().and_then(Segment::base_of))
            .any(|base| base != 0);
        if !is_empty || others {
            let reason = format!(
                "it holds records, but partition 0 of the topic is missing in {}; restore it",
                dir.display()
            );
            return Err(Error::Layout { path: path.clone(), reason });
        }
    }
    tracing::warn!(topic, "removing what a crash left of a topic that was being created");
    for path in partitions.values() {
        std::fs::remove_dir_all(path).map_err(refused("remove the half-made", path))?;
    }
    Ok(())
}

/// Makes the folders of a new topic: after a crash at any instant it is there with all its partitions, or
/// not at all.
pub(super) fn create(dir: &Path, topic: &str, partitions: i32, id: TopicId) -> Result<TopicFolders, Error> {
    let folders: Vec<PathBuf> =
        (0..partitions).map(|i| dir.join(TopicPartition::new(topic, i).to_string())).collect();
    // Named for the id, as the topic's name may be as long as a file name can be.
    let made: Vec<PathBuf> = (0..partitions).map(|i| dir.join(format!("{NEW}{id}-{i}"))).collect();

    let result = (|| {
        for path in &made {
            partition::create(path, id)?;
        }
        for (from, to) in made.iter().zip(&folders).rev() {
            if *to == folders[0] {
                sync_dir(dir)?;
            }
            std::fs::rename(from, to).map_err(refused("give its name to", to))?;
        }
        sync_dir(dir)
    })();
    if let Err(error) = result {
        // The folders are ours and empty; partition 0 goes first, so the topic is gone before its parts are.
        for path in folders.iter().chain(&made) {
            if let Err(error) = std::fs::remove_dir_all(path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "a half-made folder stays until the next start");
            }
        }
        return Err(error);
    }
    Ok(TopicFolders { id, folders })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> TopicId {
        TopicId::from_random([3; 16])
    }

    #[test]
    fn folders_are_named_as_kafka_names_them() {
        assert_eq!(topic_partition("a-b-12"), Some(TopicPartition::new("a-b", 12)));
        for name in ["a", "-0", "a-", "a-+1", "a-01", "a--1", "a b-0", "a-2147483648"] {
            // "a--1" is partition 1 of a topic that ends in a dash.
            let expected = (name == "a--1").then(|| TopicPartition::new("a-", 1));
            assert_eq!(topic_partition(name), expected, "{name}");
        }
    }

    #[test]
    fn a_topic_whose_creation_was_cut_short_is_not_there() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        create(dir.path(), "whole", 3, id()).expect("a topic");
        create(dir.path(), "half", 3, id()).expect("a topic");
        std::fs::rename(dir.path().join("half-0"), dir.path().join(".new.x-0")).expect("a step back");
        let topics = list(dir.path()).expect("topics");
        assert_eq!(topics.keys().collect::<Vec<_>>(), ["whole"]);
        assert_eq!(topics["whole"].folders.len(), 3);
        assert_eq!(topics["whole"].id, id());
        for rest in ["half-1", "half-2", ".new.x-0"] {
            assert!(!dir.path().join(rest).exists(), "{rest}");
        }
        create(dir.path(), "half", 1, id()).expect("the name is free");
    }

    #[test]
    fn a_lost_partition_is_an_error() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        create(dir.path(), "t", 3, id()).expect("a topic");
        std::fs::remove_dir_all(dir.path().join("t-1")).expect("removed");
        let error = list(dir.path()).err().expect("a gap").to_string();
        assert!(error.contains("partition 1") && error.contains("restore"), "{error}");

        std::fs::rename(dir.path().join("t-0"), dir.path().join("t-1")).expect("renamed");
        std::fs::write(dir.path().join("t-2/00000000000000000000.log"), b"data").expect("written");
        let error = list(dir.path()).err().expect("data without partition 0").to_string();
        assert!(error.contains("partition 0") && error.contains("t-2"), "{error}");
        assert!(dir.path().join("t-2").exists());
    }

    #[test]
    fn partitions_of_two_topics_are_no_topic() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        create(dir.path(), "t", 2, id()).expect("a topic");
        meta::write(&dir.path().join("t-1"), TopicId::from_random([4; 16])).expect("written");
        let error = list(dir.path()).err().expect("two ids").to_string();
        assert!(error.contains("t-1") && error.contains("topic id"), "{error}");
    }

    #[test]
    fn the_longest_name_fits() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let name = "n".repeat(249);
        create(dir.path(), &name, 2, id()).expect("a topic");
        assert_eq!(list(dir.path()).expect("topics")[&name].folders.len(), 2);
    }
}
