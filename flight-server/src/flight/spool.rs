//! Uploaded spines, kept under the hash of what they hold until newer ones need the room.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;
use std::time::SystemTime;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use thalweg_backfill::spine_hash;

use crate::{Error, Kind};

/// A folder of spines.
#[derive(Clone, Debug)]
pub struct Spool {
    dir: PathBuf,
    /// Bytes all spines together may take; the newest always stays.
    limit: u64,
}

impl Spool {
    /// The spool in `dir`, which is made when it is first needed.
    pub fn new(dir: PathBuf, limit: u64) -> Self {
        Self { dir, limit }
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
        let temporary = path.with_extension("new");
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
        self.dir.join(format!("{hash}.arrow"))
    }

    /// Removes the oldest spines until the rest is within the limit.
    fn make_room(&self) -> std::io::Result<()> {
        let mut spines = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            spines.push((meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), meta.len(), entry.path()));
        }
        spines.sort();
        let mut total: u64 = spines.iter().map(|(_, bytes, _)| bytes).sum();
        spines.pop();
        for (_, bytes, path) in spines {
            if total <= self.limit {
                break;
            }
            fs::remove_file(path)?;
            total -= bytes;
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
        let spool = Spool::new(folder.path().join("spines"), 1 << 20);
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
    fn the_newest_spine_stays_however_small_the_room() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = Spool::new(folder.path().to_owned(), 0);
        let hashes: Vec<_> =
            (0..3).map(|n| spool.put(&batch(vec![n]).schema(), &[batch(vec![n])]).expect("room").0).collect();
        assert!(spool.get(&hashes[2]).is_ok() || spool.get(&hashes[1]).is_ok());
        assert!(spool.get(&hashes[0]).is_err());
    }
}
