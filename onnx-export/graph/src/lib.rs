//! The typed network graph that every other part of edgefit speaks about.
//!
//! A [`Graph`] is a list of nodes in execution order. Each node applies one [`Op`] and yields one tensor whose
//! shape is static and excludes the batch: the batch exists only at the edge, where a runtime or a trainer adds it as
//! the leading dimension. Operators own their shape rule and their cost, one file each under [`op`].
//!
//! This crate is pure: it reads no file, no clock and keeps no state. It neither trains nor runs a network; it only says
//! what a network is, what it costs in arithmetic and memory, and whether two of them are the same.

mod cost;
mod digest;
mod error;
mod graph;
mod memory;
pub mod op;
mod shape;
mod simplify;
pub mod testing;
mod text;
mod weights;
mod window;

pub use cost::Cost;
pub use digest::Digest;
pub use error::GraphError;
pub use graph::{Graph, GraphBuilder, MAX_NODES, Node, NodeId};
pub use memory::{MemoryPlan, peak_activation_bytes};
pub use op::Op;
pub use shape::{ELEMENT_BYTES, MAX_ELEMENTS, MAX_RANK, Shape};
pub use weights::{ParamId, ParamSpec, Role, Tensor, Weights};
pub use window::{AutoPad, MAX_EXTENT, Window};
