//! The `edgefit` program as a user runs it: in a folder of its own, by its command line only.
//!
//! What these tests know of edgefit is what its users know: commands, files, messages and exit codes.

pub(crate) mod bench;
pub(crate) mod by_gradient;
pub(crate) mod compare;
pub(crate) mod data;
pub(crate) mod device;
pub(crate) mod examples;
pub(crate) mod export;
pub(crate) mod main_job;
pub(crate) mod mistakes;
pub(crate) mod one_shot;
pub(crate) mod report;
pub(crate) mod resume;
pub(crate) mod runtime;
pub(crate) mod scene;
pub(crate) mod several;
pub(crate) mod shell;
pub(crate) mod simulate;
pub(crate) mod storage;
pub(crate) mod table;
pub(crate) mod training;
