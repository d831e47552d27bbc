//! `edgefit agent`: this program as the agent of the machine that it is on.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

/// Arguments of `edgefit agent`; they are those of `edgefit-agent`.
#[derive(Debug, Args)]
pub(super) struct AgentArgs {
    /// Arguments of the agent, such as --stdio
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs the command. The agent has exit codes of its own, which its caller knows.
pub(super) fn run_command(args: AgentArgs) -> ExitCode {
    edgefit_agent::command::run(args.arguments, &["agent"])
}
