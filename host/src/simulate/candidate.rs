//! A strategy as it is named on the command line: `NAME` or `NAME:KEY=VALUE,...` with the keys of `[strategy]`.

use edgefit_search::StrategySettings;
use edgefit_search::strategy::{self, Strategy};

use crate::error::{Error, ErrorKind, Result};

/// Stands for every strategy.
const ALL: &str = "all";

/// Keys of `[strategy]` that `edgefit simulate` states otherwise.
const TRIALS: &str = "trials";

/// A strategy and its settings, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    label: String,
    settings: StrategySettings,
}

impl Candidate {
    /// The strategies of one argument; for `all`, those that train every network to the end.
    ///
    /// # Errors
    /// When there is no such strategy or setting.
    pub fn parse(argument: &str) -> Result<Vec<Self>> {
        if argument == ALL {
            return strategy::names_of_unpaused().map(Self::of).collect();
        }
        Ok(vec![Self::of(argument)?])
    }

    fn of(label: &str) -> Result<Self> {
        let wrong = |reason: String| Error::new(ErrorKind::Usage, format!("--strategy {label}: {reason}"));
        let (name, settings) = label.split_once(':').unwrap_or((label, ""));
        let name = toml::Value::from(name).to_string();
        let lines = settings.split(',').filter(|setting| !setting.is_empty());
        if lines.clone().any(|setting| setting.trim_start().starts_with(TRIALS)) {
            return Err(wrong("the number of trials is given by --queries".to_owned()));
        }
        let document = lines.fold(format!("name = {name}"), |document, line| format!("{document}\n{line}"));
        let settings: StrategySettings = toml::from_str(&document).map_err(|e| wrong(e.message().to_owned()))?;
        if strategy::build(&settings).map_err(|e| wrong(e.to_string()))?.pauses() {
            return Err(wrong("it compares networks after few epochs, and a table holds whole trainings".to_owned()));
        }
        if strategy::names_by_gradient().any(|name| name == settings.name) {
            return Err(wrong("it trains a supernet, and a table holds trained networks".to_owned()));
        }
        Ok(Self { label: label.to_owned(), settings })
    }

    /// As it was named.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its settings.
    pub fn settings(&self) -> &StrategySettings {
        &self.settings
    }

    /// A new one that was told nothing yet.
    ///
    /// # Errors
    /// None, once it was checked.
    pub(super) fn build(&self) -> Result<Box<dyn Strategy>> {
        Ok(strategy::build(&self.settings)?)
    }
}

#[cfg(test)]
mod tests {
    use super::Candidate;
    use crate::error::ErrorKind;

    #[test]
    fn settings_follow_the_name() {
        let parsed = Candidate::parse("evolution:population=50,sample=10").unwrap();
        let [candidate] = parsed.as_slice() else { panic!("{parsed:?}") };
        let settings = candidate.settings();
        assert_eq!((settings.name.as_str(), settings.population, settings.sample), ("evolution", Some(50), Some(10)));
        assert!(Candidate::parse("all").unwrap().len() > 5);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |argument: &str, part: &str| {
            let error = Candidate::parse(argument).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Usage);
            assert!(error.message.contains(argument) && error.message.contains(part), "{error}");
        };
        check("evolutoin", "evolution");
        check("random:population=5", "`population`");
        check("evolution:populaton=5", "populaton");
        check("evolution:population", "evolution:population");
        check("random:trials=5", "--queries");
        check("asha", "whole trainings");
        check("darts", "trains a supernet");
        check("ra\"ndom", "ra\"ndom");
    }
}
