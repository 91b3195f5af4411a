//! The gRPC services: wire types in, wire types out, everything else elsewhere.

mod admin;
mod columns;
mod online;

pub use admin::{AdminService, apply};
pub use columns::{from_arrow, to_arrow};
pub use online::OnlineService;
