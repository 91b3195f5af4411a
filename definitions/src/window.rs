//! Windows as definitions write them.

use std::fmt::Display;
use std::str::FromStr;

use thalweg_core::{TimeDelta, Window};

use crate::mistakes::Mistakes;
use crate::yaml::{Content, Keys, Map, Node};

const KEYS: Keys = Keys { known: &["window", "offset"], later: &["resolution", "tumbling", "session"] };

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
            let (width, suffix) = read_width(node, EXPECTED, mistakes)?;
            Some(NamedWindow { window: Window::Sliding { width, offset: TimeDelta::ZERO }, suffix })
        }
        Content::Map(_) => read_map(node, mistakes),
        Content::Null | Content::List(_) => node.unexpected(EXPECTED, mistakes),
    }
}

fn read_map(node: &Node, mistakes: &mut Mistakes) -> Option<NamedWindow> {
    let known_so_far = mistakes.len();
    let map = Map::read(node, "a window", &KEYS, mistakes)?;
    // A tumbling or session window has its mistake already; what is in it cannot be judged.
    if KEYS.later.iter().any(|later| map.get(later).is_some()) {
        return None;
    }
    let width = map
        .require("window", mistakes)
        .and_then(|width| read_width(width, "the length of the window, such as 7d", mistakes));
    let offset = map.get("offset").map(|offset| {
        let span = read_duration(offset, "how far back the window ends, such as 7d", mistakes)?;
        Some((span, offset.text("", mistakes)?.to_owned()))
    });
    let (width, suffix) = width?;
    let window = match offset {
        None => NamedWindow { window: Window::Sliding { width, offset: TimeDelta::ZERO }, suffix },
        Some(offset) => {
            let (offset, written) = offset?;
            NamedWindow {
                window: Window::Sliding { width, offset },
                suffix: format!("{suffix}_offset_{written}"),
            }
        }
    };
    (mistakes.len() == known_so_far).then_some(window)
}

/// A duration longer than none, and how it was written.
fn read_width(node: &Node, expected: &str, mistakes: &mut Mistakes) -> Option<(TimeDelta, String)> {
    let written = node.text(expected, mistakes)?;
    let width = parse(node, written, mistakes)?;
    if width == TimeDelta::ZERO {
        mistakes
            .add(&node.place, format!("a window of `{written}` holds nothing: it must be longer than zero"));
        return None;
    }
    Some((width, written.to_owned()))
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
