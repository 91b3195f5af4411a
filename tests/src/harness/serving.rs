//! A server's node over a log that has been written.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use thalweg_definitions::DefinitionFile;
use thalweg_flight_server::config::Config;
use thalweg_flight_server::node::{Node, Role};
use thalweg_log::Schemas;

use super::workshop::schemas;
use super::{Outcome, Workshop, failed};

/// How long a node may take to apply a log.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node that serves a folder of its own.
pub struct ServingNode {
    /// The node.
    pub node: Arc<Node>,
    #[expect(dead_code, reason = "kept for what its end does")]
    dir: Arc<TempDir>,
}

impl Workshop {
    /// Closes the log, and opens a node over it that serves the case's definitions, by the clock of the
    /// stream if so `by_stream`, else by the wall's. Everything in the log is applied.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn into_node(self, by_stream: bool) -> Outcome<ServingNode> {
        let Self { log, dir, case, .. } = self;
        drop(log);
        let definitions = case.definitions.to_yaml();
        let clock = if by_stream { "stream" } else { "wall" };
        let node = open_node_with(dir.path(), clock, schemas(&case.definitions))?;
        apply(&node, &definitions)?;
        Ok(ServingNode { node, dir })
    }
}

impl ServingNode {
    /// Ends in order.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn stop(self) -> Outcome {
        self.node.shutdown().map_err(failed("shut the node down"))
    }
}

/// Opens a node over the log and the state in `dir`, whose clock is `clock`.
///
/// # Errors
/// What the engine has against it.
pub fn open_node(dir: &Path, clock: &str) -> Outcome<Arc<Node>> {
    open_node_with(dir, clock, Schemas::default())
}

fn open_node_with(dir: &Path, clock: &str, schemas: Schemas) -> Outcome<Arc<Node>> {
    let file = dir.join("thalweg.yaml");
    let settings = format!("log: {{embedded: {{dir: log}}}}\nstate: {{dir: state}}\nclock: {clock}\n");
    std::fs::write(&file, settings).map_err(failed("write the settings"))?;
    let config = Config::load(Some(&file), []).map_err(failed("read the settings"))?;
    Node::open_with(config, Role::Serve, schemas).map_err(failed("open a node"))
}

/// Applies the text of one definition file, and waits until it serves and everything in the log is applied.
///
/// # Errors
/// What the engine has against it; or if it takes too long.
pub fn apply(node: &Node, definitions: &str) -> Outcome {
    node.apply(&[DefinitionFile::new("features.yaml", definitions)], false)
        .map_err(failed("apply definitions"))?;
    settle(node)
}

/// Waits until the definitions applied last serve, and everything in the log is applied.
///
/// # Errors
/// If it takes too long.
pub fn settle(node: &Node) -> Outcome {
    for _ in 0..PATIENCE.as_millis() {
        let status = node.status().map_err(failed("the status"))?;
        let applied = status.partitions.iter().all(|partition| partition.applied == partition.next_offset);
        if applied && status.views.iter().all(|view| view.ready && view.building.is_none()) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(format!("not everything was applied in {PATIENCE:?}: {:?}", node.status()))
}
