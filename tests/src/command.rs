//! The `edgefit` program as a user runs it: in an empty folder, with a search file, by its command line only.
//!
//! What these tests know of edgefit is what its users know: commands, files, messages and exit codes.

pub(crate) mod data;
pub(crate) mod device;
pub(crate) mod main_job;
pub(crate) mod mistakes;
pub(crate) mod report;
pub(crate) mod resume;
pub(crate) mod scene;
pub(crate) mod shell;
pub(crate) mod storage;
pub(crate) mod table;
