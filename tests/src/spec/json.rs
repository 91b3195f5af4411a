//! Nodes as JSON: plain numbers, booleans and nulls are JSON's, every other scalar is a string.

use super::yaml::{Content, Node, quoted};

/// What a node is to JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Json<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, as it is spelt.
    Number(&'a str),
    /// A string.
    Text(&'a str),
    /// A list.
    List,
    /// An object.
    Map,
}

/// What `node` is to JSON.
pub fn json(node: &Node) -> Json<'_> {
    match &node.content {
        Content::Null => Json::Null,
        Content::List(_) => Json::List,
        Content::Map(_) => Json::Map,
        Content::Scalar(text, false) => Json::Text(text),
        Content::Scalar(text, true) => match text.as_str() {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            text if is_number(text) => Json::Number(text),
            text => Json::Text(text),
        },
    }
}

/// `node` as JSON text, its entries without those whose key begins with `@`.
pub fn to_json(node: &Node) -> String {
    match (&node.content, json(node)) {
        (Content::List(items), _) => {
            format!("[{}]", items.iter().map(to_json).collect::<Vec<_>>().join(","))
        }
        (Content::Map(entries), _) => {
            let members = entries.iter().filter(|(key, _)| !key.starts_with('@'));
            let members = members.map(|(key, value)| format!("{}:{}", quoted(key), to_json(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        (_, Json::Bool(truth)) => truth.to_string(),
        (_, Json::Number(text)) => text.to_owned(),
        (_, Json::Text(text)) => quoted(text),
        (_, Json::Null | Json::List | Json::Map) => "null".to_owned(),
    }
}

/// Whether `text` is spelt as JSON spells numbers.
pub fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let begins = digits.starts_with(|c: char| c.is_ascii_digit());
    begins && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;

    #[test]
    fn numbers_keep_their_spelling_and_texts_are_texts() {
        let text = "{a: 1, b: -0.0, c: 1e400, d: 007, e: \"7\", f: 2013-07-01T10:00:00Z, g: +1, h: .nan, \
                    i: [null, true], \"@key\": k, j: {k: ä}}";
        let node = parse(text, 1).expect("YAML");
        let expected = concat!(
            r#"{"a":1,"b":-0.0,"c":1e400,"d":"007","e":"7","f":"2013-07-01T10:00:00Z","#,
            r#""g":"+1","h":".nan","i":[null,true],"j":{"k":"ä"}}"#
        );
        assert_eq!(to_json(&node), expected);
    }
}
