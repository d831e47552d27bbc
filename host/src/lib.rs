//! The host engine of edgefit: from a search file to a trained network that was measured on the device.
//!
//! The folders follow the way of a run: [`config`] reads the search file, the search crate proposes, the train crate trains,
//! the onnx crate exports, [`device`] measures, the latency crate learns, [`study`] keeps every trial, [`report`] tells. Beside it,
//! [`simulate`] compares strategies where results are tabulated, [`latency_table`] is the part about tables, also without a search, and
//! [`kept_run`] goes on with a network of a run that was made before.

pub mod accuracy;
pub mod agent_build;
pub mod bench;
mod cell_table;
pub mod cli;
pub mod config;
pub mod device;
pub mod error;
pub mod int8;
pub mod kept_run;
pub mod latency_table;
mod model_file;
pub mod onnx_runtime;
pub mod progress;
pub mod quantity;
pub mod report;
pub mod run_folder;
pub mod search_run;
pub mod simulate;
pub mod study;
