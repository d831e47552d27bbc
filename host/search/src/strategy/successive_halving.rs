//! Strategy `successive-halving` (Jamieson and Talwalkar 2016): trains all networks a little, the best of them longer, the best
//! of those longer again.
//!
//! It compares networks at the same number of epochs only, and waits until all of a step are there.

use super::brackets::{Bracket, Brackets};
use super::ladder::Ladder;
use super::{Strategy, StrategyError, StrategySettings};

pub(super) const NAME: &str = "successive-halving";

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    Ok(Box::new(Brackets::new(NAME, Ladder::of(settings)?, one)))
}

/// One bracket with every network that may be begun.
fn one(_ladder: &Ladder, _steps: usize, number: usize) -> Option<Bracket> {
    (number == 0).then_some(Bracket { first_step: 0, size: usize::MAX })
}
