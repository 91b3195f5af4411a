//! Commands that have the settings of a training set and some of their own.
//!
//! Their serialization is not derived: a flattened struct takes any setting, misspelt ones too.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::command::TrainingSetCommand;

/// The settings named `own`, and the others as those of a training set.
///
/// # Errors
/// In words, a setting that is unknown or unfit.
pub(super) fn read<T: DeserializeOwned>(
    mut settings: Map<String, Value>,
    own: &[&str],
) -> Result<(T, TrainingSetCommand), serde_json::Error> {
    let taken = own.iter().filter_map(|&name| Some((name.to_owned(), settings.remove(name)?)));
    let taken = Value::Object(taken.collect());
    Ok((serde_json::from_value(taken)?, serde_json::from_value(Value::Object(settings))?))
}

/// All settings as they were read.
///
/// # Errors
/// None for plain settings.
pub(super) fn write<T: Serialize>(own: &T, set: &TrainingSetCommand) -> Result<Value, serde_json::Error> {
    let mut settings = serde_json::to_value(set)?;
    if let (Some(settings), Value::Object(own)) = (settings.as_object_mut(), serde_json::to_value(own)?) {
        settings.extend(own);
    }
    Ok(settings)
}
