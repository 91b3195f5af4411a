//! Definitions in files and folders.

use std::fs;
use std::path::{Path, PathBuf};

use thalweg_log::{RegisteredSchema, Registry, RegistryError, SchemaKind, Schemas};

use super::BASE;
use crate::{load, load_text};

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folders can be made");
    fs::write(path, text).expect("files can be written");
}

/// What is said of `paths` below `folder`, with the folder's own name taken out.
fn mistakes(folder: &Path, paths: &[&str]) -> String {
    let paths: Vec<PathBuf> = paths.iter().map(|path| folder.join(path)).collect();
    let shown = load(&paths).expect_err("there are mistakes").to_string();
    shown.replace(&format!("{}/", folder.display()), "")
}

#[test]
fn all_files_below_a_folder_are_one_repository() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "features/base.yaml", BASE);
    write(folder.path(), "features/.hidden.yaml", "not: definitions");
    write(folder.path(), "features/notes.txt", "not definitions");
    let source = "sources: [{name: s, topic: t, format: avro, schema: {file: ../../schemas/s.avsc}, \
                  event_time: \"@timestamp\"}]";
    write(folder.path(), "features/more/source.yml", source);
    let schema = r#"{"type": "record", "name": "r", "fields": [{"name": "k", "type": "string"}]}"#;
    write(folder.path(), "schemas/s.avsc", schema);
    let repository = load(&[folder.path().join("features"), folder.path().join("features/base.yaml")])
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let sources: Vec<_> = repository.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(sources, ["flights", "s"]);
    let names: Vec<_> = repository.files().iter().map(|file| Path::new(&file.name).file_name()).collect();
    assert_eq!(names, ["base.yaml", "source.yml", "s.avsc"].map(|name| Some(name.as_ref())));
    assert!(load_text(repository.files()).is_ok());
}

#[test]
fn what_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "empty/notes.txt", "");
    write(folder.path(), "bytes.yaml", b"a: \xff");
    write(folder.path(), "large.yaml", vec![b' '; (4 << 20) + 1]);
    let source =
        "sources: [{name: s, topic: t, format: avro, schema: {file: s.avsc}, event_time: \"@timestamp\"}]";
    write(folder.path(), "source.yaml", source);
    for (paths, expected) in [
        (&["empty"][..], "empty: this holds no definitions: no file below it is called *.yaml or *.yml"),
        (&["nowhere"], "nowhere: this cannot be read: No such file or directory (os error 2)"),
        (
            &["empty/notes.txt"],
            "empty/notes.txt: this is not called *.yaml or *.yml, as files of definitions are",
        ),
        (&["bytes.yaml"], "bytes.yaml: this is not text in UTF-8: byte 4 is wrong"),
        (
            &["large.yaml"],
            "large.yaml: this has 4194305 bytes; the limit is 4194304: limits.definitions.file_bytes in the \
             configuration",
        ),
        (
            &["source.yaml"],
            "source.yaml:1:60: the schema file `s.avsc` cannot be read: No such file or directory (os error 2)",
        ),
    ] {
        assert_eq!(mistakes(folder.path(), paths), expected);
    }
}

#[test]
fn the_definitions_of_the_example_are_good() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/nyc13/features");
    let repository = load(&[folder]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let service = repository.service("delay_model").expect("the example has this service");
    assert!(!service.features.is_empty());
    assert!(load_text(repository.files()).is_ok(), "its schema files are among its files");
}

/// A registry of one schema, which is asked when it is told to be there.
#[derive(Debug)]
struct One(&'static str);

impl Registry for One {
    fn schema(&self, id: u32) -> Result<RegisteredSchema, RegistryError> {
        Err(RegistryError::UnknownId { url: "memory".to_owned(), id })
    }

    fn latest(&self, subject: &str, version: Option<u32>) -> Result<(u32, RegisteredSchema), RegistryError> {
        let url = "memory".to_owned();
        if (subject, version) != ("flights-value", None) {
            return Err(RegistryError::UnknownSubject { url, what: format!("subject `{subject}`") });
        }
        Ok((7, RegisteredSchema { kind: SchemaKind::Avro, text: self.0.to_owned(), references: Vec::new() }))
    }

    fn register(&self, _: &str, _: &RegisteredSchema) -> Result<u32, RegistryError> {
        Err(RegistryError::None)
    }
}

#[test]
fn what_is_registered_for_a_subject_is_taken_once_and_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let view = "feature_views:\n  - {name: v, entity: k, source: s, features: {n: {aggregate: count}}}\n";
    let source = |subject: &str| {
        format!(
            "sources: [{{name: s, topic: t, format: avro, schema: {{{subject}}}, event_time: \"@timestamp\"}}]\n\
             entities: [{{name: k, join_keys: {{k: string}}}}]\n{view}"
        )
    };
    write(folder.path(), "s.yaml", source("subject: flights-value"));
    let paths = [folder.path().to_owned()];
    let limits = crate::Limits::default();
    let one = |text| Schemas::of(std::sync::Arc::new(One(text)));
    let first = one(r#"{"type": "record", "name": "r", "fields": [{"name": "k", "type": "string"}]}"#);
    let repository =
        crate::load_with(&paths, &limits, &first).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(repository.needs_registry().is_some_and(|source| source.name == "s"));

    // It is a file of the repository now: whoever has the files needs no registry.
    let kept = load_text(repository.files()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let version = |repository: &crate::Repository| repository.view("v").expect("a view").version;
    assert_eq!(version(&kept), version(&repository));
    let second = one(
        r#"{"type": "record", "name": "r", "fields": [{"name": "k", "type": "string"}, {"name": "x", "type": "int", "default": 1}]}"#,
    );
    let again = crate::load_with(&paths, &limits, &second).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_ne!(version(&again), version(&repository));

    let refusal = |schemas: &Schemas| {
        let mistakes = crate::load_with(&paths, &limits, schemas).expect_err("nobody gives the schema");
        mistakes.to_string()
    };
    assert!(
        refusal(&Schemas::default()).contains("s.yaml:1:63: no schema registry is configured"),
        "{}",
        refusal(&Schemas::default())
    );
    write(folder.path(), "s.yaml", source("subject: flights-value, version: 3"));
    assert!(refusal(&first).contains("has no subject `flights-value`"), "{}", refusal(&first));
    write(folder.path(), "s.yaml", source("subject: flights-value, version: 0"));
    assert!(refusal(&first).contains("expected the number of a version, from 1 on"), "{}", refusal(&first));
    write(folder.path(), "s.yaml", source("subject: flights-value, file: s.avsc"));
    assert!(refusal(&first).contains("not both"), "{}", refusal(&first));
}
