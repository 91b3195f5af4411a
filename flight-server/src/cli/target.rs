//! Whom a command works on: a running server, or the files themselves.

use std::sync::Arc;
use std::time::Duration;

use super::Common;
use super::client::Client;
use crate::config::Config;
use crate::node::{Node, Role};
use crate::{Error, Kind};

/// How long a server that listens may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A running server, or this process in its place.
pub(super) enum Target {
    /// A server answers; it owns the log and the state.
    Server(Client),
    /// No server runs: the log and the definitions are opened here, under their lock.
    Files(Arc<Node>),
}

impl Target {
    /// The server named on the command line, else the one the settings name if it runs, else the files.
    ///
    /// # Errors
    /// UNAVAILABLE where a named server does not answer; a log that another process has open.
    pub(super) fn find(common: &Common, config: Config) -> Result<Self, Error> {
        let address = common.server.clone().unwrap_or_else(|| config.listen.grpc.to_string());
        match Client::connect(&address, CONNECT_TIMEOUT) {
            Ok(client) => Ok(Self::Server(client)),
            Err(cause) if common.server.is_some() => Err(Error::new(
                Kind::Unavailable,
                format!("no server answers at {address}: {cause}. Start one with `thalweg serve`"),
            )),
            Err(_) => Ok(Self::Files(Node::open(config, Role::Tool)?)),
        }
    }

    /// A server, which this command cannot do without.
    ///
    /// # Errors
    /// UNAVAILABLE where none answers.
    pub(super) fn server(common: &Common, config: &Config) -> Result<Client, Error> {
        let address = common.server.clone().unwrap_or_else(|| config.listen.grpc.to_string());
        Client::connect(&address, CONNECT_TIMEOUT).map_err(|cause| {
            Error::new(
                Kind::Unavailable,
                format!("no server answers at {address}: {cause}. Start one with `thalweg serve`, or name one with --server"),
            )
        })
    }
}
