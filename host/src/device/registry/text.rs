//! The registry's file as text: sections come and go, and what the user wrote around them stays.

use super::Entry;

/// The text with one more section at its end.
pub(super) fn with(text: &str, name: &str, entry: &Entry) -> String {
    let section = toml::to_string(entry).expect("an entry is text, numbers and flags");
    let gap = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n" };
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}{gap}{}\n{section}", header(name))
}

/// The text without a section: from its header to the next, but for the comments that stand before the next.
pub(super) fn without(text: &str, name: &str) -> String {
    let mut left = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            is_inside = is_header(trimmed, name);
        }
        if !is_inside || trimmed.starts_with('#') {
            left.push(line);
        }
    }
    let text = left.join("\n");
    let text = text.trim_end();
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}

/// A name with a dot would be a section in a section.
fn header(name: &str) -> String {
    if name.contains('.') { format!("[\"{name}\"]") } else { format!("[{name}]") }
}

fn is_header(line: &str, name: &str) -> bool {
    let inside = line.strip_prefix('[').and_then(|line| line.split_once(']')).map(|(inside, _)| inside.trim());
    inside.is_some_and(|inside| inside.trim_matches(['"', '\'']) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_goes_as_it_came() {
        let one = with("", "a", &Entry::of("adb:"));
        let two = with(&one, "b.c", &Entry::of("adb:X"));
        assert_eq!(two, "[a]\nurl = \"adb:\"\n\n[\"b.c\"]\nurl = \"adb:X\"\n");
        assert_eq!(without(&two, "b.c"), one);
        assert_eq!(without(&two, "a"), "[\"b.c\"]\nurl = \"adb:X\"\n");
        assert_eq!(without(&one, "a"), "");
        assert_eq!(without("[ a ] # the first\nurl = \"adb:\"\n# b\n[b]\n", "a"), "# b\n[b]\n");
    }
}
