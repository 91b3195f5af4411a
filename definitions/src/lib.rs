//! What a feature repository defines: YAML files, read and checked, with types, versions and differences.
//!
//! [`load`] reads the files of a repository from disk, [`load_text`] takes their texts. Both either give a
//! [`Repository`] in which every reference leads somewhere, every expression has a type and every column a
//! name of its own, or all the [`Mistakes`] at once, each with file, line, column and what was meant.
//!
//! A [`FeatureView`] carries the [`FoldPlan`](thalweg_core::FoldPlan) that the folds of the core run by, and
//! a [`Selector`] turns decoded records into the columns of that plan: the one place where a source's
//! SQL expressions are evaluated, online and offline.
//!
//! This crate does not know where events come from, where state lives, or what an aggregation computes. Of
//! the log it knows what a payload is, nothing else.

mod aggregates;
mod declarations;
mod diff;
mod entity;
mod expression;
mod feature;
mod fields;
mod files;
mod folder;
mod inputs;
mod key_column;
mod layout;
mod limits;
mod load;
mod mistakes;
mod naming;
mod needs;
mod on_demand;
mod payload;
mod protobuf;
mod reference;
mod repository;
mod selector;
mod service;
mod source;
mod sql;
mod taken;
#[cfg(test)]
mod tests;
mod version;
mod view;
mod window;
mod yaml;

pub use diff::{Change, Diff, Difference, ServiceBreak};
pub use expression::{Evaluated, Expression, ExpressionError};
pub use files::DefinitionFile;
pub use folder::{load, load_with, load_within};
pub use key_column::{KeyColumnError, key_column};
pub use layout::{AnswerColumn, Fold, Layout, LayoutError, Origin};
pub use limits::Limits;
pub use load::{load_text, load_text_with, load_text_within};
pub use mistakes::{Mistake, Mistakes};
pub use naming::status_column;
pub use on_demand::{
    FoldColumn, InputColumnError, InputFeature, OnDemand, OnDemandFeature, OnDemandView, input_column,
};
pub use reference::{FeatureSelection, ReferenceError, RequestKey};
pub use repository::{
    Entity, FeatureRef, FeatureService, FeatureView, Input, JoinKey, Repository, Source, SourceKind, Sql,
    TimeField,
};
pub use selector::{Selected, Selector, SourceSelector, TimedBatch};
pub use version::Version;
