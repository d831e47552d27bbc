//! Strategy `hyperband` (Li et al. 2018): brackets of successive halving that begin with more epochs and fewer networks each,
//! over and over.
//!
//! Short trainings may mislead; the later brackets of a round hedge against that.

use super::brackets::{Bracket, Brackets};
use super::ladder::Ladder;
use super::{Strategy, StrategyError, StrategySettings};

pub(super) const NAME: &str = "hyperband";

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    Ok(Box::new(Brackets::new(NAME, Ladder::of(settings)?, round)))
}

/// Bracket `s` of a round of `S = steps - 1` begins at step `S - s` with `ceil((S + 1) / (s + 1) * reduction^s)` networks
/// (algorithm 1); `s` falls from `S` to 0.
fn round(ladder: &Ladder, steps: usize, number: usize) -> Option<Bracket> {
    let first_step = number % steps;
    let s = steps - 1 - first_step;
    let power = ladder.reduction.checked_pow(u32::try_from(s).ok()?)?;
    let size = (steps as u64).checked_mul(power)?.div_ceil(s as u64 + 1);
    Some(Bracket { first_step, size: usize::try_from(size).ok()? })
}

#[cfg(test)]
mod tests {
    use super::{Bracket, Ladder, round};

    #[test]
    fn brackets_are_those_of_the_paper() {
        let ladder = Ladder { min_epochs: 1, reduction: 3 };
        let brackets: Vec<Bracket> = (0..6).filter_map(|number| round(&ladder, 5, number)).collect();
        let sizes: Vec<usize> = brackets.iter().map(|bracket| bracket.size).collect();
        assert_eq!(sizes, [81, 34, 15, 8, 5, 81]);
        assert_eq!(brackets[4].first_step, 4);
    }
}
