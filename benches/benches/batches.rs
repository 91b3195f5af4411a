//! Writing and reading record batches of Kafka's format, plain and compressed with Zstandard.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use thalweg_benches::WideRecords;
use thalweg_log::{BatchReader, Compression, encode_batches};

const RECORDS: usize = 20_000;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let records = WideRecords::avro(RECORDS, 1);
    println!("{RECORDS} records, {} bytes each on average", records.bytes() / RECORDS as u64);
    for (name, compression) in [("none", Compression::None), ("zstd", Compression::Zstd)] {
        let bytes = write(&mut criterion, name, compression, &records);
        read(&mut criterion, name, &bytes);
    }
    criterion.final_summary();
}

/// Encodes all records: the time of one record. Gives the batches.
fn write(criterion: &mut Criterion, name: &str, compression: Compression, records: &WideRecords) -> Vec<u8> {
    let to_append = records.to_append();
    let mut bytes = Vec::new();
    let mut group = criterion.benchmark_group("batches/write");
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function(name, |b| {
        b.iter(|| {
            bytes.clear();
            encode_batches(0, black_box(&to_append), compression, &mut bytes)
                .expect("records of a usual size");
        });
    });
    group.finish();
    bytes.clear();
    encode_batches(0, &to_append, compression, &mut bytes).expect("records of a usual size");
    println!("batches/write/{name}: {} bytes for {} of payload", bytes.len(), records.bytes());
    bytes
}

/// Goes through the batches: by their headers alone, with their checksums, and through every record. The time of
/// one record each.
fn read(criterion: &mut Criterion, name: &str, bytes: &[u8]) {
    let mut group = criterion.benchmark_group("batches/read");
    group.throughput(Throughput::Elements(RECORDS as u64));
    let skip = |reader: BatchReader<'_>| {
        let next =
            |batch: Result<thalweg_log::Batch<'_>, _>| batch.expect("whole batches").header().next_offset();
        let last = reader.map(next).last();
        assert_eq!(last, Some(RECORDS as i64));
    };
    group.bench_function(format!("{name}, headers"), |b| {
        b.iter(|| skip(BatchReader::of_checked(black_box(bytes))))
    });
    group.bench_function(format!("{name}, headers and checksums"), |b| {
        b.iter(|| skip(BatchReader::new(black_box(bytes))));
    });
    let mut scratch = Vec::new();
    group.bench_function(format!("{name}, records"), |b| {
        b.iter(|| {
            let mut value_bytes = 0;
            for batch in BatchReader::new(black_box(bytes)) {
                let batch = batch.expect("whole batches");
                for record in batch.records(&mut scratch).expect("a known codec") {
                    value_bytes += record.expect("whole records").value.map_or(0, <[u8]>::len);
                }
            }
            value_bytes
        });
    });
    group.finish();
}
