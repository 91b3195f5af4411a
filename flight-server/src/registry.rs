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
struct Registered {
    format: u32,
    files: Vec<DefinitionFile>,
}

/// The file that holds the registered definitions.
#[derive(Clone, Debug)]
pub struct Registry {
    path: PathBuf,
}

impl Registry {
    /// The registry in the state folder `dir`.
    pub fn new(dir: &Path) -> Self {
        Self { path: dir.join("definitions.json") }
    }

    /// What is registered, which keeps to `limits`; nothing, if nothing ever was.
    ///
    /// # Errors
    /// A file that cannot be read, or whose definitions this version of the program refuses.
    pub fn load(&self, limits: &Limits) -> Result<Repository, Error> {
        let unreadable = |why: String| {
            Error::internal(format!("registered definitions {} cannot be read: {why}", self.path.display()))
        };
        let files = match fs::read(&self.path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(cause) => return Err(unreadable(cause.to_string())),
            Ok(bytes) => {
                let registered: Registered =
                    serde_json::from_slice(&bytes).map_err(|cause| unreadable(cause.to_string()))?;
                if registered.format != FORMAT {
                    return Err(unreadable(format!(
                        "format {}, this program knows {FORMAT}",
                        registered.format
                    )));
                }
                registered.files
            }
        };
        Ok(load_text_within(&files, limits)?)
    }

    /// Registers `repository` in place of what was. Returns once that will survive a crash.
    ///
    /// # Errors
    /// A disk that refuses; then the old definitions stay.
    pub fn store(&self, repository: &Repository) -> Result<(), Error> {
        let registered = Registered { format: FORMAT, files: repository.files().to_vec() };
        let text = serde_json::to_vec_pretty(&registered)
            .map_err(|cause| Error::internal(format!("definitions cannot be written down: {cause}")))?;
        let temporary = self.path.with_extension("json.new");
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let written = fs::create_dir_all(folder)
            .and_then(|()| File::create(&temporary))
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, &self.path))
            .and_then(|()| File::open(folder)?.sync_all());
        written.map_err(|cause| {
            Error::internal(format!("definitions cannot be registered in {}: {cause}", self.path.display()))
        })
    }
}
