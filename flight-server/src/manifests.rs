//! The manifests of training sets that were made here, so that one can be named by its commit id.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use thalweg_backfill::{Commit, Manifest};

use crate::{Error, Kind};

/// Digits of a commit id, and of the shortest beginning that stands for one.
const DIGITS: usize = 64;
const FEWEST_DIGITS: usize = 8;

/// The configuration key of how many are kept, as errors name it.
const LIMIT_KEY: &str = "limits.kept_manifests";

/// A folder of manifests, the oldest of which make room for new ones.
#[derive(Debug)]
pub struct Manifests {
    dir: PathBuf,
    most: usize,
    /// Numbers the files being written: one commit may be described several times at once.
    written: Arc<AtomicU64>,
}

impl Manifests {
    /// The manifests in `dir`, which is made when it is first needed, `most` of them.
    pub fn new(dir: PathBuf, most: usize) -> Self {
        Self { dir, most: most.max(1), written: Arc::default() }
    }

    /// Keeps the manifest of `commit`. Returns once it will survive a crash.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn keep(&self, commit: &Commit) -> Result<(), Error> {
        let path = self.path(&commit.id);
        if path.exists() {
            return Ok(());
        }
        let text = serde_json::to_vec(&commit.manifest)
            .map_err(|cause| Error::internal(format!("a manifest cannot be written down: {cause}")))?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{number}.part"));
        let kept = fs::create_dir_all(&self.dir)
            .and_then(|()| File::create(&temporary))
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| File::open(&self.dir)?.sync_all())
            .and_then(|()| self.make_room());
        kept.map_err(|cause| {
            Error::internal(format!("a manifest cannot be kept in {}: {cause}", self.dir.display()))
        })
    }

    /// The manifest of the commit `id`, or of the only one whose id begins so.
    ///
    /// # Errors
    /// INVALID_ARGUMENT where `id` is none; NOT_FOUND where no such commit is known here.
    pub fn get(&self, id: &str) -> Result<Manifest, Error> {
        if !is_commit_id(id) {
            return Err(Error::invalid(format!(
                "`{id}` is no commit id: it has {FEWEST_DIGITS} to {DIGITS} hexadecimal digits"
            )));
        }
        let known: Vec<String> = self.ids().filter(|known| known.starts_with(id)).take(2).collect();
        let [known] = known.as_slice() else {
            return Err(match known.len() {
                0 => Error::new(
                    Kind::NotFound,
                    format!(
                        "no commit `{id}` is known here; it was made elsewhere, or longer ago than `{LIMIT_KEY}` \
                         ({}) others. Give its manifest, or the file it was written to",
                        self.most
                    ),
                ),
                _ => Error::invalid(format!("several commits begin with `{id}`; write more of it")),
            });
        };
        let path = self.path(known);
        let unreadable = |cause: &dyn std::fmt::Display| {
            Error::internal(format!("the manifest {} cannot be read: {cause}", path.display()))
        };
        let text = fs::read(&path).map_err(|cause| unreadable(&cause))?;
        serde_json::from_slice(&text).map_err(|cause| unreadable(&cause))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.json"))
    }

    fn ids(&self) -> impl Iterator<Item = String> {
        let names = fs::read_dir(&self.dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.filter_map(|name| Some(name.to_str()?.strip_suffix(".json")?.to_owned()))
    }

    /// Removes the oldest until no more are there than are kept.
    fn make_room(&self) -> std::io::Result<()> {
        let mut ids: Vec<String> = self.ids().collect();
        if ids.len() <= self.most {
            return Ok(());
        }
        let age = |id: &String| {
            fs::metadata(self.path(id)).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
        };
        ids.sort_by_cached_key(|id| (age(id), id.clone()));
        for id in &ids[..ids.len() - self.most] {
            match fs::remove_file(self.path(id)) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(cause),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether `text` may be a commit id or the beginning of one.
pub(crate) fn is_commit_id(text: &str) -> bool {
    (FEWEST_DIGITS..=DIGITS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn commit(first: char, rows: u64) -> Commit {
        let manifest = json!({
            "engine_version": 1, "features": [], "spine_hash": "", "spine_rows": rows, "timestamp_column": "t",
            "as_of": "event_time", "boundary": "inclusive", "pin": {}, "statuses": false, "served": {},
        });
        let manifest = serde_json::from_value(manifest).expect("a manifest");
        Commit { id: format!("{first}{}", "0".repeat(DIGITS - 1)), manifest }
    }

    #[test]
    fn a_manifest_is_found_by_its_commit_id_or_the_beginning_of_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let manifests = Manifests::new(folder.path().join("manifests"), 10);
        assert_eq!(manifests.get("a0000000").expect_err("nothing yet").kind, Kind::NotFound);
        let commit = commit('a', 7);
        manifests.keep(&commit).expect("room");
        manifests.keep(&commit).expect("it is there");
        for id in [commit.id.as_str(), "a0000000"] {
            assert_eq!(manifests.get(id).expect("kept"), commit.manifest);
        }
        for none in ["a", "../../../etc/passwd", "A0000000", ""] {
            assert_eq!(manifests.get(none).expect_err("no id").kind, Kind::InvalidArgument);
        }
        let mut twin = commit.clone();
        twin.id.replace_range(60.., "1111");
        manifests.keep(&twin).expect("room");
        let several = manifests.get("a0000000").expect_err("two of them").to_string();
        assert!(several.contains("several commits begin with"), "{several}");
        assert!(manifests.get(&commit.id).is_ok());
    }

    #[test]
    fn the_oldest_make_room() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let manifests = Manifests::new(folder.path().to_owned(), 2);
        for (first, rows) in [('a', 1), ('b', 2), ('c', 3)] {
            manifests.keep(&commit(first, rows)).expect("room");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let gone = manifests.get("a0000000").expect_err("it made room").to_string();
        assert!(gone.contains("`limits.kept_manifests` (2)"), "{gone}");
        assert_eq!(manifests.get("c0000000").expect("kept").spine_rows, 3);
    }
}
