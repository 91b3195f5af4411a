//! The files a repository is made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thalweg_log::{RegisteredSchema, Schemas};

/// One file of a feature repository, definitions or a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionFile {
    /// Its path as it was given or found, with `/` between folders. It is a name in messages and references
    /// between files, nothing more: nobody opens it again.
    pub name: String,
    /// What it says.
    pub text: String,
}

impl DefinitionFile {
    /// A file of this name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Whether the file holds definitions, by its name; the others are schemas.
    pub fn is_definitions(&self) -> bool {
        is_definitions(&self.name)
    }
}

/// Whether a file of this name holds definitions: `*.yaml` or `*.yml`.
pub(crate) fn is_definitions(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

/// What the names begin with of files that hold what a registry had.
const REGISTERED: &str = "registry:";

/// The name of the file that holds the schema registered for `subject`.
fn registered_name(subject: &str, version: Option<u32>) -> String {
    let version = version.map_or_else(|| "latest".to_owned(), |version| version.to_string());
    format!("{REGISTERED}{subject}:{version}.json")
}

/// Subject and version in the name of a file that holds a registered schema, if it is such a one.
pub(crate) fn registered_in(name: &str) -> Option<(&str, Option<u32>)> {
    let (subject, version) = name.strip_prefix(REGISTERED)?.strip_suffix(".json")?.rsplit_once(':')?;
    Some((subject, version.parse().ok()))
}

/// What is registered for a subject, as the text of a file.
pub(crate) fn ask(schemas: &Schemas, subject: &str, version: Option<u32>) -> Result<String, String> {
    let schema = schemas.registry().and_then(|registry| registry.latest(subject, version));
    let (_, schema) = schema.map_err(|error| error.to_string())?;
    serde_json::to_string(&schema).map_err(|error| error.to_string())
}

/// Where schema files come from, and which of them were used.
pub(crate) struct SchemaFiles<'a> {
    read: &'a dyn Fn(&str) -> Result<String, String>,
    used: BTreeMap<String, String>,
}

impl<'a> SchemaFiles<'a> {
    /// Files that `read` gives by name, or says why it cannot.
    pub fn new(read: &'a dyn Fn(&str) -> Result<String, String>) -> Self {
        Self { read, used: BTreeMap::new() }
    }

    /// The schema that is registered for `subject` as this version, or last. What is found becomes a file of the
    /// repository, so that it stays what it is until definitions are applied again.
    pub fn registered(&mut self, subject: &str, version: Option<u32>) -> Result<RegisteredSchema, String> {
        let name = registered_name(subject, version);
        let text = match self.used.get(&name) {
            Some(text) => text.clone(),
            None => {
                let text = (self.read)(&name)?;
                self.used.insert(name.clone(), text.clone());
                text
            }
        };
        serde_json::from_str(&text).map_err(|error| format!("`{name}` holds no registered schema: {error}"))
    }

    /// The text of the file that the definition file `from` calls `path`: a path relative to its folder.
    pub fn get(&mut self, from: &str, path: &str) -> Result<String, String> {
        let name = beside(from, path);
        if is_definitions(&name) {
            return Err(format!(
                "the schema file `{name}` is named like a file of definitions: call it .avsc"
            ));
        }
        if let Some(text) = self.used.get(&name) {
            return Ok(text.clone());
        }
        let text = (self.read)(&name)?;
        self.used.insert(name, text.clone());
        Ok(text)
    }

    /// The files that were used.
    pub fn into_files(self) -> impl Iterator<Item = DefinitionFile> {
        self.used.into_iter().map(|(name, text)| DefinitionFile { name, text })
    }
}

/// `path` as seen from the folder of the file `from`, without `.` and, where it can be, without `..`.
fn beside(from: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => {
                parts.pop();
            }
            // An empty first part is the root of an absolute path.
            "" if !(parts.is_empty() && from.starts_with('/')) => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_files_are_found_beside_the_file_that_names_them() {
        for (from, path, expected) in [
            ("f.yaml", "a.avsc", "a.avsc"),
            ("features/f.yaml", "a.avsc", "features/a.avsc"),
            ("features/f.yaml", "./schemas/a.avsc", "features/schemas/a.avsc"),
            ("features/f.yaml", "../a.avsc", "a.avsc"),
            ("features/f.yaml", "../../a.avsc", "../a.avsc"),
            ("../x/f.yaml", "../../a.avsc", "../../a.avsc"),
            ("/etc/f.yaml", "a.avsc", "/etc/a.avsc"),
            ("/etc/f.yaml", "../../a.avsc", "/../a.avsc"),
            ("features/f.yaml", "/a.avsc", "/a.avsc"),
        ] {
            assert_eq!(beside(from, path), expected, "{path} from {from}");
        }
    }

    #[test]
    fn registered_schemas_are_files_by_subject_and_version() {
        for (subject, version) in [("a-value", None), ("x:y/z", Some(3))] {
            assert_eq!(registered_in(&registered_name(subject, version)), Some((subject, version)));
        }
        assert_eq!(registered_in("a.avsc"), None);
        let read = |name: &str| match registered_in(name) {
            Some((subject, _)) => Ok(format!("{{\"kind\": \"AVRO\", \"text\": \"{subject}\"}}")),
            None => Ok("{".to_owned()),
        };
        let mut files = SchemaFiles::new(&read);
        assert_eq!(files.registered("a", None).map(|schema| schema.text), Ok("a".to_owned()));
        assert_eq!(files.into_files().map(|file| file.name).collect::<Vec<_>>(), ["registry:a:latest.json"]);
    }

    #[test]
    fn files_that_were_used_are_kept_once() {
        let read = |name: &str| Ok(format!("text of {name}"));
        let mut files = SchemaFiles::new(&read);
        for from in ["x/a.yaml", "x/b.yaml"] {
            assert_eq!(files.get(from, "s.avsc"), Ok("text of x/s.avsc".to_owned()));
        }
        assert!(files.get("x/a.yaml", "other.yml").is_err());
        let used: Vec<_> = files.into_files().collect();
        assert_eq!(used, [DefinitionFile::new("x/s.avsc", "text of x/s.avsc")]);
    }
}
