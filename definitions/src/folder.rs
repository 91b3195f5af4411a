//! Definition files on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use thalweg_log::Schemas;

use crate::files::{ask, is_definitions, registered_in};
use crate::load::check;
use crate::mistakes::{Mistakes, Place};
use crate::{Limits, Repository};

/// Reads and checks a repository from files and folders; of folders, all `*.yaml` and `*.yml` below them,
/// hidden ones and linked folders left out. Schema files are read where definitions refer to them.
///
/// # Errors
/// All the mistakes there are, in all files; files that cannot be read are among them.
pub fn load(paths: &[PathBuf]) -> Result<Repository, Mistakes> {
    load_within(paths, &Limits::default())
}

/// [`load`] with other limits than the default ones.
///
/// # Errors
/// All the mistakes there are, in all files; files that cannot be read are among them.
pub fn load_within(paths: &[PathBuf], limits: &Limits) -> Result<Repository, Mistakes> {
    load_with(paths, limits, &Schemas::default())
}

/// [`load_within`] with a registry of schemas: definitions that name a subject take what is registered for it now, and
/// keep it.
///
/// # Errors
/// All the mistakes there are, in all files; files that cannot be read and schemas that nobody gives are among them.
pub fn load_with(paths: &[PathBuf], limits: &Limits, schemas: &Schemas) -> Result<Repository, Mistakes> {
    let mut finder = Finder { limits, texts: BTreeMap::new(), mistakes: Mistakes::default() };
    for path in paths {
        finder.take_given(path);
    }
    let read_schema = |name: &str| {
        if let Some((subject, version)) = registered_in(name) {
            return ask(schemas, subject, version);
        }
        read_text(Path::new(name), limits).map_err(|reason| format!("the schema file `{name}` {reason}"))
    };
    check(finder.texts, &read_schema, limits, finder.mistakes)
}

/// How deep folders are searched.
const DEEPEST: usize = 32;

struct Finder<'a> {
    limits: &'a Limits,
    texts: BTreeMap<String, String>,
    mistakes: Mistakes,
}

impl Finder<'_> {
    /// Takes a path that was asked for.
    fn take_given(&mut self, path: &Path) {
        if path.is_dir() {
            let found_before = self.texts.len() + self.mistakes.len();
            self.take_folder(path, 0);
            if self.texts.len() + self.mistakes.len() == found_before && !self.has_files_below(path) {
                self.refuse(path, "holds no definitions: no file below it is called *.yaml or *.yml");
            }
        } else if is_definitions(&name_of(path)) || !path.exists() {
            self.take_file(path);
        } else {
            self.refuse(path, "is not called *.yaml or *.yml, as files of definitions are");
        }
    }

    fn has_files_below(&self, folder: &Path) -> bool {
        self.texts.keys().any(|name| Path::new(name).starts_with(name_of(folder)))
    }

    fn take_folder(&mut self, folder: &Path, depth: usize) {
        if depth > DEEPEST {
            return self.refuse(folder, &format!("lies more than {DEEPEST} folders deep"));
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.refuse(folder, &format!("cannot be read: {error}")),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.refuse(folder, &format!("cannot be read: {error}")),
            };
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            let linked = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            match (hidden, path.is_dir()) {
                (true, _) => {}
                (false, true) if linked => {}
                (false, true) => self.take_folder(&path, depth + 1),
                (false, false) if is_definitions(&name_of(&path)) => self.take_file(&path),
                (false, false) => {}
            }
        }
    }

    fn take_file(&mut self, path: &Path) {
        match read_text(path, self.limits) {
            Ok(text) => {
                self.texts.insert(name_of(path), text);
            }
            Err(reason) => self.refuse(path, &reason),
        }
    }

    fn refuse(&mut self, path: &Path, reason: &str) {
        self.mistakes.add(&Place::whole_file(&name_of(path)), format!("this {reason}"));
    }
}

/// The name a file goes by: its path, with `/` between folders and no `.` parts.
fn name_of(path: &Path) -> String {
    let parts: PathBuf = path.components().collect();
    let parts = parts.strip_prefix(".").unwrap_or(&parts);
    parts.to_string_lossy().replace('\\', "/")
}

/// The text of a file, or why there is none.
fn read_text(path: &Path, limits: &Limits) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > limits.file_bytes as u64 {
        let help = Limits::help("file_bytes", limits.file_bytes);
        return Err(format!("has {length} bytes; {help}"));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        format!("is not text in UTF-8: byte {} is wrong", error.utf8_error().valid_up_to() + 1)
    })
}
