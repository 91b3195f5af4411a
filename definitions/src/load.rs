//! From files to a repository, or to all their mistakes.

use std::collections::{BTreeMap, BTreeSet};

use thalweg_log::Schemas;

use crate::declarations::Declarations;
use crate::files::{SchemaFiles, ask, registered_in};
use crate::mistakes::{Mistakes, Place};
use crate::taken::DeclaredViews;
use crate::yaml::{self, Content, Keys, Map, Node};
use crate::{DefinitionFile, Entity, FeatureService, FeatureView, Limits, OnDemandView, Repository, Source};
use crate::{entity, on_demand, service, source, view};

/// What a definition file may say.
const SECTIONS: Keys = Keys {
    known: &["sources", "entities", "feature_views", "on_demand_feature_views", "feature_services"],
    later: &[],
};

/// Reads and checks a repository from the texts of its files: definitions (`*.yaml`, `*.yml`) and the schema
/// files they refer to. The order of the files is nothing.
///
/// # Errors
/// All the mistakes there are, in all files.
pub fn load_text(files: &[DefinitionFile]) -> Result<Repository, Mistakes> {
    load_text_within(files, &Limits::default())
}

/// [`load_text`] with other limits than the default ones.
///
/// # Errors
/// All the mistakes there are, in all files.
pub fn load_text_within(files: &[DefinitionFile], limits: &Limits) -> Result<Repository, Mistakes> {
    load_text_with(files, limits, &Schemas::default())
}

/// [`load_text_within`] with a registry of schemas: where the files name a subject and have not what is registered for it,
/// it is asked for and kept with them.
///
/// # Errors
/// All the mistakes there are, in all files; schemas that nobody gives are among them.
pub fn load_text_with(
    files: &[DefinitionFile],
    limits: &Limits,
    schemas: &Schemas,
) -> Result<Repository, Mistakes> {
    let (definitions, others): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.is_definitions());
    let others: BTreeMap<&str, &str> =
        others.into_iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
    let read_schema = |name: &str| match (others.get(name), registered_in(name)) {
        (Some(text), _) => Ok((*text).to_owned()),
        (None, Some((subject, version))) => ask(schemas, subject, version),
        (None, None) => Err(format!("there is no schema file `{name}` among the files of the repository")),
    };
    let mut mistakes = Mistakes::default();
    let mut by_name = BTreeMap::new();
    for file in definitions {
        if by_name.insert(file.name.clone(), file.text.clone()).is_some() {
            mistakes.add(&Place::whole_file(&file.name), "a second file has this name");
        }
    }
    check(by_name, &read_schema, limits, mistakes)
}

/// Checks definition files, given as name → text, of which those that could not be read have their mistake
/// already.
pub(crate) fn check(
    definitions: BTreeMap<String, String>,
    read_schema: &dyn Fn(&str) -> Result<String, String>,
    limits: &Limits,
    mut mistakes: Mistakes,
) -> Result<Repository, Mistakes> {
    let mut all_readable = mistakes.is_empty();
    let place = Place::whole_file("definitions");
    if !Limits::keeps("files", limits.files, definitions.len(), "files", &place, &mut mistakes) {
        return Err(mistakes);
    }
    let mut documents: Vec<Node> = Vec::new();
    for (name, text) in &definitions {
        match read_documents(name, text, limits, &mut mistakes) {
            Some(read) => documents.extend(read),
            None => all_readable = false,
        }
    }
    let sections = Sections::of(&documents, all_readable, &mut mistakes);
    let mut schemas = SchemaFiles::new(read_schema);
    let mut declared = sections.check(limits, &mut schemas, &mut mistakes);
    declared.files = definitions.into_iter().map(|(name, text)| DefinitionFile { name, text }).collect();
    declared.files.extend(schemas.into_files());
    declared.files.sort_by(|a, b| a.name.cmp(&b.name));
    mistakes.or(declared)
}

fn read_documents(name: &str, text: &str, limits: &Limits, mistakes: &mut Mistakes) -> Option<Vec<Node>> {
    let place = Place::whole_file(name);
    let short =
        Limits::keeps("file_bytes", limits.file_bytes, text.len(), "bytes of a file", &place, mistakes);
    short.then(|| yaml::parse(name, text, mistakes))?
}

/// The items of all files by section, in the order of files and lines.
struct Sections<'a> {
    sources: Vec<&'a Node>,
    entities: Vec<&'a Node>,
    views: Vec<&'a Node>,
    on_demand: Vec<&'a Node>,
    services: Vec<&'a Node>,
    /// Whether everything that may declare something could be read.
    complete: bool,
}

impl<'a> Sections<'a> {
    fn of(documents: &'a [Node], all_readable: bool, mistakes: &mut Mistakes) -> Self {
        let mut sections = Self {
            sources: Vec::new(),
            entities: Vec::new(),
            views: Vec::new(),
            on_demand: Vec::new(),
            services: Vec::new(),
            complete: all_readable,
        };
        for document in documents.iter().filter(|document| !document.is_null()) {
            sections.add(document, mistakes);
        }
        sections
    }

    fn add(&mut self, document: &'a Node, mistakes: &mut Mistakes) {
        let Some(map) = Map::read(document, "a definition file", &SECTIONS, mistakes) else {
            self.complete = false;
            return;
        };
        self.complete &= map.has_only(&SECTIONS);
        for (key, section) in [
            ("sources", &mut self.sources),
            ("entities", &mut self.entities),
            ("feature_views", &mut self.views),
            ("on_demand_feature_views", &mut self.on_demand),
            ("feature_services", &mut self.services),
        ] {
            let Some(node) = map.get(key) else { continue };
            match node.items("a list, an item for each name", mistakes) {
                Some(items) => section.extend(items),
                None => self.complete = false,
            }
        }
    }

    /// Checks everything, what is referred to before what refers to it.
    fn check(&self, limits: &Limits, schemas: &mut SchemaFiles<'_>, mistakes: &mut Mistakes) -> Repository {
        let mut sources: Declarations<Source> = Declarations::new("source", self.complete);
        for item in &self.sources {
            declare(&mut sources, item, "a source", &source::KEYS, mistakes, |name, map, mistakes| {
                source::read(name, map, schemas, limits, mistakes)
            });
        }
        let mut entities: Declarations<Entity> = Declarations::new("entity", self.complete);
        for item in &self.entities {
            declare(&mut entities, item, "an entity", &entity::KEYS, mistakes, |name, map, mistakes| {
                entity::read(name, map, limits, mistakes)
            });
        }
        let mut views: Declarations<FeatureView> = Declarations::new("feature view", self.complete);
        for item in &self.views {
            declare(&mut views, item, "a feature view", &view::KEYS, mistakes, |name, map, mistakes| {
                view::read(name, map, &sources, &entities, limits, mistakes)
            });
        }
        let names: BTreeSet<&str> = self.on_demand.iter().filter_map(|item| name_in(item)).collect();
        let mut on_demand: Declarations<OnDemandView> =
            Declarations::new("on-demand feature view", self.complete);
        for item in &self.on_demand {
            let (what, keys) = ("an on-demand feature view", &on_demand::KEYS);
            declare(&mut on_demand, item, what, keys, mistakes, |name, map, mistakes| {
                on_demand::read(name, map, &views, &names, limits, mistakes)
            });
        }
        let declared = DeclaredViews { folded: &views, on_demand: &on_demand };
        let mut services: Declarations<FeatureService> = Declarations::new("feature service", self.complete);
        for item in &self.services {
            declare(
                &mut services,
                item,
                "a feature service",
                &service::KEYS,
                mistakes,
                |name, map, mistakes| service::read(name, map, declared, limits, mistakes),
            );
        }
        Repository {
            sources: sources.into_definitions(),
            entities: entities.into_definitions(),
            views: views.into_definitions(),
            on_demand_views: on_demand.into_definitions(),
            services: services.into_definitions(),
            files: Vec::new(),
        }
    }
}

/// The name that an item of a section gives itself, if it does.
fn name_in(item: &Node) -> Option<&str> {
    match &item.peek("name")?.content {
        Content::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// Reads one item of a section, `what` with `keys`, and takes in what it declares.
fn declare<T>(
    declarations: &mut Declarations<T>,
    item: &Node,
    what: &'static str,
    keys: &Keys,
    mistakes: &mut Mistakes,
    read: impl FnOnce(String, Map<'_>, &mut Mistakes) -> Option<T>,
) {
    match Map::read(item, what, keys, mistakes) {
        Some(map) => declarations.declare(map, mistakes, |name, mistakes| read(name, map, mistakes)),
        None => declarations.note_incomplete(),
    }
}
