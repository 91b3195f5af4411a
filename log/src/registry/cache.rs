//! Schemas on disk by their numbers, which stand for the same schemas forever.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::RegisteredSchema;

/// A folder of the schemas of one registry.
#[derive(Debug)]
pub(super) struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// The cache below `dir` for the registry at `url`: numbers of another registry mean other schemas.
    pub(super) fn new(dir: &Path, url: &str) -> Self {
        let spelt: String =
            url.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(80).collect();
        Self { dir: dir.join(format!("{spelt}-{:08x}", crc32c::crc32c(url.as_bytes()))) }
    }

    /// The schema with the number `id`, if it is here. What cannot be read is as if it were not.
    pub(super) fn get(&self, id: u32) -> Option<RegisteredSchema> {
        let bytes = fs::read(self.file(id)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps the schema with the number `id`, all of it or nothing.
    pub(super) fn put(&self, id: u32, schema: &RegisteredSchema) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let file = self.file(id);
        let temporary = file.with_extension(format!("{:?}.new", std::thread::current().id()));
        fs::write(&temporary, serde_json::to_vec(schema)?)?;
        fs::rename(&temporary, &file)
    }

    fn file(&self, id: u32) -> PathBuf {
        self.dir.join(format!("{id}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::SchemaKind;

    #[test]
    fn what_was_put_is_there_for_its_registry_alone() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let schema =
            RegisteredSchema { kind: SchemaKind::Avro, text: "\"int\"".to_owned(), references: Vec::new() };
        let cache = Cache::new(dir.path(), "http://a/x");
        assert_eq!(cache.get(7), None);
        cache.put(7, &schema).expect("a writable folder");
        assert_eq!(Cache::new(dir.path(), "http://a/x").get(7).as_ref(), Some(&schema));
        assert_eq!(cache.get(8), None);
        assert_eq!(Cache::new(dir.path(), "http://a-x").get(7), None);
        fs::write(cache.file(7), "{").expect("a writable folder");
        assert_eq!(cache.get(7), None, "half a file is none");
    }
}
