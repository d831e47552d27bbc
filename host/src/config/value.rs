//! The getters of a section's single values: numbers, flags, text and names.

use std::fmt::Display;
use std::ops::{Bound, RangeBounds, RangeInclusive};

use toml::Spanned;
use toml::de::DeValue;

use super::section::Section;
use super::suggestion::{listed, nearest};

impl Section<'_, '_> {
    /// A whole number that has to be there.
    pub(super) fn required_integer(&mut self, key: &'static str, range: RangeInclusive<i64>, help: &str) -> i64 {
        if !self.has(key) {
            self.wrong_section_key(key, "is missing", Some(help.to_owned()));
        }
        self.optional_integer(key, &range).unwrap_or_default()
    }

    /// A count or a size.
    pub(super) fn count(&mut self, key: &'static str, absent: usize, range: RangeInclusive<usize>) -> usize {
        self.optional_count(key, range).unwrap_or(absent)
    }

    /// A count or a size, if the file has it.
    pub(super) fn optional_count(&mut self, key: &'static str, range: RangeInclusive<usize>) -> Option<usize> {
        let bound = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let range = bound(*range.start())..=bound(*range.end());
        self.optional_integer(key, &range).and_then(|number| usize::try_from(number).ok())
    }

    fn optional_integer(&mut self, key: &'static str, range: &RangeInclusive<i64>) -> Option<i64> {
        let value = self.get(key)?;
        let DeValue::Integer(digits) = value.get_ref() else {
            self.wrong_type(key, value, "a whole number");
            return None;
        };
        let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        self.in_range(key, value, number, range)
    }

    /// A number; a whole number is one too.
    pub(super) fn number(&mut self, key: &'static str, absent: f64, range: impl RangeBounds<f64>) -> f64 {
        self.optional_number(key, range).unwrap_or(absent)
    }

    /// A number, if the file has it.
    pub(super) fn optional_number(&mut self, key: &'static str, range: impl RangeBounds<f64>) -> Option<f64> {
        let value = self.get(key)?;
        if !matches!(value.get_ref(), DeValue::Integer(_) | DeValue::Float(_)) {
            self.wrong_type(key, value, "a number");
            return None;
        }
        self.in_range(key, value, number_of(value.get_ref()), &range)
    }

    fn in_range<N: PartialOrd + Display>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        number: Option<N>,
        range: &impl RangeBounds<N>,
    ) -> Option<N> {
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!("{} is impossible: it must be {}", shown(value.get_ref()), described(range));
            self.wrong_value(key, &message, None);
        }
        number
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &'static str, absent: bool) -> bool {
        let Some(value) = self.get(key) else { return absent };
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, value, "true or false");
        }
        flag.unwrap_or(absent)
    }

    /// Text that is not empty.
    pub(super) fn text(&mut self, key: &'static str, absent: &str) -> String {
        let Some(value) = self.get(key) else { return absent.to_owned() };
        match value.get_ref().as_str() {
            Some("") => self.wrong_value(key, "is empty", None),
            Some(_) => {}
            None => self.wrong_type(key, value, "text in quotes"),
        }
        value.get_ref().as_str().unwrap_or_default().to_owned()
    }

    /// One of the names, each of which stands for something; `first` where it is absent or wrong.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, first: T, names: &[(&str, T)]) -> T {
        if self.has(key) { self.required_choice(key, names).unwrap_or(first) } else { first }
    }

    /// A name that has to be there; `None` where that was reported.
    pub(super) fn required_choice<T: Copy>(&mut self, key: &'static str, names: &[(&str, T)]) -> Option<T> {
        let Some(value) = self.get(key) else {
            let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            self.wrong_section_key(key, "is missing", Some(format!("there are {}", listed(&all))));
            return None;
        };
        self.chosen(key, value, names)
    }

    /// What a value names, of a key that may be unknown; `None` where that was reported.
    pub(super) fn chosen<T: Copy>(&self, key: &str, value: &Spanned<DeValue<'_>>, names: &[(&str, T)]) -> Option<T> {
        let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, value, "text in quotes");
            return None;
        };
        let found = names.iter().find(|(name, _)| *name == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            self.unknown_name(key, text, &all);
        }
        found
    }

    fn unknown_name(&self, key: &str, text: &str, names: &[&str]) {
        let help = match nearest(text, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"? There are {}", listed(names)),
            None => format!("there are {}", listed(names)),
        };
        self.wrong_value(key, &format!("\"{text}\" is not known"), Some(help));
    }

    /// Reports a value of another type.
    pub(super) fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let message = format!("takes {expected}, not {}", kind_of(value.get_ref()));
        let begins_with_digit = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
        let has_unit = expected.contains("number") && value.get_ref().as_str().is_some_and(begins_with_digit);
        let help = has_unit.then(|| "write the number alone; its unit is in the name of the key".to_owned());
        self.wrong_value(key, &message, help);
    }
}

/// The number that a value is.
pub(super) fn number_of(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(digits) => {
            i64::from_str_radix(digits.as_str(), digits.radix()).ok().map(|number| number as f64)
        }
        DeValue::Float(digits) => digits.as_str().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(digits) => digits.to_string(),
        DeValue::Float(digits) => digits.to_string(),
        other => kind_of(other).to_owned(),
    }
}

/// `at least 1 and at most 8`.
fn described<N: Display>(range: &impl RangeBounds<N>) -> String {
    let low = match range.start_bound() {
        Bound::Included(low) => Some(format!("at least {low}")),
        Bound::Excluded(low) => Some(format!("more than {low}")),
        Bound::Unbounded => None,
    };
    let high = match range.end_bound() {
        Bound::Included(high) => Some(format!("at most {high}")),
        Bound::Excluded(high) => Some(format!("less than {high}")),
        Bound::Unbounded => None,
    };
    let limits: Vec<String> = low.into_iter().chain(high).collect();
    limits.join(" and ")
}
