//! The features a request asks for.

use std::collections::BTreeSet;

use thalweg_definitions::{FeatureRef, Layout, Repository};

use crate::Error;
use crate::training_set::topics;

/// Which features a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Features {
    /// All of a feature service.
    Service(String),
    /// References, each `view:column` or `view:*`.
    List(Vec<String>),
}

impl Features {
    /// The single columns these stand for, in order.
    ///
    /// # Errors
    /// Where a service, view or column is not defined.
    pub fn resolve(&self, repository: &Repository) -> Result<Vec<FeatureRef>, Error> {
        match self {
            Self::Service(name) => match repository.service(name) {
                Some(service) => Ok(service.features.clone()),
                None => Err(Error::UnknownService {
                    service: name.clone(),
                    present: repository.services.iter().map(|service| service.name.clone()).collect(),
                }),
            },
            Self::List(references) => Ok(repository.resolve(references)?),
        }
    }

    /// The sources these rest on.
    ///
    /// # Errors
    /// Where a service, view or column is not defined.
    pub fn sources(&self, repository: &Repository) -> Result<BTreeSet<String>, Error> {
        let layout = Layout::new(repository, &self.resolve(repository)?, true)?;
        Ok(layout.folds.iter().map(|fold| fold.view.source.clone()).collect())
    }

    /// The topics these rest on.
    ///
    /// # Errors
    /// Where a service, view or column is not defined.
    pub fn topics(&self, repository: &Repository) -> Result<BTreeSet<String>, Error> {
        let layout = Layout::new(repository, &self.resolve(repository)?, true)?;
        Ok(topics(repository, &layout.folds).map(str::to_owned).collect())
    }
}
