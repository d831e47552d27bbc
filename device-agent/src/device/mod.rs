//! What can be read from, and asked of, the machine that the agent runs on.
//!
//! Reading never fails: what a machine does not offer is absent. The files of the kernel are
//! parsed by functions over text, so that boards that are not at hand can be tested.

pub mod affinity;
pub mod cores;
pub mod description;
pub mod environment;
mod kernel_file;
pub mod resident;
