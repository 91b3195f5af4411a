//! Uploaded spines, kept under the hash of what they hold until newer ones need the room.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use thalweg_backfill::spine_hash;

use crate::{Error, Kind};

/// Extension of a whole spine's file, and of one that is being written.
const WHOLE: &str = "arrow";
const PART: &str = "part";

/// A folder of spines.
#[derive(Clone, Debug)]
pub struct Spool {
    dir: PathBuf,
    /// Bytes all spines together may take, and how many there may be; the newest always stays.
    limit: u64,
    kept: usize,
    /// Numbers the files being written: the same spine may come from several clients at once.
    written: Arc<AtomicU64>,
}

impl Spool {
    /// The spool in `dir`, which is made when it is first needed, of at most `kept` spines of `limit` bytes together. What an earlier process left half written
    /// goes.
    pub fn new(dir: PathBuf, limit: u64, kept: usize) -> Self {
        let left = fs::read_dir(&dir).into_iter().flatten().flatten().map(|entry| entry.path());
        for part in left.filter(|path| path.extension().is_some_and(|extension| extension == PART)) {
            // Where it stays it takes room, and nothing else.
            let _ = fs::remove_file(part);
        }
        Self { dir, limit, kept, written: Arc::default() }
    }

    /// Keeps a spine and gives its hash and its rows.
    ///
    /// # Errors
    /// Columns that Arrow cannot write; a disk that refuses.
    pub fn put(&self, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(String, usize), Error> {
        let spine = concat_batches(schema, batches)?;
        let hash = spine_hash(&spine)?;
        let path = self.path(&hash);
        let refused = |cause: std::io::Error| {
            Error::internal(format!("the spine cannot be kept in {}: {cause}", path.display()))
        };
        fs::create_dir_all(&self.dir).map_err(refused)?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{number}.{PART}"));
        let mut writer = FileWriter::try_new(File::create(&temporary).map_err(refused)?, schema)?;
        writer.write(&spine)?;
        writer.finish()?;
        fs::rename(&temporary, &path).map_err(refused)?;
        self.make_room().map_err(refused)?;
        Ok((hash, spine.num_rows()))
    }

    /// The spine of this hash.
    ///
    /// # Errors
    /// NOT_FOUND where it was never uploaded here or has made room for others.
    pub fn get(&self, hash: &str) -> Result<(SchemaRef, Vec<RecordBatch>), Error> {
        let well_formed = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let gone = || {
            Error::new(Kind::NotFound, format!("there is no uploaded spine `{hash}`; send it again by DoPut"))
        };
        if !well_formed {
            return Err(gone());
        }
        let file = File::open(self.path(hash)).map_err(|_| gone())?;
        let reader = FileReader::try_new(BufReader::new(file), None)?;
        let schema = reader.schema();
        Ok((schema, reader.collect::<Result<_, _>>()?))
    }

    fn path(&self, hash: &str) -> PathBuf {
        self.dir.join(format!("{hash}.{WHOLE}"))
    }

    /// Removes the oldest spines until the rest is within the limits.
    fn make_room(&self) -> std::io::Result<()> {
        let mut spines = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != WHOLE) {
                continue;
            }
            // Another upload may be making room too, and have removed it.
            let Ok(meta) = fs::metadata(&path) else { continue };
            spines.push((meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), meta.len(), path));
        }
        spines.sort();
        let mut total: u64 = spines.iter().map(|(_, bytes, _)| bytes).sum();
        let mut count = spines.len();
        spines.pop();
        for (_, bytes, path) in spines {
            if total <= self.limit && count <= self.kept {
                break;
            }
            count -= 1;
            match fs::remove_file(path) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(cause),
                _ => total -= bytes,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;

    use super::*;

    fn batch(values: Vec<i64>) -> RecordBatch {
        RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(values)) as _)]).expect("a batch")
    }

    #[test]
    fn a_spine_comes_back_whatever_its_batches_were() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = Spool::new(folder.path().join("spines"), 1 << 20, 9);
        let (whole, parts) = (batch(vec![1, 2, 3]), [batch(vec![1]), batch(vec![2, 3])]);
        let (hash, rows) = spool.put(&whole.schema(), &parts).expect("room");
        assert_eq!(rows, 3);
        assert_eq!(spool.put(&whole.schema(), std::slice::from_ref(&whole)).expect("room").0, hash);
        assert_eq!(spool.get(&hash).expect("kept").1, [whole]);
        for unknown in ["", "../../etc/passwd", &"0".repeat(64)] {
            assert_eq!(spool.get(unknown).expect_err("never uploaded").kind, Kind::NotFound);
        }
    }

    #[test]
    fn one_spine_may_come_many_times_at_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let half = folder.path().join("0.0.part");
        fs::write(&half, "half").expect("a file");
        let spool = Spool::new(folder.path().to_owned(), 1 << 30, 9);
        assert!(!half.exists());
        let spine = batch((0..100_000).collect());
        std::thread::scope(|scope| {
            let put = || spool.put(&spine.schema(), std::slice::from_ref(&spine)).expect("room").0;
            let puts: Vec<_> = (0..8).map(|_| scope.spawn(put)).collect();
            for put in puts {
                let hash = put.join().expect("no panic");
                assert_eq!(spool.get(&hash).expect("kept").1, std::slice::from_ref(&spine));
            }
        });
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
    }

    #[test]
    fn there_are_no_more_spines_than_are_to_be_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = Spool::new(folder.path().to_owned(), 1 << 30, 3);
        for n in 0..7 {
            spool.put(&batch(vec![n]).schema(), &[batch(vec![n])]).expect("room");
        }
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 3);
    }

    #[test]
    fn the_newest_spine_stays_however_small_the_room() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = Spool::new(folder.path().to_owned(), 0, 9);
        let hashes: Vec<_> =
            (0..3).map(|n| spool.put(&batch(vec![n]).schema(), &[batch(vec![n])]).expect("room").0).collect();
        assert!(spool.get(&hashes[2]).is_ok() || spool.get(&hashes[1]).is_ok());
        assert!(spool.get(&hashes[0]).is_err());
    }
}
