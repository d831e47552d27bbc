//! Shell completions and the man page, both made from the command line's own definition.

use std::io;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use crate::error::{Error, ErrorKind, Result};

/// Arguments of `edgefit completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell to complete for
    shell: Shell,
}

/// Prints the completion script of a shell.
pub(super) fn completions(args: CompletionsArgs) -> Result<()> {
    clap_complete::generate(args.shell, &mut Cli::command(), "edgefit", &mut io::stdout());
    Ok(())
}

/// Prints the man page in roff.
pub(super) fn man() -> Result<()> {
    let page = clap_mangen::Man::new(Cli::command());
    page.render(&mut io::stdout())
        .map_err(|e| Error::new(ErrorKind::Storage, format!("cannot print the man page: {e}")))
}
