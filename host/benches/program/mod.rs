//! What the benchmarks that run edgefit's engine have in common: being an agent when they are asked to, their arguments, their exit code.

use std::process::ExitCode;

use edgefit::error::Result;

/// Runs a benchmark, or the agent that it has started itself as.
pub(crate) fn run(benchmark: fn(&Arguments) -> Result<()>) -> ExitCode {
    // The program is its own agent, as `edgefit` is.
    if std::env::args().nth(1).as_deref() == Some("agent") {
        return edgefit::cli::main();
    }
    let arguments = Arguments(std::env::args().skip(1).filter(|argument| argument != "--bench").collect());
    match benchmark(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// Arguments by their positions.
pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    /// The text at a position.
    pub(crate) fn text(&self, at: usize) -> Option<&str> {
        self.0.get(at).map(String::as_str)
    }

    /// The number at a position, or else this one.
    pub(crate) fn number<T: std::str::FromStr>(&self, at: usize, default: T) -> T {
        self.text(at).and_then(|text| text.parse().ok()).unwrap_or(default)
    }
}
