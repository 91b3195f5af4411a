//! Online answers: features of entities at an instant, from the running folds.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray};
use arrow::datatypes::DataType;
use thalweg_backfill::Features;
use thalweg_core::{Instant, Status, Value, column_of, encode_keys};
use thalweg_definitions::{Fold, Layout, key_column};
use thalweg_ingest::Serving;
use thalweg_store::{Found, Reading, TopicState, read_all};

use crate::config::Clock;
use crate::{Error, Kind};

/// A lookup of any number of entities.
#[derive(Clone, Debug)]
pub struct LookupRequest {
    /// The features wanted.
    pub features: Features,
    /// For each join key its values, all of one length.
    pub entities: BTreeMap<String, ArrayRef>,
    /// The instant; what the clock says, if none.
    pub at: Option<Instant>,
    /// Whether columns are named `view__column` (else `column`).
    pub full_feature_names: bool,
}

/// One column of an answer.
#[derive(Clone, Debug)]
pub struct LookupColumn {
    /// Name of the column.
    pub name: String,
    /// The values, a row an entity.
    pub values: ArrayRef,
    /// What stands behind each value.
    pub statuses: Vec<Status>,
    /// Time of the view's newest event that each row saw.
    pub event_times: Vec<Option<Instant>>,
}

/// What a lookup gives, and what it rests on.
#[derive(Clone, Debug)]
pub struct LookupAnswer {
    /// The columns in the order asked for.
    pub columns: Vec<LookupColumn>,
    /// Rows asked for.
    pub rows: usize,
    /// The instant the values are of.
    pub at: Instant,
    /// Next offset applied, by topic and partition.
    pub applied: Vec<(String, i32, i64)>,
    /// The least watermark of the sources.
    pub watermark: Option<Instant>,
    /// The views that answered, with their versions in hexadecimal.
    pub versions: BTreeMap<String, String>,
}

/// Answers `request` by the definitions and states of `serving`, seen at one moment; none if others serve by
/// now.
///
/// `now` is the wall clock; `clock` says whether it or the watermark stands in where no instant is named.
///
/// # Errors
/// INVALID_ARGUMENT, NOT_FOUND, OUT_OF_RANGE or FAILED_PRECONDITION, as the wire contract says.
pub fn lookup(
    serving: &Serving,
    request: &LookupRequest,
    clock: Clock,
    now: Instant,
    row_limit: usize,
) -> Result<Option<LookupAnswer>, Error> {
    let repository = serving.repository();
    let features = request.features.resolve(repository)?;
    let layout = Layout::new(repository, &features, request.full_feature_names)
        .map_err(|cause| Error::from(thalweg_backfill::Error::from(cause)))?;
    let rows = row_count(&request.entities, row_limit)?;
    let keys =
        layout.folds.iter().map(|fold| keys_of(fold, &request.entities)).collect::<Result<Vec<_>, _>>()?;
    refuse_unused(&layout, &request.entities)?;

    let topic_of = |fold: &Fold<'_>| {
        let source = repository.source(&fold.view.source).expect("a checked view's source is defined");
        source.topic.clone()
    };
    let states = layout
        .folds
        .iter()
        .map(|fold| {
            let topic = topic_of(fold);
            let state = serving.topic(&topic).ok_or_else(|| not_kept(fold))?;
            Ok((topic, state))
        })
        .collect::<Result<BTreeMap<String, Arc<TopicState>>, Error>>()?;
    let readings = read_all(&states.values().map(|state| state.as_ref()).collect::<Vec<_>>());
    // While the guards are held none of them can be retired. So all views are of these definitions, or none
    // is asked.
    if readings.iter().any(Reading::is_retired) {
        return Ok(None);
    }
    let reading_of: BTreeMap<&str, &Reading<'_>> = states.keys().map(String::as_str).zip(&readings).collect();
    let sources = layout.folds.iter().filter_map(|fold| repository.source(&fold.view.source));
    let watermark =
        sources.map(|source| reading_of[source.topic.as_str()].watermark(&source.name)).min().flatten();
    let at = match (request.at, clock) {
        (Some(at), _) => at,
        (None, Clock::Wall) => now,
        (None, Clock::Stream) => watermark.unwrap_or(Instant::MIN),
    };

    let mut found = Vec::with_capacity(layout.folds.len());
    let mut versions = BTreeMap::new();
    for (fold, keys) in layout.folds.iter().zip(&keys) {
        found.push(reading_of[topic_of(fold).as_str()].lookup(&fold.view.name, keys, at)?);
        versions.insert(fold.view.name.clone(), fold.view.version.to_hex());
    }
    let applied = readings
        .iter()
        .flat_map(|reading| reading.applied().iter().map(|(&p, &next)| (reading.topic().to_owned(), p, next)))
        .collect();
    drop(reading_of);
    drop(readings);

    let columns = layout
        .columns
        .iter()
        .map(|column| {
            let fold = &layout.folds[column.fold];
            let name = &fold.plan.features[column.feature_index].name;
            // The online fold answers all of a view's features, so the place is that in the whole view.
            let place = fold.view.plan.features.iter().position(|feature| feature.name == *name);
            let place = place.expect("a layout only has features of the view");
            to_column(&column.name, &column.data_type, place, &found[column.fold])
        })
        .collect();
    Ok(Some(LookupAnswer { columns, rows, at, applied, watermark, versions }))
}

fn row_count(entities: &BTreeMap<String, ArrayRef>, limit: usize) -> Result<usize, Error> {
    let mut lengths = entities.iter().map(|(name, values)| (values.len(), name));
    let Some((rows, first)) = lengths.next() else {
        return Err(Error::invalid("field `entities` is empty: a lookup needs a column for each join key"));
    };
    if let Some((other, name)) = lengths.find(|(length, _)| *length != rows) {
        return Err(Error::invalid(format!(
            "field `entities`: column `{first}` has {rows} rows and column `{name}` has {other}; they must be equal"
        )));
    }
    if rows > limit {
        return Err(Error::new(
            Kind::ResourceExhausted,
            format!(
                "the lookup asks for {rows} entities; the limit `limits.lookup_rows` is {limit}. Split it, or raise the limit"
            ),
        ));
    }
    Ok(rows)
}

fn keys_of(fold: &Fold<'_>, entities: &BTreeMap<String, ArrayRef>) -> Result<BinaryArray, Error> {
    let part = |(name, field_type): &(String, thalweg_core::FieldType)| {
        let given = entities.get(name).ok_or_else(|| {
            Error::invalid(format!(
                "field `entities` lacks join key `{name}` ({field_type}), which view `{}` needs; given: {}",
                fold.view.name,
                entities.keys().cloned().collect::<Vec<_>>().join(", ")
            ))
        })?;
        if let Some(row) = (0..given.len()).find(|&row| given.is_null(row)) {
            return Err(Error::invalid(format!("field `entities`: join key `{name}` is null in row {row}")));
        }
        key_column(given, *field_type).map_err(|cause| {
            Error::invalid(format!("field `entities`: column `{name}` cannot be the join key: {cause}"))
        })
    };
    let parts = fold.key_columns.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    encode_keys(&parts).map_err(|cause| Error::invalid(format!("field `entities`: {cause}")))
}

/// A column nobody reads is a mistake: most often a misspelt join key of a view taken under another name.
fn refuse_unused(layout: &Layout<'_>, entities: &BTreeMap<String, ArrayRef>) -> Result<(), Error> {
    let used =
        |name: &String| layout.folds.iter().any(|fold| fold.key_columns.iter().any(|(key, _)| key == name));
    match entities.keys().find(|name| !used(name)) {
        None => Ok(()),
        Some(name) => {
            let keys: std::collections::BTreeSet<_> = layout
                .folds
                .iter()
                .flat_map(|fold| fold.key_columns.iter().map(|(key, _)| key.as_str()))
                .collect();
            Err(Error::invalid(format!(
                "field `entities`: `{name}` is no join key of these features; they take: {}",
                keys.into_iter().collect::<Vec<_>>().join(", ")
            )))
        }
    }
}

fn not_kept(fold: &Fold<'_>) -> Error {
    Error::internal(format!(
        "view `{}` is defined and has no state: a mistake of the program",
        fold.view.name
    ))
}

fn to_column(name: &str, data_type: &DataType, feature: usize, found: &Found) -> LookupColumn {
    let values: Vec<Value> = found.rows.iter().map(|row| row[feature].0.clone()).collect();
    LookupColumn {
        name: name.to_owned(),
        values: column_of(data_type, values),
        statuses: found.rows.iter().map(|row| row[feature].1).collect(),
        event_times: found.last_event_times.clone(),
    }
}
