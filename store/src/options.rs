//! How a store is set up, and RocksDB for it.

use rocksdb::{BlockBasedOptions, Cache, DBCompressionType, Options};
use thalweg_core::TimeDelta;

/// Memory and habits of a store.
///
/// # Durability
///
/// The write-ahead log is off: events can be read again from the log they came from, so it
/// would only write every state twice. All rows are in one column family. RocksDB applies a write batch to
/// one memtable whole, and writes memtables out in the order they were filled; a memtable that was not
/// written out is lost whole with all later ones. So after a kill at any instruction, and after a power
/// failure, the directory holds exactly the first so many commits, each whole. `atomic_flush` is set so that
/// this stays true should another column family ever be added.
///
/// What a kill costs is the commits since the last write-out, which the ingest asks for at
/// intervals ([`Store::flush_soon`](crate::Store::flush_soon)).
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Bytes of memory for everything the store holds: an eighth for memtables, an eighth for RocksDB's block
    /// cache, the rest for decoded states. States that wait to be committed may exceed it for a moment.
    pub memory_budget_bytes: usize,
    /// Idle keys looked at in each commit for what no answerable instant can see any more.
    pub forget_keys_per_commit: usize,
    /// How far back it is known what was applied when.
    pub history_kept: TimeDelta,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            memory_budget_bytes: 1 << 30,
            forget_keys_per_commit: 128,
            history_kept: TimeDelta::from_micros(90 * 86_400_000_000),
        }
    }
}

/// Memtables in memory at once: one filling, one being written out, one waiting.
const MEMTABLES: usize = 3;

impl StoreOptions {
    /// Bytes of decoded states that are kept after a commit.
    pub(crate) const fn hot_budget_bytes(&self) -> usize {
        self.memory_budget_bytes - self.memory_budget_bytes / 4
    }

    pub(crate) fn to_rocksdb(&self) -> Options {
        let eighth = self.memory_budget_bytes / 8;
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&Cache::new_lru_cache(eighth.max(1 << 20)));
        table.set_bloom_filter(10.0, false);
        table.set_format_version(6);
        table.set_block_size(16 << 10);
        table.set_cache_index_and_filter_blocks(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);

        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_block_based_table_factory(&table);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_write_buffer_size((eighth / MEMTABLES).clamp(1 << 20, 64 << 20));
        options.set_max_write_buffer_number(MEMTABLES as i32);
        options.set_atomic_flush(true);
        // Commits are written out every few seconds, so the first level gets many small files. Merging them seldom
        // costs lookups little, since filters of files stay in memory, and spares ingest most of the compaction.
        options.set_level_zero_file_num_compaction_trigger(12);
        options.set_max_background_jobs(2);
        options.set_max_open_files(512);
        options.set_keep_log_file_num(4);
        options.set_max_log_file_size(4 << 20);
        options.set_stats_dump_period_sec(0);
        options
    }
}
