//! Which events a view has, which of them it sees at an instant, and what comes of it.

use thalweg_core::{Instant, Status, TimeDelta, Value, Window};

use super::expression::{evaluate, is_true};
use super::fold::fold;
use crate::definition::{Column, Definitions, Event, Row, Source, Time, View};

/// An event of a view: where it stands in the order, whom it is about, what it says.
#[derive(Clone, Debug)]
pub struct Placed<'a> {
    /// When it happened, microseconds.
    pub time: i64,
    /// When the log learned of it, if anybody says.
    pub appended: Option<i64>,
    /// The value of the source's `order_by` field.
    pub order_by: Option<i64>,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// The parts of its key.
    pub key: Vec<Value>,
    /// Over a table, whether it is shown while it is the newest of its key: it does not delete, and nothing hides it.
    pub is_shown: Option<bool>,
    /// Its fields.
    pub row: &'a Row,
}

/// A record that is no event: of its source, or of one view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadEvent {
    /// The view that cannot have it; all of them, if none.
    pub view: Option<String>,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
}

/// The events of `view` among those of its source, in their total order.
pub fn placed_events<'a>(definitions: &Definitions, view: &View, events: &[Event<'a>]) -> Vec<Placed<'a>> {
    let mut placed = passing(definitions, view, events);
    placed.retain(|event| !lacks_key(event));
    placed.sort_by_key(|event| (event.time, event.order_by, event.partition, event.offset));
    placed
}

/// Of `events` those that the log had at `at`.
pub fn known<'a>(events: &[Placed<'a>], at: Instant) -> Vec<Placed<'a>> {
    let at = at.as_micros();
    events.iter().filter(|event| event.appended.is_some_and(|appended| appended <= at)).cloned().collect()
}

/// The records among those of the source at position `source` that go to its dead letters, sorted.
pub fn dead_events(definitions: &Definitions, source: usize, events: &[Event]) -> Vec<DeadEvent> {
    let dead = |view: Option<&View>, partition, offset| DeadEvent {
        view: view.map(|view| view.name.clone()),
        partition,
        offset,
    };
    let untimed = events.iter().filter(|event| time_of(&definitions.sources[source], event).is_none());
    let mut all: Vec<_> = untimed.map(|event| dead(None, event.partition, event.offset)).collect();
    for view in definitions.views.iter().filter(|view| view.source == source) {
        let keyless = passing(definitions, view, events).into_iter().filter(lacks_key);
        all.extend(keyless.map(|event| dead(Some(view), event.partition, event.offset)));
    }
    all.sort();
    all
}

/// The watermark when of each partition the records before `applied` are applied: the least of the newest event
/// times of the partitions of which there are more, or of all partitions the newest if there are no more.
pub fn watermark(source: &Source, events: &[Event], applied: &[i64]) -> Option<i64> {
    let of = |partition: usize| events.iter().filter(move |e| usize::try_from(e.partition) == Ok(partition));
    let newest = |partition: usize| {
        let seen = of(partition).filter(|event| event.offset < applied[partition]);
        seen.filter_map(|event| Some(time_of(source, event)?.0)).max()
    };
    let behind = |partition: &usize| of(*partition).any(|event| event.offset >= applied[*partition]);
    let partitions = 0..applied.len();
    match partitions.clone().filter(behind).map(newest).min() {
        Some(least) => least,
        None => partitions.filter_map(newest).max(),
    }
}

/// The value of `column` of `view` for `key` at `at`, and its status, over the view's events in order.
pub fn value(view: &View, column: &Column, events: &[Placed], key: &[Value], at: Instant) -> (Value, Status) {
    let at = i128::from(at.as_micros());
    let visible = events.iter().filter(|event| event.key == key && i128::from(event.time) <= at);
    let within =
        |age: Option<TimeDelta>, event: &Placed| age.is_none_or(|age| i128::from(event.time) > back(at, age));
    let visible = visible.filter(|event| within(view.forget, event));
    let young = |event: &Placed| within(view.ttl, event);
    let inside = |event: &Placed| match (column.window, i128::from(event.time)) {
        (Window::Lifetime | Window::Session { .. }, _) => true,
        (Window::Sliding { width, offset }, time) => {
            back(back(at, offset), width) < time && time <= back(at, offset)
        }
        (Window::Coarse { width, offset, resolution }, time) => {
            let start = back(back(at, offset), width);
            number(start, resolution) * length(resolution) < time && time <= back(at, offset)
        }
        (Window::Tumbling { width, offset }, time) => {
            number(time, width) + i128::from(offset) == number(at, width)
        }
    };
    let mut visible: Vec<_> = visible.collect();
    if let Some(newest) = visible.pop() {
        match newest.is_shown {
            None => visible.push(newest),
            Some(shown) => visible = if shown { vec![newest] } else { vec![] },
        }
    }
    let mut folded: Vec<&Placed> =
        visible.iter().copied().filter(|event| young(event) && inside(event)).collect();
    if let Window::Session { gap } = column.window {
        let times: Vec<_> = folded.iter().map(|event| i128::from(event.time)).chain([at]).collect();
        let joined = |n: usize| times[n..].windows(2).all(|pair| pair[1] - pair[0] <= length(gap));
        folded = (0..folded.len()).filter(|n| joined(*n)).map(|n| folded[n]).collect();
    }
    let value = fold(column, &folded, at);
    let status = if visible.is_empty() {
        Status::NotFound
    } else if !visible.iter().any(|event| young(event)) {
        Status::OutsideMaxAge
    } else if value.is_null() {
        Status::NullValue
    } else {
        Status::Present
    };
    (value, status)
}

/// An instant moved earlier, or the first one there is.
fn back(instant: i128, by: TimeDelta) -> i128 {
    (instant - length(by)).max(i128::from(i64::MIN))
}

/// Which one, counted from the epoch, of stretches of one length an instant lies in.
fn number(instant: i128, of: TimeDelta) -> i128 {
    instant.div_euclid(length(of))
}

fn length(of: TimeDelta) -> i128 {
    i128::from(of.as_micros())
}

/// The events that the view's `where` lets through (of a table all), those that lack a part of its key among them.
fn passing<'a>(definitions: &Definitions, view: &View, events: &[Event<'a>]) -> Vec<Placed<'a>> {
    let (source, entity) = (&definitions.sources[view.source], &definitions.entities[view.entity]);
    let keys = entity.join_keys.iter().zip(&view.join_keys);
    let place = |event: &Event<'a>| {
        let (time, row) = time_of(source, event)?;
        let order_by = source.order_by.as_ref().and_then(|name| match row.get(name)? {
            Value::Int32(n) => Some(i64::from(*n)),
            Value::Int64(n) | Value::Timestamp(n) => Some(*n),
            _ => None,
        });
        let part = |((name, _), given): (&(String, _), &Option<_>)| match given {
            Some(expression) => evaluate(expression, row),
            None => row.get(name).cloned().unwrap_or(Value::Null),
        };
        let key = match event.is_tombstone {
            true => event.key.map_or(vec![Value::Null], |key| entity.parts_in(key)),
            false => keys.clone().map(part).collect(),
        };
        let passes = view.filter.as_ref().is_none_or(|filter| is_true(filter, row));
        (passes || source.is_table).then_some(Placed {
            time,
            appended: source.append_time.as_ref().and_then(|append_time| instant(append_time, event, row)),
            order_by,
            partition: event.partition,
            offset: event.offset,
            key,
            is_shown: source.is_table.then_some(passes && !event.is_tombstone && !event.is_delete),
            row,
        })
    };
    events.iter().filter_map(place).collect()
}

fn lacks_key(event: &Placed) -> bool {
    event.key.iter().any(Value::is_null)
}

/// When an event happened and what it says; none if it cannot be decoded, has no event time, or lies too far
/// ahead of its append time.
pub fn time_of<'a>(source: &Source, event: &Event<'a>) -> Option<(i64, &'a Row)> {
    static NOTHING: Row = Row::new();
    let row = if event.is_tombstone && source.is_table { event.row.unwrap_or(&NOTHING) } else { event.row? };
    let time = instant(&source.event_time, event, row)?;
    let max_ahead = source.max_ahead.map_or(86_400_000_000, TimeDelta::as_micros);
    if let Some(append_time) = &source.append_time
        && let Some(appended) = instant(append_time, event, row)
        && i128::from(time) > i128::from(appended) + i128::from(max_ahead)
    {
        return None;
    }
    Some((time, row))
}

/// The instant that stands in an event at `time`, microseconds.
fn instant(time: &Time, event: &Event, row: &Row) -> Option<i64> {
    match time {
        _ if event.is_tombstone => Some(event.timestamp_ms * 1_000),
        Time::Record => Some(event.timestamp_ms * 1_000),
        Time::Field(name) => match row.get(name)? {
            Value::Timestamp(micros) => Some(*micros),
            Value::Date(days) => Some(i64::from(*days) * 86_400_000_000),
            _ => None,
        },
    }
}
