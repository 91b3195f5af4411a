//! The wire contract, compiled from `proto/`. No other crate knows these types.

#![allow(missing_docs, clippy::all, reason = "generated; the .proto files are the documentation")]

tonic::include_proto!("thalweg.v1");

/// The compiled contract, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("thalweg.v1.descriptors");
