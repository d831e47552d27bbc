//! `edgefit-agent`: the agent on its own, for a device.

use std::process::ExitCode;

fn main() -> ExitCode {
    edgefit_agent::command::run(std::env::args_os().skip(1), &[])
}
