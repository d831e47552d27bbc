//! The little of Markdown that the checks read: tables, code spans and fenced blocks.

/// The cells of the rows of the table under the heading `## title`, without the header.
pub(super) fn table<'a>(text: &'a str, title: &str) -> Vec<Vec<&'a str>> {
    let rows = section(text, title).lines().filter(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The text between the heading `## title` and the next heading of that level, or nothing.
pub(super) fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let heading = format!("\n## {title}\n");
    let Some(start) = text.find(&heading) else { return "" };
    let body = &text[start + heading.len()..];
    body.find("\n## ").map_or(body, |end| &body[..end])
}

/// What stands between single backticks, outside of fenced and indented blocks.
pub(super) fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| line.split('`').skip(1).step_by(2))
}

fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence && !line.starts_with("    ")
    })
}
