//! Decoding payloads into columns: four fields of 24, and all of them, from Avro and from JSON.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use thalweg_benches::WideRecords;
use thalweg_log::{Decoder, DecoderSpec, Record};

const RECORDS: usize = 8_192;
/// One field of each type, spread over the record.
const IN_USE: [&str; 4] = ["name_0", "at_2", "count_3", "value_4"];

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for (format, records) in
        [("avro", WideRecords::avro(RECORDS, 1)), ("json", WideRecords::json(RECORDS, 1))]
    {
        println!("decode/{format}: {} bytes a record on average", records.bytes() / RECORDS as u64);
        let mut group = criterion.benchmark_group(format!("decode/{format}"));
        group.throughput(Throughput::Elements(RECORDS as u64));
        for (name, spec) in
            [("4 fields of 24", records.spec(&IN_USE)), ("24 fields of 24", records.spec_of_all())]
        {
            let mut decoder = Decoder::new(&spec, "wide", 0).expect("the records' own fields");
            group.bench_function(name, |b| b.iter(|| decode(&mut decoder, &records.payloads)));
        }
        // As a server does it, to have the bytes for dead letters.
        let spec = DecoderSpec { keep_payloads: true, ..records.spec(&IN_USE) };
        let mut decoder = Decoder::new(&spec, "wide", 0).expect("the records' own fields");
        group.bench_function("4 fields of 24, payloads kept", |b| {
            b.iter(|| decode(&mut decoder, &records.payloads))
        });
        group.finish();
    }
    criterion.final_summary();
}

fn decode(decoder: &mut Decoder, payloads: &[Vec<u8>]) -> usize {
    for (offset, payload) in (0..).zip(black_box(payloads)) {
        decoder.push(&Record::of_value(offset, payload));
    }
    let decoded = decoder.finish(payloads.len() as i64);
    assert!(decoded.dead.is_empty());
    black_box(&decoded).num_rows()
}
