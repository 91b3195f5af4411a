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
        load(&changed(&specification.defined, change), &specification.schemas)
    };
    load(&another_ttl)
        .or_else(|_| load(&one_more))
        .map_err(|mistakes| format!("the changed definitions are refused: {mistakes}"))
}

/// The entries of a mapping.
type Entries = Vec<(String, Node)>;

fn scalar(text: &str) -> Node {
    Node { line: 0, content: Content::Scalar(text.to_owned(), true) }
}

/// The definition file in which every view is changed.
fn changed(definitions: &Node, change: &dyn Fn(&mut Entries)) -> String {
    let mut definitions = definitions.clone();
    if let Content::Map(sections) = &mut definitions.content {
        let views =
            sections.iter_mut().find(|(key, _)| key == "feature_views").map(|(_, views)| &mut views.content);
        if let Some(Content::List(views)) = views {
            for view in views {
                if let Content::Map(view) = &mut view.content {
                    change(view);
                }
            }
        }
    }
    definitions.to_string()
}
