//! A key of the search file that a command line sets, such as `constraints.latency_ms.max=50`.
//!
//! It is read as if it stood in the file, so that what is wrong with it is told like everything else.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// A line of TOML.
    line: String,
    /// Names that the key is made of.
    depth: usize,
}

impl Setting {
    /// From `KEY=VALUE`: a dotted key of TOML, and a value of TOML, or else text without quotes.
    ///
    /// # Errors
    /// Says how it is written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "write KEY=VALUE, such as constraints.latency_ms.max=50 or device.name=pi".to_owned();
        let (key, value) = text.split_once('=').ok_or_else(wrong)?;
        let depth = names(&format!("{key} = 0")).ok_or_else(wrong)?;
        let as_text = || toml::Value::String(value.to_owned()).to_string();
        let lines = [value.to_owned(), as_text()].map(|value| format!("{} = {value}", key.trim()));
        let line = lines.into_iter().find(|line| names(line).is_some_and(|found| found >= depth)).ok_or_else(wrong)?;
        Ok(Self { line, depth })
    }

    /// Settings as texts of their own, in which every place is another one than in the others and in a text of `bytes` bytes.
    pub(super) fn placed(settings: &[Self], bytes: usize) -> Vec<Placed> {
        let mut start = bytes;
        let place = |setting: &Self| {
            let text = " ".repeat(start) + &setting.line;
            let placed = Placed { start, text, depth: setting.depth };
            start += setting.line.len() + 1;
            placed
        };
        settings.iter().map(place).collect()
    }
}

/// Names that the only key of a text is made of, which has no other; those of keys inside its value follow where that has one each.
fn names(text: &str) -> Option<usize> {
    let table = DeTable::parse(text).ok()?.into_inner();
    let mut depth = 0;
    let mut within = Some(&table);
    while let Some(table) = within.filter(|table| table.len() == 1) {
        depth += 1;
        within = table.values().next().and_then(|value| value.get_ref().as_table());
    }
    (depth > 0).then_some(depth)
}

/// A setting with its place behind other texts.
pub(super) struct Placed {
    start: usize,
    text: String,
    depth: usize,
}

impl Placed {
    /// Puts the setting into a table, over what is there.
    pub(super) fn put_into<'t>(&'t self, table: &mut DeTable<'t>) {
        let (own, _) = DeTable::parse_recoverable(&self.text);
        graft(table, own.into_inner(), self.depth);
    }

    /// The line and a range of it, if a place is in it.
    pub(super) fn find(&self, span: &Range<usize>) -> Option<(&str, Range<usize>)> {
        let is_here = (self.start..=self.text.len()).contains(&span.start);
        is_here.then(|| (&self.text[self.start..], span.start - self.start..span.end.saturating_sub(self.start)))
    }
}

fn graft<'t>(into: &mut DeTable<'t>, from: DeTable<'t>, depth: usize) {
    for (key, value) in from {
        let name = key.get_ref().clone();
        let (span, value) = (value.span(), value.into_inner());
        match (into.get_mut(name.as_ref()).map(Spanned::get_mut), value) {
            (Some(DeValue::Table(there)), DeValue::Table(deeper)) if depth > 1 => graft(there, deeper, depth - 1),
            (_, value) => {
                into.remove(name.as_ref());
                into.insert(key, Spanned::new(span, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_toml_or_else_text() {
        let check = |text: &str, line: &str, depth: usize| {
            assert_eq!(Setting::parse(text), Ok(Setting { line: line.to_owned(), depth }), "{text}");
        };
        check("seed=3", "seed = 3", 1);
        check("constraints.latency_ms.max=50", "constraints.latency_ms.max = 50", 3);
        check("constraints.latency_ms={ max = 50 }", "constraints.latency_ms = { max = 50 }", 2);
        check("device.name=pi", "device.name = \"pi\"", 2);
        check("device.name=\"pi\"", "device.name = \"pi\"", 2);
        check("tune.batch=[16, 64]", "tune.batch = [16, 64]", 2);
        check("data.path=a=b", "data.path = \"a=b\"", 2);
        check("a=1\nb=2", "a = \"\"\"\n1\nb=2\"\"\"", 1);
        check("a=", "a = \"\"", 1);
        for wrong in ["seed", "=3", "a b=3", "a..b=3", "[a]=3"] {
            assert!(Setting::parse(wrong).is_err(), "{wrong}");
        }
    }
}
