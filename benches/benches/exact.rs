//! What exactness costs: sums of doubles, exact beside plain.
//!
//! Values are of two kinds: `minutes` are alike, as columns mostly are, so that a sum of them is narrow;
//! `magnitudes` lie 80 powers of two apart, so that it is wide.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use thalweg_benches::{magnitudes, minutes};
use thalweg_core::{ExactSquares, ExactSum, stddev};

const VALUES: usize = 10_000;
const WINDOW: usize = 1_000;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for (kind, values) in [("minutes", minutes(VALUES, 1)), ("magnitudes", magnitudes(VALUES, 1))] {
        add(&mut criterion, kind, &values);
        slide(&mut criterion, kind, &values);
        finish(&mut criterion, kind, &values[..WINDOW]);
    }
    criterion.final_summary();
}

/// Every value added once: the time of one addition.
fn add(criterion: &mut Criterion, kind: &str, values: &[f64]) {
    let mut group = criterion.benchmark_group(format!("exact/add {kind}"));
    group.throughput(Throughput::Elements(values.len() as u64));
    group.bench_function("plain sum", |b| {
        b.iter(|| black_box(values).iter().fold(0.0, |sum, x| sum + x));
    });
    group.bench_function("exact sum", |b| {
        b.iter(|| {
            let mut sum = ExactSum::new();
            black_box(values).iter().for_each(|x| sum.add(*x));
            sum
        });
    });
    group.bench_function("plain squares", |b| {
        b.iter(|| black_box(values).iter().fold(0.0, |sum, x| sum + x * x));
    });
    group.bench_function("exact squares", |b| {
        b.iter(|| {
            let mut squares = ExactSquares::new();
            black_box(values).iter().for_each(|x| squares.add(*x));
            squares
        });
    });
    group.finish();
}

/// Every value added, and taken away again when it leaves a window of a thousand: the time of both.
fn slide(criterion: &mut Criterion, kind: &str, values: &[f64]) {
    let mut group = criterion.benchmark_group(format!("exact/add and subtract {kind}"));
    let leaving = || values.iter().zip(&values[WINDOW..]);
    group.throughput(Throughput::Elements((values.len() - WINDOW) as u64));
    group.bench_function("plain sum", |b| {
        b.iter(|| leaving().fold(0.0, |sum, (old, new)| sum + black_box(new) - old));
    });
    group.bench_function("exact sum", |b| {
        b.iter(|| {
            let mut sum = ExactSum::new();
            for (old, new) in leaving() {
                sum.add(*black_box(new));
                sum.subtract(*old);
            }
            sum
        });
    });
    group.bench_function("exact sum and squares", |b| {
        b.iter(|| {
            let (mut sum, mut squares) = (ExactSum::new(), ExactSquares::new());
            for (old, new) in leaving() {
                sum.add(*black_box(new));
                sum.subtract(*old);
                squares.add(*new);
                squares.subtract(*old);
            }
            (sum, squares)
        });
    });
    group.finish();
}

/// A result from a sum of a thousand values: the time of one result.
fn finish(criterion: &mut Criterion, kind: &str, values: &[f64]) {
    let (mut sum, mut squares) = (ExactSum::new(), ExactSquares::new());
    for x in values {
        sum.add(*x);
        squares.add(*x);
    }
    let count = values.len() as u64;
    let (plain, plain_squares) = (sum.round(), squares.round());
    let mut group = criterion.benchmark_group(format!("exact/result {kind}"));
    group.bench_function("exact sum, rounded", |b| b.iter(|| black_box(&sum).round()));
    group.bench_function("plain mean", |b| b.iter(|| black_box(plain) / black_box(count) as f64));
    group.bench_function("exact mean", |b| b.iter(|| black_box(&sum).mean(black_box(count))));
    group.bench_function("plain stddev", |b| {
        b.iter(|| {
            let (sum, n) = (black_box(plain), black_box(count) as f64);
            ((black_box(plain_squares) - sum * sum / n) / (n - 1.0)).sqrt()
        });
    });
    group.bench_function("exact stddev", |b| {
        b.iter(|| stddev(black_box(count), black_box(&sum), black_box(&squares), 1));
    });
    group.finish();
}
