//! The files a repository is made of.

use serde::{Deserialize, Serialize};

/// One file of a feature repository, definitions or a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionFile {
    /// Its path as it was given or found, with `/` between folders. It is a name in messages and references
    /// between files, nothing more: nobody opens it again.
    pub name: String,
    /// What it says.
    pub text: String,
}
