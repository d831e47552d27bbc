//! Small files of the kernel under /proc and /sys: one value, or lines of `key: value`.

use std::{fs, path::Path, str::FromStr};

/// The trimmed text of a file; `None` when it cannot be read or is empty. Device-tree strings
/// end with a zero byte, which is dropped.
pub(super) fn text(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// The value of a file that holds just one.
pub(super) fn value<T: FromStr>(path: impl AsRef<Path>) -> Option<T> {
    text(path)?.parse().ok()
}

/// The number behind `key:` in text like that of /proc/self/status; a unit behind it is dropped.
pub(super) fn number_of(text: &str, key: &str) -> Option<u64> {
    field(text, key)?.split_whitespace().next()?.parse().ok()
}

/// The text behind the first `key:` in lines of `key: value`.
pub(super) fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = "VmHWM:\t    5120 kB\nRssAnon:\t 100 kB\nname: a b\n";
        assert_eq!(number_of(status, "VmHWM"), Some(5120));
        assert_eq!(number_of(status, "Vm"), None);
        assert_eq!(field(status, "name"), Some("a b"));
        assert_eq!(number_of(status, "name"), None);
    }
}
