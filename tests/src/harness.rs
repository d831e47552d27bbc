//! How a line of the table of contents becomes a test that runs.
//!
//! It knows no test and no need; it only joins the two. A need is provided when the first test that states it
//! starts, so a filter on the command line brings only what the chosen tests need.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::needs::{Missing, Need};

/// What a test function returns; a panic is a failure too.
pub(crate) type Outcome = Result<(), Failed>;

/// One line of the table of contents.
pub(crate) struct Test {
    name: &'static str,
    needs: &'static [Need],
    run: fn() -> Outcome,
}

/// Makes a line of the table of contents.
pub(crate) const fn test(name: &'static str, needs: &'static [Need], run: fn() -> Outcome) -> Test {
    Test { name, needs, run }
}

/// Runs the tests that the command line selects.
pub(crate) fn run(contents: &'static [Test]) -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = contents.iter().map(Test::trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

impl Test {
    fn trial(&'static self) -> Trial {
        Trial::ignorable_test(self.name, || self.run())
    }

    fn run(&self) -> Result<Completion, Failed> {
        match self.needs.iter().try_for_each(Need::provide) {
            Ok(()) => (self.run)().map(|()| Completion::Completed),
            Err(missing) => ignore_or_fail(&missing),
        }
    }
}

/// On a developer's machine a missing need is news; in CI one that could have been provided is a failure.
fn ignore_or_fail(missing: &Missing) -> Result<Completion, Failed> {
    match missing {
        Missing::Broken(_) if in_ci() => Err(missing.into()),
        _ => Ok(Completion::ignored_with(missing)),
    }
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
