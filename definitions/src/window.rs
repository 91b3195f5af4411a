//! Windows as definitions write them.

use std::fmt::Display;
use std::str::FromStr;

use thalweg_core::{TimeDelta, Window};

use crate::mistakes::Mistakes;
use crate::yaml::{Content, Keys, Map, Node};

const KEYS: Keys = Keys { known: &["window", "offset", "resolution", "tumbling", "session"], later: &[] };

/// The keys that say what kind of window it is, and what else each kind takes.
const KINDS: [(&str, &[&str]); 3] =
    [("window", &["offset", "resolution"]), ("tumbling", &["offset"]), ("session", &[])];

/// A window, and the suffix that tells its columns from those of other windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedWindow {
    /// Which events take part.
    pub window: Window,
    /// The window as it was written, such as `1h_offset_2h`: `60m` and `1h` are one window of two names.
    pub suffix: String,
}

/// Reads one item of `windows`.
pub(crate) fn read(node: &Node, mistakes: &mut Mistakes) -> Option<NamedWindow> {
    const EXPECTED: &str = "a window: a duration such as 1h, lifetime, or {window: 7d, offset: 7d}";
    match &node.content {
        Content::Scalar(scalar) if scalar.text == "lifetime" => {
            Some(NamedWindow { window: Window::Lifetime, suffix: "lifetime".to_owned() })
        }
        Content::Scalar(_) => {
            let (width, suffix) = read_length(node, EXPECTED, "a window", mistakes)?;
            Some(NamedWindow { window: Window::Sliding { width, offset: TimeDelta::ZERO }, suffix })
        }
        Content::Map(_) => read_map(node, mistakes),
        Content::Null | Content::List(_) => node.unexpected(EXPECTED, mistakes),
    }
}

fn read_map(node: &Node, mistakes: &mut Mistakes) -> Option<NamedWindow> {
    let known_so_far = mistakes.len();
    let map = Map::read(node, "a window", &KEYS, mistakes)?;
    let mut kinds = KINDS.iter().filter(|(kind, _)| map.get(kind).is_some());
    let Some((kind, options)) = kinds.next() else {
        return map.require("window", mistakes).and(None);
    };
    if let Some(entry) = kinds.next().and_then(|(other, _)| map.entry(other)) {
        mistakes.add(&entry.place, format!("a window is of one kind: `{kind}` or `{}`, not both", entry.key));
        return None;
    }
    for option in ["offset", "resolution"].iter().filter(|option| !options.contains(option)) {
        if let Some(entry) = map.entry(option) {
            mistakes.add(&entry.place, format!("`{option}` means nothing to a `{kind}` window"));
        }
    }
    let window = match *kind {
        "tumbling" => read_tumbling(map, mistakes),
        "session" => read_session(map, mistakes),
        _ => read_sliding(map, mistakes),
    };
    window.filter(|_| mistakes.len() == known_so_far)
}

/// `{window: 7d}`, with `offset` and `resolution`. A resolution is not in the name.
fn read_sliding(map: Map<'_>, mistakes: &mut Mistakes) -> Option<NamedWindow> {
    let width = read_length(map.get("window")?, "the length of the window, such as 7d", "a window", mistakes);
    let offset = map.get("offset").map(|offset| {
        let span = read_duration(offset, "how far back the window ends, such as 7d", mistakes)?;
        Some((span, format!("_offset_{}", offset.text("", mistakes)?)))
    });
    let resolution = map.get("resolution").map(|node| {
        read_length(node, "how far apart the window may begin, such as 1h", "a resolution", mistakes)
    });
    let (width, suffix) = width?;
    let (offset, ago) = offset.unwrap_or(Some((TimeDelta::ZERO, String::new())))?;
    let window = match resolution {
        None => Window::Sliding { width, offset },
        Some(resolution) => Window::Coarse { width, offset, resolution: resolution?.0 },
    };
    Some(NamedWindow { window, suffix: suffix + &ago })
}

/// `{tumbling: 1d}`, with an `offset` of whole buckets.
fn read_tumbling(map: Map<'_>, mistakes: &mut Mistakes) -> Option<NamedWindow> {
    let width = read_length(map.get("tumbling")?, "the length of a bucket, such as 1d", "a bucket", mistakes);
    let offset = map.get("offset").map(|node| {
        let written = node.text("how many buckets back, such as 1", mistakes)?;
        let offset = written.parse::<u32>().ok();
        if offset.is_none() {
            mistakes.add(
                &node.place,
                format!("`offset` of a tumbling window is a whole number of buckets; found `{written}`"),
            );
        }
        let offset = offset?;
        Some((offset, format!("_offset_{offset}")))
    });
    let (width, suffix) = width?;
    let (offset, ago) = offset.unwrap_or(Some((0, String::new())))?;
    Some(NamedWindow {
        window: Window::Tumbling { width, offset },
        suffix: format!("tumbling_{suffix}{ago}"),
    })
}

/// `{session: 30m}`.
fn read_session(map: Map<'_>, mistakes: &mut Mistakes) -> Option<NamedWindow> {
    let expected = "how far apart the events of a session may be, such as 30m";
    let (gap, suffix) = read_length(map.get("session")?, expected, "a session", mistakes)?;
    Some(NamedWindow { window: Window::Session { gap }, suffix: format!("session_{suffix}") })
}

/// A duration longer than none, the length of `what`, and how it was written.
fn read_length(
    node: &Node,
    expected: &str,
    what: &str,
    mistakes: &mut Mistakes,
) -> Option<(TimeDelta, String)> {
    let written = node.text(expected, mistakes)?;
    let length = parse(node, written, mistakes)?;
    if length == TimeDelta::ZERO {
        mistakes
            .add(&node.place, format!("{what} of `{written}` holds nothing: it must be longer than zero"));
        return None;
    }
    Some((length, written.to_owned()))
}

/// Reads a duration.
pub(crate) fn read_duration(node: &Node, expected: &str, mistakes: &mut Mistakes) -> Option<TimeDelta> {
    let written = node.text(expected, mistakes)?;
    parse(node, written, mistakes)
}

fn parse<T>(node: &Node, written: &str, mistakes: &mut Mistakes) -> Option<T>
where
    T: FromStr,
    T::Err: Display,
{
    written.parse().map_err(|error: T::Err| mistakes.add(&node.place, error.to_string())).ok()
}
