//! The directory.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rocksdb::{
    CompactOptions, DB, Direction, ErrorKind, FlushOptions, IteratorMode, Range, ReadOptions, WriteBatch,
    WriteOptions,
};
use thalweg_core::{FoldPlan, KeyGroup, KeyState, StateError};

use crate::StoreOptions;
use crate::error::{Error, Result};
use crate::keys::{self, StateKey};
use crate::rows;
use crate::slots::Slot;

/// Version of the layout of keys and rows. Raised whenever a directory written before cannot be read as it
/// stands.
const FORMAT: u32 = 1;

/// Key and value of a row.
pub(crate) type Row = (Box<[u8]>, Box<[u8]>);

/// An entity key with its group.
type GroupKey = (KeyGroup, Box<[u8]>);

/// A state directory, open in this process alone.
pub struct Store {
    db: DB,
    path: PathBuf,
    options: StoreOptions,
    write: WriteOptions,
    /// Held while slots are given, moved or dropped: those dropped whose space was not given back yet.
    pub(crate) dropped: Mutex<Vec<Slot>>,
    /// Bytes of all decoded states in memory.
    resident: AtomicUsize,
    /// Whether something was written since the last flush was asked for.
    unflushed: AtomicBool,
}

impl Store {
    /// Opens the store in `dir`, creating it if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] when it is open elsewhere, [`Error::Format`] when another version wrote it,
    /// [`Error::Open`] when RocksDB cannot open it.
    pub fn open(dir: impl Into<PathBuf>, options: StoreOptions) -> Result<Arc<Self>> {
        let path = dir.into();
        let db = DB::open(&options.to_rocksdb(), &path).map_err(|cause| opening_failed(&path, cause))?;
        let mut write = WriteOptions::default();
        write.disable_wal(true);
        let store = Self {
            db,
            path,
            options,
            write,
            dropped: Mutex::default(),
            resident: AtomicUsize::new(0),
            unflushed: AtomicBool::new(false),
        };
        store.check_format()?;
        Ok(Arc::new(store))
    }

    /// Where the store is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of decoded states in memory.
    pub fn resident_bytes(&self) -> usize {
        self.resident.load(Ordering::Relaxed)
    }

    /// Writes everything committed so far to files, and returns when that is done.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn flush(&self) -> Result<()> {
        self.unflushed.store(false, Ordering::Relaxed);
        self.flush_with(&FlushOptions::default())
    }

    /// Starts writing out what has been committed, if there is anything new, and does not wait for it. What
    /// is not written out when the process dies is read again from the log.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn flush_soon(&self) -> Result<()> {
        if !self.unflushed.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let mut options = FlushOptions::default();
        options.set_wait(false);
        match self.flush_with(&options) {
            // RocksDB is so busy writing out that it has stopped taking writes: there is nothing to ask it
            // for.
            Err(Error::Io { cause, .. }) if cause.kind() == ErrorKind::TryAgain => {
                self.unflushed.store(true, Ordering::Relaxed);
                Ok(())
            }
            done => done,
        }
    }

    pub(crate) fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// Counts decoded states that came to be (`grown` bytes) or went (`shrunk` bytes).
    pub(crate) fn count_resident(&self, grown: usize, shrunk: usize) {
        self.resident.fetch_add(grown, Ordering::Relaxed);
        self.resident.fetch_sub(shrunk, Ordering::Relaxed);
    }

    pub(crate) fn write(&self, batch: WriteBatch) -> Result<()> {
        self.unflushed.store(true, Ordering::Relaxed);
        self.db.write_opt(batch, &self.write).map_err(|cause| self.failed("write to", cause))
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.db.get(key).map_err(|cause| self.failed("read", cause))
    }

    /// All rows with keys in `from..until`.
    pub(crate) fn range(&self, from: &[u8], until: &[u8]) -> Result<Vec<Row>> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(until);
        self.db
            .iterator_opt(IteratorMode::From(from, Direction::Forward), options)
            .map(|row| row.map_err(|cause| self.failed("read", cause)))
            .collect()
    }

    /// Gives `visit` key and value of all rows with keys in `from..until`, in order, as they are now, until it breaks
    /// off.
    pub(crate) fn each(
        &self,
        from: &[u8],
        until: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(until);
        for row in self.db.iterator_opt(IteratorMode::From(from, Direction::Forward), options) {
            let (key, value) = row.map_err(|cause| self.failed("read", cause))?;
            if visit(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The last row with a key in `from..before`.
    pub(crate) fn last_before(&self, from: &[u8], before: &[u8]) -> Result<Option<Row>> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from);
        options.set_iterate_upper_bound(before);
        let last = self.db.iterator_opt(IteratorMode::End, options).next();
        last.transpose().map_err(|cause| self.failed("read", cause))
    }

    /// The stored state of `key`, if it has one.
    pub(crate) fn load(
        &self,
        view: &str,
        slot: Slot,
        plan: &FoldPlan,
        group: KeyGroup,
        key: &[u8],
    ) -> Result<Option<KeyState>> {
        let mut row = StateKey::new(slot, group, key);
        // All parts as of one moment: a commit may write others meanwhile.
        let snapshot = self.db.snapshot();
        let part_of = |part| {
            snapshot.get_pinned(row.part(part)).map_err(|cause| LoadError::Store(self.failed("read", cause)))
        };
        KeyState::decode(plan, part_of).map_err(|error| match error {
            LoadError::Store(error) => error,
            LoadError::State(error) => Error::Damaged {
                view: view.to_owned(),
                key: Some(hex(key)),
                what: "fold state",
                cause: error.to_string(),
            },
        })
    }

    /// Up to `limit` entity keys of `slot`, with their groups, after the state row `after` (from the first,
    /// if none); and the row to go on after, if there are more.
    pub(crate) fn keys_after(
        &self,
        slot: Slot,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<(Vec<GroupKey>, Option<Vec<u8>>)> {
        let (from, until) = keys::states_of(slot);
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(until);
        let mut rows = self.db.raw_iterator_opt(options);
        rows.seek(after.unwrap_or(&from));
        let mut found = Vec::new();
        while let Some((group, key, _)) = rows.key().and_then(keys::parse_state) {
            if found.len() == limit {
                let mut next = StateKey::new(slot, group, key);
                return Ok((found, Some(next.part(0).to_vec())));
            }
            // No state has a part with the last number: this is past all parts of the key and before the next
            // key.
            let mut past = StateKey::new(slot, group, key);
            found.push((group, key.into()));
            rows.seek(past.part(u32::MAX));
        }
        rows.status().map_err(|cause| self.failed("read", cause))?;
        Ok((found, None))
    }

    /// About how many bytes of files the states of `slot` take.
    pub(crate) fn bytes_on_disk(&self, slot: Slot) -> u64 {
        let (from, until) = keys::states_of(slot);
        self.db.get_approximate_sizes(&[Range::new(&from, &until)]).iter().sum()
    }

    /// Rewrites the files that hold the states of `slot`, without what was deleted of them.
    pub(crate) fn compact(&self, slot: Slot) {
        let (from, until) = keys::states_of(slot);
        let mut options = CompactOptions::default();
        // What RocksDB compacts by itself goes on beside it: states are being written.
        options.set_exclusive_manual_compaction(false);
        self.db.compact_range_opt(Some(from), Some(until), &options);
    }

    /// Accepts an empty directory and one of this format.
    fn check_format(&self) -> Result<()> {
        let refused = |found: String| Error::Format { path: self.path.clone(), found, known: FORMAT };
        match self.get(&keys::format())? {
            Some(bytes) => match rows::decode_number(&bytes) {
                Some(FORMAT) => Ok(()),
                Some(other) => Err(refused(other.to_string())),
                None => Err(refused("unknown".to_owned())),
            },
            None if self.db.iterator(IteratorMode::Start).next().is_some() => {
                Err(refused("unknown (it has rows, but none that tells the format)".to_owned()))
            }
            None => {
                let mut batch = WriteBatch::default();
                batch.put(keys::format(), FORMAT.to_be_bytes());
                self.write(batch)
            }
        }
    }

    fn flush_with(&self, options: &FlushOptions) -> Result<()> {
        self.db.flush_opt(options).map_err(|cause| self.failed("flush", cause))
    }

    fn failed(&self, action: &'static str, cause: rocksdb::Error) -> Error {
        Error::Io { action, path: self.path.clone(), cause }
    }
}

/// Why a state cannot be loaded: the bytes, or getting at them.
enum LoadError {
    State(StateError),
    Store(Error),
}

impl From<StateError> for LoadError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// Bytes as hexadecimal digits, for messages.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn damaged(view: &str, what: &'static str) -> Error {
    let cause = "its bytes are not what is written there".to_owned();
    Error::Damaged { view: view.to_owned(), key: None, what, cause }
}

/// RocksDB has no code for a lock that is held, only words.
fn opening_failed(path: &Path, cause: rocksdb::Error) -> Error {
    let path = path.to_owned();
    let text = cause.to_string();
    if text.contains("While lock file") || text.contains("lock hold by current process") {
        Error::Locked { path, cause: text }
    } else {
        Error::Open { path, cause }
    }
}
