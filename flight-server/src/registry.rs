//! The definitions a server works by, kept beside its state.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thalweg_definitions::{DefinitionFile, Limits, Repository, load_text_within};

use crate::Error;

/// Format of the file, raised when an old program could not read a new one.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    files: Vec<DefinitionFile>,
}

/// The files that hold definitions: those registered, which were applied last, and those that serve, which
/// answer lookups until what the registered ones need has been built.
#[derive(Clone, Debug)]
pub struct Registry {
    registered: PathBuf,
    serving: PathBuf,
}

impl Registry {
    /// The registry in the state folder `dir`.
    pub fn new(dir: &Path) -> Self {
        Self { registered: dir.join("definitions.json"), serving: dir.join("serving.json") }
    }

    /// What is registered, which keeps to `limits`; nothing, if nothing ever was.
    ///
    /// # Errors
    /// A file that cannot be read, or whose definitions this version of the program refuses.
    pub fn registered(&self, limits: &Limits) -> Result<Repository, Error> {
        match read(&self.registered, limits)? {
            Some(registered) => Ok(registered),
            None => Ok(load_text_within(&[], limits)?),
        }
    }

    /// What serves, which keeps to `limits`, if anything ever did.
    ///
    /// # Errors
    /// A file that cannot be read, or whose definitions this version of the program refuses.
    pub fn serving(&self, limits: &Limits) -> Result<Option<Repository>, Error> {
        read(&self.serving, limits).map_err(|error| {
            let hint = "remove the file to have the registered definitions built in their place";
            Error::new(error.kind, format!("{}; {hint}", error.message))
        })
    }

    /// Registers `repository` in place of what was. Returns once that will survive a crash.
    ///
    /// # Errors
    /// A disk that refuses; then the old definitions stay.
    pub fn register(&self, repository: &Repository) -> Result<(), Error> {
        write(&self.registered, repository)
    }

    /// Notes that `repository` serves in place of what did. Returns once that will survive a crash.
    ///
    /// # Errors
    /// A disk that refuses; then the old definitions stay.
    pub fn serve(&self, repository: &Repository) -> Result<(), Error> {
        write(&self.serving, repository)
    }
}

/// The definitions in `path`, if there is such a file.
fn read(path: &Path, limits: &Limits) -> Result<Option<Repository>, Error> {
    let unreadable = |why: String| {
        Error::internal(format!("the definitions kept in {} cannot be read: {why}", path.display()))
    };
    let bytes = match fs::read(path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|cause| unreadable(cause.to_string()))?,
    };
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|cause| unreadable(cause.to_string()))?;
    if kept.format != FORMAT {
        return Err(unreadable(format!("format {}, this program knows {FORMAT}", kept.format)));
    }
    Ok(Some(load_text_within(&kept.files, limits)?))
}

/// Puts `repository` into `path` in place of what was: all of it, or nothing.
fn write(path: &Path, repository: &Repository) -> Result<(), Error> {
    let kept = Kept { format: FORMAT, files: repository.files().to_vec() };
    let text = serde_json::to_vec_pretty(&kept)
        .map_err(|cause| Error::internal(format!("definitions cannot be written down: {cause}")))?;
    let temporary = path.with_extension("json.new");
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder)
        .and_then(|()| File::create(&temporary))
        .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| File::open(folder)?.sync_all());
    written.map_err(|cause| {
        Error::internal(format!("definitions cannot be kept in {}: {cause}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(entity: &str) -> Repository {
        let text = format!("entities: [{{name: {entity}, join_keys: {{{entity}: string}}}}]");
        load_text_within(&[DefinitionFile::new("one.yaml", text)], &Limits::default()).expect("no mistakes")
    }

    #[test]
    fn what_is_registered_and_what_serves_are_two_things() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (registry, limits) = (Registry::new(&dir.path().join("state")), Limits::default());
        assert!(registry.registered(&limits).expect("nothing yet").entities.is_empty());
        assert!(registry.serving(&limits).expect("nothing yet").is_none());
        registry.register(&repository("new")).expect("a writable folder");
        assert!(registry.serving(&limits).expect("nothing yet").is_none());
        registry.serve(&repository("old")).expect("a writable folder");
        assert_eq!(registry.registered(&limits).expect("a sound file").entities[0].name, "new");
        let serving = registry.serving(&limits).expect("a sound file").expect("something serves");
        assert_eq!(serving.entities[0].name, "old");

        fs::write(dir.path().join("state/serving.json"), "{").expect("a writable folder");
        let error = registry.serving(&limits).expect_err("a file that was cut");
        assert!(
            error.message.contains("serving.json") && error.message.contains("remove the file"),
            "{error}"
        );
    }
}
