//! Layers of settings over a tree of defaults that says which there are.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use super::ConfigError;

/// Prefix of the environment variables that are settings.
const PREFIX: &str = "THALWEG_";

/// Variables with the prefix that are not settings: the command line and the tests read them.
const NOT_SETTINGS: [&str; 4] = ["THALWEG_CONFIG", "THALWEG_SERVER", "THALWEG_CASES", "THALWEG_SEED"];

/// Settings whose keys are not ours: any may be given, and all of their values are texts.
const OPEN: [&str; 1] = ["log.kafka"];

/// A tree of settings. A layer may change a leaf; it may add one where the keys are not ours, and there alone.
pub(super) struct Overlay {
    settings: Value,
    /// Each setting that was given, with its place.
    given: Vec<(String, String)>,
}

impl Overlay {
    /// The defaults, written in YAML.
    pub(super) fn new(defaults: &str) -> Result<Self, ConfigError> {
        let documents = MarkedYaml::load_from_str(defaults)
            .map_err(|error| ConfigError::Setting(format!("the built-in defaults are broken: {error}")))?;
        let settings = documents.first().map_or(Value::Object(Map::new()), |root| plain(&root.data));
        Ok(Self { settings, given: Vec::new() })
    }

    /// Lays a file over what is there.
    pub(super) fn file(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let documents = MarkedYaml::load_from_str(text).map_err(|error| {
            let marker = error.marker();
            let place = format!("{name}:{}:{}", marker.line(), marker.col() + 1);
            ConfigError::Setting(format!("{place}: not YAML: {}", error.info()))
        })?;
        match documents.first() {
            Some(root) => lay(&mut self.settings, root, "", name, &mut self.given),
            None => Ok(()),
        }
    }

    /// Lays environment variables over what is there: `listen.grpc` is `THALWEG_LISTEN_GRPC`.
    pub(super) fn environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        for (variable, text) in variables {
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            if NOT_SETTINGS.contains(&variable.as_str()) {
                continue;
            }
            if let Some((open, rest)) = open_setting(name) {
                let key = rest.to_lowercase().replace('_', ".");
                let map = open.split('.').fold(&mut self.settings, |node, key| &mut node[key]);
                map[&key] = Value::String(text);
                self.given.push((format!("{open}.{key}"), variable));
                continue;
            }
            let mut leaves = Vec::new();
            leaf_paths(&self.settings, String::new(), &mut leaves);
            let Some(path) = leaves.iter().find(|path| path.replace('.', "_").to_uppercase() == name) else {
                let variables =
                    leaves.iter().map(|path| format!("{PREFIX}{}", path.replace('.', "_").to_uppercase()));
                return Err(ConfigError::Setting(format!(
                    "environment variable {variable} is no setting{}",
                    did_you_mean(&variable, variables)
                )));
            };
            let leaf = path.split('.').fold(&mut self.settings, |node, key| &mut node[key]);
            set(
                leaf,
                &scalar(&Scalar::parse_from_cow(text.clone().into())),
                path,
                &format!("{variable}={text}"),
            )?;
            self.given.push((path.clone(), variable));
        }
        Ok(())
    }

    /// Where a setting under `path` was given, if one was.
    pub(super) fn place_of(&self, path: &str) -> Option<&str> {
        let is_under = |given: &str| given.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        self.given.iter().find(|(given, _)| is_under(given)).map(|(_, place)| place.as_str())
    }

    /// The settings in their types.
    pub(super) fn into_settings<T: DeserializeOwned>(self) -> Result<T, ConfigError> {
        serde_json::from_value(self.settings)
            .map_err(|error| ConfigError::Setting(format!("unfit setting: {error}")))
    }
}

/// Lays `node` over `target`, the settings at `path`.
fn lay(
    target: &mut Value,
    node: &MarkedYaml<'_>,
    path: &str,
    file: &str,
    given_settings: &mut Vec<(String, String)>,
) -> Result<(), ConfigError> {
    let place =
        |node: &MarkedYaml<'_>| format!("{file}:{}:{}", node.span.start.line(), node.span.start.col() + 1);
    match (target, &node.data) {
        (Value::Object(known), YamlData::Mapping(given)) => {
            for (key, value) in given {
                let name = key.data.as_str().unwrap_or_default();
                let full = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                match known.get_mut(name) {
                    _ if OPEN.contains(&path) => {
                        let text = text_of(&value.data).ok_or_else(|| {
                            let place = place(value);
                            ConfigError::Setting(format!("{place}: setting `{full}` takes a text"))
                        })?;
                        known.insert(name.to_owned(), Value::String(text));
                        given_settings.push((full, place(key)));
                    }
                    Some(target) => lay(target, value, &full, file, given_settings)?,
                    None => {
                        let prefix = full.strip_suffix(name).unwrap_or_default();
                        let there = known.keys().map(|key| format!("{prefix}{key}"));
                        let hint = did_you_mean(&full, there);
                        return Err(ConfigError::Setting(format!(
                            "{}: unknown setting `{full}`{hint}",
                            place(key)
                        )));
                    }
                }
            }
            Ok(())
        }
        (Value::Object(_), YamlData::Value(Scalar::Null)) => Ok(()),
        (Value::Object(known), _) => Err(ConfigError::Setting(format!(
            "{}: `{path}` takes a map of settings: {}",
            place(node),
            known.keys().cloned().collect::<Vec<_>>().join(", ")
        ))),
        (leaf, data) => {
            given_settings.push((path.to_owned(), place(node)));
            set(leaf, &plain(data), path, &place(node))
        }
    }
}

/// A value as a text, where the keys are not ours. It is never shown: it may be a secret.
fn text_of<'a>(data: &YamlData<'a, MarkedYaml<'a>>) -> Option<String> {
    match data {
        YamlData::Value(Scalar::String(text)) => Some(text.to_string()),
        YamlData::Value(Scalar::Integer(value)) => Some(value.to_string()),
        YamlData::Value(Scalar::Boolean(value)) => Some(value.to_string()),
        YamlData::Value(Scalar::FloatingPoint(value)) => Some(value.0.to_string()),
        _ => None,
    }
}

/// The open map that an environment variable without its prefix is about, and the rest of its name.
fn open_setting(name: &str) -> Option<(&'static str, &str)> {
    OPEN.into_iter().find_map(|open| {
        let rest = name.strip_prefix(&open.replace('.', "_").to_uppercase())?;
        Some((open, rest.strip_prefix('_')?))
    })
}

/// Changes a leaf to a value of its kind.
fn set(leaf: &mut Value, given: &Value, path: &str, place: &str) -> Result<(), ConfigError> {
    let wanted = match (&*leaf, given) {
        (Value::Number(_), Value::Number(number)) if number.is_u64() => None,
        (Value::Number(_), _) => Some("a whole number, not negative"),
        (Value::Bool(_), Value::Bool(_)) | (Value::String(_), Value::String(_)) => None,
        (Value::Bool(_), _) => Some("true or false"),
        _ => Some("a text"),
    };
    match wanted {
        Some(wanted) => Err(ConfigError::Setting(format!(
            "{place}: setting `{path}` takes {wanted}; it was given {given}"
        ))),
        None => {
            *leaf = given.clone();
            Ok(())
        }
    }
}

fn leaf_paths(node: &Value, path: String, out: &mut Vec<String>) {
    match node {
        Value::Object(_) if OPEN.contains(&path.as_str()) => {}
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaf_paths(value, path, out);
            }
        }
        _ => out.push(path),
    }
}

fn did_you_mean(given: &str, known: impl Iterator<Item = String>) -> String {
    known
        .map(|name| (strsim::damerau_levenshtein(given, &name), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .map(|(_, name)| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

fn plain<'a>(data: &YamlData<'a, MarkedYaml<'a>>) -> Value {
    match data {
        YamlData::Value(value) => scalar(value),
        YamlData::Mapping(map) => Value::Object(
            map.iter()
                .map(|(k, v)| (k.data.as_str().unwrap_or_default().to_owned(), plain(&v.data)))
                .collect(),
        ),
        YamlData::Sequence(items) => Value::Array(items.iter().map(|item| plain(&item.data)).collect()),
        _ => Value::Null,
    }
}

fn scalar(value: &Scalar<'_>) -> Value {
    match value {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(value) => Value::from(*value),
        Scalar::FloatingPoint(value) => Number::from_f64(value.0).map_or(Value::Null, Value::Number),
        Scalar::String(text) => Value::String(text.to_string()),
    }
}
