//! One table of a search file, read key by key.
//!
//! Every getter names a key, what stands for it when it is absent, and the range it may have. What is wrong is reported to the
//! [`Document`] and a stand-in is returned, so that one reading finds every problem; nobody sees the
//! stand-ins, since a document with a problem gives no configuration. A key that no getter asked for is unknown.
//! The getters of single values are in the module beside this one.

use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::document::Document;
use super::fault::Fault;
use super::suggestion::{listed, nearest};

/// A table of the file, and the keys that were asked for.
pub(super) struct Section<'d, 't> {
    document: &'d Document<'t>,
    /// Dotted name; empty at the top.
    name: String,
    /// Where its header or its key stands.
    span: Range<usize>,
    table: Option<&'d DeTable<'t>>,
    /// Keys that it knows.
    asked: Vec<&'static str>,
    /// Keys that are dealt with, though it does not know them.
    settled: Vec<String>,
}

/// A key and its value.
type Entry<'d, 't> = (&'d Spanned<Cow<'t, str>>, &'d Spanned<DeValue<'t>>);

/// The entry of the next key inside a value, past positions of lists; `span` is the last place that was found.
fn deeper<'d, 't>(
    value: &'d Spanned<DeValue<'t>>,
    rest: &mut std::slice::Iter<'_, String>,
    span: &mut Range<usize>,
) -> Option<Entry<'d, 't>> {
    let mut value = value;
    loop {
        let step = rest.next()?;
        match value.get_ref() {
            DeValue::Table(table) => return table.get_key_value(step.as_str()),
            DeValue::Array(list) => value = list.get(step.parse::<usize>().ok()?)?,
            _ => return None,
        }
        *span = value.span();
    }
}

impl<'d, 't> Section<'d, 't> {
    /// The whole file as a section without a name.
    pub(super) fn top(document: &'d Document<'t>, table: &'d Spanned<DeTable<'t>>) -> Self {
        Self::new(document, String::new(), 0..0, Some(table.get_ref()))
    }

    fn new(document: &'d Document<'t>, name: String, span: Range<usize>, table: Option<&'d DeTable<'t>>) -> Self {
        Self { document, name, span, table, asked: Vec::new(), settled: Vec::new() }
    }

    /// Reads a table of its own. An absent table is read as an empty one.
    pub(super) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'d, 't>) -> T) -> T {
        self.get(key);
        self.subsection(key, read)
    }

    /// The same of a key that may be unknown.
    pub(super) fn subsection<T>(&self, key: &str, read: impl FnOnce(&mut Section<'d, 't>) -> T) -> T {
        let value = self.look(key);
        let table = value.and_then(|value| value.get_ref().as_table());
        if let (Some(value), None) = (value, table) {
            self.wrong_type(key, value, "a section")
        }
        let mut section = Section::new(self.document, self.path(key), self.key_span(key), table);
        let read = read(&mut section);
        section.finish();
        read
    }

    /// Reads a list of tables, of at least one and at most so many.
    pub(super) fn sections<T>(
        &mut self,
        key: &'static str,
        most: usize,
        mut read: impl FnMut(&mut Section<'d, 't>) -> T,
    ) -> Vec<T> {
        let value = self.get(key);
        let list = value.and_then(|value| value.get_ref().as_array());
        let tables: Vec<_> = list.into_iter().flatten().filter(|one| one.get_ref().is_table()).collect();
        let is_whole = list.is_some_and(|list| list.len() == tables.len() && (1..=most).contains(&list.len()));
        if !is_whole {
            self.wrong_value(key, &format!("takes 1 to {most} sections `[[{key}]]`"), None);
        }
        let mut sections: Vec<Section<'d, 't>> = tables
            .iter()
            .map(|table| Section::new(self.document, self.path(key), table.span(), table.get_ref().as_table()))
            .collect();
        if sections.is_empty() {
            sections.push(Section::new(self.document, self.path(key), self.key_span(key), None));
        }
        let read = |mut section: Section<'d, 't>| {
            let one = read(&mut section);
            section.finish();
            one
        };
        sections.into_iter().map(read).collect()
    }

    /// The keys of the table, in the order of the file.
    pub(super) fn keys(&self) -> Vec<&'d str> {
        let mut keys: Vec<&'d Spanned<Cow<'t, str>>> = self.table.into_iter().flat_map(|table| table.keys()).collect();
        keys.sort_by_key(|key| key.span().start);
        keys.into_iter().map(|key| key.get_ref().as_ref()).collect()
    }

    /// Whether it has no keys at all.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_none_or(|table| table.is_empty())
    }

    /// Whether the file has the key.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key as it stands.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'d Spanned<DeValue<'t>>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.look(key)
    }

    /// The value of a key that may be unknown.
    pub(super) fn look(&self, key: &str) -> Option<&'d Spanned<DeValue<'t>>> {
        self.table.and_then(|table| table.get(key))
    }

    /// A path, made absolute.
    pub(super) fn file_path(&mut self, key: &'static str, help: &str) -> PathBuf {
        if !self.has(key) {
            self.wrong_section_key(key, "is missing", Some(help.to_owned()));
        }
        self.document.resolve(&self.text(key, "."))
    }

    /// The whole section as a type that knows its keys by itself; `None` where something was wrong and was reported.
    pub(super) fn decode<T: DeserializeOwned>(&mut self) -> Option<T> {
        self.settle_all();
        let table = Spanned::new(self.span.clone(), self.table?.clone());
        match T::deserialize(Deserializer::from(table)) {
            Ok(decoded) => Some(decoded),
            Err(error) => {
                self.report_decoding(&error);
                None
            }
        }
    }

    /// Reports what serde found, in the words of the other errors.
    fn report_decoding(&self, error: &toml::de::Error) {
        let span = error.span().unwrap_or_else(|| self.span.clone());
        let fault = Fault::of(error.message());
        let key = fault.unknown_key.or_else(|| self.key_around(&span)).unwrap_or_default();
        self.document.report(span, &self.path(key), fault.message, fault.help);
    }

    /// The key that a place within the section belongs to.
    fn key_around(&self, place: &Range<usize>) -> Option<&'d str> {
        let entries = self.table.into_iter().flatten();
        let around = |key: &Range<usize>, value: &Range<usize>| key.start <= place.start && place.end <= value.end;
        entries.filter(|(key, value)| around(&key.span(), &value.span())).map(|(key, _)| key.get_ref().as_ref()).next()
    }

    /// The document that it is a part of.
    pub(super) fn document(&self) -> &'d Document<'t> {
        self.document
    }

    /// Reports something that is wrong deep inside: at the end of these keys and positions, or as far as they lead.
    pub(super) fn wrong_place(&self, path: &[String], message: &str, help: Option<String>) {
        let mut span = self.span.clone();
        let mut within = path.first().and_then(|key| self.table?.get_key_value(key.as_str()));
        let mut rest = path.iter();
        rest.next();
        while let Some((key, value)) = within {
            span = key.span();
            within = deeper(value, &mut rest, &mut span);
        }
        self.document.report(span, &self.path(&path.join(".")), message, help);
    }

    /// Takes a key as dealt with.
    pub(super) fn settle(&mut self, key: &str) {
        self.settled.push(key.to_owned());
    }

    /// Takes every key as dealt with.
    pub(super) fn settle_all(&mut self) {
        for key in self.keys() {
            self.settle(key);
        }
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(&self) {
        for key in self.keys() {
            if !self.asked.contains(&key) && !self.settled.iter().any(|settled| settled == key) {
                self.unknown_key(key);
            }
        }
    }

    fn unknown_key(&self, key: &str) {
        let help = match nearest(key, self.asked.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("{} knows {}", self.title(), listed(&self.asked)),
        };
        self.wrong_key(key, "unknown key", Some(help));
    }

    /// Reports something that is wrong with the value of a key, or with the section if it has no such key.
    pub(super) fn wrong_value(&self, key: &str, message: &str, help: Option<String>) {
        let span = self.look(key).map_or_else(|| self.span.clone(), Spanned::span);
        self.document.report(span, &self.path(key), message, help);
    }

    /// Reports something that is wrong with a key itself.
    pub(super) fn wrong_key(&self, key: &str, message: &str, help: Option<String>) {
        self.document.report(self.key_span(key), &self.path(key), message, help);
    }

    /// Reports that a key is not there.
    pub(super) fn wrong_section_key(&self, key: &str, message: &str, help: Option<String>) {
        self.document.report(self.span.clone(), &self.path(key), message, help);
    }

    /// Reports something that is wrong with the section as a whole.
    pub(super) fn wrong_section(&self, message: &str, help: Option<String>) {
        self.document.report(self.span.clone(), &self.name, message, help);
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn key_span(&self, key: &str) -> Range<usize> {
        let found = self.table.and_then(|table| table.get_key_value(key)).map(|(key, _)| key.span());
        found.unwrap_or_else(|| self.span.clone())
    }

    fn title(&self) -> String {
        if self.name.is_empty() { "a search file".to_owned() } else { format!("[{}]", self.name) }
    }
}
