//! One job, one fresh process: the same executable again, told what to do over its standard
//! input, answering with the protocol's replies over its standard output.
//!
//! [`process`] is the agent's side, [`child`] runs inside the new process, [`order`] is what is
//! said between them, and `outcome` explains a process that ended without an answer.

pub mod child;
pub mod order;
mod outcome;
pub mod process;
