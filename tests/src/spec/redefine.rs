//! Other definitions over the same sources and entities.

use std::sync::Arc;

use thalweg_definitions::Repository;

use super::file::Specification;
use super::subject::load;
use super::yaml::{Content, Node};
use crate::harness::Outcome;

/// The file's definitions with one more feature in every view, and another ttl where that can be.
///
/// # Errors
/// If neither can be.
pub fn redefined(specification: &Specification) -> Outcome<Arc<Repository>> {
    let one_more = |view: &mut Entries| {
        let features =
            view.iter_mut().find(|(key, _)| key == "features").map(|(_, features)| &mut features.content);
        if let Some(Content::Map(features)) = features {
            let count = Content::Map(vec![("aggregate".to_owned(), scalar("count"))]);
            features.push(("redefinition".to_owned(), Node { line: 0, content: count }));
        }
    };
    let another_ttl = |view: &mut Entries| {
        view.retain(|(key, _)| key != "ttl");
        view.push(("ttl".to_owned(), scalar("1us")));
        one_more(view);
    };
    let load = |change: &dyn Fn(&mut Entries)| {
        load(&changed(&specification.defined, "feature_views", change), &specification.schemas)
    };
    load(&another_ttl)
        .or_else(|_| load(&one_more))
        .map_err(|mistakes| format!("the changed definitions are refused: {mistakes}"))
}

/// The file's definitions in which every source says when the log learned of its events: at the record's
/// timestamp where the file says nothing, and then none lies too far ahead.
///
/// # Errors
/// If they are refused.
pub fn telling(specification: &Specification) -> Outcome<Arc<Repository>> {
    let tell = |source: &mut Entries| {
        if !source.iter().any(|(key, _)| key == "append_time") {
            source.retain(|(key, _)| key != "max_ahead");
            source.push(("append_time".to_owned(), quoted("@timestamp")));
            source.push(("max_ahead".to_owned(), scalar(LONGEST)));
        }
    };
    load(&changed(&specification.defined, "sources", &tell), &specification.schemas)
        .map_err(|mistakes| format!("the changed definitions are refused: {mistakes}"))
}

/// The longest stretch of time there is.
const LONGEST: &str = "9223372036854775807us";

/// The entries of a mapping.
type Entries = Vec<(String, Node)>;

fn scalar(text: &str) -> Node {
    Node { line: 0, content: Content::Scalar(text.to_owned(), true) }
}

fn quoted(text: &str) -> Node {
    Node { line: 0, content: Content::Scalar(text.to_owned(), false) }
}

/// The definition file in which everything in `section` is changed.
fn changed(definitions: &Node, section: &str, change: &dyn Fn(&mut Entries)) -> String {
    let mut definitions = definitions.clone();
    if let Content::Map(sections) = &mut definitions.content {
        let items = sections.iter_mut().find(|(key, _)| key == section).map(|(_, items)| &mut items.content);
        if let Some(Content::List(items)) = items {
            for item in items {
                if let Content::Map(item) = &mut item.content {
                    change(item);
                }
            }
        }
    }
    definitions.to_string()
}
